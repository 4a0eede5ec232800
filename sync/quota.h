/* The room that the server has for the account (RFC 9208): what of INBOX's quota roots has the least of it.  Asked for
 * together with LIST (listing.c).
 */
#pragma once

#include "sync/run.h"

/* Zero at first. */
typedef struct {
	bool is_asked;
	bool is_told;
	uint64_t used_bytes, limit_bytes;
	ImapReply reply;
} SyncQuota;

/* Queues the question, if the server has QUOTA.  @quota must stay until it is answered or the session is closed. */
void sync_quota_send(SyncQuota *quota, ImapSession *session);
/* For the session's listener, which hears of the rest. */
void sync_quota_note(SyncQuota *quota, const ImapResponse *response);
/* Blocks until it is answered, if it was asked; true whatever the answer is. */
bool sync_quota_await(SyncQuota *quota, ImapSession *session, GError **error);
/* Brings the store to it, if it differs: without an answer, or with one that says nothing, there is none; a server that
 * wants to be asked later leaves what is known. */
bool sync_quota_keep(const SyncQuota *quota, const SyncRun *run, GError **error);
void sync_quota_clear(SyncQuota *quota);
