/* Messages: one row for each message of each mailbox.
 *
 * A row knows two places, usually the same: where the server has the message (mailbox_id, uid) and where people see it
 * (place_id).  Names, listings and what the listener hears are about the second.
 */
#pragma once

#include "store/segments.h"
#include "store/store.h"

typedef enum {
	STORE_MESSAGE_ON_SERVER = 0,
	STORE_MESSAGE_UNMATCHED = 1, /* it lost its UID by a UIDVALIDITY change and waits to be matched */
	STORE_MESSAGE_LOCAL = 2,     /* only here, never to be uploaded */
	STORE_MESSAGE_TO_APPEND = 3, /* only here, to be uploaded to mailbox_id */
	STORE_MESSAGE_REFUSED = 4,   /* only here: the server does not take it (error) */
	STORE_MESSAGE_TO_COPY = 5,   /* to be copied to mailbox_id by the server */
	STORE_MESSAGE_MOVING = 6,    /* an operation that was sent is taking it away from mailbox_id; it has left there */
	STORE_MESSAGE_FILE = 7,      /* no message, and only here: a file of a user's in mail/ (files.h) */
	STORE_MESSAGE_TMP = 8,       /* the same in a directory of its mailbox in maildir/, mostly tmp/, and seen nowhere else */
} StoreMessageState;

/* Whose time internaldate_s is, of a row that the server has not got yet. */
typedef enum {
	STORE_DATED_NOT = 0,       /* that at which it was written */
	STORE_DATED_BY_USER = 1,
	STORE_DATED_INHERITED = 2, /* that of a message that it has replaced */
} StoreDated;

typedef struct {
	int64_t id;
	int64_t mailbox_id;      /* where the server has it, or is to have it */
	int64_t place_id;        /* where people see it; 0: nowhere (it is to be removed) */
	int64_t since_s;         /* when it came there */
	uint32_t uid;            /* 0: none (not ON_SERVER, or not known yet) */
	const char *name;        /* in mail/, unique in its place; NULL: not visible yet */
	bool name_is_users;      /* the user chose the name */
	int64_t internaldate_s;
	uint64_t rfc822_size;    /* the server's word, a hint */
	const char *base_flags;  /* as the server last said, in the form of store_flags_normalise() */
	uint64_t modseq;         /* 0: unknown */
	const char *emailid;     /* RFC 8474; NULL */
	uint64_t gm_msgid;       /* X-GM-MSGID; 0 */
	const uint8_t *header_sha256; /* 32 bytes; NULL: unknown */
	int64_t body_id;         /* 0: the body is not here */
	uint64_t length;         /* of the body that is here: what reading in mail/ returns */
	int64_t header_id;       /* the body that is only its header block, while the body is not here; 0 */
	StoreMessageState state;
	const char *error;       /* of state REFUSED, in the server's words; NULL */
	StoreDated dated;
} StoreMessage;              /* the strings live for the callback, or until store_message_clear() */

/* "\Seen \Flagged $Label1": system flags in a fixed order and spelling, then keywords sorted, compared without case,
 * each once, as the server spells them; \Recent is left out.  g_free(). */
char *store_flags_normalise(const char *const *flags, size_t count);
/* @flags but for @others, both in that form; g_free(). */
char *store_flags_without(const char *flags, const char *others);
/* Whether IMAP can carry it: "]" is in no atom, but in keywords that Gmail has. */
bool store_flag_is_sendable(const char *flag);
/* How a system flag is spelt; NULL: it is none. */
const char *store_flag_system(const char *flag);

/* Reading.  "false with *error unset" means there is none, or for lists cannot happen. */
bool store_message_get(Store *store, int64_t id, StoreMessage *message_r, GError **error);
bool store_message_find(Store *store, int64_t place_id, const char *name, StoreMessage *message_r, GError **error);
bool store_message_find_uid(Store *store, int64_t mailbox_id, uint32_t uid, StoreMessage *message_r, GError **error);
void store_message_clear(StoreMessage *message); /* of what get and find filled */
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StoreMessage, store_message_clear)

/* A message that people saw and that was removed within the last hour, while somebody listened (store_listen()): who has it open
 * can go on to read it.  Of very many only those removed last are known.  False: no such one. */
typedef struct {
	int64_t message_id, body_id, header_id; /* as in StoreMessage; bodies are kept as long as this is known */
	int64_t internaldate_s;
} StoreGone;
bool store_message_gone(Store *store, int64_t id, StoreGone *gone_r);

/* base_flags with the deltas of operations that the server has not acknowledged.  g_free(). */
char *store_message_flags(Store *store, int64_t id, GError **error);

typedef bool (*StoreMessageFn)(const StoreMessage *message, void *data); /* false: enough */

/* Every row with a UID, ascending.  No name, no strings but base_flags are filled: it is made for comparing a hundred
 * thousand. */
bool store_message_list_uids(Store *store, int64_t mailbox_id, StoreMessageFn fn, void *data, GError **error);

