/* src/store: several threads at once.  To be run under ThreadSanitizer, too. */
#include "store-fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#define ADD(path, test) g_test_add("/store-threads/" path, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

#define WRITERS 3
#define READERS 3
#define BATCHES 12
#define BATCH 10

typedef struct {
	Fixture *fixture;
	int64_t mailbox;
	unsigned number;
	atomic_bool *done;
} Worker;

/* Some bodies are the same in all mailboxes, so that the writers share them. */
static char *
bytes_of(unsigned writer, uint32_t uid)
{
	return uid % 3 == 0 ? g_strdup_printf("the same in all %u", uid) : g_strdup_printf("%u of writer %u", uid, writer);
}

static void *
write_batches(void *data)
{
	Worker *worker = data;
	Fixture *fixture = worker->fixture;
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, &error);
	uint32_t uid = 1;

	for (unsigned batch = 0; batch < BATCHES; batch++) {
		StoreBody bodies[BATCH];
		for (unsigned i = 0; i < BATCH; i++) {
			g_autofree char *bytes = bytes_of(worker->number, uid + i);
			bodies[i] = write_body(writer, bytes, strlen(bytes));
			g_assert_true(store_derived_put(fixture->store, &bodies[i], 1, bytes, strlen(bytes), &error));
		}
		g_assert_true(store_derived_flush(fixture->store, &error));
		g_assert_true(store_writer_sync(writer, &error));
		StoreTxn *txn = begin(fixture);
		for (unsigned i = 0; i < BATCH; i++) {
			g_autofree char *name = g_strdup_printf("%u.eml", uid + i);
			set_body(txn, insert_message(txn, worker->mailbox, uid + i), &bodies[i], name);
		}
		commit(txn);
		uid += BATCH;
		/* Every second batch goes again, so that compaction has something to do. */
		if (batch % 2 == 1) {
			txn = begin(fixture);
			g_assert_true(store_message_remove_uids(txn, worker->mailbox, uid - BATCH, uid - 1, &error));
			commit(txn);
		}
	}
	return NULL;
}

typedef struct {
	Worker *worker;
	unsigned seen;
} Reading;

static bool
read_entry(const StoreEntry *entry, void *data)
{
	Reading *reading = data;
	Fixture *fixture = reading->worker->fixture;
	g_autofree char *expected = bytes_of(reading->worker->number, (uint32_t)atoi(entry->name));
	g_autoptr(GError) error = NULL;
	char buffer[64];
	StoreBody body;
	size_t n;

	reading->seen++;
	/* It may be removed and its body dropped meanwhile. */
	if (!store_body_get(fixture->store, entry->body_id, &body, &error)) {
		g_assert_no_error(error);
		return true;
	}
	if (store_body_read(fixture->store, &body, buffer, sizeof buffer, 0, &n, &error))
		g_assert_cmpmem(buffer, n, expected, strlen(expected));
	else
		g_assert_error(error, CORE_ERROR, CORE_ERROR_NOT_FOUND);
	if (entry->text_length != UINT64_MAX)
		g_assert_cmpuint(entry->text_length, ==, strlen(expected));
	return true;
}

static void *
read_all(void *data)
{
	Worker *worker = data;
	g_autoptr(GError) error = NULL;

	do {
		Reading reading = { worker, 0 };
		g_assert_true(store_entry_list(worker->fixture->store, worker->mailbox, 0, 1, read_entry, &reading, &error));
		g_assert_cmpuint(reading.seen % BATCH, ==, 0); /* whole transactions */
	} while (!atomic_load(worker->done));
	return NULL;
}

static void *
compact_all(void *data)
{
	Worker *worker = data;
	g_autoptr(GError) error = NULL;

	do {
		store_compact(worker->fixture->store, NULL, &error);
		g_assert_no_error(error);
		store_derived_prune(worker->fixture->store, 1, 1, NULL, &error);
		g_assert_no_error(error);
	} while (!atomic_load(worker->done));
	return NULL;
}

