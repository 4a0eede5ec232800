/* What the tests of changes share: a store with folders and a message, how its operations are told, and what always holds. */
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
	if (*operation->add_flags)
		g_string_append_printf(text, " +%s", operation->add_flags);
	if (*operation->remove_flags)
		g_string_append_printf(text, " -%s", operation->remove_flags);
	return true;
}

/* "B: sent move I>A, move A>B": where people see the message, and its open operations; "gone". */
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

/* Each counts what must not be. */
static const struct {
	const char *what, *sql;
} invariants[] = {
	{ "rows counted wrongly", "SELECT count(*) FROM mailboxes x WHERE messages <>"
		" (SELECT count(*) FROM messages m WHERE m.mailbox = x.id AND m.uid IS NOT NULL)" },
	{ "seen elsewhere than operations lead", "SELECT count(*) FROM messages m WHERE ifnull(m.place, -1) <> ifnull("
		"(SELECT CASE kind WHEN 'remove' THEN -1 ELSE target END FROM operations WHERE message = m.id AND ended = 0"
		" AND state <> 'failed' AND kind IN ('move', 'remove', 'append', 'copy') ORDER BY id DESC LIMIT 1), m.mailbox)" },
	{ "two deltas of flags in the queue", "SELECT count(*) FROM (SELECT message FROM operations o WHERE kind = 'flags'"
		" AND state = 'queued' AND id > ifnull((SELECT max(id) FROM operations c WHERE c.source = o.message"
		" AND c.ended = 0), 0) GROUP BY message HAVING count(*) > 1)" },
	{ "two moves in the queue", "SELECT count(*) FROM (SELECT message FROM operations WHERE kind = 'move'"
		" AND state = 'queued' GROUP BY message HAVING count(*) > 1)" },
	{ "empty deltas", "SELECT count(*) FROM operations WHERE kind = 'flags' AND ended = 0 AND add_flags = ''"
		" AND remove_flags = ''" },
	{ "messages called as a folder", "SELECT count(*) FROM messages m JOIN mailboxes x ON x.parent = m.place"
		" AND x.name = m.name AND x.state <> 2" },
	{ "uploads without an operation", "SELECT count(*) FROM messages m WHERE state IN (3, 4, 5) AND (SELECT count(*)"
		" FROM operations WHERE message = m.id AND ended = 0 AND kind IN ('append', 'copy')) <> 1" },
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
	for (unsigned i = 0; i < G_N_ELEMENTS(invariants); i++) {
		int64_t broken = sql(&world->base, invariants[i].sql);
		if (broken != 0)
			g_error("%s: %s (%d)", when, invariants[i].what, (int)broken);
	}
}

/* The first operation in that state: 0 if there is none. */
static inline int64_t
find_operation(const World *world, const char *state)
{
	g_autofree char *query = g_strdup_printf("SELECT min(id) FROM operations WHERE state = '%s'", state);

	return sql(&world->base, query);
}