/* How many rows of the mailbox have a UID: in @txn, or, if that is NULL, as committed. */
bool store_message_count(Store *store, StoreTxn *txn, int64_t mailbox_id, uint32_t *count_r, GError **error);

/* Rows with a UID of at most @upto but with neither body nor header kept, newest (highest UID) first. */
bool store_message_list_missing(Store *store, int64_t mailbox_id, uint32_t upto, StoreMessageFn fn, void *data,
                                GError **error);

/* Rows with a UID of which only the header is kept, not before @since_s by INTERNALDATE, newest (of one second the highest
 * id) first: from @upto_s on, of that second itself from @upto_id on (INT64_MAX both: all). */
bool store_message_list_remote(Store *store, int64_t mailbox_id, int64_t since_s, int64_t upto_s, int64_t upto_id,
                               StoreMessageFn fn, void *data, GError **error);

/* Rows with a UID and a body that store_message_drop_body() may take from them: before @before_s by INTERNALDATE, not
 * asked for since @asked_before_s (store_message_note_asked()), and nothing of them is under way. */
bool store_message_list_kept(Store *store, int64_t account_id, int64_t before_s, int64_t asked_before_s,
                             StoreMessageFn fn, void *data, GError **error);

/* Rows of the mailbox that wait to be matched (after store_mailbox_forget_uids()). */
bool store_message_list_unmatched(Store *store, int64_t mailbox_id, StoreMessageFn fn, void *data, GError **error);

/* Whether the bytes of a message that the server told of are here already: under a row of any mailbox of the account, or
 * as what is left of a message that was removed since the last store_compact().  *body_id_r is their body, 0 when they
 * are not here or that is in doubt.  Of @described its RFC822.SIZE counts always, and 0 (not told) proves nothing.
 *
 * By EMAILID or X-GM-MSGID: all messages with it have that size, and none has another body than the others. */
bool store_message_known_by_id(Store *store, int64_t account_id, const StoreMessage *described, int64_t *body_id_r,
                               GError **error);
/* By INTERNALDATE and header_sha256, which the caller has found to be as good as a name: all messages that are equal in
 * them and in their size have one body. */
bool store_message_known_by_header(Store *store, int64_t account_id, const StoreMessage *described, int64_t *body_id_r,
                                   GError **error);
/* *any_r false: store_message_known_by_header() finds nothing whatever the header is. */
bool store_message_any_alike(Store *store, const StoreMessage *described, bool *any_r, GError **error);

/* A row that is no message. */
static inline bool
store_message_is_file(StoreMessageState state)
{
	return state == STORE_MESSAGE_FILE || state == STORE_MESSAGE_TMP;
}

/* What a view lists: visible messages in the order of ids, from the first id greater than @after.
 *
 * @text_version 0 is for mail/, which wants no text and shows files (STORE_MESSAGE_FILE), too: who does not, looks at
 * entry.state.  With another version there are only messages.  What is in tmp/ is in no list, and has no name here. */
typedef struct {
	int64_t id;
	StoreMessageState state;
	const char *name;
	int64_t internaldate_s;
	uint64_t length;      /* of the body; while that is not here the server's word, which may be wrong */
	uint64_t text_length; /* of the rendered text; UINT64_MAX: not derived (or by another version) */
	int64_t body_id;      /* 0: it is not here, and the text is that of header_id */
	int64_t header_id;
} StoreEntry;
typedef bool (*StoreEntryFn)(const StoreEntry *entry, void *data);
bool store_entry_list(Store *store, int64_t place_id, int64_t after, unsigned text_version, StoreEntryFn fn,
                      void *data, GError **error);
/* One of them; entry_r->name is g_free()d by the caller.  By name, or by id. */
bool store_entry_find(Store *store, int64_t place_id, const char *name, unsigned text_version, StoreEntry *entry_r,
                      GError **error);
bool store_entry_get(Store *store, int64_t id, unsigned text_version, StoreEntry *entry_r, GError **error);
/* Files (STORE_MESSAGE_TMP) in @directory ("tmp", "new" or "cur") of the mailbox in maildir/, as store_entry_list() would; the
 * names begin with that and a slash. */
bool store_entry_list_tmp(Store *store, int64_t place_id, const char *directory, int64_t after, StoreEntryFn fn, void *data,
                          GError **error);

/* Writing. */

/* A message the server told of: invisible until it has a body.  @message: mailbox_id, uid, internaldate_s,
 * rfc822_size, base_flags, modseq, emailid, gm_msgid are taken.  A UID that is there already is left as it is, with its
 * flags brought up to date, and its id given. */
bool store_message_insert(StoreTxn *txn, const StoreMessage *message, int64_t *id_r, GError **error);

/* The server's flags.  @modseq 0 leaves it.  An unknown UID is no error. */
bool store_message_set_flags(StoreTxn *txn, int64_t mailbox_id, uint32_t uid, const char *base_flags, uint64_t modseq,
                             GError **error);

