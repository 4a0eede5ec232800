/* src/store: mailboxes and directories, and what the listener hears of them. */
#include "store-fixture.h"

#include "core/clock.h"

#define ADD(path, test) g_test_add("/store-mailboxes/" path, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

/* "A:name" for each change: the kind's letter and what the change says of names and places. */
static void
note_changes(const StoreChange *changes, size_t count, void *data)
{
	static const char letters[] = { [STORE_CHANGE_MESSAGE_ADDED] = '+', [STORE_CHANGE_MESSAGE_REMOVED] = '-',
		                            [STORE_CHANGE_MESSAGE_RENAMED] = '>', [STORE_CHANGE_MESSAGE_FLAGS] = 'f',
		                            [STORE_CHANGE_MAILBOX_ADDED] = 'M', [STORE_CHANGE_MAILBOX_REMOVED] = 'R',
		                            [STORE_CHANGE_MAILBOX_KIND] = 'K',
		                            [STORE_CHANGE_ACCOUNT_ADDED] = 'A' };

	for (size_t i = 0; i < count; i++)
		g_string_append_printf(data, "%c%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT ":%s ", letters[changes[i].kind],
		                       changes[i].account_id, changes[i].parent_id, changes[i].name);
}

static bool
append_name(const StoreMailbox *mailbox, void *data)
{
	g_string_append_printf(data, "%s ", mailbox->name);
	return true;
}

static bool
stop_at_first(const StoreMailbox *mailbox, void *data)
{
	g_string_append(data, mailbox->name);
	return false;
}

static void
test_ensure_makes_parents(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_auto(StoreMailbox) mailbox = { 0 };
	int64_t deep = make_mailbox(fixture, "Archiv/2024/Žluť"), again = make_mailbox(fixture, "Archiv/2024/Žluť");
	g_autofree char *path = store_mailbox_path(fixture->store, deep, &error);

	g_assert_cmpint(deep, ==, again);
	g_assert_cmpstr(path, ==, "Archiv/2024/Žluť");
	g_assert_true(store_mailbox_get(fixture->store, deep, &mailbox, &error));
	g_assert_cmpstr(mailbox.server_name, ==, "Archiv/2024/Žluť");
	g_assert_cmpint(mailbox.separator, ==, '/');
	g_assert_cmpuint(mailbox.attributes, ==, STORE_MAILBOX_SELECTABLE);
	int64_t parent = mailbox.parent_id;
	store_mailbox_clear(&mailbox);
	g_assert_true(store_mailbox_get(fixture->store, parent, &mailbox, &error));
	g_assert_cmpstr(mailbox.name, ==, "2024");
	g_assert_null(mailbox.server_name);
	g_assert_cmpint(mailbox.account_id, ==, fixture->account);
}

static void
test_find(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_auto(StoreMailbox) mailbox = { 0 };
	int64_t id = make_mailbox(fixture, "a/b");

	g_assert_true(store_mailbox_find_server(fixture->store, fixture->account, "a/b", &mailbox, &error));
	g_assert_cmpint(mailbox.id, ==, id);
	int64_t parent = mailbox.parent_id;
	store_mailbox_clear(&mailbox);
	g_assert_true(store_mailbox_find(fixture->store, fixture->account, 0, "a", &mailbox, &error));
	g_assert_cmpint(mailbox.id, ==, parent);
	store_mailbox_clear(&mailbox);
	g_assert_true(store_mailbox_find(fixture->store, fixture->account, parent, "b", &mailbox, &error));
	g_assert_cmpint(mailbox.id, ==, id);
	store_mailbox_clear(&mailbox);
	g_assert_true(store_mailbox_child(fixture->store, parent, "b", &mailbox, &error));
	g_assert_cmpint(mailbox.id, ==, id);
	g_assert_cmpint(mailbox.account_id, ==, fixture->account);

	g_assert_false(store_mailbox_child(fixture->store, parent, "B", &mailbox, &error));
	g_assert_false(store_mailbox_child(fixture->store, 0, "a", &mailbox, &error)); /* an account is no mailbox */
	g_assert_false(store_mailbox_child(fixture->store, id + 100, "b", &mailbox, &error));
	g_assert_false(store_mailbox_find(fixture->store, fixture->account, 0, "b", &mailbox, &error));
	g_assert_false(store_mailbox_find(fixture->store, fixture->account, 0, "A", &mailbox, &error));
	g_assert_false(store_mailbox_find_server(fixture->store, fixture->account + 1, "a/b", &mailbox, &error));
	g_assert_false(store_mailbox_get(fixture->store, id + 100, &mailbox, &error));
	g_assert_null(store_mailbox_path(fixture->store, id + 100, &error));
	g_assert_no_error(error);
}

