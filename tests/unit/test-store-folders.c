/* src/store/changes.h: what users do to folders, and what it means for the messages in them. */
#include "store-changes.h"

#define ADD(path, test) g_test_add("/store-folders/" path, World, NULL, world_set_up, test, world_tear_down)

typedef struct {
	World *world;
	GPtrArray *folders;
	GString *operations;
} Drawing;

static bool
draw_mailbox(const StoreMailbox *mailbox, void *data)
{
	static const char marks[] = { [STORE_MAILBOX_THERE] = ' ', [STORE_MAILBOX_TO_CREATE] = '+', [STORE_MAILBOX_TO_DELETE] = '-' };
	Drawing *drawing = data;
	g_autofree char *path = store_mailbox_path(drawing->world->base.store, mailbox->id, NULL);

	if (strlen(path) == 1 || strcmp(path, "INBOX") == 0)
		return true;
	g_ptr_array_add(drawing->folders, g_strdup_printf("%s%c", path, marks[mailbox->state]));
	return true;
}

static bool
draw_operation(const StoreOperation *operation, void *data)
{
	Drawing *drawing = data;

	if (operation->message_id != 0)
		return true;
	g_string_append_printf(drawing->operations, "%s%s%s", drawing->operations->len ? ", " : "",
	                       operation->state == STORE_OPERATION_QUEUED ? "" : store_operation_states[operation->state],
	                       operation->state == STORE_OPERATION_QUEUED ? "" : " ");
	g_string_append(drawing->operations, store_operation_kinds[operation->kind]);
	if (operation->kind == STORE_OPERATION_RENAME)
		g_string_append_printf(drawing->operations, " %s>%s", operation->former, operation->arguments);
	return true;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "a b+ c-: create, rename a>b": folders but for I, A, B, T; + to be created, - to be deleted; what is open of them. */
static char *
draw(World *world)
{
	g_autoptr(GPtrArray) folders = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GString) operations = g_string_new(NULL);
	Drawing drawing = { world, folders, operations };

	g_assert_true(store_mailbox_list(world->base.store, world->base.account, draw_mailbox, &drawing, NULL));
	g_assert_true(store_operation_list(world->base.store, world->base.account, draw_operation, &drawing, NULL));
	g_ptr_array_sort(folders, compare);
	g_ptr_array_add(folders, NULL);
	g_autofree char *list = g_strjoinv("", (char **)folders->pdata);
	g_autofree char *drawn = g_strdup_printf("%s: %s", list, operations->str);
	g_autoptr(GRegex) private_name = g_regex_new("-removed-[0-9a-f]{8}", 0, 0, NULL);
	return g_regex_replace_literal(private_name, drawn, -1, 0, "~", 0, NULL);
}

static int64_t
find_path(World *world, const char *path)
{
	g_auto(GStrv) components = g_strsplit(path, "/", -1);
	int64_t id = 0;

	for (char **component = components; *component; component++) {
		g_auto(StoreMailbox) mailbox = { 0 };
		if (!store_mailbox_find(world->base.store, world->base.account, id, *component, &mailbox, NULL))
			g_error("no folder %s", path);
		id = mailbox.id;
	}
	return id;
}

/* Begins with the mailboxes xx and xx/yy, and dd/ee, whose dd is only a directory.  Steps: mkdir, mv, rmdir, and of the
 * one who sends: send, done (as it is called here) and fail. */
