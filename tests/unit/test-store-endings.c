/* src/store: whatever users do, everything they did comes to its end: no operation waits for another that waits for it,
 * and none is asked of the server that it would have to refuse.  It does what can be done, one after the other, while
 * users go on. */
#include "store-operations.h"

#include "store/changes.h"

#define RUNS 60
#define STEPS 60
#define CONTENTS 3 /* few, so that removals have to wait for uploads of the same */
#define PATHS 4

typedef struct {
	Fixture *fixture;
	GRand *rand;
	StoreWriter *writer;
	int64_t trash;
	GHashTable *names; /* of folders on the server, which are their paths */
	uint32_t last_uid;
	GString *history;
} World;

static char *
path_of(World *world)
{
	int number = g_rand_int_range(world->rand, 0, PATHS);

	return number < 3 ? g_strdup_printf("%c", 'A' + number) : g_strdup("A/X");
}

/* One column of a random row; 0: there is none. */
static int64_t
pick(World *world, const char *query)
{
	g_autofree char *text = g_strdup_printf("SELECT id FROM (%s) ORDER BY (id * 7919 + %u) %% 1009 LIMIT 1", query,
	                                        g_rand_int_range(world->rand, 0, 1009));

	return sql(world->fixture, text);
}

#define A_MESSAGE "SELECT id FROM messages WHERE place IS NOT NULL"
#define A_FOLDER "SELECT id FROM mailboxes WHERE state <> 2 AND attributes & 1"

static bool
append(World *world, StoreTxn *txn, const StoreBody *body, int64_t mailbox, GError **error)
{
	static const uint8_t header[32] = { 1 };
	g_autofree char *name = g_strdup_printf("n%u.eml", ++world->last_uid);
	StoreAppend what = { .mailbox_id = mailbox, .body = body, .name = name, .flags = "", .header_sha256 = header };
	int64_t id;

	return store_change_append(txn, &what, &id, error);
}

static StoreBody
make_body(World *world)
{
	char letter = (char)('a' + g_rand_int_range(world->rand, 0, CONTENTS));
	StoreBody body = write_body(world->writer, &letter, 1);

	g_assert_true(store_writer_sync(world->writer, NULL));
	return body;
}

static bool
change_folder(World *world, StoreTxn *txn, int what, int64_t mailbox, const char *path, GError **error)
{
	g_auto(GStrv) components = g_strsplit(path, "/", -1);
	int64_t id;

	g_string_append_printf(world->history, " %s %" G_GINT64_FORMAT " %s;",
	                       what == 0 ? "create" : what == 1 ? "rename" : "delete", mailbox, path);
	if (what == 0)
		return store_change_create(txn, world->fixture->account, components, 0, &id, error);
	return what == 1 ? store_change_rename(txn, mailbox, path, error) : store_change_delete(txn, mailbox, error);
}

/* A folder goes with all that is in it, as rm -r does it. */
static bool
remove_all(World *world, StoreTxn *txn, int64_t mailbox, GError **error)
{
	g_autofree char *first = g_strdup_printf("SELECT min(id) FROM messages WHERE place = %" G_GINT64_FORMAT, mailbox);
	g_autofree char *more = NULL;
	StoreRemoval how = { .trash_id = world->trash };
	int64_t id = sql(world->fixture, first);

	g_string_append_printf(world->history, " rm -r %" G_GINT64_FORMAT ";", mailbox);
	while (id != 0) {
		if (!store_change_remove(txn, id, &how, error))
			return false;
		more = g_strdup_printf("SELECT min(id) FROM messages WHERE place = %" G_GINT64_FORMAT
		                       " AND id > %" G_GINT64_FORMAT, mailbox, id);
		id = sql(world->fixture, more);
		g_clear_pointer(&more, g_free);
	}
	return store_change_delete(txn, mailbox, error);
}

static bool
change_message(World *world, StoreTxn *txn, int what, int64_t message, int64_t mailbox, GError **error)
{
	StoreRemoval how = { .trash_id = g_rand_boolean(world->rand) ? world->trash : 0 };
	static const char *const names[] = { "flags", "move", "copy", "remove" };
	int64_t id = 0;

	g_string_append_printf(world->history, " %s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT ";", names[what], message,
	                       mailbox);
	switch (what) {
	case 0:
		return store_change_flags(txn, message, g_rand_boolean(world->rand) ? "\\Seen" : "",
		                          g_rand_boolean(world->rand) ? "$a" : "\\Seen", error);
	case 1:
		return store_change_move(txn, message, mailbox, NULL, false, error);
	case 2:
		return store_change_copy(txn, message, mailbox, NULL, false, &id, error);
	default:
		return store_change_remove(txn, message, &how, error);
	}
}

