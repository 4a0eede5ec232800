#include "removal.h"

#include "store/mailboxes.h"

bool
removal_of(StoreTxn *txn, const ConfigAccount *account, int64_t account_id, StoreRemoval *how_r, GError **error)
{
	int64_t trash_id = 0;

	if (!account->delete_expunges && !store_mailbox_special(txn, account_id, STORE_MAILBOX_TRASH, &trash_id, error))
		return false;
	if (!account->delete_expunges && trash_id == 0) {
		const char *name = config_account_special(account, STORE_MAILBOX_TRASH);
		g_auto(GStrv) components = g_strsplit(name ? name : "Trash", "/", -1);
		if (!store_change_create(txn, account_id, components, STORE_MAILBOX_TRASH, &trash_id, error))
			return false;
	}
	*how_r = (StoreRemoval){ .trash_id = trash_id, .undo_s = account->undo_s };
	return true;
}
