/* What the server lets the user do in a mailbox (RFC 4314). */
#include "store/internal.h"
#include "store/mailboxes.h"

#include <string.h>

bool
store_mailbox_set_rights(StoreTxn *txn, int64_t id, const char *rights, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MAILBOX_SET_RIGHTS);

	store_bind_int(query, ":id", id);
	store_bind_text(query, ":rights", rights);
	return store_query_run(txn->db, query, error);
}

bool
store_mailbox_forget_rights(StoreTxn *txn, int64_t account_id, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MAILBOX_FORGET_RIGHTS);

	store_bind_int(query, ":account", account_id);
	return store_query_run(txn->db, query, error);
}

/* RFC 4314 made "k" and "x" of "c", and "t", "e" and (with some servers) "x" of "d"; its servers tell all of them. */
static const char *
name_before(char right)
{
	switch (right) {
	case 'k':
		return "c";
	case 't':
	case 'e':
		return "d";
	case 'x':
		return "cd";
	default:
		return "";
	}
}

bool
store_mailbox_may(const char *rights, char right)
{
	if (!rights || strcmp(rights, STORE_RIGHTS_UNTOLD) == 0 || strchr(rights, right))
		return true;
	return !strpbrk(rights, "kxte") && strpbrk(rights, name_before(right));
}
