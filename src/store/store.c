/* Opening and closing, the pool of readers, transactions and what they tell the listener. */
#include "store/store.h"

#include "store/departed.h"
#include "store/internal.h"
#include "store/maildir.h"

#include "core/clock.h"
#include "core/log.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_IDLE_READERS 8

/* derived.db holds nothing that cannot be made again, so a damaged one is thrown away rather than reported. */
static bool
open_derived(Store *store, GError **error)
{
	g_autoptr(GError) damage = NULL;

	store->derived = store_db_open(store->derived_path, &store_schema_derived, STORE_DB_DERIVED, &damage);
	if (!store->derived && damage->code == CORE_ERROR_CORRUPT) {
		core_log(CORE_LOG_WARNING, "store", "%s; it will be made again", damage->message);
		g_autofree char *wal = g_strconcat(store->derived_path, "-wal", NULL);
		g_autofree char *shm = g_strconcat(store->derived_path, "-shm", NULL);
		g_unlink(store->derived_path);
		g_unlink(wal);
		g_unlink(shm);
		g_clear_error(&damage);
		store->derived = store_db_open(store->derived_path, &store_schema_derived, STORE_DB_DERIVED, &damage);
	}
	if (!store->derived)
		g_propagate_error(error, g_steal_pointer(&damage));
	return store->derived != NULL;
}

static bool
open_all(Store *store, GError **error)
{
	store->lock_fd = store_lock_take(store->dir, error);
	if (store->lock_fd < 0)
		return false;
	store->mail = store_db_open(store->mail_path, &store_schema_mail, STORE_DB_WRITE, error);
	if (!store->mail || !open_derived(store, error))
		return false;
	store->bodies = store_segment_set_open(store->dir, "bodies", store->mail, STORE_SQL_BODIES_SEGMENTS, error);
	if (!store->bodies)
		return false;
	store->texts = store_segment_set_open(store->dir, "text", store->derived, STORE_SQL_TEXTS_SEGMENTS, error);
	if (!store->texts)
		return false;
	store->pending_texts = store_derived_new(store);
	store->index = store_index_new(store, error);
	if (!store->index)
		return false;

	g_auto(StoreReader) reader = store_reader_get(store, error); /* its statements must be right, too */
	return reader.db != NULL;
}

Store *
store_open(const char *dir, GError **error)
{
	g_autoptr(Store) store = g_new0(Store, 1);

	store->dir = g_strdup(dir);
	store->mail_path = g_build_filename(dir, "mail.db", NULL);
	store->derived_path = g_build_filename(dir, "derived.db", NULL);
	store->lock_fd = -1;
	pthread_mutex_init(&store->pool_lock, NULL);
	pthread_mutex_init(&store->tickets_lock, NULL);
	pthread_cond_init(&store->tickets_turn, NULL);
	pthread_mutex_init(&store->compact_lock, NULL);
	pthread_mutex_init(&store->pins_lock, NULL);
	store->departed = store_departed_new();
	return open_all(store, error) ? g_steal_pointer(&store) : NULL;
}

void
store_close(Store *store)
{
	if (!store)
		return;
	g_assert(!store->writers);
	store_index_free(store->index);
	store_derived_free(store->pending_texts);
	store_segment_set_close(store->bodies);
	store_segment_set_close(store->texts);
	while (store->idle_readers) {
		StoreDb *db = store->idle_readers;
		store->idle_readers = db->next;
		store_db_close(db);
	}
	store_db_close(store->derived);
	store_db_close(store->mail); /* the last one: it moves the WAL into the database */
	pthread_mutex_destroy(&store->pool_lock);
	pthread_mutex_destroy(&store->tickets_lock);
	pthread_cond_destroy(&store->tickets_turn);
	pthread_mutex_destroy(&store->compact_lock);
	pthread_mutex_destroy(&store->pins_lock);
	store_departed_free(store->departed);
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	g_free(store->dir);
	g_free(store->mail_path);
	g_free(store->derived_path);
	g_free(store);
}

const char *
store_dir(const Store *store)
{
	return store->dir;
}

