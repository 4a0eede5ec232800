/* What is under way when a user saves over a message: bodies that come for it (sync/match.c), and its upload. */
#include "store-fixture.h"

#include "mime/derive.h"
#include "store/files.h"
#include "sync/batch.h"

#define ADD(path, test) g_test_add("/sync-saved-over/" path, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

static const uint8_t hash[32] = { 9 };

/* A message of which only the header is here, as a job has it. */
static SyncWanted
add_remote(Fixture *fixture)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, &error);
	StoreBody header = write_body(writer, "Subject: x\r\n\r\n", 14);

	store_writer_sync(writer, &error);
	StoreTxn *txn = begin(fixture);
	int64_t id = insert_message(txn, fixture->inbox, 1);
	g_assert_true(store_message_set_header(txn, id, &header, "1.eml", hash, &error));
	commit(txn);
	return (SyncWanted){ .id = id, .uid = 1, .internaldate_s = 1001, .size_bytes = 1 };
}

static void
save_bytes(Fixture *fixture, int64_t id, const char *bytes, int64_t trash)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, &error);
	StoreBody body = write_body(writer, bytes, strlen(bytes));
	const StoreRemoval how = { .trash_id = trash };
	StoreFile file = { .id = id, .state = STORE_MESSAGE_TO_APPEND, .body = &body, .header_sha256 = hash };

	store_writer_sync(writer, &error);
	StoreTxn *txn = begin(fixture);
	store_file_save(txn, &file, &how, &error);
	g_assert_no_error(error);
	commit(txn);
}

static void
save_over(Fixture *fixture, int64_t id)
{
	save_bytes(fixture, id, "new", 0);
}

/* The row that gets the body that comes for @wanted; 0: none, it has gone. */
static int64_t
arrive(Fixture *fixture, const SyncWanted *wanted)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, &error);
	const SyncRun run = { .store = fixture->store };
	const SyncJob job = { .mailbox_id = fixture->inbox };
	StoreBody body = write_body(writer, "old", 3);
	int64_t id = 0;

	store_writer_sync(writer, &error);
	StoreTxn *txn = begin(fixture);
	if (sync_match_arrived(&run, txn, &job, wanted, body.sha256, hash, &id, &error))
		g_assert_true(store_message_set_body(txn, id, &body, "old.eml", hash, &error));
	else
		g_assert_error(error, CORE_ERROR, CORE_ERROR_NOT_FOUND);
	commit(txn);
	return id;
}

static void
test_it_goes_to_what_the_server_has(Fixture *fixture, const void *data)
{
	SyncWanted wanted = add_remote(fixture);

	save_over(fixture, wanted.id);
	int64_t id = arrive(fixture, &wanted);
	g_assert_cmpint(id, !=, 0);
	g_assert_cmpint(id, !=, wanted.id);
	g_autofree char *seen = read_message(fixture, wanted.id), *there = read_message(fixture, id);
	g_assert_cmpstr(seen, ==, "new");
	g_assert_cmpstr(there, ==, "old");
}

static void
test_what_has_gone_keeps_its_new_bytes(Fixture *fixture, const void *data)
{
	SyncWanted wanted = add_remote(fixture);

	save_over(fixture, wanted.id);
	StoreTxn *txn = begin(fixture);
	g_assert_true(store_message_remove_uids(txn, fixture->inbox, 1, 1, NULL));
	commit(txn);
	g_assert_cmpint(arrive(fixture, &wanted), ==, 0);
	g_autofree char *seen = read_message(fixture, wanted.id);
	g_assert_cmpstr(seen, ==, "new");
}

static void
test_others_get_theirs(Fixture *fixture, const void *data)
{
	SyncWanted wanted = add_remote(fixture);

	g_assert_cmpint(arrive(fixture, &wanted), ==, wanted.id);
	g_autofree char *seen = read_message(fixture, wanted.id);
	g_assert_cmpstr(seen, ==, "old");
}

static bool
collect(const StoreTask *task, void *data)
{
	sync_batches_add(data, task);
	return true;
}