static const struct {
	const char *steps, *drawn;
} rows[] = {
	{ "mkdir:new", "dd dd/ee new+xx xx/yy : create" },
	{ "mkdir:dd", "dd+dd/ee xx xx/yy : create" },
	{ "mkdir:new/sub", "dd dd/ee new new/sub+xx xx/yy : create" },
	{ "mkdir:new mkdir:new/sub", "dd dd/ee new+new/sub+xx xx/yy : create, create" },
	{ "mkdir:new mv:new:other", "dd dd/ee other+xx xx/yy : create" },
	{ "mkdir:new mv:new:xx/new", "dd dd/ee xx xx/new+xx/yy : create" },
	{ "mkdir:new mkdir:new/sub mv:new:other", "dd dd/ee other+other/sub+xx xx/yy : create, create" },
	{ "mkdir:new rmdir:new", "dd dd/ee xx xx/yy : " },
	{ "mkdir:new send mv:new:other", "dd dd/ee other+xx xx/yy : sent create, rename new>other" },
	{ "mkdir:new send rmdir:new", "dd dd/ee new-xx xx/yy : sent create, delete" },
	{ "mkdir:new send rmdir:new done", "dd dd/ee new-xx xx/yy : delete" },
	{ "mkdir:new send rmdir:new done send done", "dd dd/ee xx xx/yy : " },
	{ "mkdir:new send rmdir:new fail", "dd dd/ee xx xx/yy : " },
	{ "mkdir:new send fail", "dd dd/ee new+xx xx/yy : failed create" },
	{ "mkdir:new send fail mv:new:other", "dd dd/ee other+xx xx/yy : create" },
	{ "mkdir:new send fail rmdir:new", "dd dd/ee xx xx/yy : " },
	{ "mkdir:new send done mv:new:other", "dd dd/ee other xx xx/yy : rename new>other" },
	{ "mkdir:new mv:xx:new/xx mv:new:other", "dd dd/ee other+other/xx other/xx/yy : create, rename xx>other/xx" },
	{ "mkdir:new mv:xx:new/xx mkdir:more mv:new:other",
	  "dd dd/ee more+other+other/xx other/xx/yy : rename xx>new/xx, create, rename new/xx>other/xx, create" },
	{ "mkdir:new mv:xx:zz mv:new:xx", "dd dd/ee xx+zz zz/yy : rename xx>zz, create" },
	{ "mkdir:xx/new mv:xx:zz", "dd dd/ee zz zz/new+zz/yy : rename xx>zz, create" },
	{ "mkdir:new rmdir:xx/yy mv:new:xx/yy", "dd dd/ee xx xx/yy : " },
	{ "mkdir:new rmdir:xx/yy send mv:new:xx/yy", "dd dd/ee xx xx/yy+xx/yy~-: sent create, delete, rename xx/yy>xx/yy~, rename new>xx/yy" },
	{ "mkdir:new mkdir:new/yy mkdir:new/zz rmdir:xx/yy rmdir:xx mv:new:xx", "dd dd/ee xx xx/yy xx/zz+: create" },

	{ "mv:xx:zz", "dd dd/ee zz zz/yy : rename xx>zz" },
	{ "mv:xx:zz mv:zz:ww", "dd dd/ee ww ww/yy : rename xx>ww" },
	{ "mv:xx:zz mv:zz:xx", "dd dd/ee xx xx/yy : " },
	{ "mv:xx:zz send mv:zz:xx", "dd dd/ee xx xx/yy : sent rename xx>zz, rename zz>xx" },
	{ "mv:xx:zz mkdir:xx mv:zz:ww", "dd dd/ee ww ww/yy xx+: rename xx>zz, create, rename zz>ww" },
	{ "mv:xx:zz mv:zz/yy:zz/kk mv:zz:ww", "dd dd/ee ww ww/kk : rename xx>zz, rename zz/yy>zz/kk, rename zz>ww" },
	{ "mv:xx/yy:yy", "dd dd/ee xx yy : rename xx/yy>yy" },
	{ "mv:dd:zz", "xx xx/yy zz zz/ee : rename dd/ee>zz/ee" },
	{ "mv:dd/ee:ee", "ee xx xx/yy : rename dd/ee>ee" },
	{ "mv:xx:new/sub/xx", "dd dd/ee new new/sub new/sub/xx new/sub/xx/yy : rename xx>new/sub/xx" },
	{ "mv:xx:zz send fail", "dd dd/ee xx xx/yy : failed rename xx>zz" },
	{ "mv:xx:zz send fail mv:xx:ww", "dd dd/ee ww ww/yy : rename xx>ww" },

	{ "rmdir:xx/yy", "dd dd/ee xx xx/yy-: delete" },
	{ "rmdir:xx/yy rmdir:xx", "dd dd/ee xx-xx/yy-: delete, delete" },
	{ "rmdir:xx/yy mkdir:xx/yy", "dd dd/ee xx xx/yy : " },
	{ "rmdir:xx/yy rmdir:xx mkdir:xx", "dd dd/ee xx xx/yy-: delete" },
	{ "rmdir:xx/yy rmdir:xx mkdir:xx/yy", "dd dd/ee xx xx/yy : " },
	{ "rmdir:xx/yy rmdir:xx mv:dd/ee:xx/ee", "xx xx/ee xx/yy-: delete, rename dd/ee>xx/ee" },
	{ "rmdir:xx/yy send mkdir:xx/yy", "dd dd/ee xx xx/yy+xx/yy-: sent delete, create" },
	{ "rmdir:dd/ee rmdir:dd", "dd-dd/ee-xx xx/yy : delete" },
	{ "rmdir:dd/ee rmdir:dd send done", "xx xx/yy : " },
	{ "rmdir:xx/yy send fail", "dd dd/ee xx xx/yy : failed delete" },
	{ "mv:xx:zz rmdir:zz/yy rmdir:zz", "dd dd/ee zz-zz/yy-: rename xx>zz, delete, delete" },

	/* What comes to the path of one that is to be deleted does not wait for that: ~ is its private name. */
	{ "rmdir:xx/yy rmdir:xx mv:dd/ee:xx", "xx xx~-xx~/yy-: delete, delete, rename xx>xx~, rename dd/ee>xx" },
	{ "rmdir:xx/yy rmdir:xx mv:dd/ee:xx mkdir:xx/new", "xx xx~-xx~/yy-xx/new+: delete, delete, rename xx>xx~, rename dd/ee>xx, create" },
	{ "rmdir:xx/yy mv:dd/ee:xx/yy", "xx xx/yy xx/yy~-: delete, rename xx/yy>xx/yy~, rename dd/ee>xx/yy" },
	{ "rmdir:xx/yy mv:dd/ee:xx/yy rmdir:xx/yy mkdir:xx/yy", "xx xx/yy xx/yy~-: delete, rename xx/yy>xx/yy~, rename dd/ee>xx/yy" },
	{ "rmdir:dd/ee rmdir:dd mv:xx:dd", "dd dd~-dd/yy : delete, rename dd/ee>dd~, rename xx>dd" },
	{ "rmdir:xx/yy send mv:dd/ee:xx/yy", "xx xx/yy xx/yy-: sent delete, rename dd/ee>xx/yy" },
	{ "rmdir:xx/yy mv:dd/ee:xx/yy send fail", "xx xx/yy xx/yy~ : failed delete, rename xx/yy>xx/yy~, rename dd/ee>xx/yy" },
	{ "rmdir:xx/yy mv:dd/ee:xx/yy send done", "xx xx/yy : rename dd/ee>xx/yy" },
	{ "mkdir:new mv:xx/yy:new/yy rmdir:xx mv:new:xx", "dd dd/ee xx xx/yy : " },
	{ "mkdir:new mv:xx/yy:new/yy rmdir:new/yy mv:new:zz", "dd dd/ee xx zz+zz/yy~-: rename xx/yy>new/yy, delete, rename new/yy>zz/yy~, create" },
	{ "rmdir:dd/ee mv:dd:zz", "xx xx/yy zz zz/ee~-: delete, rename dd/ee>zz/ee~" },
	{ "rmdir:xx/yy mv:xx:zz", "dd dd/ee zz zz/yy-: delete, rename xx>zz" },
};