/* What people are not allowed to do changes nothing. */
static void
change(World *world)
{
	g_autoptr(GError) error = NULL;
	int what = g_rand_int_range(world->rand, 0, 12);
	int64_t message = pick(world, A_MESSAGE), mailbox = pick(world, A_FOLDER);
	StoreBody body = make_body(world);
	g_autofree char *path = path_of(world);
	StoreTxn *txn = begin(world->fixture);
	bool ok;

	if (what < 3 || message == 0) {
		g_string_append_printf(world->history, " append %" G_GINT64_FORMAT ";", mailbox);
		ok = append(world, txn, &body, mailbox, &error);
	} else if (what < 7) {
		ok = change_message(world, txn, what - 3, message, mailbox, &error);
	} else if (what < 9) {
		ok = remove_all(world, txn, mailbox, &error);
	} else {
		ok = change_folder(world, txn, what - 9, mailbox, path, &error);
	}
	if (!ok && error->code != CORE_ERROR_REFUSED && error->code != CORE_ERROR_NOT_FOUND)
		g_error("%s: %s", world->history->str, error->message);
	if (ok)
		commit(txn);
	else
		store_rollback(txn);
}

typedef struct {
	int64_t id, mailbox;
	StoreOperationKind kind;
	char *path;
} Next;

static bool
take_first(const StoreTask *task, void *data)
{
	*(Next *)data = (Next){ task->operation.id, task->operation.mailbox_id, task->operation.kind,
		                    g_strdup(task->operation.arguments) };
	return false;
}

static void
assert_server(World *world, bool holds, const char *what)
{
	if (!holds)
		g_error("%s\n%s", what, world->history->str);
}

/* Removes the names of a folder and what is below it; puts them at @to, if that is not NULL.  How many they were. */
static unsigned
take_names(World *world, const char *from, const char *to)
{
	g_autoptr(GPtrArray) taken = g_ptr_array_new();
	g_autofree char *below = g_strconcat(from, "/", NULL);
	GHashTableIter iter;
	void *key;

	g_hash_table_iter_init(&iter, world->names);
	while (g_hash_table_iter_next(&iter, &key, NULL))
		if (g_str_equal(key, from) || g_str_has_prefix(key, below))
			g_ptr_array_add(taken, key);
	for (guint i = 0; to && i < taken->len; i++)
		g_hash_table_add(world->names, g_strconcat(to, (char *)taken->pdata[i] + strlen(from), NULL));
	for (guint i = 0; i < taken->len; i++)
		g_hash_table_remove(world->names, taken->pdata[i]);
	return taken->len;
}

static void
rename_on_server(World *world, const char *from, const char *to)
{
	g_autofree char *below = g_strconcat(to, "/", NULL), *below_from = g_strconcat(from, "/", NULL);
	GHashTableIter iter;
	void *key;

	g_hash_table_iter_init(&iter, world->names);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		bool moves = g_str_equal(key, from) || g_str_has_prefix(key, below_from);
		bool is_in_the_way = g_str_equal(key, to) || g_str_has_prefix(key, below);
		assert_server(world, moves || !is_in_the_way, "RENAME to what is there");
	}
	assert_server(world, take_names(world, from, to) > 0, "RENAME of what is not there");
}

static void
change_server(World *world, const Next *next, const char *path)
{
	g_auto(StoreMailbox) mailbox = { 0 };

	g_assert_true(store_mailbox_get(world->fixture->store, next->mailbox, &mailbox, NULL));
	if (next->kind == STORE_OPERATION_CREATE) {
		assert_server(world, g_hash_table_add(world->names, g_strdup(path)), "CREATE of what is there");
	} else if (next->kind == STORE_OPERATION_RENAME) {
		rename_on_server(world, mailbox.server_name, path);
	} else if (next->kind == STORE_OPERATION_DELETE) {
		assert_server(world, mailbox.messages == 0, "DELETE of what is not empty");
		assert_server(world, take_names(world, mailbox.server_name, NULL) == 1,
		              "DELETE of what is not there, or of more");
	}
}

static bool
finish(World *world, StoreTxn *txn, const Next *next, const char *path, GError **error)
{
	switch (next->kind) {
	case STORE_OPERATION_FLAGS:
		return store_operation_done_flags(txn, next->id, NULL, 0, error);
	case STORE_OPERATION_APPEND:
	case STORE_OPERATION_MOVE:
	case STORE_OPERATION_COPY:
		return store_operation_done_uid(txn, next->id, ++world->last_uid, NULL, error);
	case STORE_OPERATION_REMOVE:
		return store_operation_done_gone(txn, next->id, error);
	case STORE_OPERATION_CREATE:
	case STORE_OPERATION_RENAME:
		return store_operation_done_mailbox(txn, next->id, path, '/', error);
	case STORE_OPERATION_DELETE:
		return store_operation_done_deleted(txn, next->id, error);
	default:
		g_assert_not_reached();
	}
}