static void
test_list_parents_first(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) names = g_string_new(NULL);

	make_mailbox(fixture, "z/y/x");
	int64_t w = make_mailbox(fixture, "w");
	make_mailbox(fixture, "w/v");
	/* A renamed folder may stand below a younger one. */
	g_autofree char *move = g_strdup_printf("UPDATE mailboxes SET parent = %d WHERE name = 'z'", (int)w);
	sql(fixture, move);
	g_assert_true(store_mailbox_list(fixture->store, fixture->account, append_name, names, &error));
	g_assert_cmpstr(names->str, ==, "INBOX w z v y x ");

	g_string_truncate(names, 0);
	g_assert_true(store_mailbox_list(fixture->store, fixture->account, stop_at_first, names, &error));
	g_assert_cmpstr(names->str, ==, "INBOX");
	g_assert_true(store_mailbox_list(fixture->store, fixture->account + 1, stop_at_first, names, &error));
	g_assert_cmpstr(names->str, ==, "INBOX");
}

static void
test_children(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) names = g_string_new(NULL);
	int64_t c = make_mailbox(fixture, "c");

	make_mailbox(fixture, "b");
	make_mailbox(fixture, "c/d");
	g_assert_true(store_mailbox_children(fixture->store, fixture->account, 0, 0, append_name, names, &error));
	g_assert_cmpstr(names->str, ==, "INBOX c b ");
	g_string_truncate(names, 0);
	g_assert_true(store_mailbox_children(fixture->store, fixture->account, 0, c, append_name, names, &error));
	g_assert_cmpstr(names->str, ==, "b ");
	g_string_truncate(names, 0);
	g_assert_true(store_mailbox_children(fixture->store, fixture->account, c, 0, append_name, names, &error));
	g_assert_cmpstr(names->str, ==, "d ");
}

static void
test_state(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_auto(StoreMailbox) mailbox = { 0 };

	StoreTxn *txn = begin(fixture);
	g_assert_true(store_mailbox_set_state(txn, fixture->inbox, UINT32_MAX, 12, (1ull << 63) - 1, "F1", &error));
	commit(txn);
	fixture_reopen(fixture);
	g_assert_true(store_mailbox_get(fixture->store, fixture->inbox, &mailbox, &error));
	g_assert_cmpuint(mailbox.uidvalidity, ==, UINT32_MAX);
	g_assert_cmpuint(mailbox.uidnext, ==, 12);
	g_assert_cmpuint(mailbox.highestmodseq, ==, (1ull << 63) - 1);
	g_assert_cmpstr(mailbox.mailboxid, ==, "F1");
}

static void
test_becomes_directory(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_auto(StoreMailbox) mailbox = { 0 };
	int64_t id = add_message(fixture, fixture->inbox, 1, "x");

	StoreTxn *txn = begin(fixture);
	g_assert_true(store_mailbox_set_state(txn, fixture->inbox, 5, 6, 7, NULL, &error));
	g_assert_true(store_mailbox_set_listing(txn, fixture->inbox, NULL, '/', 0, &error));
	commit(txn);
	g_assert_null(read_message(fixture, id));
	g_assert_true(store_mailbox_get(fixture->store, fixture->inbox, &mailbox, &error));
	g_assert_null(mailbox.server_name);
	g_assert_cmpuint(mailbox.uidvalidity, ==, 0); /* else its messages would not be fetched when it comes back */
}

static void
test_not_selectable_holds_nothing(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_auto(StoreMailbox) mailbox = { 0 };
	int64_t id = add_message(fixture, fixture->inbox, 1, "x");

	StoreTxn *txn = begin(fixture);
	g_assert_true(store_mailbox_set_state(txn, fixture->inbox, 5, 6, 7, "F1", &error));
	g_assert_true(store_mailbox_set_listing(txn, fixture->inbox, "INBOX", '.',
	                                        STORE_MAILBOX_SELECTABLE | STORE_MAILBOX_ARCHIVE, &error));
	commit(txn);
	g_autofree char *kept = read_message(fixture, id);
	g_assert_cmpstr(kept, ==, "x");

	txn = begin(fixture);
	g_assert_true(store_mailbox_set_listing(txn, fixture->inbox, "INBOX", '.', STORE_MAILBOX_ARCHIVE, &error));
	commit(txn);
	g_assert_null(read_message(fixture, id));
	g_assert_true(store_mailbox_get(fixture->store, fixture->inbox, &mailbox, &error));
	g_assert_cmpstr(mailbox.server_name, ==, "INBOX");
	g_assert_cmpuint(mailbox.uidvalidity, ==, 0);
	g_assert_cmpuint(mailbox.uidnext, ==, 0);
	g_assert_cmpuint(mailbox.highestmodseq, ==, 0);
	g_assert_null(mailbox.mailboxid);
}