/* The pool has no upper limit: a callback of one reading call may make another, so waiting could be for ever. */
StoreReader
store_reader_get(Store *store, GError **error)
{
	StoreReader reader = { store, NULL };

	pthread_mutex_lock(&store->pool_lock);
	reader.db = store->idle_readers;
	if (reader.db) {
		store->idle_readers = reader.db->next;
		store->n_idle_readers--;
	}
	pthread_mutex_unlock(&store->pool_lock);
	if (!reader.db)
		reader.db = store_db_open_reader(store->mail_path, store->derived_path, error);
	return reader;
}

void
store_reader_put(StoreReader *reader)
{
	Store *store = reader->store;
	StoreDb *db = g_steal_pointer(&reader->db);

	if (!db)
		return;
	pthread_mutex_lock(&store->pool_lock);
	if (store->n_idle_readers < MAX_IDLE_READERS) {
		db->next = store->idle_readers;
		store->idle_readers = g_steal_pointer(&db);
		store->n_idle_readers++;
	}
	pthread_mutex_unlock(&store->pool_lock);
	store_db_close(db);
}

static void
change_clear(void *data)
{
	StoreChange *change = data;
	StoreMaildirEntry *was = (StoreMaildirEntry *)(uintptr_t)change->was;

	g_free((void *)(uintptr_t)change->name);
	g_strfreev((char **)(uintptr_t)change->paths);
	if (was)
		store_maildir_entry_clear(was);
	g_free(was);
}

/* What a transaction knows of a mailbox in which it changed something. */
typedef struct {
	int64_t id, account_id; /* 0: there is no such mailbox */
	bool entries_changed;  /* as mail/ shows them */
	bool messages_changed; /* in whatever way: their names in maildir/ may be others */
} TxnMailbox;

static _Thread_local bool in_transaction; /* of whatever store */

void
store_txn_assert_none(void)
{
	if (in_transaction)
		g_error("a call that may need a transaction, inside a transaction of the same thread");
}

StoreTxn *
store_begin(Store *store, GError **error)
{
	store_txn_assert_none();
	if (!store_db_begin(store->mail, error))
		return NULL;
	in_transaction = true;

	StoreTxn *txn = g_new0(StoreTxn, 1);
	txn->store = store;
	txn->db = store->mail;
	txn->mailboxes = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
	txn->changes = g_array_new(FALSE, FALSE, sizeof(StoreChange));
	g_array_set_clear_func(txn->changes, change_clear);
	txn->gone = g_array_new(FALSE, FALSE, sizeof(StoreGone));
	return txn;
}

static void
txn_free(StoreTxn *txn)
{
	g_hash_table_destroy(txn->mailboxes);
	g_array_free(txn->changes, TRUE);
	g_array_free(txn->gone, TRUE);
	g_free(txn);
}

/* Each thread waits for its turn, so that the listener hears of commits in their order and without a lock. */
static void
tell_listener(Store *store, uint64_t ticket, const GArray *changes)
{
	pthread_mutex_lock(&store->tickets_lock);
	while (store->tickets_called != ticket)
		pthread_cond_wait(&store->tickets_turn, &store->tickets_lock);
	pthread_mutex_unlock(&store->tickets_lock);

	store->listen((const StoreChange *)(const void *)changes->data, changes->len, store->listen_data);

	pthread_mutex_lock(&store->tickets_lock);
	store->tickets_called++;
	pthread_cond_broadcast(&store->tickets_turn);
	pthread_mutex_unlock(&store->tickets_lock);
}

static bool
touch_mailboxes(StoreTxn *txn, GError **error)
{
	GHashTableIter iter;
	void *value;
	int64_t now_ms = core_clock_wall_ms();

	g_hash_table_iter_init(&iter, txn->mailboxes);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const TxnMailbox *mailbox = value;
		if (!mailbox->entries_changed && !mailbox->messages_changed)
			continue;
		g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MAILBOX_TOUCH);
		store_bind_int(query, ":id", mailbox->id);
		store_bind_int(query, ":now_ms", now_ms);
		store_bind_int(query, ":entries", mailbox->entries_changed);
		store_bind_int(query, ":messages", mailbox->messages_changed);
		if (!store_query_run(txn->db, query, error))
			return false;
	}
	return true;
}

