#include "sync/quota.h"

#include "imap/refusal.h"

void
sync_quota_send(SyncQuota *quota, ImapSession *session)
{
	if (!imap_session_has(session, IMAP_CAP_QUOTA))
		return;
	quota->is_asked = true;
	imap_session_send(session, imap_command_new("GETQUOTAROOT INBOX"), &quota->reply);
}

static uint64_t
room(uint64_t used_bytes, uint64_t limit_bytes)
{
	return limit_bytes > used_bytes ? limit_bytes - used_bytes : 0;
}

void
sync_quota_note(SyncQuota *quota, const ImapResponse *response)
{
	const ImapQuota *told = &response->quota;

	if (response->kind != IMAP_RESPONSE_QUOTA || !told->has_storage)
		return;
	if (quota->is_told && room(quota->used_bytes, quota->limit_bytes) <= room(told->used_bytes, told->limit_bytes))
		return;
	quota->is_told = true;
	quota->used_bytes = told->used_bytes;
	quota->limit_bytes = told->limit_bytes;
}

bool
sync_quota_await(SyncQuota *quota, ImapSession *session, GError **error)
{
	return !quota->is_asked || imap_session_wait(session, &quota->reply, error);
}

/* What a server tells before it refuses is not the whole. */
bool
sync_quota_keep(const SyncQuota *quota, const SyncRun *run, GError **error)
{
	bool is_answered = quota->is_asked && quota->reply.kind == IMAP_RESPONSE_OK, is_told = is_answered && quota->is_told;
	uint64_t used = 0, limit = 0;
	GError *failure = NULL;

	if (quota->is_asked && !is_answered && imap_refusal_is_busy(quota->reply.code, quota->reply.text))
		return true;
	bool is_kept = store_account_quota(run->store, run->account_id, &used, &limit, &failure);
	if (failure) {
		g_propagate_error(error, failure);
		return false;
	}
	if (is_kept == is_told && (!is_told || (used == quota->used_bytes && limit == quota->limit_bytes)))
		return true;
	g_autoptr(StoreTxn) txn = store_begin(run->store, error);
	if (!txn)
		return false;
	bool ok = is_told ? store_account_set_quota(txn, run->account_id, quota->used_bytes, quota->limit_bytes, error)
	                  : store_account_forget_quota(txn, run->account_id, error);
	return ok && store_commit(g_steal_pointer(&txn), error);
}

void
sync_quota_clear(SyncQuota *quota)
{
	imap_reply_clear(&quota->reply);
	*quota = (SyncQuota){ 0 };
}