/* What the server answers to the one that was sent. */
static void
settle(World *world, StoreTxn *txn, bool done, GError **error)
{
	int64_t id = find_operation(world, "sent");
	g_autofree char *query = g_strdup_printf("SELECT mailbox FROM operations WHERE id = %d", (int)id);
	g_autofree char *path = store_mailbox_path(world->base.store, sql(&world->base, query), NULL);
	g_autofree char *is_delete = g_strdup_printf("SELECT kind = 'delete' FROM operations WHERE id = %d", (int)id);

	if (!done)
		store_operation_fail(txn, id, "no", error);
	else if (sql(&world->base, is_delete))
		store_operation_done_deleted(txn, id, error);
	else
		store_operation_done_mailbox(txn, id, path, '/', error);
}

static bool
take_step(World *world, const char *step, GError **error)
{
	g_auto(GStrv) words = g_strsplit(step, ":", -1);
	const char *first = words[1];
	int64_t about = first && *step != 'm' ? find_path(world, first) : first && step[1] == 'v' ? find_path(world, first) : 0;
	int64_t queued = find_operation(world, "queued"), id;
	StoreTxn *txn = begin(&world->base);
	bool ok = true;

	if (strcmp(words[0], "mkdir") == 0) {
		g_auto(GStrv) components = g_strsplit(first, "/", -1);
		ok = store_change_create(txn, world->base.account, components, 0, &id, error);
	} else if (strcmp(words[0], "mv") == 0) {
		ok = store_change_rename(txn, about, words[2], error);
	} else if (strcmp(words[0], "rmdir") == 0) {
		ok = store_change_delete(txn, about, error);
	} else if (strcmp(step, "send") == 0) {
		ok = store_operation_send(txn, queued, 0, 0, error);
	} else {
		settle(world, txn, strcmp(step, "done") == 0, error);
	}
	commit(txn);
	check_invariants(world, step);
	return ok;
}

