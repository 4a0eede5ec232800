/* src/store: the life of the full-text index. */
#include "store-search.h"

#include "core/log.h"
#include "core/step.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#define ADD(path, test) g_test_add("/store-index/" path, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

#define PAGE 16384 /* of search.db */
#define MANY 2500 /* more than two batches */

/* "mail 7 odd" and so on. */
static void
fill(Fixture *fixture, uint32_t from, uint32_t to)
{
	g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, NULL);
	g_autoptr(GArray) bodies = g_array_new(FALSE, FALSE, sizeof(StoreBody));

	for (uint32_t uid = from; uid <= to; uid++) {
		g_autofree char *bytes = g_strdup_printf("Subject: mail %u\n\n%s\n", uid, uid % 2 ? "odd" : "even");
		StoreBody body = write_body(writer, bytes, strlen(bytes));
		g_array_append_val(bodies, body);
	}
	g_assert_true(store_writer_sync(writer, NULL));
	StoreTxn *txn = begin(fixture);
	for (uint32_t uid = from; uid <= to; uid++) {
		g_autofree char *name = g_strdup_printf("%u.eml", uid);
		set_body(txn, insert_message(txn, fixture->inbox, uid), &g_array_index(bodies, StoreBody, uid - from), name);
	}
	commit(txn);
}

static bool
count_found(const StoreFound *found, void *data)
{
	++*(unsigned *)data;
	return true;
}

static unsigned
count(Fixture *fixture, const char *query)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreSearch) search = store_search_new(query, NULL);
	unsigned found = 0;

	store_search_run(fixture->store, search, &(StoreSearchRange){ 0 }, count_found, &found, &error);
	g_assert_no_error(error);
	return found;
}

static void
assert_state(Fixture *fixture, uint64_t indexed, uint64_t to_do)
{
	StoreSearchState state = state_of(fixture);

	g_assert_cmpuint(state.indexed, ==, indexed);
	g_assert_cmpuint(state.to_do, ==, to_do);
}

static void
test_new_mail_is_added(Fixture *fixture, const void *data)
{
	assert_state(fixture, 0, 0);
	update(fixture);
	fill(fixture, 1, 10);
	assert_state(fixture, 0, 10);
	g_assert_cmpuint(count(fixture, "mail"), ==, 0); /* nobody waits */
	g_assert_cmpuint(update(fixture).made, ==, 10);
	assert_state(fixture, 10, 0);
	fill(fixture, 11, 15);
	fixture_reopen(fixture);
	assert_state(fixture, 10, 5);
	g_assert_cmpuint(update(fixture).made, ==, 5);
	g_assert_cmpuint(update(fixture).made, ==, 0);
	g_assert_cmpuint(count(fixture, "odd"), ==, 8);
	g_assert_cmpuint(count(fixture, "subject:15"), ==, 1);
}

static void
test_kept_texts_are_taken(Fixture *fixture, const void *data)
{
	static const char bytes[] = "bytes", text[] = "\nits text\n", old[] = "\nold text\n";
	StoreBody body = { 0 };

	core_sha256(bytes, strlen(bytes), body.sha256);
	g_assert_true(store_derived_put(fixture->store, &body, TEXT_VERSION, text, strlen(text), NULL));
	core_sha256("other", 5, body.sha256);
	g_assert_true(store_derived_put(fixture->store, &body, TEXT_VERSION - 1, old, strlen(old), NULL));
	g_assert_true(store_derived_flush(fixture->store, NULL));
	add_message(fixture, fixture->inbox, 1, bytes);
	add_message(fixture, fixture->inbox, 2, "other");
	g_assert_cmpuint(update(fixture).made, ==, 1);
	g_assert_cmpuint(count(fixture, "text"), ==, 1);
	StoreBody kept;
	g_assert_true(store_derived_get(fixture->store, 2, TEXT_VERSION, &kept, NULL));
}

static bool
make_none(Store *store, const StoreBody *body, GString *text, void *data, GError **error)
{
	return true;
}

static bool
make_error(Store *store, const StoreBody *body, GString *text, void *data, GError **error)
{
	return core_throw(error, CORE_ERROR_IO, "the disk");
}