static void
test_all_at_once(Fixture *fixture, const void *data)
{
	pthread_t threads[WRITERS + READERS + 1];
	Worker workers[WRITERS];
	atomic_bool done = false;
	unsigned n = 0;

	for (unsigned i = 0; i < WRITERS; i++) {
		g_autofree char *path = g_strdup_printf("box%u", i);
		workers[i] = (Worker){ fixture, make_mailbox(fixture, path), i, &done };
	}
	for (; n < WRITERS; n++)
		g_assert_cmpint(pthread_create(&threads[n], NULL, write_batches, &workers[n]), ==, 0);
	for (; n < WRITERS + READERS; n++)
		g_assert_cmpint(pthread_create(&threads[n], NULL, read_all, &workers[n % WRITERS]), ==, 0);
	g_assert_cmpint(pthread_create(&threads[n++], NULL, compact_all, &workers[0]), ==, 0);
	for (unsigned i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&done, true);
	for (unsigned i = WRITERS; i < n; i++)
		pthread_join(threads[i], NULL);

	compact_all(&workers[0]);
	for (unsigned i = 0; i < WRITERS; i++) {
		g_autofree char *count = g_strdup_printf("SELECT count(*) FROM messages WHERE mailbox = %d",
		                                         (int)workers[i].mailbox);
		g_assert_cmpint(sql(fixture, count), ==, BATCHES / 2 * BATCH);
		read_all(&workers[i]);
	}
	/* Each third UID that stays is one body for all; the others have their own. */
	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM bodies"), ==,
	                sql(fixture, "SELECT count(DISTINCT body) FROM messages"));
	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM bodies"), <, WRITERS * BATCHES / 2 * BATCH);
}

typedef struct {
	atomic_int inside;
	int64_t last; /* the last message heard of: only the listener touches it, without a lock */
	unsigned heard;
} Listening;

static void
hear(const StoreChange *changes, size_t count, void *data)
{
	Listening *listening = data;

	g_assert_cmpint(atomic_fetch_add(&listening->inside, 1), ==, 0); /* one at a time */
	for (size_t i = 0; i < count; i++) {
		g_assert_cmpint(changes[i].kind, ==, STORE_CHANGE_MESSAGE_ADDED);
		g_assert_cmpint(changes[i].message_id, >, listening->last); /* ids are given in the order of transactions */
		listening->last = changes[i].message_id;
		listening->heard++;
	}
	atomic_fetch_sub(&listening->inside, 1);
}

static void *
add_messages(void *data)
{
	Worker *worker = data;

	for (uint32_t uid = 1; uid <= 40; uid++)
		add_message(worker->fixture, worker->mailbox, uid, "x");
	return NULL;
}

static void
test_listener_hears_commits_in_order(Fixture *fixture, const void *data)
{
	Listening listening = { .inside = 0 };
	pthread_t threads[WRITERS];
	Worker workers[WRITERS];

	for (unsigned i = 0; i < WRITERS; i++) {
		g_autofree char *path = g_strdup_printf("box%u", i);
		workers[i] = (Worker){ fixture, make_mailbox(fixture, path), i, NULL };
	}
	store_listen(fixture->store, hear, &listening);
	for (unsigned i = 0; i < WRITERS; i++)
		g_assert_cmpint(pthread_create(&threads[i], NULL, add_messages, &workers[i]), ==, 0);
	for (unsigned i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	g_assert_cmpuint(listening.heard, ==, WRITERS * 40);
}

typedef struct {
	Fixture *fixture;
	int64_t id;
	atomic_bool done;
} Climber;

static void *
ask_path(void *data)
{
	Climber *climber = data;

	while (!atomic_load(&climber->done)) {
		g_autofree char *path = store_mailbox_path(climber->fixture->store, climber->id, NULL);
		if (strcmp(path, "one/two") != 0 && strcmp(path, "two") != 0)
			g_error("the mailbox was never at %s", path);
	}
	return NULL;
}

/* Both ends of it are of one moment. */
static void
test_a_path_is_one_that_was_there(Fixture *fixture, const void *data)
{
	int64_t one = make_mailbox(fixture, "one"), two = make_mailbox(fixture, "one/two");
	const StoreMailboxMove moves[][2] = { { { one, "three" }, { two, "two" } }, { { one, "one" }, { two, "one/two" } } };
	Climber climber = { .fixture = fixture, .id = two };
	pthread_t thread;

	g_assert_cmpint(pthread_create(&thread, NULL, ask_path, &climber), ==, 0);
	for (unsigned i = 0; i < 400; i++) {
		StoreTxn *txn = begin(fixture);
		g_assert_true(store_mailboxes_move(txn, moves[i % 2], 2, NULL));
		commit(txn);
	}
	atomic_store(&climber.done, true);
	pthread_join(thread, NULL);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("all-at-once", test_all_at_once);
	ADD("listener-hears-commits-in-order", test_listener_hears_commits_in_order);
	ADD("a-path-is-one-that-was-there", test_a_path_is_one_that_was_there);
	return g_test_run();
}