static void
make_folders(World *world)
{
	make_mailbox(&world->base, "xx");
	make_mailbox(&world->base, "xx/yy");
	make_mailbox(&world->base, "dd/ee");
}

static void
test_row(World *world, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_auto(GStrv) steps = g_strsplit(rows[GPOINTER_TO_UINT(data)].steps, " ", -1);

	make_folders(world);
	for (char **step = steps; *step; step++) {
		take_step(world, *step, &error);
		g_assert_no_error(error);
	}
	g_autofree char *drawn = draw(world);
	g_assert_cmpstr(drawn, ==, rows[GPOINTER_TO_UINT(data)].drawn);
}

static void
test_refusals(World *world, const void *data)
{
	static const char *const refused[] = {
		"mkdir:xx", "mkdir:INBOX", "mv:INBOX:other", "mv:xx:xx/yy/zz", "mv:xx:A", "mv:A:dd", "rmdir:INBOX", "rmdir:T",
		"rmdir:xx", "rmdir:dd", "rmdir:A",
	};

	make_folders(world);
	add_message(&world->base, world->a, 5, "x");
	g_autofree char *before = draw(world);
	for (unsigned i = 0; i < G_N_ELEMENTS(refused); i++) {
		g_autoptr(GError) error = NULL;
		g_assert_false(take_step(world, refused[i], &error));
		g_assert_error(error, CORE_ERROR, CORE_ERROR_REFUSED);
	}
	g_autofree char *after = draw(world);
	g_assert_cmpstr(after, ==, before);
	StoreTxn *txn = begin(&world->base);
	g_autoptr(GError) error = NULL;
	g_assert_false(store_change_rename(txn, 999, "new", &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_NOT_FOUND);
	commit(txn);
}

static void
test_deleted_folder_is_not_seen(World *world, const void *data)
{
	g_auto(StoreMailbox) mailbox = { 0 };
	g_autoptr(GError) error = NULL;
	int64_t id;

	make_folders(world);
	int64_t gone = find_path(world, "xx/yy"), above = find_path(world, "xx");
	take_step(world, "rmdir:xx/yy", &error);
	g_assert_false(store_mailbox_find(world->base.store, world->base.account, above, "yy", &mailbox, &error));
	g_assert_true(store_mailbox_get(world->base.store, gone, &mailbox, &error));
	g_assert_cmpint(mailbox.state, ==, STORE_MAILBOX_TO_DELETE);
	StoreTxn *txn = begin(&world->base);
	g_assert_false(store_change_move(txn, world->message, gone, NULL, false, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_NOT_FOUND);
	g_clear_error(&error);
	g_assert_false(store_change_delete(txn, gone, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_NOT_FOUND);
	g_clear_error(&error);
	/* A name that it has no more. */
	bool taken = true;
	g_assert_true(store_name_taken(txn, above, "yy", 0, &taken, &error));
	g_assert_false(taken);
	g_assert_true(store_mailbox_special(txn, world->base.account, STORE_MAILBOX_TRASH, &id, &error));
	g_assert_cmpint(id, ==, world->trash);
	g_assert_true(store_mailbox_special(txn, world->base.account, STORE_MAILBOX_JUNK, &id, &error));
	g_assert_cmpint(id, ==, 0);
	commit(txn);
}

static void
test_folder_with_messages_moved_in(World *world, const void *data)
{
	g_autoptr(GError) error = NULL;

	take_step(world, "mkdir:new", &error);
	int64_t id = find_path(world, "new");
	StoreTxn *txn = begin(&world->base);
	g_assert_true(store_change_move(txn, world->message, id, NULL, false, &error));
	g_assert_false(store_change_delete(txn, id, &error)); /* not empty any more */
	g_assert_error(error, CORE_ERROR, CORE_ERROR_REFUSED);
	g_clear_error(&error);
	g_assert_true(store_change_move(txn, world->message, world->a, NULL, false, &error));
	g_assert_true(store_change_delete(txn, id, &error));
	commit(txn);
	g_autofree char *told = tell(world, world->message);
	g_assert_cmpstr(told, ==, "A: move I>A");
	check_invariants(world, "moved out again");
}

/* It has its private name already; nobody takes that back while something else is where it was. */
static void
test_hidden_folder_is_taken_back(World *world, const void *data)
{
	g_autoptr(GError) error = NULL;
	unsigned count = 0;

	make_folders(world);
	take_step(world, "rmdir:xx/yy", &error);
	take_step(world, "mv:dd/ee:xx/yy", &error);
	int64_t deletion = sql(&world->base, "SELECT id FROM operations WHERE kind = 'delete'");
	int64_t rename = sql(&world->base, "SELECT min(id) FROM operations WHERE kind = 'rename'");
	StoreTxn *txn = begin(&world->base);
	g_assert_false(store_operation_undo(txn, world->base.account, rename, &count, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_REFUSED);
	g_clear_error(&error);
	g_assert_true(store_operation_undo(txn, world->base.account, deletion, &count, &error));
	commit(txn);
	g_autofree char *drawn = draw(world);
	g_assert_cmpstr(drawn, ==, "xx xx/yy xx/yy~ : rename xx/yy>xx/yy~, rename dd/ee>xx/yy");
	check_invariants(world, "undo");
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *steps = g_strdelimit(g_strdup(rows[i].steps), "/", '.');
		g_autofree char *path = g_strconcat("/store-folders/row/", steps, NULL);
		g_test_add(path, World, GUINT_TO_POINTER(i), world_set_up, test_row, world_tear_down);
	}
	ADD("refusals", test_refusals);
	ADD("deleted-folder-is-not-seen", test_deleted_folder_is_not_seen);
	ADD("folder-with-messages-moved-in", test_folder_with_messages_moved_in);
	ADD("hidden-folder-is-taken-back", test_hidden_folder_is_taken_back);
	return g_test_run();
}