/* A new message that is to be uploaded, and the batch for that. */
static SyncBatch *
append(Fixture *fixture, GPtrArray **taken_r, int64_t *id_r)
{
	static const char bytes[] = "From: a@example.org\r\nSubject: first\r\n\r\n";
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, &error);
	g_autoptr(SyncBatches) batches = sync_batches_new();
	StoreBody body = write_body(writer, bytes, strlen(bytes));
	StoreAppend what = { .mailbox_id = fixture->inbox, .body = &body, .name = "first.eml", .flags = "", .internaldate_s = 5,
		                 .header_sha256 = hash };

	store_writer_sync(writer, &error);
	StoreTxn *txn = begin(fixture);
	g_assert_true(store_change_append(txn, &what, id_r, &error));
	commit(txn);
	g_assert_true(store_task_list(fixture->store, fixture->account, INT64_MAX, INT64_MAX, collect, batches, &error));
	*taken_r = sync_batches_take(batches, fixture->store, &error);
	g_assert_cmpuint((*taken_r)->len, ==, 1);
	return g_ptr_array_index(*taken_r, 0);
}

static const char second[] = "From: a@example.org\r\nSubject: second\r\n\r\n";

/* Between its listing and the moment from which it cannot be altered. */
static void
test_an_upload_of_other_bytes_is_not_sent(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) taken = NULL;
	SyncRun run = { .store = fixture->store, .account_id = fixture->account };
	SyncWorker worker = { .run = &run };
	int64_t id;

	SyncBatch *batch = append(fixture, &taken, &id);
	save_bytes(fixture, id, second, 0);
	g_assert_true(sync_push_send(&worker, batch, 1, 1, &error));
	g_assert_cmpuint(batch->items->len, ==, 0);
	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM operations WHERE state = 'queued' AND kind = 'append'"), ==, 1);
}

static void
test_an_upload_of_another_date_is_not_sent(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) taken = NULL;
	SyncRun run = { .store = fixture->store, .account_id = fixture->account };
	SyncWorker worker = { .run = &run };
	int64_t id;

	SyncBatch *batch = append(fixture, &taken, &id);
	StoreTxn *txn = begin(fixture);
	g_assert_true(store_file_set_time(txn, id, 6, 0, &error));
	commit(txn);
	g_assert_true(sync_push_send(&worker, batch, 1, 1, &error));
	g_assert_cmpuint(batch->items->len, ==, 0);
}

/* The name that the UID gives is that of what was sent. */
static void
test_an_upload_that_was_sent_ends_as_what_it_was(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) taken = NULL;
	g_auto(StoreMessage) seen = { 0 }, there = { 0 };
	SyncRun run = { .store = fixture->store, .account_id = fixture->account };
	SyncWorker worker = { .run = &run };
	int64_t trash = make_mailbox(fixture, "Trash"), id;

	SyncBatch *batch = append(fixture, &taken, &id);
	g_assert_true(sync_push_send(&worker, batch, 1, 1, &error));
	g_assert_cmpuint(batch->items->len, ==, 1);
	save_bytes(fixture, id, second, trash);
	g_autoptr(GArray) ends = sync_ends_new(batch);
	sync_end_set(sync_ends_at(ends, 0), SYNC_END_UID, 50, NULL);
	g_assert_true(sync_push_end(&worker, batch, ends, &error));

	g_assert_true(store_message_get(fixture->store, id, &seen, &error));
	g_assert_cmpstr(seen.name, ==, "first.eml");
	g_assert_cmpint(seen.state, ==, STORE_MESSAGE_TO_APPEND);
	g_assert_true(store_message_find_uid(fixture->store, fixture->inbox, 50, &there, &error));
	g_assert_cmpint(there.place_id, ==, trash);
	g_assert_true(g_str_has_suffix(there.name, "first ~50.eml"));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	mime_init();
	ADD("it-goes-to-what-the-server-has", test_it_goes_to_what_the_server_has);
	ADD("what-has-gone-keeps-its-new-bytes", test_what_has_gone_keeps_its_new_bytes);
	ADD("others-get-theirs", test_others_get_theirs);
	ADD("an-upload-of-other-bytes-is-not-sent", test_an_upload_of_other_bytes_is_not_sent);
	ADD("an-upload-of-another-date-is-not-sent", test_an_upload_of_another_date_is_not_sent);
	ADD("an-upload-that-was-sent-ends-as-what-it-was", test_an_upload_that_was_sent_ends_as_what_it_was);
	return g_test_run();
}
