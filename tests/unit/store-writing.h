/* What the tests of files share: steps of who writes them, and how all rows are told. */
#pragma once

#include "store-changes.h"

#include "store/files.h"

#define LATER 4000000000 /* when nothing of the sort is due */

static const uint8_t header[32] = { 7 };

/* Steps of do_step(), and of who writes files.  V is what is written, one letter: small ones are files, others messages.
 *
 *   w:V      the file or message has the bytes V now; w!:V the same, with its own removal for good (as in Drafts)
 *   t:N      its time
 *   new:V    another row, in A, called "V", which comes to be the one that the other steps are about
 *   over:M   it is renamed to the place and name of m (M) or of the row before (N); over!:M as w!
 *   mv:IV    it is renamed: to the folder I, and called "V"
 *   up       its upload is sent
 *   undo     and taken back
 *   after:V  as new:V, and it takes over what the row before has been; aside: that was called otherwise for it
 *   drop     the row before is removed
 *   done     what was sent first is done, as UID 50
 *   gone     the server no longer has m
 *   renum    INBOX has a new UIDVALIDITY */
typedef struct {
	World *world;
	int64_t id, before; /* the row that is written, and the one before */
	int64_t renamed_in; /* where something was renamed last */
} Writing;

static inline StoreBody
write_letter(World *world, StoreWriter **writer_r, const char *letter)
{
	g_autoptr(GError) error = NULL;

	*writer_r = store_writer_new(world->base.store, &error);
	StoreBody body = write_body(*writer_r, letter, 1);
	store_writer_sync(*writer_r, &error);
	g_assert_no_error(error);
	return body;
}

static inline bool
is_file(const char *letter)
{
	return g_ascii_islower(*letter);
}

static const StoreRemoval *
removal(const World *world, bool is_for_good)
{
	static StoreRemoval how;

	how = (StoreRemoval){ is_for_good ? 0 : world->trash, UNDO_S, 999 /* is not looked at */ };
	return &how;
}

static inline void
write_over(Writing *writing, const char *letter, bool is_for_good)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreWriter) writer = NULL;
	StoreBody body = write_letter(writing->world, &writer, letter);
	StoreFile file = {
		.id = writing->id,
		.state = is_file(letter) ? STORE_MESSAGE_FILE : STORE_MESSAGE_TO_APPEND,
		.body = &body,
		.header_sha256 = is_file(letter) ? NULL : header,
		.time_s = 77,
		.not_before_s = 3,
	};
	StoreTxn *txn = begin(&writing->world->base);

	store_file_save(txn, &file, removal(writing->world, is_for_good), &error);
	g_assert_no_error(error);
	commit(txn);
}

static inline int64_t
reserve(World *world, unsigned count)
{
	g_autoptr(GError) error = NULL;
	int64_t first = 0;
	StoreTxn *txn = begin(&world->base);

	store_file_reserve(txn, count, &first, &error);
	g_assert_no_error(error);
	commit(txn);
	return first;
}

static inline void
write_new(Writing *writing, const char *letter, int64_t predecessor)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreWriter) writer = NULL;
	World *world = writing->world;
	StoreBody body = write_letter(world, &writer, letter);
	StoreFile file = {
		.id = reserve(world, 1),
		.mailbox_id = world->a,
		.name = letter,
		.name_is_users = true,
		.state = is_file(letter) ? STORE_MESSAGE_FILE : STORE_MESSAGE_TO_APPEND,
		.body = &body,
		.header_sha256 = is_file(letter) ? NULL : header,
		.time_s = 66,
		.predecessor_id = predecessor,
	};
	StoreTxn *txn = begin(&world->base);

	store_file_save(txn, &file, removal(world, false), &error);
	g_assert_no_error(error);
	commit(txn);
	writing->before = writing->id;
	writing->id = file.id;
}

static inline void
rename_to(Writing *writing, int64_t target, int64_t mailbox, const char *name, bool is_for_good)
{
	g_autoptr(GError) error = NULL;
	g_auto(StoreMessage) row = { 0 }, over = { 0 };
	World *world = writing->world;
	StoreFileRename how = { .id = writing->id, .target_id = target, .mailbox_id = mailbox, .name = name,
		                    .name_is_users = true, .not_before_s = 4 };

	g_assert_true(store_message_get(world->base.store, writing->id, &row, NULL));
	if (target)
		g_assert_true(store_message_get(world->base.store, target, &over, NULL));
	how.mailbox_id = writing->renamed_in = target ? over.place_id : mailbox;
	how.name = target ? over.name : name;
	g_autofree char *bytes = read_message(&world->base, writing->id);
	/* By its content, or, as with editors' names, by that. */
	how.state = (!bytes || g_ascii_isupper(*bytes)) && *how.name != '~' ? STORE_MESSAGE_TO_APPEND : STORE_MESSAGE_FILE;
	how.header_sha256 = how.state == STORE_MESSAGE_FILE ? NULL : header;
	StoreTxn *txn = begin(&world->base);
	store_file_rename(txn, &how, removal(world, is_for_good), &error);
	g_assert_no_error(error);
	commit(txn);
}