/* Does what can be done first; false: nothing can. */
static bool
serve(World *world)
{
	g_autoptr(GError) error = NULL;
	Next next = { 0 };

	g_assert_true(store_task_list(world->fixture->store, world->fixture->account, INT64_MAX, INT64_MAX, take_first,
	                              &next, &error));
	if (next.id == 0)
		return false;
	g_autofree char *path = next.kind == STORE_OPERATION_RENAME ? next.path
	                        : store_mailbox_path(world->fixture->store, next.mailbox, NULL);
	g_string_append_printf(world->history, " [%" G_GINT64_FORMAT " %s]", next.id, store_operation_kinds[next.kind]);
	if (next.kind >= STORE_OPERATION_CREATE)
		change_server(world, &next, path);
	StoreTxn *txn = begin(world->fixture);
	if (!store_operation_send(txn, next.id, 1, 1, &error) || !finish(world, txn, &next, path, &error))
		g_error("%s: %s", world->history->str, error->message);
	commit(txn);
	return true;
}

static void
assert_settled(World *world)
{
	static const char *const nothing[] = {
		"SELECT count(*) FROM operations WHERE ended = 0",
		"SELECT count(*) FROM messages WHERE place IS NULL OR place <> mailbox",
		"SELECT count(*) FROM messages WHERE state NOT IN (0, 2) OR (state = 0) <> (uid IS NOT NULL)",
		"SELECT count(*) FROM mailboxes WHERE state <> 0",
		"SELECT count(*) FROM mailboxes x WHERE messages <>"
		" (SELECT count(*) FROM messages m WHERE m.mailbox = x.id AND uid IS NOT NULL)",
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(nothing); i++) {
		if (sql(world->fixture, nothing[i]) == 0)
			continue;
		g_autofree char *rows = dump(world->fixture);
		g_error("%s\n%s\n%s", nothing[i], world->history->str, rows);
	}
}

static void
world_begin(World *world, Fixture *fixture, guint32 seed)
{
	static const char *const names[] = { "INBOX", "Trash", "A" };

	*world = (World){ .fixture = fixture, .rand = g_rand_new_with_seed(seed), .history = g_string_new(NULL) };
	fixture_set_up(fixture, NULL);
	world->trash = make_mailbox(fixture, "Trash");
	make_mailbox(fixture, "A");
	world->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
		g_hash_table_add(world->names, g_strdup(names[i]));
	world->writer = store_writer_new(fixture->store, NULL);
}

static void
world_end(World *world)
{
	store_writer_free(world->writer);
	g_rand_free(world->rand);
	g_hash_table_destroy(world->names);
	g_string_free(world->history, TRUE);
	fixture_tear_down(world->fixture, NULL);
}

static void
test_everything_ends(void)
{
	for (guint32 seed = 1; seed <= RUNS; seed++) {
		Fixture fixture = { 0 };
		World world;
		world_begin(&world, &fixture, seed);
		g_string_append_printf(world.history, "seed %u:", seed);
		for (int step = 0; step < STEPS; step++) {
			change(&world);
			int served = seed % 2 == 0 ? 0 : g_rand_int_range(world.rand, -3, 4); /* else offline until the end */
			while (served-- > 0 && serve(&world))
				;
		}
		while (serve(&world))
			;
		assert_settled(&world);
		world_end(&world);
	}
}

/* rm -r A; mv B A; mkdir A/X; and an upload into that, of what was in the old A: removing that from it waits for the upload. */
static void
test_path_of_one_that_waits(void)
{
	Fixture fixture = { 0 };
	World world;
	g_autoptr(GError) error = NULL;
	g_auto(GStrv) below = g_strsplit("A/X", "/", -1);
	int64_t id;

	world_begin(&world, &fixture, 1);
	int64_t a = sql(&fixture, "SELECT id FROM mailboxes WHERE name = 'A'"), b = make_mailbox(&fixture, "B");
	g_hash_table_add(world.names, g_strdup("B"));
	add_message(&fixture, a, 1, "a");
	world.last_uid = 1;
	StoreBody body = write_body(world.writer, "a", 1);
	g_assert_true(store_writer_sync(world.writer, NULL));
	StoreTxn *txn = begin(&fixture);
	g_assert_true(remove_all(&world, txn, a, &error));
	g_assert_true(store_change_rename(txn, b, "A", &error));
	g_assert_true(store_change_create(txn, fixture.account, below, 0, &id, &error));
	g_assert_true(append(&world, txn, &body, id, &error));
	commit(txn);
	while (serve(&world))
		;
	assert_settled(&world);
	g_assert_cmpuint(g_hash_table_size(world.names), ==, 4); /* INBOX, Trash, A and A/X */
	world_end(&world);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/store-endings/everything-ends", test_everything_ends);
	g_test_add_func("/store-endings/path-of-one-that-waits", test_path_of_one_that_waits);
	return g_test_run();
}