static void
test_texts_that_cannot_be_had(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	const StoreIndexing none = { .text_version = TEXT_VERSION, .make_text = make_none };
	const StoreIndexing fails = { .text_version = TEXT_VERSION, .make_text = make_error };

	fill(fixture, 1, 3);
	g_assert_false(store_search_update(fixture->store, &fails, NULL, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_IO);
	assert_state(fixture, 0, 3);
	g_assert_true(store_search_update(fixture->store, &none, NULL, NULL));
	assert_state(fixture, 3, 0);
	g_assert_cmpuint(count(fixture, "mail"), ==, 0);
	g_assert_cmpuint(count(fixture, "is:unread"), ==, 3);
}

static void
test_long_texts_are_cut(Fixture *fixture, const void *data)
{
	GString *text = g_string_new("\nbeginning ");

	while (text->len < STORE_SEARCH_TEXT_MAX_BYTES - 6)
		g_string_append_c(text, text->len % 10 ? 'x' : ' ');
	g_string_append(text, " within žž beyond\n");
	add_message(fixture, fixture->inbox, 1, text->str);
	g_string_free(text, TRUE);
	update(fixture);
	g_assert_cmpuint(count(fixture, "beginning"), ==, 1);
	g_assert_cmpuint(count(fixture, "withi*"), ==, 1);
	g_assert_cmpuint(count(fixture, "beyond"), ==, 0);
}

static void
test_progress_is_told_and_can_end_it(Fixture *fixture, const void *data)
{
	fill(fixture, 1, MANY);
	Making first = update_until(fixture, 500);
	g_assert_cmpuint(first.last_done, ==, 500);
	g_assert_cmpuint(first.last_total, ==, MANY);
	assert_state(fixture, 500, MANY - 500);
	Making rest = update(fixture);
	g_assert_cmpuint(rest.made, ==, MANY - 500);
	g_assert_cmpuint(rest.last_total, ==, MANY - 500);
	g_assert_cmpuint(rest.told, >, 10);
	g_assert_cmpuint(count(fixture, "even"), ==, MANY / 2);
}

static bool
cancel_at(uint64_t done, uint64_t total, void *data)
{
	if (done == 1200)
		core_cancel_trigger(data);
	return true;
}

static void
test_cancelled_it_keeps_what_it_has(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(CoreCancel) cancel = core_cancel_new();
	const StoreIndexing how = { TEXT_VERSION, make_none, cancel_at, cancel };

	fill(fixture, 1, MANY);
	g_assert_false(store_search_update(fixture->store, &how, cancel, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CANCELLED);
	assert_state(fixture, 1200, MANY - 1200);
}

static unsigned steps_left;

static void
stop_at_index(const char *step)
{
	if (strcmp(step, "index") == 0 && --steps_left == 0)
		_exit(0);
}

static void
test_stopped_it_goes_on(Fixture *fixture, const void *data)
{
	int status;

	fill(fixture, 1, MANY);
	fixture_close(fixture);
	for (unsigned steps = 1; steps <= 2; steps++) {
		pid_t child = fork();
		if (child == 0) {
			steps_left = 1;
			core_step_hook = stop_at_index;
			fixture_open(fixture);
			update(fixture);
			_exit(1);
		}
		g_assert_cmpint(waitpid(child, &status, 0), ==, child);
		g_assert_cmpint(status, ==, 0);
		fixture_open(fixture);
		assert_state(fixture, steps * 1000, MANY - steps * 1000);
		fixture_close(fixture);
	}
	fixture_open(fixture);
	g_assert_cmpuint(update(fixture).made, ==, MANY - 2000);
	g_assert_cmpuint(count(fixture, "mail"), ==, MANY);
	g_assert_cmpuint(count(fixture, "odd"), ==, MANY / 2);
}

static void
test_another_version_of_texts(Fixture *fixture, const void *data)
{
	Making making = { 0 };
	const StoreIndexing next = { TEXT_VERSION + 1, make_text, NULL, &making };

	fill(fixture, 1, 10);
	update(fixture);
	g_assert_true(store_search_update(fixture->store, &next, NULL, NULL));
	g_assert_cmpuint(making.made, ==, 10);
	g_assert_cmpuint(count(fixture, "mail"), ==, 10);
	assert_state(fixture, 0, 10); /* as far as the former version goes */
}

static void
remove_database(const Fixture *fixture, const char *name)
{
	static const char *const ends[] = { "", "-wal", "-shm" };

	for (gsize i = 0; i < G_N_ELEMENTS(ends); i++) {
		g_autofree char *file = g_strconcat(name, ends[i], NULL), *path = in_dir(fixture, file);
		g_unlink(path);
	}
}

static void
test_another_mail_db(Fixture *fixture, const void *data)
{
	fill(fixture, 1, 10);
	update(fixture);
	fixture_close(fixture);
	remove_database(fixture, "mail.db");
	g_autofree char *bodies = in_dir(fixture, "bodies");
	remove_tree(bodies);
	fixture_open(fixture);
	StoreTxn *txn = begin(fixture);
	g_assert_true(store_account_ensure(txn, "home", &fixture->account, NULL));
	commit(txn);
	fixture->inbox = make_mailbox(fixture, "INBOX");
	fill(fixture, 11, 20); /* the same ids */
	assert_state(fixture, 0, 10);
	g_assert_cmpuint(count(fixture, "mail"), ==, 0);
	update(fixture);
	g_assert_cmpuint(count(fixture, "mail"), ==, 10);
	g_assert_cmpuint(count(fixture, "1 OR 2 OR 10"), ==, 0);
	g_assert_cmpuint(count(fixture, "20"), ==, 1);
}

static void
test_an_older_mail_db(Fixture *fixture, const void *data)
{
	g_autofree char *path = in_dir(fixture, "mail.db"), *contents = NULL;
	gsize length;

	fill(fixture, 1, 5);
	fixture_close(fixture);
	g_assert_true(g_file_get_contents(path, &contents, &length, NULL));
	fixture_open(fixture);
	fill(fixture, 6, 10);
	update(fixture);
	fixture_close(fixture);
	g_assert_true(g_file_set_contents(path, contents, (gssize)length, NULL));
	fixture_open(fixture);
	fill(fixture, 16, 18);
	assert_state(fixture, 0, 8);
	update(fixture);
	g_assert_cmpuint(count(fixture, "mail"), ==, 8);
	g_assert_cmpuint(count(fixture, "6 OR 7"), ==, 0);
	g_assert_cmpuint(count(fixture, "17"), ==, 1);
}

static void
damage(const Fixture *fixture, off_t from, size_t length)
{
	g_autofree char *path = in_dir(fixture, "search.db"), *garbage = g_strnfill(length, '\xa5');
	int fd = open(path, O_WRONLY);

	g_assert_cmpint(pwrite(fd, garbage, length, from), ==, (ssize_t)length);
	close(fd);
}

static void
test_a_damaged_index_is_made_again(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreSearch) search = store_search_new("mail", NULL);
	g_autofree char *path = in_dir(fixture, "search.db");
	unsigned found = 0;

	core_log_set_level(CORE_LOG_ERROR);
	fill(fixture, 1, MANY);
	update(fixture);

	/* All of it. */
	fixture_close(fixture);
	damage(fixture, 0, 4096);
	fixture_open(fixture);
	update(fixture);
	g_assert_cmpuint(count(fixture, "mail"), ==, MANY);

	/* What only the search notices. */
	fixture_close(fixture);
	int64_t size = file_size(fixture, "search.db");
	g_assert_cmpint(size, >, 6 * PAGE);
	damage(fixture, 6 * PAGE, (size_t)size - 6 * PAGE); /* behind the first of each table */
	fixture_open(fixture);
	g_assert_false(store_search_run(fixture->store, search, &(StoreSearchRange){ 0 }, count_found, &found, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CORRUPT);
	update(fixture);
	g_assert_cmpuint(count(fixture, "mail"), ==, MANY);

	/* One that is something else, and none. */
	fixture_close(fixture);
	g_assert_true(g_file_set_contents(path, "no database at all, but long enough to be taken for one", -1, NULL));
	fixture_open(fixture);
	update(fixture);
	g_assert_cmpuint(count(fixture, "mail"), ==, MANY);
	fixture_close(fixture);
	remove_database(fixture, "search.db");
	fixture_open(fixture);
	g_assert_cmpuint(count(fixture, "mail"), ==, 0);
	g_assert_cmpuint(count(fixture, "is:unread"), ==, MANY);
	update(fixture);
	g_assert_cmpuint(count(fixture, "mail"), ==, MANY);
}

static void
test_what_is_mostly_gone_is_dropped(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;

	fill(fixture, 1, MANY);
	update(fixture);
	StoreTxn *txn = begin(fixture);
	g_assert_true(store_message_remove_uids(txn, fixture->inbox, 101, MANY, &error));
	commit(txn);
	g_assert_true(store_compact(fixture->store, NULL, &error));
	g_assert_cmpuint(count(fixture, "mail"), ==, 100);
	assert_state(fixture, MANY, 0);
	fill(fixture, MANY + 1, MANY + 600); /* to the next thousand */
	update(fixture);
	assert_state(fixture, 700, 0);
	g_assert_cmpuint(count(fixture, "mail"), ==, 700);
}

static bool
is_readable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 1;
}

static void
test_who_indexes_is_woken_by_new_bodies(Fixture *fixture, const void *data)
{
	int fd = store_search_fd(fixture->store);

	g_assert_false(is_readable(fd));
	fill(fixture, 1, 2);
	g_assert_true(is_readable(fd));
	update(fixture);
	g_assert_false(is_readable(fd));
	StoreTxn *txn = begin(fixture);
	g_assert_true(store_message_set_flags(txn, fixture->inbox, 1, "\\Seen", 0, NULL));
	insert_message(txn, fixture->inbox, 9);
	commit(txn);
	g_assert_false(is_readable(fd));
}

static unsigned
peek(Fixture *fixture, unsigned text_version, bool *current_r)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreSearch) search = store_search_new("mail", NULL);
	unsigned found = 0;

	store_search_peek(fixture->dir, text_version, search, &(StoreSearchRange){ 0 }, count_found, &found, current_r, &error);
	g_assert_no_error(error);
	return found;
}

