/* What the tests of changes share: a store with folders and a message, how its operations are told, and what always
 * holds. */
#pragma once

#include "store-fixture.h"

#include "store/operations.h"

typedef struct {
	Fixture base;
	int64_t inbox, a, b, trash; /* I, A, B, T in what is told below */
	int64_t message;            /* UID 1 of INBOX, \Seen */
} World;

static inline int64_t
make_special(Fixture *fixture, const char *path, uint32_t special_use)
{
	int64_t id = make_mailbox(fixture, path);
	StoreTxn *txn = begin(fixture);

	g_assert_true(store_mailbox_set_listing(txn, id, path, '/', STORE_MAILBOX_SELECTABLE | special_use, NULL));
	commit(txn);
	return id;
}

static inline void
world_set_up(World *world, const void *data)
{
	fixture_set_up(&world->base, NULL);
	world->inbox = world->base.inbox;
	world->a = make_mailbox(&world->base, "A");
	world->b = make_mailbox(&world->base, "B");
	world->trash = make_special(&world->base, "T", STORE_MAILBOX_TRASH);
	world->message = add_message(&world->base, world->inbox, 1, "m");
	StoreTxn *txn = begin(&world->base);
	g_assert_true(store_message_set_flags(txn, world->inbox, 1, "\\Seen", 0, NULL));
	commit(txn);
}

static inline void
world_tear_down(World *world, const void *data)
{
	fixture_tear_down(&world->base, NULL);
}

static inline char
letter_of(const World *world, int64_t mailbox)
{
	return mailbox == world->inbox ? 'I' : mailbox == world->a ? 'A' : mailbox == world->b ? 'B'
	       : mailbox == world->trash ? 'T' : mailbox == 0 ? '-' : '?';
}

static inline int64_t
mailbox_of(const World *world, char letter)
{
	return letter == 'I' ? world->inbox : letter == 'A' ? world->a : letter == 'B' ? world->b : world->trash;
}

typedef struct {
	const World *world;
	int64_t message;
	GString *text;
} Telling;

static inline bool
tell_operation(const StoreOperation *operation, void *data)
{
	const Telling *telling = data;
	GString *text = telling->text;

	if (operation->message_id != telling->message)
		return true;
	g_string_append(text, text->str[text->len - 1] == ':' ? " " : ", ");
	if (operation->state != STORE_OPERATION_QUEUED)
		g_string_append_printf(text, "%s ", store_operation_states[operation->state]);
	g_string_append_printf(text, "%s", operation->kind == STORE_OPERATION_MOVE && operation->is_removal
	                                       ? "removal" : store_operation_kinds[operation->kind]);
	if (operation->kind != STORE_OPERATION_FLAGS)
		g_string_append_printf(text, " %c", letter_of(telling->world, operation->mailbox_id));
	if (operation->target_id && operation->kind != STORE_OPERATION_APPEND)
		g_string_append_printf(text, ">%c", letter_of(telling->world, operation->target_id));
	if (operation->heir_id)
		g_string_append(text, " ^");
	if (*operation->add_flags)
		g_string_append_printf(text, " +%s", operation->add_flags);
	if (*operation->remove_flags)
		g_string_append_printf(text, " -%s", operation->remove_flags);
	return true;
}

/* "B: sent move I>A, move A>B": where people see the message, and its open operations, with a ^ those that wait for an heir;
 * "gone". */
static inline char *
tell(World *world, int64_t message)
{
	g_autoptr(GError) error = NULL;
	g_auto(StoreMessage) row = { 0 };
	Telling telling = { world, message, g_string_new(NULL) };

	if (store_message_get(world->base.store, message, &row, &error))
		g_string_printf(telling.text, "%c:", letter_of(world, row.place_id));
	else
		g_string_assign(telling.text, "gone:");
	store_operation_list(world->base.store, world->base.account, tell_operation, &telling, &error);
	g_assert_no_error(error);
	return g_string_free(telling.text, FALSE);
}