/* "path=id" of every row whose id is asked for, "path=-" of the others, in the order of paths. */
typedef struct {
	Store *store;
	const int64_t *ids;
	size_t count;
	GPtrArray *rows;
} Drawing;

static bool
draw_row(const StoreMailbox *mailbox, void *data)
{
	Drawing *drawing = data;
	g_autofree char *path = store_mailbox_path(drawing->store, mailbox->id, NULL);
	size_t i = 0;

	while (i < drawing->count && drawing->ids[i] != mailbox->id)
		i++;
	g_ptr_array_add(drawing->rows, i < drawing->count ? g_strdup_printf("%s=%zu", path, i) : g_strdup_printf("%s=-", path));
	return true;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *
draw(Fixture *fixture, const int64_t *ids, size_t count)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(g_free);
	Drawing drawing = { fixture->store, ids, count, rows };

	g_assert_true(store_mailbox_list(fixture->store, fixture->account, draw_row, &drawing, &error));
	g_ptr_array_sort(rows, by_text);
	g_ptr_array_add(rows, NULL);
	return g_strjoinv(" ", (char **)rows->pdata);
}

static void
test_move(Fixture *fixture, const void *data)
{
	/* The mailboxes 0, 1 …, then where those go that move, and the tree that comes of it. */
	static const struct {
		const char *before, *moves[3], *after;
	} rows[] = {
		{ "a", { "b" }, "INBOX=- b=0" },
		{ "a", { "b/c/d" }, "INBOX=- b/c/d=0 b/c=- b=-" },
		{ "a/b/c", { "a" }, "INBOX=- a=0" },
		{ "a/b/c", { "d" }, "INBOX=- d=0" },
		{ "a/b/c a/d", { "e" }, "INBOX=- a/d=1 a=- e=0" },
		{ "a a/b", { "c" }, "INBOX=- a/b=1 a=- c=0" },
		{ "a a/b", { NULL, "b" }, "INBOX=- a=0 b=1" },
		{ "a a/b", { "a/b/c" }, "INBOX=- a/b/c=0 a/b=1 a=-" },
		{ "a", { "a/b/c" }, "INBOX=- a/b/c=0 a/b=- a=-" },
		{ "a b/c", { "b" }, "INBOX=- b/c=1 b=0" },
		{ "a a/x b/c", { "b" }, "INBOX=- a/x=1 a=- b/c=2 b=0" },
		{ "a b", { "b" }, NULL },
		{ "a b", { "b", "a" }, "INBOX=- a=1 b=0" },
		{ "a a/x b b/y", { "b", NULL, "a" }, "INBOX=- a/x=1 a=2 b/y=3 b=0" },
		{ "a b c", { "b", "c", "a" }, "INBOX=- a=2 b=0 c=1" },
		{ "a a/b", { "a/b", "a" }, "INBOX=- a/b=0 a=1" },
		{ "a a/b", { "c", "c/b" }, "INBOX=- c/b=1 c=0" },
		{ "a", { "a" }, "INBOX=- a=0" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) error = NULL;
		g_auto(GStrv) before = g_strsplit(rows[i].before, " ", -1);
		size_t count = g_strv_length(before), moving = 0;
		int64_t ids[4];
		StoreMailboxMove moves[3];

		g_test_message("%s", rows[i].before);
		for (size_t k = 0; k < count; k++)
			ids[k] = make_mailbox(fixture, before[k]);
		for (size_t k = 0; k < G_N_ELEMENTS(rows[i].moves); k++) {
			if (rows[i].moves[k])
				moves[moving++] = (StoreMailboxMove){ ids[k], rows[i].moves[k] };
		}
		StoreTxn *txn = begin(fixture);
		bool ok = store_mailboxes_move(txn, moves, moving, &error);
		g_assert_cmpint(ok, ==, rows[i].after != NULL);
		if (ok) {
			commit(txn);
			g_autofree char *after = draw(fixture, ids, count);
			g_assert_cmpstr(after, ==, rows[i].after);
		} else {
			g_assert_error(error, CORE_ERROR, CORE_ERROR_CORRUPT);
			store_rollback(txn);
		}
		txn = begin(fixture);
		for (size_t k = 0; k < count; k++)
			g_assert_true(store_mailbox_remove(txn, ids[k], NULL));
		commit(txn);
	}
}

