/* src/store/files.h: what becomes of files and messages that are saved over and renamed. */
#include "store-changes.h"

#include "store/files.h"

#define ADD(path, test) g_test_add("/store-files/" path, World, NULL, world_set_up, test, world_tear_down)

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
 *   done     what was sent first is done, as UID 50
 *   gone     the server no longer has m
 *   renum    INBOX has a new UIDVALIDITY */
typedef struct {
	World *world;
	int64_t id, before; /* the row that is written, and the one before */
} Writing;

static StoreBody
write_letter(World *world, StoreWriter **writer_r, const char *letter)
{
	g_autoptr(GError) error = NULL;

	*writer_r = store_writer_new(world->base.store, &error);
	StoreBody body = write_body(*writer_r, letter, 1);
	store_writer_sync(*writer_r, &error);
	g_assert_no_error(error);
	return body;
}

static bool
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

static void
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

static int64_t
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

static void
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

static void
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
	how.mailbox_id = target ? over.place_id : mailbox;
	how.name = target ? over.name : name;
	g_autofree char *bytes = read_message(&world->base, writing->id);
	/* By its content, or, as with editors' names, by that. */
	how.state = g_ascii_isupper(*bytes) && *how.name != '~' ? STORE_MESSAGE_TO_APPEND : STORE_MESSAGE_FILE;
	how.header_sha256 = how.state == STORE_MESSAGE_FILE ? NULL : header;
	StoreTxn *txn = begin(&world->base);
	store_file_rename(txn, &how, removal(world, is_for_good), &error);
	g_assert_no_error(error);
	commit(txn);
}

static void
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

static void
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

static void
set_time(Writing *writing, const char *text)
{
	g_autoptr(GError) error = NULL;
	StoreTxn *txn = begin(&writing->world->base);

	store_file_set_time(txn, writing->id, g_ascii_strtoll(text, NULL, 10), 5, &error);
	g_assert_no_error(error);
	commit(txn);
}

static void
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
	else if (strcmp(step, "undo") == 0 || strcmp(step, "up") == 0)
		upload_step(writing, *step == 'u' && step[1] == 'n');
	else if (strcmp(step, "done") == 0 || strcmp(step, "gone") == 0 || strcmp(step, "renum") == 0)
		server_step(writing, step);
	else
		do_step(world, writing->id, step);
}

static bool
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
static char *
tell_all(World *world)
{
	GString *text = g_string_new(NULL);
	int64_t last = sql(&world->base, "SELECT max(id) FROM messages");

	for (int64_t id = 1; id <= last; id++)
		tell_row(text, world, id);
	return g_string_free(text, FALSE);
}