/* Each counts what must not be.  What was sent before and is to be sent again is never put together with others. */
static const struct {
	const char *what, *sql;
} invariants[] = {
	{ "rows counted wrongly", "SELECT count(*) FROM mailboxes x WHERE messages <>"
		" (SELECT count(*) FROM messages m WHERE m.mailbox = x.id AND m.uid IS NOT NULL)" },
	{ "seen elsewhere than operations lead", "SELECT count(*) FROM messages m WHERE ifnull(m.place, -1) <> ifnull("
		"(SELECT CASE kind WHEN 'remove' THEN -1 ELSE target END FROM operations WHERE message = m.id AND ended = 0"
		" AND state <> 'failed' AND kind IN ('move', 'remove', 'append', 'copy') ORDER BY id DESC LIMIT 1), m.mailbox)" },
	{ "two deltas of flags in the queue", "SELECT count(*) FROM (SELECT message FROM operations o WHERE kind = 'flags'"
		" AND state = 'queued' AND attempts = 0 AND id > ifnull((SELECT max(id) FROM operations c WHERE"
		" c.source = o.message OR (c.kind = 'copy' AND c.ended <> 0)), 0)" /* of one that is saved over another's by now */
		" GROUP BY message HAVING count(*) > 1)" },
	{ "two moves in the queue", "SELECT count(*) FROM (SELECT message FROM operations WHERE kind = 'move'"
		" AND state = 'queued' AND attempts = 0 GROUP BY message HAVING count(*) > 1)" },
	{ "empty deltas", "SELECT count(*) FROM operations WHERE kind = 'flags' AND ended = 0 AND add_flags = ''"
		" AND remove_flags = ''" },
	{ "messages called as a folder", "SELECT count(*) FROM messages m JOIN mailboxes x ON x.parent = m.place"
		" AND x.name = m.name AND x.state <> 2" },
	{ "uploads without an operation", "SELECT count(*) FROM messages m WHERE state IN (3, 4, 5) AND (SELECT count(*)"
		" FROM operations WHERE message = m.id AND ended = 0 AND kind IN ('append', 'copy')) <> 1" },
	{ "operations of files", "SELECT count(*) FROM messages m JOIN operations o ON o.message = m.id AND o.ended = 0"
		" WHERE m.state IN (7, 8)" },
	{ "heirs of what is not taken away", "SELECT count(*) FROM operations WHERE ended = 0 AND heir IS NOT NULL"
		" AND kind NOT IN ('move', 'remove')" },
	{ "files that are not where they are seen", "SELECT count(*) FROM messages WHERE state IN (7, 8)"
		" AND (place IS NOT mailbox OR uid IS NOT NULL OR body IS NULL)" },
	{ "operations about nothing", "SELECT count(*) FROM operations o WHERE ended = 0 AND message IS NOT NULL"
		" AND NOT EXISTS (SELECT 1 FROM messages WHERE id = o.message)" },
	{ "open and ended", "SELECT count(*) FROM operations WHERE (ended = 0) <> (state IN ('queued', 'sent', 'held',"
		" 'failed'))" },
	{ "folders to be created and no operation", "SELECT count(*) FROM mailboxes x WHERE state = 1 AND NOT EXISTS"
		" (SELECT 1 FROM operations WHERE mailbox = x.id AND ended = 0 AND kind = 'create')" },
	{ "broken references", "SELECT count(*) FROM pragma_foreign_key_check" },
};

