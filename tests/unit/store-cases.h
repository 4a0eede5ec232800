/* Cases of what becomes of operations: those that are there, what is done, what the rows are then, and what the listener
 * heard. */
#pragma once

#include "store-names.h"
#include "store-operations.h"

typedef struct {
	const char *what;
	const char *with; /* SQL before */
	const char *operations;
	const char *action;   /* "fail 1 why": see act(); several, separated by '|', are one transaction */
	const char *expected; /* changes_between() */
	const char *heard;    /* "added PLACE/NAME", … */
} Case;

/* "confirm COUNT", "retry COUNT", "undo ID COUNT". */
static inline bool
ask(StoreTxn *txn, const char *name, int64_t first, unsigned second, GError **error)
{
	bool is_undo = g_str_equal(name, "undo");
	unsigned count = 0;

	if (is_undo ? !store_operation_undo(txn, 1, first, &count, error)
	            : g_str_equal(name, "confirm") ? !store_operation_confirm(txn, 0, &count, error)
	                                           : !store_operation_retry(txn, 1, &count, error))
		return false;
	g_assert_cmpuint(count, ==, is_undo ? second : (unsigned)first);
	return true;
}

/* The words of an action: its name, an operation's id, what else it takes; "-" is NULL. */
static inline bool
act(Fixture *fixture, StoreTxn *txn, char **words, GError **error)
{
	const char *first = words[1] ? words[2] : NULL, *second = first ? words[3] : NULL;
	int64_t id = words[1] ? g_ascii_strtoll(words[1], NULL, 10) : 0;
	const char *text = g_strcmp0(first, "-") == 0 ? NULL : first;
	uint32_t number = first ? (uint32_t)g_ascii_strtoull(first, NULL, 10) : 0;
	const char *name = *words;

	if (g_str_equal(name, "send"))
		return store_operation_send(txn, id, number, 0, error);
	if (g_str_equal(name, "arguments"))
		return store_operation_set_arguments(txn, id, text, error);
	if (g_str_equal(name, "copied"))
		return store_operation_copied(txn, id, number, error);
	if (g_str_equal(name, "again"))
		return store_operation_again(txn, id, number, g_strcmp0(second, "-") == 0 ? NULL : second, error);
	if (g_str_equal(name, "hold"))
		return store_operation_hold(txn, id, text, error);
	if (g_str_equal(name, "fail"))
		return store_operation_fail(txn, id, text, error);
	if (g_str_equal(name, "flags"))
		return store_operation_done_flags(txn, id, text, (uint64_t)g_ascii_strtoull(second, NULL, 10), error);
	if (g_str_equal(name, "uid"))
		return store_operation_done_uid(txn, id, number, g_strcmp0(second, "-") == 0 ? NULL : second, error);
	if (g_str_equal(name, "gone"))
		return store_operation_done_gone(txn, id, error);
	if (g_str_equal(name, "mailbox"))
		return store_operation_done_mailbox(txn, id, text, *second, error);
	if (g_str_equal(name, "deleted"))
		return store_operation_done_deleted(txn, id, error);
	if (g_str_equal(name, "instead"))
		return store_operation_append_instead(txn, id, error);
	return ask(txn, name, id, number, error);
}

static inline void
act_all(Fixture *fixture, const Case *row)
{
	g_auto(GStrv) actions = g_strsplit(row->action, "|", -1);
	StoreTxn *txn = begin(fixture);

	for (char **action = actions; *action; action++) {
		g_autoptr(GError) error = NULL;
		bool refused = **action == '!';
		/* The last word takes the rest, so that it can have spaces. */
		g_auto(GStrv) words = g_strsplit(*action + refused, " ", g_str_has_prefix(*action, "fail") ? 3 : 4);
		bool ok = act(fixture, txn, words, &error);
		if (!refused)
			g_assert_no_error(error);
		if (ok == refused || (refused && error->code != CORE_ERROR_NOT_FOUND))
			g_error("%s: %s: %s", row->what, *action, error ? error->message : "no error");
	}
	commit(txn);
}

typedef struct {
	GString *text;
	Names *names;
} Heard;

static inline void
listen(const StoreChange *changes, size_t count, void *data)
{
	static const char *const kinds[] = { "added", "removed", "renamed", "flags", "content",
		                               "added folder", "removed folder", "account" };
	const Heard *of = data;
	GString *heard = of->text;

	names_hear(of->names, changes, count);
	for (size_t i = 0; i < count; i++) {
		bool folder = changes[i].kind >= STORE_CHANGE_MAILBOX_ADDED;
		g_string_append_printf(heard, "%s%s %" G_GINT64_FORMAT "/%s", heard->len > 0 ? ", " : "", kinds[changes[i].kind],
		                       folder ? changes[i].parent_id : changes[i].mailbox_id, changes[i].name);
	}
}

static inline void
run_case(const Case *row)
{
	Fixture fixture = { 0 };
	g_autoptr(GString) heard = g_string_new(NULL);
	g_autoptr(GHashTable) told = names_new();
	Heard hearing = { heard, told };

	world_set_up(&fixture, NULL);
	sql_all(&fixture, row->with);
	insert_operations(&fixture, row->operations);
	g_autofree char *before = dump(&fixture);
	g_autoptr(GHashTable) names = names_list(fixture.store);
	store_listen(fixture.store, listen, &hearing);
	store_maildir_listen(fixture.store);
	act_all(&fixture, row);
	g_autofree char *after = dump(&fixture), *changed = changes_between(before, after);
	if (strcmp(changed, row->expected) != 0)
		g_error("%s:\n  is        %s\n  should be %s", row->what, changed, row->expected);
	g_autoptr(GHashTable) now = names_list(fixture.store);
	names_assert_heard(names, now, told, row->what);
	if (strcmp(heard->str, row->heard) != 0)
		g_error("%s:\n  heard       %s\n  should have %s", row->what, heard->str, row->heard);
	g_assert_cmpint(sql(&fixture, "SELECT count(*) FROM pragma_foreign_key_check"), ==, 0);
	g_assert_cmpint(sql(&fixture, "SELECT count(*) FROM mailboxes x WHERE messages <> (SELECT count(*) FROM messages"
	                              " WHERE mailbox = x.id AND uid IS NOT NULL)"), ==, 0);
	g_assert_cmpint(sql(&fixture, "SELECT count(*) FROM operations WHERE (ended = 0) <>"
	                              " (state NOT IN ('done', 'cancelled'))"), ==, 0);
	store_listen(fixture.store, NULL, NULL);
	fixture_tear_down(&fixture, NULL);
}