static const struct {
	const char *steps, *told;
} rows[] = {
	/* Files. */
	{ "m new:v", "m 1.eml \\Seen@1001 I:; file v v@66 A:" },
	{ "m new:v w:x", "m 1.eml \\Seen@1001 I:; file x v@77 A:" },
	{ "m new:v t:9 w:x", "m 1.eml \\Seen@1001 I:; file x v@9! A:" },
	{ "m new:v w:X", "m 1.eml \\Seen@1001 I:; X v@77 A: append A" },
	{ "m new:v t:9 w:X", "m 1.eml \\Seen@1001 I:; X v@9! A: append A" },
	{ "m new:v rm", "m 1.eml \\Seen@1001 I:" },
	{ "m new:v rm!", "m 1.eml \\Seen@1001 I:" },
	{ "m new:v >B", "m 1.eml \\Seen@1001 I:; file v v@66 B:" },
	{ "m after:v", "m 1.eml \\Seen@1001 I:; file v v \\Seen@1001 A:" },
	{ "m after:v w:X", "m 1.eml \\Seen@1001 I:; X v \\Seen@1001 A: append A +\\Seen" },
	{ "m after:V", "m 1.eml \\Seen@1001 I:; V V \\Seen@1001 A: append A +\\Seen" },
	{ "m +\\Flagged after:V", "m 1.eml \\Seen \\Flagged@1001 I: flags +\\Flagged;"
		" V V \\Seen \\Flagged@1001 A: append A +\\Seen \\Flagged" },

	/* Uploads that have not begun. */
	{ "n w:X", "m 1.eml \\Seen@1001 I:; X new.eml@5 A: append A" },
	{ "n +\\Flagged w:X", "m 1.eml \\Seen@1001 I:; X new.eml \\Flagged@5 A: append A +\\Flagged" },
	{ "n w:x", "m 1.eml \\Seen@1001 I:; file x new.eml@5 A:" },
	{ "n +\\Flagged w:x w:Y", "m 1.eml \\Seen@1001 I:; Y new.eml \\Flagged@77 A: append A +\\Flagged" },
	{ "n t:9 w:x w:Y", "m 1.eml \\Seen@1001 I:; Y new.eml@9! A: append A" },
	{ "n send fail w:X", "m 1.eml \\Seen@1001 I:; X new.eml@5 A: append A" },
	{ "n send fail w:x", "m 1.eml \\Seen@1001 I:; file x new.eml@5 A:" },
	{ "n send >B again w:X", "m 1.eml \\Seen@1001 I:; X new.eml@5 B: append B" },
	{ "n send +\\Flagged again w:X", "m 1.eml \\Seen@1001 I:; X new.eml \\Flagged@5 A: append A +\\Flagged" },
	{ "c w:X", "m 1.eml \\Seen@1001 I:; X 1.eml \\Seen@1001 A: append A +\\Seen" },
	{ "c +\\Flagged w:X", "m 1.eml \\Seen@1001 I:; X 1.eml \\Seen \\Flagged@1001 A: append A +\\Seen \\Flagged" },
	{ "c w:x", "m 1.eml \\Seen@1001 I:; file x 1.eml \\Seen@1001 A:" },
	{ "c send fail w:X", "m 1.eml \\Seen@1001 I:; X 1.eml \\Seen@1001 A: append A +\\Seen" },
	/* What is to be copied from it has its old bytes. */
	{ "c cp w:X", "m 1.eml \\Seen@1001 I:; X 1.eml \\Seen@1001 A: append A +\\Seen; m 1.eml \\Seen@1001 B: copy A>B;"
		" m 1.eml \\Seen@1001 T: copy I>T" },

	/* What the server has. */
	{ "m w:X", "X 1.eml \\Seen@1001 I: append I +\\Seen; m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m w!:X", "X 1.eml \\Seen@1001 I: append I +\\Seen; m 1.eml \\Seen@1001 -: remove I ^" },
	{ "m w:m", "file m 1.eml \\Seen@1001 I:; m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m w:x", "file x 1.eml \\Seen@1001 I:; m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m w:x w:Y", "Y 1.eml \\Seen@1001 I: append I +\\Seen; m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m w:x t:9 w:Y", "Y 1.eml \\Seen@9! I: append I +\\Seen; m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m w:X w:Y", "Y 1.eml \\Seen@1001 I: append I +\\Seen; m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m w:X w:y", "file y 1.eml \\Seen@1001 I:; m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m w:X t:9", "X 1.eml \\Seen@9! I: append I +\\Seen; m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m +\\Flagged w:X", "X 1.eml \\Seen \\Flagged@1001 I: append I +\\Seen \\Flagged;"
		" m 1.eml \\Seen \\Flagged@1001 T: flags +\\Flagged, removal I>T ^" },
	{ "m +\\Flagged send w:X", "X 1.eml \\Seen \\Flagged@1001 I: append I +\\Seen \\Flagged;"
		" m 1.eml \\Seen \\Flagged@1001 T: sent flags +\\Flagged, removal I>T ^" },
	{ "m w:X +\\Flagged", "X 1.eml \\Seen \\Flagged@1001 I: append I +\\Seen \\Flagged;"
		" m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m >B w:X", "X 1.eml \\Seen@1001 B: append B +\\Seen; m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m >B send w:X", "X 1.eml \\Seen@1001 B: append B +\\Seen; m 1.eml \\Seen@1001 T: sent move I>B, removal B>T ^" },
	{ "m >B send w:X done", "X 1.eml \\Seen@1001 B: append B +\\Seen; m 1.eml \\Seen@1001 T: removal B>T ^" },
	{ "m >B send w!:X", "X 1.eml \\Seen@1001 B: append B +\\Seen; m 1.eml \\Seen@1001 -: sent move I>B, remove B ^" },
	{ "m w:X >B", "X 1.eml \\Seen@1001 B: append B +\\Seen; m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m w:X rm", "X 1 (2).eml \\Seen@1001 T: append T +\\Seen; m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m w:X rm!", "m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m w:x rm", "m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m rm w:X", "X 1.eml \\Seen@1001 T: append T +\\Seen; m 1.eml \\Seen@1001 -: removal I>T, remove T ^" },
	{ "m cp w:X", "X 1.eml \\Seen@1001 I: append I +\\Seen; m 1.eml \\Seen@1001 B: copy I>B;"
		" m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m w:X cp", "X 1.eml \\Seen@1001 I: append I +\\Seen; m 1.eml \\Seen@1001 T: removal I>T ^;"
		" X 1.eml \\Seen@1001 B: append B +\\Seen" },
	{ "m w:X gone", "X 1.eml \\Seen@1001 I: append I +\\Seen" },
	{ "m w:X renum", "X 1.eml \\Seen@1001 I: append I +\\Seen; m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m renum w:X", "X 1.eml \\Seen@1001 I: append I +\\Seen; m 1.eml \\Seen@1001 T: removal I>T ^" },
	{ "m >B send gone w:X", "X 1.eml \\Seen@1001 B: append B +\\Seen;"
		" m 1.eml \\Seen@1001 T: sent move I>B, removal B>T ^" },

	/* An upload that has begun. */
	{ "n send w:X", "m 1.eml \\Seen@1001 I:; X new.eml@5 A: append A; n new.eml@5 T: sent append A, removal A>T ^" },
	{ "n send w!:X", "m 1.eml \\Seen@1001 I:; X new.eml@5 A: append A; n new.eml@5 -: sent append A, remove A ^" },
	{ "n send w:x", "m 1.eml \\Seen@1001 I:; file x new.eml@5 A:; n new.eml@5 T: sent append A, removal A>T ^" },
	{ "n send w:X done", "m 1.eml \\Seen@1001 I:; X new.eml@5 A: append A; n new.eml@5 T: removal A>T ^" },
	{ "n send w:X fail", "m 1.eml \\Seen@1001 I:; X new.eml@5 A: append A;"
		" refused n new.eml@5 T: failed append A, removal A>T ^" },
	{ "n send w!:X fail", "m 1.eml \\Seen@1001 I:; X new.eml@5 A: append A" },
	{ "n send hold w:X", "m 1.eml \\Seen@1001 I:; X new.eml@5 A: append A; n new.eml@5 T: held append A, removal A>T ^" },
	{ "m w:X up w:Y", "Y 1.eml \\Seen@1001 I: append I +\\Seen; m 1.eml \\Seen@1001 T: removal I>T ^;"
		" X 1 (2).eml \\Seen@1001 T: sent append I +\\Seen, removal I>T ^" },
	{ "c send w:X", "m 1.eml \\Seen@1001 I:; X 1.eml \\Seen@1001 A: append A +\\Seen;"
		" m 1.eml \\Seen@1001 T: sent copy I>A, removal A>T ^" },

	/* Taken back. */
	{ "m w:X undo", "m 1.eml \\Seen@1001 I:" },
	{ "m w!:X undo", "m 1.eml \\Seen@1001 I:" },
	{ "m w:X >B undo", "m 1.eml \\Seen@1001 I:" },
	{ "m +\\Flagged w:X undo", "m 1.eml \\Seen \\Flagged@1001 I: flags +\\Flagged" },
	{ "m >B send w:X undo", "m 1.eml \\Seen@1001 B: sent move I>B" },
	{ "m w:X up fail undo", "m 1.eml \\Seen@1001 I:" },
	{ "n send w:X undo", "m 1.eml \\Seen@1001 I:; n new.eml@5 A: sent append A" },
	{ "m w:X up w:Y undo", "m 1.eml \\Seen@1001 T: removal I>T ^; X 1.eml \\Seen@1001 I: sent append I +\\Seen" },

	/* Renamed. */
	{ "m new:v mv:Bu", "m 1.eml \\Seen@1001 I:; file v u@66 B:" },
	{ "m new:V mv:Bu", "m 1.eml \\Seen@1001 I:; V u@66 B: append B" },
	{ "m new:V mv:A~u", "m 1.eml \\Seen@1001 I:; file V ~u@66 A:" },
	{ "m new:V mv:A~u mv:Bu", "m 1.eml \\Seen@1001 I:; V u@66 B: append B" },
	{ "m new:V send mv:A~u", "m 1.eml \\Seen@1001 I:; V ~u@66 A: sent append A" },
	{ "m new:V send fail mv:Au", "m 1.eml \\Seen@1001 I:; refused V u@66 A: failed append A" },
	{ "m new:V send fail mv:Bu", "m 1.eml \\Seen@1001 I:; V u@66 B: append B" },
	{ "m mv:I~u", "m ~u \\Seen@1001 I:" },
	{ "m mv:Bu", "m u \\Seen@1001 B: move I>B" },
	{ "c mv:B~u", "m 1.eml \\Seen@1001 I:; m ~u \\Seen@1001 B: copy I>B" },

	{ "m new:V over:M", "m 1.eml \\Seen@1001 T: removal I>T ^; V 1.eml \\Seen@1001 I: append I +\\Seen" },
	{ "m new:V over!:M", "m 1.eml \\Seen@1001 -: remove I ^; V 1.eml \\Seen@1001 I: append I +\\Seen" },
	{ "m new:V t:9 over:M", "m 1.eml \\Seen@1001 T: removal I>T ^; V 1.eml \\Seen@9! I: append I +\\Seen" },
	{ "m new:v over:M", "m 1.eml \\Seen@1001 T: removal I>T ^; file v 1.eml \\Seen@1001 I:" },
	{ "m new:v over:M w:X", "m 1.eml \\Seen@1001 T: removal I>T ^; X 1.eml \\Seen@1001 I: append I +\\Seen" },
	{ "m new:V mv:A~u over:M", "m 1.eml \\Seen@1001 T: removal I>T ^; V 1.eml \\Seen@1001 I: append I +\\Seen" },
	{ "m new:V over:M undo", "m 1.eml \\Seen@1001 I:" },
	{ "m new:V send over:M", "m 1.eml \\Seen@1001 T: removal I>T ^;"
		" V 1.eml \\Seen@66 I: sent append A, move A>I, flags +\\Seen" },
	{ "m new:V send done over:M", "m 1.eml \\Seen@1001 T: removal I>T; V 1.eml@66 I: move A>I" },
	/* Over what was not uploaded yet: that is of no use any more. */
	{ "m new:V new:W over:N", "m 1.eml \\Seen@1001 I:; W V@66 A: append A" },
	{ "m new:v new:W over:N", "m 1.eml \\Seen@1001 I:; W v@66 A: append A" },
	{ "m new:v t:9 new:W over:N", "m 1.eml \\Seen@1001 I:; W v@66 A: append A" },
	{ "m new:V send new:W over:N", "m 1.eml \\Seen@1001 I:; V V@66 T: sent append A, removal A>T ^; W V@66 A: append A" },
	/* Again and again: the first version waits for the last. */
	{ "m w:X new:V over:M", "m 1.eml \\Seen@1001 T: removal I>T ^; V 1.eml \\Seen@1001 I: append I +\\Seen" },
	{ "m w:x new:V over:M", "m 1.eml \\Seen@1001 T: removal I>T ^; V 1.eml \\Seen@1001 I: append I +\\Seen" },
	{ "m w:X new:V over:M undo", "m 1.eml \\Seen@1001 I:" },
	{ "c cp new:V over:N", "m 1.eml \\Seen@1001 I:; m 1.eml \\Seen@1001 T: copy I>T; m 1.eml \\Seen@1001 B: copy A>B;"
		" V 1.eml \\Seen@1001 A: append A +\\Seen" },
};

static void
test_row(World *world, const void *data)
{
	const char *steps_text = rows[GPOINTER_TO_UINT(data)].steps;
	g_auto(GStrv) steps = g_strsplit(steps_text, " ", -1);
	Writing writing = { world, begin_with(world, *steps[0]), 0 };

	for (char **step = steps + 1; *step; step++) {
		write_step(&writing, *step);
		check_invariants(world, steps_text);
	}
	g_autofree char *told = tell_all(world);
	if (strcmp(told, rows[GPOINTER_TO_UINT(data)].told) != 0)
		g_test_fail_printf("%s:\n  is        %s\n  should be %s", steps_text, told, rows[GPOINTER_TO_UINT(data)].told);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *path = g_strdup_printf("/store-files/row/%s", rows[i].steps);
		g_test_add(path, World, GUINT_TO_POINTER(i), world_set_up, test_row, world_tear_down);
	}
	return g_test_run();
}