bool
store_commit(StoreTxn *txn, GError **error)
{
	Store *store = txn->store;
	bool tell = store->listen && txn->changes->len > 0;
	uint64_t ticket = 0;

	bool ok = touch_mailboxes(txn, error) && (!tell || store_maildir_describe(txn, error));
	if (ok)
		core_step("before commit");
	store_departed_keep(store, txn->gone);
	if (!ok)
		store_db_rollback(txn->db);
	else
		ok = store_db_commit(txn->db, error);
	if (ok && tell)
		ticket = store->tickets_given++;
	store_db_unlock(txn->db);
	in_transaction = false;
	if (ok && txn->has_bodies)
		store_index_wake(store->index);
	if (ok)
		core_step("commit");
	if (ok && tell)
		tell_listener(store, ticket, txn->changes);
	txn_free(txn);
	return ok;
}

void
store_rollback(StoreTxn *txn)
{
	if (!txn)
		return;
	store_db_rollback(txn->db);
	store_db_unlock(txn->db);
	in_transaction = false;
	txn_free(txn);
}

void
store_listen(Store *store, StoreListenFn fn, void *data)
{
	store->listen = fn;
	store->listen_data = data;
}

static TxnMailbox *
txn_mailbox(StoreTxn *txn, int64_t id, GError **error)
{
	TxnMailbox *mailbox = g_hash_table_lookup(txn->mailboxes, &id);

	if (mailbox)
		return mailbox;
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MAILBOX_GET);
	store_bind_int(query, ":id", id);
	StoreStep step = store_query_step(txn->db, query, error);
	if (step == STORE_FAILED)
		return NULL;
	mailbox = g_new0(TxnMailbox, 1);
	mailbox->id = id;
	mailbox->account_id = step == STORE_ROW ? sqlite3_column_int64(query, 1) : 0;
	g_hash_table_insert(txn->mailboxes, &mailbox->id, mailbox);
	return mailbox;
}

static void
add_change(StoreTxn *txn, StoreChange change)
{
	if (!txn->store->listen)
		return; /* nobody would free the names of a hundred thousand messages sooner */
	change.name = g_strdup(change.name);
	g_array_append_val(txn->changes, change);
}

bool
store_txn_change(StoreTxn *txn, StoreChangeKind kind, int64_t mailbox_id, int64_t message_id, const char *name,
                 GError **error)
{
	TxnMailbox *mailbox = txn_mailbox(txn, mailbox_id, error);

	if (!mailbox)
		return false;
	/* What comes and goes in maildir/ alone ("tmp/NAME") is no entry of mail/. */
	bool is_elsewhere = name && strchr(name, '/') && kind != STORE_CHANGE_MESSAGE_RENAMED;
	mailbox->entries_changed |= kind != STORE_CHANGE_MESSAGE_FLAGS && kind != STORE_CHANGE_MESSAGE_CONTENT && !is_elsewhere;
	mailbox->messages_changed = true;
	add_change(txn, (StoreChange){ .kind = kind, .account_id = mailbox->account_id, .mailbox_id = mailbox_id,
	                               .message_id = message_id, .name = name });
	return true;
}

bool
store_txn_touch(StoreTxn *txn, int64_t mailbox_id, GError **error)
{
	TxnMailbox *mailbox = txn_mailbox(txn, mailbox_id, error);

	if (mailbox)
		mailbox->entries_changed = true;
	return mailbox != NULL;
}

bool
store_txn_mailbox_change(StoreTxn *txn, StoreChangeKind kind, int64_t account_id, int64_t parent_id,
                         int64_t mailbox_id, const char *name, GError **error)
{
	if (parent_id != 0 && kind != STORE_CHANGE_MAILBOX_KIND) {
		TxnMailbox *parent = txn_mailbox(txn, parent_id, error);
		if (!parent)
			return false;
		parent->entries_changed = true;
	}
	add_change(txn, (StoreChange){ .kind = kind, .account_id = account_id, .parent_id = parent_id,
	                               .mailbox_id = mailbox_id, .name = name });
	return true;
}