static void
test_a_look_from_outside(Fixture *fixture, const void *data)
{
	bool current;

	fill(fixture, 1, 10);
	g_assert_cmpuint(peek(fixture, TEXT_VERSION, &current), ==, 0);
	g_assert_false(current);
	update(fixture);
	for (int i = 0; i < 2; i++) { /* beside the owner, and when there is none */
		g_assert_cmpuint(peek(fixture, TEXT_VERSION, &current), ==, 10);
		g_assert_true(current);
		g_assert_cmpuint(peek(fixture, TEXT_VERSION + 1, &current), ==, 0);
		g_assert_false(current);
		if (i == 0)
			fixture_close(fixture);
	}
	fixture_open(fixture);
	fill(fixture, 11, 11);
	g_assert_cmpuint(peek(fixture, TEXT_VERSION, &current), ==, 0);
	g_assert_false(current);
	update(fixture);
	g_assert_cmpuint(peek(fixture, TEXT_VERSION, &current), ==, 11);
	fixture_close(fixture);
	sql(fixture, "PRAGMA user_version = 99"); /* to be refused with words, by who opens it */
	g_assert_cmpuint(peek(fixture, TEXT_VERSION, &current), ==, 0);
	g_assert_false(current);
	remove_database(fixture, "mail.db");
	g_assert_cmpuint(peek(fixture, TEXT_VERSION, &current), ==, 0);
	g_assert_true(current);
}

