/* What is remembered of an account's server from one login to the next: its capabilities, so that the login and what is
 * asked first go out together (ImapEager).
 *
 * A server may forget what comes with a login (Courier hands the connection to another program then): nothing of it is
 * answered.  One that is slow for once looks the same, so only what was forgotten at SYNC_FORGOTTEN_MAX logins in a row
 * counts, and no longer than SYNC_FORGOTTEN_S or until the server tells other capabilities: then it is tried once more.
 *
 * In the store (StoreAccount.capabilities): the capabilities as the server told them; and behind them, each on a line of its
 * own, if it forgot something, how often in a row, and when last (seconds since 1970); and "rights" with when all of those
 * that the user has (rights.h) were learned.
 *
 * Any thread may ask; the account's thread notes.
 */
#pragma once

#include "core/error.h"

#include <stdint.h>

#define SYNC_FORGOTTEN_MAX 2
#define SYNC_FORGOTTEN_S (24 * 60 * 60)
#define SYNC_RIGHTS_S (24 * 60 * 60)

typedef struct SyncRecall SyncRecall;

SyncRecall *sync_recall_new(void); /* of nothing */
void sync_recall_free(SyncRecall *recall); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SyncRecall, sync_recall_free)

/* From and for the store; NULL: nothing is remembered.  What cannot be read is nothing. */
void sync_recall_load(SyncRecall *recall, const char *stored);
char *sync_recall_format(SyncRecall *recall);
bool sync_recall_is_loaded(SyncRecall *recall); /* it was loaded, or something was noted */

/* Of what is stored (may be NULL): the bytes of the largest message that the server takes (APPENDLIMIT, RFC 7889); 0: it told
 * none, or each mailbox has its own. */
uint64_t sync_recall_append_limit(const char *stored);

/* What to log in by (g_free()); NULL: one thing after the other.  @finds_out: the account's own connection, which notes
 * what comes of it; others rely only on a server that has never forgotten anything. */
char *sync_recall_capabilities(SyncRecall *recall, bool finds_out, int64_t now_s);

/* Logged in; the server told @capabilities.  @together: the login was by sync_recall_capabilities(), and all was answered.
 * True: there is something new to be stored. */
bool sync_recall_note_login(SyncRecall *recall, const char *capabilities, bool together);
void sync_recall_note_forgotten(SyncRecall *recall, int64_t now_s);

/* The user's rights in all mailboxes are to be learned anew, unless they were noted less than SYNC_RIGHTS_S before @now_s, of
 * a server that says of itself what it said then. */
bool sync_recall_rights_are_due(SyncRecall *recall, int64_t now_s);
void sync_recall_note_rights(SyncRecall *recall, int64_t now_s); /* 0: they are to be */