static inline void
check_invariants(const World *world, const char *when)
{
	g_autofree char *path = in_dir(&world->base, "mail.db");
	sqlite3 *handle = NULL;

	g_assert_cmpint(sqlite3_open(path, &handle), ==, SQLITE_OK);
	for (unsigned i = 0; i < G_N_ELEMENTS(invariants); i++) {
		sqlite3_stmt *statement = NULL;
		g_assert_cmpint(sqlite3_prepare_v2(handle, invariants[i].sql, -1, &statement, NULL), ==, SQLITE_OK);
		g_assert_cmpint(sqlite3_step(statement), ==, SQLITE_ROW);
		int broken = sqlite3_column_int(statement, 0);
		if (broken != 0)
			g_error("%s: %s (%d)", when, invariants[i].what, broken);
		sqlite3_finalize(statement);
	}
	sqlite3_close(handle);
}

/* The first operation in that state: 0 if there is none. */
static inline int64_t
find_operation(const World *world, const char *state)
{
	g_autofree char *query = g_strdup_printf("SELECT min(id) FROM operations WHERE state = '%s'", state);

	return sql(&world->base, query);
}

#define UNDO_S 3600

static inline int64_t
append_message(World *world, int64_t mailbox, const char *name, const char *bytes)
{
	static const uint8_t header[32] = { 7 };
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreWriter) writer = store_writer_new(world->base.store, &error);
	StoreBody body = write_body(writer, bytes, strlen(bytes));
	StoreAppend append = { .mailbox_id = mailbox, .body = &body, .name = name, .flags = "", .internaldate_s = 5,
		                   .header_sha256 = header };
	int64_t id = 0;

	g_assert_true(store_writer_sync(writer, &error));
	StoreTxn *txn = begin(&world->base);
	store_change_append(txn, &append, &id, &error);
	g_assert_no_error(error);
	commit(txn);
	return id;
}

static inline int64_t
copy_message(World *world, int64_t message, int64_t mailbox)
{
	g_autoptr(GError) error = NULL;
	int64_t id = 0;
	StoreTxn *txn = begin(&world->base);

	store_change_copy(txn, message, mailbox, NULL, false, &id, &error);
	g_assert_no_error(error);
	commit(txn);
	return id;
}

/* Of people: +FLAG -FLAG, >MAILBOX, rm (to the Trash), rm! (there is none), cp (to B); of the one who sends: send (the first
 * that is queued), and of what was sent: copied (a move, of which the removal of the source is left), again, hold, fail. */
static inline void
do_step(World *world, int64_t message, const char *step)
{
	const StoreRemoval to_trash = { world->trash, UNDO_S }, for_good = { 0, UNDO_S };
	g_autoptr(GError) error = NULL;

	if (strcmp(step, "cp") == 0) {
		copy_message(world, message, world->b);
		return;
	}
	int64_t queued = find_operation(world, "queued"), sent = find_operation(world, "sent");
	StoreTxn *txn = begin(&world->base);
	if (strcmp(step, "send") == 0)
		store_operation_send(txn, queued, 1, 1, &error);
	else if (strcmp(step, "fail") == 0)
		store_operation_fail(txn, sent, "no", &error);
	else if (strcmp(step, "copied") == 0)
		store_operation_copied(txn, sent, 9, &error);
	else if (strcmp(step, "again") == 0)
		store_operation_again(txn, sent, 0, NULL, &error);
	else if (strcmp(step, "hold") == 0)
		store_operation_hold(txn, sent, "nobody can tell", &error);
	else if (strcmp(step, "rm") == 0)
		store_change_remove(txn, message, &to_trash, &error);
	else if (strcmp(step, "rm!") == 0)
		store_change_remove(txn, message, &for_good, &error);
	else if (*step == '>')
		store_change_move(txn, message, mailbox_of(world, step[1]), NULL, false, &error);
	else
		store_change_flags(txn, message, *step == '+' ? step + 1 : "", *step == '-' ? step + 1 : "", &error);
	g_assert_no_error(error);
	commit(txn);
}

/* m: one that was pulled; n: one that was appended to A; c: a copy of the first in A. */
static inline int64_t
begin_with(World *world, char what)
{
	return what == 'm' ? world->message
	       : what == 'n' ? append_message(world, world->a, "new.eml", "n") : copy_message(world, world->message, world->a);
}