typedef struct {
	Fixture *fixture;
	atomic_bool done;
} Sharing;

static void *
index_on(void *data)
{
	Sharing *sharing = data;

	while (!atomic_load(&sharing->done))
		update(sharing->fixture);
	return NULL;
}

static void *
search_on(void *data)
{
	Sharing *sharing = data;
	unsigned last = 0;

	while (!atomic_load(&sharing->done)) {
		unsigned found = count(sharing->fixture, "mail -nowhere");
		g_assert_cmpuint(found, >=, last);
		last = found;
	}
	return NULL;
}

static void
test_at_once(Fixture *fixture, const void *data)
{
	Sharing sharing = { .fixture = fixture };
	pthread_t threads[4];

	for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
		g_assert_cmpint(pthread_create(&threads[i], NULL, i % 2 ? search_on : index_on, &sharing), ==, 0);
	for (uint32_t uid = 1; uid <= 200; uid += 10)
		fill(fixture, uid, uid + 9);
	atomic_store(&sharing.done, true);
	for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
		pthread_join(threads[i], NULL);
	update(fixture);
	g_assert_cmpuint(count(fixture, "mail"), ==, 200);
	assert_state(fixture, 200, 0);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("new-mail-is-added", test_new_mail_is_added);
	ADD("kept-texts-are-taken", test_kept_texts_are_taken);
	ADD("texts-that-cannot-be-had", test_texts_that_cannot_be_had);
	ADD("long-texts-are-cut", test_long_texts_are_cut);
	ADD("progress-is-told-and-can-end-it", test_progress_is_told_and_can_end_it);
	ADD("cancelled-it-keeps-what-it-has", test_cancelled_it_keeps_what_it_has);
	ADD("stopped-it-goes-on", test_stopped_it_goes_on);
	ADD("another-version-of-texts", test_another_version_of_texts);
	ADD("another-mail-db", test_another_mail_db);
	ADD("an-older-mail-db", test_an_older_mail_db);
	ADD("a-damaged-index-is-made-again", test_a_damaged_index_is_made_again);
	ADD("what-is-mostly-gone-is-dropped", test_what_is_mostly_gone_is_dropped);
	ADD("who-indexes-is-woken-by-new-bodies", test_who_indexes_is_woken_by_new_bodies);
	ADD("a-look-from-outside", test_a_look_from_outside);
	ADD("at-once", test_at_once);
	return g_test_run();
}