static void
test_move_keeps_messages_and_state(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_auto(StoreMailbox) mailbox = { 0 };
	int64_t id = make_mailbox(fixture, "a"), message = add_message(fixture, id, 4, "x");
	StoreMailboxMove move = { id, "b/c" }, none = { id + 1000, "d" };

	StoreTxn *txn = begin(fixture);
	g_assert_true(store_mailbox_set_state(txn, id, 5, 6, 7, "F1", &error));
	g_assert_true(store_mailboxes_move(txn, &move, 1, &error));
	g_assert_false(store_mailboxes_move(txn, &none, 1, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_NOT_FOUND);
	commit(txn);
	g_autofree char *text = read_message(fixture, message);
	g_assert_cmpstr(text, ==, "x");
	g_clear_error(&error);
	g_assert_true(store_mailbox_get(fixture->store, id, &mailbox, &error));
	g_assert_cmpstr(mailbox.server_name, ==, "a");
	g_assert_cmpuint(mailbox.uidvalidity, ==, 5);
	g_assert_cmpuint(mailbox.highestmodseq, ==, 7);
	g_assert_cmpstr(mailbox.mailboxid, ==, "F1");
}

static void
test_listener_hears_moves(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) heard = g_string_new(NULL);
	int64_t a = make_mailbox(fixture, "a");
	int64_t below = make_mailbox(fixture, "a/x"), other = make_mailbox(fixture, "b/y");
	StoreMailboxMove move = { a, "b" };

	store_listen(fixture->store, note_changes, heard);
	StoreTxn *txn = begin(fixture);
	g_assert_true(store_mailboxes_move(txn, &move, 1, &error));
	commit(txn);
	int64_t b = other - 1, directory = other + 1;
	g_assert_cmpint(below, <, b);
	g_autofree char *moved = g_strdup_printf("R1/0:a M1/0:a R1/%d:x M1/%d:x R1/%d:y M1/%d:y R1/0:b M1/0:b ", (int)a,
	                                         (int)directory, (int)b, (int)a);
	g_assert_cmpstr(heard->str, ==, moved);
}

static void
test_remove_prunes(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) names = g_string_new(NULL);
	int64_t leaf = make_mailbox(fixture, "a/b/c"), sibling = make_mailbox(fixture, "a/d");

	add_message(fixture, leaf, 1, "x");
	StoreTxn *txn = begin(fixture);
	g_assert_true(store_mailbox_remove(txn, leaf, &error));
	commit(txn);
	store_mailbox_list(fixture->store, fixture->account, append_name, names, &error);
	g_assert_cmpstr(names->str, ==, "INBOX a d "); /* b was only a directory; a has another child */

	txn = begin(fixture);
	g_assert_true(store_mailbox_remove(txn, sibling, &error));
	g_assert_true(store_mailbox_remove(txn, sibling, &error)); /* once more is no error */
	commit(txn);
	g_string_truncate(names, 0);
	store_mailbox_list(fixture->store, fixture->account, append_name, names, &error);
	g_assert_cmpstr(names->str, ==, "INBOX ");
}

static void
test_remove_keeps_children(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_auto(StoreMailbox) mailbox = { 0 };
	int64_t parent = make_mailbox(fixture, "a"), child = make_mailbox(fixture, "a/b");
	int64_t lost = add_message(fixture, parent, 1, "x"), kept = add_message(fixture, child, 1, "y");

	StoreTxn *txn = begin(fixture);
	g_assert_true(store_mailbox_remove(txn, parent, &error));
	commit(txn);
	g_assert_true(store_mailbox_get(fixture->store, parent, &mailbox, &error));
	g_assert_null(mailbox.server_name);
	g_assert_null(read_message(fixture, lost));
	g_autofree char *text = read_message(fixture, kept);
	g_assert_cmpstr(text, ==, "y");
}

static void
test_ids_are_never_used_again(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t mailbox = make_mailbox(fixture, "a"), message = add_message(fixture, mailbox, 1, "x");

	StoreTxn *txn = begin(fixture);
	g_assert_true(store_mailbox_remove(txn, mailbox, &error));
	commit(txn);
	fixture_reopen(fixture);
	int64_t again = make_mailbox(fixture, "a");
	g_assert_cmpint(again, >, mailbox);
	g_assert_cmpint(add_message(fixture, again, 1, "x"), >, message);
}