/* The server no longer has UIDs @first to @last: their rows go, and what users still wanted of them is cancelled; copies of
 * them that are not made yet are appended instead, if the body is here.  But a row with a move or removal that was sent
 * only loses its UID (MOVING): that operation's end tells where the message is.  A body that no row uses any more stays
 * until store_compact(), and is used again if a message with the same bytes arrives before. */
bool store_message_remove_uids(StoreTxn *txn, int64_t mailbox_id, uint32_t first, uint32_t last, GError **error);
/* The row goes whatever is under way. */
bool store_message_remove(StoreTxn *txn, int64_t id, GError **error);

/* The unmatched message of the mailbox whose body has that hash, one with that INTERNALDATE before others; *id_r 0: there
 * is none. */
bool store_message_find_unmatched(StoreTxn *txn, int64_t mailbox_id, const uint8_t sha256[32], int64_t internaldate_s,
                                  int64_t *id_r, GError **error);
/* The unmatched message of the mailbox that has this header, RFC822.SIZE and INTERNALDATE; *id_r 0: there is none.
 * Unless @with_body only one without a body counts. */
bool store_message_find_unmatched_header(StoreTxn *txn, int64_t mailbox_id, const uint8_t header_sha256[32],
                                         uint64_t rfc822_size, int64_t internaldate_s, bool with_body, int64_t *id_r,
                                         GError **error);
/* The message of that name that holds it only until somebody else needs it: an unmatched one, or one on its way to this
 * mailbox, whose name is still that of its former UID; *id_r 0: there is none. */
bool store_message_find_unmatched_name(StoreTxn *txn, int64_t mailbox_id, const char *name, int64_t *id_r,
                                       GError **error);

/* Gives an unmatched message its new UID, and what @message says besides (as insert takes it).  @name: the new canonical
 * name, which must be free where people see it, or NULL to keep the one it has; one that the user chose stays.  An
 * invisible row that has that UID already, because store_message_insert() came first, is removed.  CORE_ERROR_NOT_FOUND:
 * message @id has gone meanwhile, or is matched already; nothing was changed. */
bool store_message_match(StoreTxn *txn, int64_t id, const StoreMessage *message, const char *name, GError **error);

/* The unmatched messages of the mailbox are gone on the server: their rows go, as in store_message_remove_uids(). */
bool store_message_remove_unmatched(StoreTxn *txn, int64_t mailbox_id, GError **error);

/* Where people see it as of this transaction, for names; 0: nowhere.  CORE_ERROR_NOT_FOUND: it has gone meanwhile. */
bool store_message_place(StoreTxn *txn, int64_t id, int64_t *place_id_r, GError **error);

/* @name must not be taken (store_name_taken()).  CORE_ERROR_NOT_FOUND: message @id has gone meanwhile. */
bool store_message_rename(StoreTxn *txn, int64_t id, const char *name, GError **error);

/* True if a message that people see in @place_id, other than message @but_id, or a child mailbox of it is called @name.
 * Nothing is taken nowhere (0). */
bool store_name_taken(StoreTxn *txn, int64_t place_id, const char *name, int64_t but_id, bool *taken_r,
                      GError **error);
/* @name, or the first form of it, with " (2)" and so on before its ending, that is not taken.  g_free(). */
char *store_free_name(StoreTxn *txn, int64_t place_id, const char *name, int64_t but_id, GError **error);

/* The body is here: makes the message visible as @name.  @body was written and made durable by a writer
 * (store_writer_sync()); if bytes with that hash are known, that body is shared and @body's own bytes are given up.
 * @name must not be taken (store_name_taken()); one that the user chose before stays.  CORE_ERROR_NOT_FOUND: message @id
 * has gone meanwhile, or the writer gave @body up (a sync failed; or it was freed or synced twice since, and compaction
 * came); nothing was changed. */
bool store_message_set_body(StoreTxn *txn, int64_t id, const StoreBody *body, const char *name,
                            const uint8_t header_sha256[32], GError **error);

/* The same with a body that another row has.  CORE_ERROR_NOT_FOUND also if that body has gone since it was seen. */
bool store_message_share_body(StoreTxn *txn, int64_t id, int64_t body_id, const char *name,
                              const uint8_t header_sha256[32], GError **error);

/* The header block is here, and the body is not wanted for now: makes the message visible as @name.  @header is the
 * header block with the empty line behind it, written like a body; the rest as store_message_set_body().  A message that has
 * its body already only gets the name. */
bool store_message_set_header(StoreTxn *txn, int64_t id, const StoreBody *header, const char *name,
                              const uint8_t header_sha256[32], GError **error);

/* Only the header is kept of a message that is on the server.  Until store_compact() its body is still found again, as
 * that of a message that was removed.  CORE_ERROR_NOT_FOUND: the message has gone meanwhile, has no body, or something
 * of it is under way; nothing was changed. */
bool store_message_drop_body(StoreTxn *txn, int64_t id, const StoreBody *header, GError **error);

/* Its body was fetched because somebody read it. */
bool store_message_note_asked(StoreTxn *txn, int64_t id, int64_t now_s, GError **error);