static inline void
upload_step(Writing *writing, bool is_undo)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *query = g_strdup_printf("SELECT id FROM operations WHERE message = %d AND kind IN ('append', 'copy')"
	                                         " AND ended = 0", (int)writing->id);
	int64_t id = sql(&writing->world->base, query);
	unsigned count;
	StoreTxn *txn = begin(&writing->world->base);

	if (is_undo)
		store_operation_undo(txn, 0, id, &count, &error);
	else
		store_operation_send(txn, id, 1, 1, &error);
	g_assert_no_error(error);
	commit(txn);
}

static inline bool
is_editors(const char *name)
{
	return *name == '~';
}

static inline void
put_aside(Writing *writing)
{
	g_autoptr(GError) error = NULL;
	StoreTxn *txn = begin(&writing->world->base);

	store_file_put_aside(txn, writing->before, writing->id, writing->renamed_in, is_editors,
	                     removal(writing->world, false), &error);
	g_assert_no_error(error);
	commit(txn);
}

static inline void
server_step(Writing *writing, const char *step)
{
	g_autoptr(GError) error = NULL;
	World *world = writing->world;
	int64_t sent = find_operation(world, "sent");
	StoreTxn *txn = begin(&world->base);

	if (strcmp(step, "done") == 0)
		store_operation_done_uid(txn, sent, 50, NULL, &error);
	else if (strcmp(step, "gone") == 0)
		store_message_remove_uids(txn, world->inbox, 1, 1, &error);
	else
		store_mailbox_forget_uids(txn, world->inbox, 2, &error);
	g_assert_no_error(error);
	commit(txn);
}

static inline void
set_time(Writing *writing, const char *text)
{
	g_autoptr(GError) error = NULL;
	StoreTxn *txn = begin(&writing->world->base);

	store_file_set_time(txn, writing->id, g_ascii_strtoll(text, NULL, 10), 5, &error);
	g_assert_no_error(error);
	commit(txn);
}

static inline void
write_step(Writing *writing, const char *step)
{
	World *world = writing->world;
	const char *what = strchr(step, ':');
	bool is_for_good = what && what > step && what[-1] == '!';

	if (what)
		what++;
	if (g_str_has_prefix(step, "w"))
		write_over(writing, what, is_for_good);
	else if (g_str_has_prefix(step, "t:"))
		set_time(writing, what);
	else if (g_str_has_prefix(step, "new:"))
		write_new(writing, what, 0);
	else if (g_str_has_prefix(step, "after:"))
		write_new(writing, what, writing->id);
	else if (g_str_has_prefix(step, "over"))
		rename_to(writing, *what == 'M' ? world->message : writing->before, 0, NULL, is_for_good);
	else if (g_str_has_prefix(step, "mv:"))
		rename_to(writing, 0, mailbox_of(world, *what), what + 1, false);
	else if (strcmp(step, "aside") == 0)
		put_aside(writing);
	else if (strcmp(step, "drop") == 0)
		do_step(world, writing->before, "rm");
	else if (strcmp(step, "undo") == 0 || strcmp(step, "up") == 0)
		upload_step(writing, *step == 'u' && step[1] == 'n');
	else if (strcmp(step, "done") == 0 || strcmp(step, "gone") == 0 || strcmp(step, "renum") == 0)
		server_step(writing, step);
	else
		do_step(world, writing->id, step);
}

static inline bool
tell_row(GString *text, World *world, int64_t id)
{
	static const char *const kinds[] = { "", "", "local ", "", "refused ", "", "", "file ", "tmp " };
	g_auto(StoreMessage) row = { 0 };

	if (!store_message_get(world->base.store, id, &row, NULL))
		return false;
	g_autofree char *bytes = read_message(&world->base, id), *told = tell(world, id);
	g_autofree char *flags = store_message_flags(world->base.store, id, NULL);
	g_string_append_printf(text, "%s%s%s %s%s%s@%d%s", text->len ? "; " : "", kinds[row.state], bytes ? bytes : "-",
	                       row.name ? row.name : "-", *flags ? " " : "", flags, (int)row.internaldate_s,
	                       row.dated == STORE_DATED_BY_USER ? "!" : "");
	g_string_append_printf(text, " %s", told);
	return true;
}

/* "BYTES NAME FLAGS@TIME PLACE: OPERATIONS" of all messages, with a ! a time that the user has set. */
static inline char *
tell_all(World *world)
{
	GString *text = g_string_new(NULL);
	int64_t last = sql(&world->base, "SELECT max(id) FROM messages");

	for (int64_t id = 1; id <= last; id++)
		tell_row(text, world, id);
	return g_string_free(text, FALSE);
}

static inline bool
note_task(const StoreTask *task, void *data)
{
	GString *text = data;

	g_string_append_printf(text, "%s%s", text->len > 0 ? " " : "", store_operation_kinds[task->operation.kind]);
	return true;
}

/* What could be sent. */
static inline char *
list_tasks(World *world, int64_t irreversible_now_s)
{
	g_autoptr(GError) error = NULL;
	GString *text = g_string_new(NULL);

	store_task_list(world->base.store, world->base.account, INT64_MAX, irreversible_now_s, note_task, text, &error);
	g_assert_no_error(error);
	return g_string_free(text, FALSE);
}