static void
test_listener(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) heard = g_string_new(NULL);
	int64_t account = 0;

	store_listen(fixture->store, note_changes, heard);
	int64_t leaf = make_mailbox(fixture, "a/b");
	int64_t a = leaf - 1;
	g_autofree char *added = g_strdup_printf("M1/0:a M1/%d:b K1/%d:b ", (int)a, (int)a);
	g_assert_cmpstr(heard->str, ==, added);

	g_string_truncate(heard, 0);
	add_message(fixture, leaf, 4, "x");
	g_assert_cmpstr(heard->str, ==, "+1/0:4.eml ");

	g_string_truncate(heard, 0);
	StoreTxn *txn = begin(fixture);
	g_assert_true(store_mailbox_remove(txn, leaf, &error));
	commit(txn);
	g_autofree char *removed = g_strdup_printf("-1/0:4.eml K1/%d:b R1/%d:b R1/0:a ", (int)a, (int)a);
	g_assert_cmpstr(heard->str, ==, removed);

	g_string_truncate(heard, 0);
	txn = begin(fixture);
	g_assert_true(store_account_ensure(txn, "work", &account, &error));
	g_assert_cmpstr(heard->str, ==, ""); /* not before the commit */
	commit(txn);
	g_assert_cmpstr(heard->str, ==, "A2/0:work ");

	g_string_truncate(heard, 0);
	txn = begin(fixture);
	g_assert_true(store_account_ensure(txn, "third", &account, &error));
	store_rollback(txn);
	txn = begin(fixture);
	g_assert_true(store_account_ensure(txn, "work", &account, &error));
	commit(txn);
	g_assert_cmpstr(heard->str, ==, "");
}

static void
test_changed_follows_entries(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t now = core_clock_wall_s(), parent = make_mailbox(fixture, "a");

	/* In the future, it never goes back; in the past, each change of the entries brings it to now. */
	static const struct {
		int64_t from;
		bool moves;
	} rows[] = { { 5, true }, { INT32_MAX, false } };
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		for (unsigned change = 0; change < 4; change++) {
			g_auto(StoreMailbox) mailbox = { 0 };
			g_autofree char *set = g_strdup_printf("UPDATE mailboxes SET changed = %d", (int)rows[i].from);
			bool moves = rows[i].moves && change != 2;
			sql(fixture, set);
			if (change == 0) {
				add_message(fixture, parent, 1, "x");
			} else if (change == 1) {
				make_mailbox(fixture, i == 0 ? "a/b" : "a/c");
			} else { /* 2: what does not change the entries, 3: the removal */
				StoreTxn *txn = begin(fixture);
				g_assert_true(change == 2 ? store_message_set_flags(txn, parent, 1, "\\Seen", 2, &error)
				                          : store_message_remove_uids(txn, parent, 1, 1, &error));
				commit(txn);
			}
			g_assert_true(store_mailbox_get(fixture->store, parent, &mailbox, &error));
			if (moves)
				g_assert_cmpint(mailbox.changed_s, >=, now);
			else
				g_assert_cmpint(mailbox.changed_s, ==, rows[i].from);
		}
	}
}

static void
test_depth_is_bounded(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) components = g_ptr_array_new();
	static char x[] = "x";
	int64_t id = 0;

	for (unsigned i = 0; i < 5000; i++)
		g_ptr_array_add(components, x);
	g_ptr_array_add(components, NULL);
	StoreTxn *txn = begin(fixture);
	g_assert_false(store_mailbox_ensure(txn, fixture->account, (char **)components->pdata, &id, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_PROTOCOL);
	store_rollback(txn);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("ensure-makes-parents", test_ensure_makes_parents);
	ADD("find", test_find);
	ADD("list-parents-first", test_list_parents_first);
	ADD("children", test_children);
	ADD("state", test_state);
	ADD("becomes-directory", test_becomes_directory);
	ADD("not-selectable-holds-nothing", test_not_selectable_holds_nothing);
	ADD("move/paths", test_move);
	ADD("move/keeps-messages-and-state", test_move_keeps_messages_and_state);
	ADD("move/listener", test_listener_hears_moves);
	ADD("remove/prunes", test_remove_prunes);
	ADD("remove/keeps-children", test_remove_keeps_children);
	ADD("ids-are-never-used-again", test_ids_are_never_used_again);
	ADD("listener", test_listener);
	ADD("changed-follows-entries", test_changed_follows_entries);
	ADD("depth-is-bounded", test_depth_is_bounded);
	return g_test_run();
}
