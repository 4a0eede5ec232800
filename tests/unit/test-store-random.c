/* src/store: random histories of users, of one who sends, of a server and of its other clients, against a model of what
 * people must see; and at the end, when all was sent, the server has what they see. */
#include "store-names.h"
#include "store-writing.h"

#define RUNS 40
#define STEPS 50
#define MESSAGES 64 /* at most, in a run */
#define FLAGS 3

static const char *const flag_names[FLAGS] = { "\\Seen", "\\Flagged", "$x" };

/* A message as people see it. */
typedef struct {
	int64_t id, place; /* 0: gone, or removed */
	unsigned flags;    /* bits of flag_names */
	char content;
	bool is_file;      /* and no message */
} Seen;

/* A message on the server. */
typedef struct {
	int64_t mailbox;
	uint32_t uid;
	unsigned flags;
	char content;
	bool there;
} Served;

typedef struct {
	World *world;
	GRand *rand;
	GString *history;
	Names *names, *heard; /* in maildir/, at the last look; what was said of them since */
	Seen seen[MESSAGES];
	Served served[4 * MESSAGES];
	unsigned n_seen, n_served;
	uint32_t last_uid;
} Run;

static int
roll(Run *run, int sides)
{
	return g_rand_int_range(run->rand, 0, sides);
}

static int64_t
any_mailbox(Run *run)
{
	return mailbox_of(run->world, "IABT"[roll(run, 4)]);
}

static char *
flags_text(unsigned flags)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();

	for (unsigned i = 0; i < FLAGS; i++)
		if (flags & 1u << i)
			g_ptr_array_add(names, (void *)(uintptr_t)flag_names[i]);
	return store_flags_normalise((const char *const *)names->pdata, names->len);
}

static unsigned
flags_bits(const char *text)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < FLAGS; i++)
		bits |= strstr(text, flag_names[i]) ? 1u << i : 0;
	return bits;
}

static Seen *
add_seen(Run *run, int64_t id, int64_t place, unsigned flags, char content)
{
	run->seen[run->n_seen] = (Seen){ id, place, flags, content, false };
	return &run->seen[run->n_seen++];
}

static Served *
serve(Run *run, int64_t mailbox, unsigned flags, char content)
{
	g_assert_cmpuint(run->n_served, <, G_N_ELEMENTS(run->served));
	run->served[run->n_served] = (Served){ mailbox, ++run->last_uid, flags, content, true };
	return &run->served[run->n_served++];
}

/* Mail arrives, and is pulled. */
static void
deliver(Run *run)
{
	static const char letters[] = "pqrs";
	char content = letters[roll(run, 4)];
	Served *served = serve(run, any_mailbox(run), 0, content);

	add_seen(run, add_message(&run->world->base, served->mailbox, served->uid, (char[]){ content, '\0' }), served->mailbox,
	         0, content);
}

static void
append(Run *run)
{
	static const char letters[] = "pqrs"; /* as others send: removals wait for uploads of the same */
	char content = letters[roll(run, 4)];
	int64_t mailbox = any_mailbox(run);
	g_autofree char *name = g_strdup_printf("n%u.eml", run->n_seen);

	add_seen(run, append_message(run->world, mailbox, name, (char[]){ content, '\0' }), mailbox, 0, content);
}

static void
change_flags(Run *run, Seen *seen, StoreTxn *txn, GError **error)
{
	unsigned add = (unsigned)roll(run, 1 << FLAGS), remove = (unsigned)roll(run, 1 << FLAGS) & ~add;
	g_autofree char *added = flags_text(add), *removed = flags_text(remove);

	store_change_flags(txn, seen->id, added, removed, error);
	seen->flags = (seen->flags | add) & ~remove;
}

static void
remove_seen(Run *run, Seen *seen, StoreTxn *txn, GError **error)
{
	const StoreRemoval how = { roll(run, 4) == 0 ? 0 : run->world->trash, 0 };

	store_change_remove(txn, seen->id, &how, error);
	seen->place = how.trash_id != seen->place && !seen->is_file ? how.trash_id : 0;
}

static bool
is_there(Run *run, int64_t id)
{
	g_auto(StoreMessage) row = { 0 };

	return store_message_get(run->world->base.store, id, &row, NULL);
}

static int64_t
last_row(Run *run)
{
	return sql(&run->world->base, "SELECT max(id) FROM messages");
}

/* Of what is replaced where people saw it. */
static int64_t
place_behind(const StoreRemoval *how, int64_t place)
{
	return how->trash_id != place ? how->trash_id : 0;
}

/* New bytes.  What the server has, or may have, goes on under a row of its own. */
static void
save(Run *run, Seen *seen, bool is_file)
{
	static const char letters[] = "pqrs";
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreWriter) writer = NULL;
	char content[] = { letters[roll(run, 4)], '\0' };
	StoreBody body = write_letter(run->world, &writer, content);
	const StoreRemoval how = { roll(run, 4) == 0 ? 0 : run->world->trash, 0, 0 };
	StoreFile file = { .id = seen->id, .state = is_file ? STORE_MESSAGE_FILE : STORE_MESSAGE_TO_APPEND, .body = &body,
		               .header_sha256 = is_file ? NULL : header, .time_s = 7 };
	int64_t last = last_row(run);

	StoreTxn *txn = begin(&run->world->base);
	store_file_save(txn, &file, &how, &error);
	g_assert_no_error(error);
	commit(txn);
	if (last_row(run) > last)
		add_seen(run, last_row(run), place_behind(&how, seen->place), seen->flags, seen->content);
	seen->content = *content;
	seen->is_file = is_file;
}

static bool
has_flags(Run *run, const Seen *seen, unsigned flags)
{
	g_autofree char *text = store_message_flags(run->world->base.store, seen->id, NULL);

	return flags_bits(text) == flags;
}

/* One over another, whose flags it has then if it is not on the server yet. */
static void
rename_over(Run *run, Seen *seen, Seen *target)
{
	g_autoptr(GError) error = NULL;
	g_auto(StoreMessage) row = { 0 };
	const StoreRemoval how = { roll(run, 4) == 0 ? 0 : run->world->trash, 0, 0 };

	g_assert_true(store_message_get(run->world->base.store, target->id, &row, &error));
	StoreFileRename rename = { .id = seen->id, .target_id = target->id, .mailbox_id = target->place, .name = row.name,
		                       .name_is_users = true, .state = STORE_MESSAGE_TO_APPEND, .header_sha256 = header };
	StoreTxn *txn = begin(&run->world->base);
	store_file_rename(txn, &rename, &how, &error);
	g_assert_no_error(error);
	commit(txn);
	seen->place = target->place;
	seen->is_file = false;
	seen->flags = has_flags(run, seen, seen->flags) ? seen->flags : target->flags;
	target->place = is_there(run, target->id) ? place_behind(&how, target->place) : 0;
}

static void
write_files(Run *run, Seen *seen)
{
	Seen *other = &run->seen[roll(run, (int)run->n_seen)];

	if (run->n_seen < MESSAGES && roll(run, 3) > 0)
		save(run, seen, roll(run, 3) == 0);
	else if (other != seen && other->place != 0)
		rename_over(run, seen, other);
}

/* One change of a message that people see. */
static void
change(Run *run)
{
	g_autoptr(GError) error = NULL;
	Seen *seen = run->n_seen ? &run->seen[roll(run, (int)run->n_seen)] : NULL;
	int what = roll(run, 9);
	int64_t target = any_mailbox(run), copy = 0;

	if (!seen || seen->place == 0 || (seen->is_file && (what < 3 || what == 5)))
		return;
	g_string_append_printf(run->history, " %d:%d>%d", (int)(seen - run->seen), what, (int)target);
	if (what > 6) {
		write_files(run, seen);
		return;
	}
	StoreTxn *txn = begin(&run->world->base);
	if (what < 3) {
		change_flags(run, seen, txn, &error);
	} else if (what < 5) {
		store_change_move(txn, seen->id, target, NULL, false, &error);
		seen->place = target;
	} else if (what == 5 && run->n_seen < MESSAGES) {
		store_change_copy(txn, seen->id, target, NULL, false, &copy, &error);
		add_seen(run, copy, target, seen->flags, seen->content);
	} else {
		remove_seen(run, seen, txn, &error);
	}
	g_assert_no_error(error);
	commit(txn);
}

typedef struct {
	int64_t id, message, source;
	int64_t mailbox, target; /* of the row that the command is about */
	uint32_t uid;
	StoreOperationKind kind;
	unsigned add, remove;
	char content; /* of an upload, when it is sent */
} Command;

static bool
take_command(const StoreTask *task, void *data)
{
	Command command = {
		.id = task->operation.id,
		.message = task->operation.message_id,
		.mailbox = task->message.mailbox_id,
		.target = task->operation.target_id,
		.uid = task->message.uid,
		.kind = task->operation.kind,
		.add = flags_bits(task->operation.add_flags),
		.remove = flags_bits(task->operation.remove_flags),
	};

	g_array_append_val((GArray *)data, command);
	return true;
}

static Served *
find_served(Run *run, int64_t mailbox, uint32_t uid)
{
	for (unsigned i = 0; i < run->n_served; i++)
		if (run->served[i].there && run->served[i].mailbox == mailbox && run->served[i].uid == uid)
			return &run->served[i];
	return NULL;
}

static char
content_of(Run *run, int64_t message)
{
	for (unsigned i = 0; i < run->n_seen; i++)
		if (run->seen[i].id == message)
			return run->seen[i].content;
	g_error("message %d was never seen\n%s", (int)message, run->history->str);
}

/* The server does what it is told, and its answer comes. */
static void
obey(Run *run, const Command *command, StoreTxn *txn, GError **error)
{
	Served *served = command->kind == STORE_OPERATION_APPEND ? NULL : find_served(run, command->mailbox, command->uid);
	Served *made;

	if (!served && command->kind != STORE_OPERATION_APPEND)
		g_error("a command about UID %u, which is not there\n%s", command->uid, run->history->str);
	switch ((int)command->kind) {
	case STORE_OPERATION_FLAGS:
		served->flags = (served->flags | command->add) & ~command->remove;
		store_operation_done_flags(txn, command->id, NULL, 0, error);
		return;
	case STORE_OPERATION_REMOVE:
		served->there = false;
		store_operation_done_gone(txn, command->id, error);
		return;
	case STORE_OPERATION_APPEND:
		made = serve(run, command->target, command->add, command->content);
		break;
	default:
		made = serve(run, command->target, served->flags, served->content);
		served->there = command->kind == STORE_OPERATION_COPY;
	}
	store_operation_done_uid(txn, command->id, made->uid, NULL, error);
}

/* Sends some of what can be sent now; an answer may not come, so that it is sent again.  False: there is nothing. */
static bool
send(Run *run, bool well)
{
	g_autoptr(GArray) commands = g_array_new(FALSE, FALSE, sizeof(Command));
	g_autoptr(GError) error = NULL;
	StoreTxn *txn;

	g_assert_true(store_task_list(run->world->base.store, run->world->base.account, INT64_MAX, INT64_MAX, take_command,
	                              commands, &error));
	if (commands->len == 0)
		return false;
	Command *command = &g_array_index(commands, Command, roll(run, (int)commands->len));
	command->content = command->kind == STORE_OPERATION_APPEND ? content_of(run, command->message) : '-';
	g_string_append_printf(run->history, " [%d %s]", (int)command->id, store_operation_kinds[command->kind]);
	txn = begin(&run->world->base);
	store_operation_send(txn, command->id, 1, 1, &error);
	g_assert_no_error(error);
	commit(txn);
	for (int changes = well ? 0 : roll(run, 3); changes > 0; changes--)
		change(run); /* behind what was sent */
	txn = begin(&run->world->base);
	if (!well && roll(run, 4) == 0)
		store_operation_again(txn, command->id, 0, "cut", &error);
	else
		obey(run, command, txn, &error);
	if (error)
		g_error("%s\n%s", error->message, run->history->str);
	commit(txn);
	return true;
}

static void
check_seen(Run *run)
{
	for (unsigned i = 0; i < run->n_seen; i++) {
		const Seen *seen = &run->seen[i];
		g_auto(StoreMessage) row = { 0 };
		bool there = store_message_get(run->world->base.store, seen->id, &row, NULL);
		g_autofree char *flags = there ? store_message_flags(run->world->base.store, seen->id, NULL) : NULL;
		if (seen->place != row.place_id || (seen->place != 0 && flags_bits(flags) != seen->flags))
			g_error("message %u is at %c with %s, not at %c with %u\n%s", i, letter_of(run->world, row.place_id), flags,
			        letter_of(run->world, seen->place), seen->flags, run->history->str);
	}
}

/* "A p 3": what and where a message is, whoever knows it. */
static void
note(Run *run, GPtrArray *list, int64_t mailbox, char content, unsigned flags)
{
	g_ptr_array_add(list, g_strdup_printf("%c %c %u", letter_of(run->world, mailbox), content, flags));
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static char *
join(GPtrArray *list)
{
	g_ptr_array_sort(list, compare);
	g_ptr_array_add(list, NULL);
	return g_strjoinv(", ", (char **)list->pdata);
}

static void
check_server(Run *run)
{
	g_autoptr(GPtrArray) seen = g_ptr_array_new_with_free_func(g_free), served = g_ptr_array_new_with_free_func(g_free);

	for (unsigned i = 0; i < run->n_seen; i++)
		if (run->seen[i].place != 0)
			note(run, seen, run->seen[i].place, run->seen[i].content, run->seen[i].flags);
	for (unsigned i = 0; i < run->n_served; i++)
		if (run->served[i].there)
			note(run, served, run->served[i].mailbox, run->served[i].content, run->served[i].flags);
	g_autofree char *expected = join(seen), *found = join(served);
	if (strcmp(expected, found) != 0)
		g_error("people see %s\nthe server has %s\n%s", expected, found, run->history->str);
	g_assert_cmpint(sql(&run->world->base, "SELECT count(*) FROM operations WHERE ended = 0"), ==, 0);
	g_assert_cmpint(sql(&run->world->base, "SELECT count(*) FROM messages WHERE state <> 0 OR mailbox <> place"), ==, 0);
}

static void
hear(const StoreChange *changes, size_t count, void *data)
{
	const Run *run = data;

	names_hear(run->heard, changes, count);
}

static void
check_names(Run *run)
{
	Names *now = names_list(run->world->base.store);

	names_assert_heard(run->names, now, run->heard, run->history->str);
	g_hash_table_unref(run->names);
	g_hash_table_remove_all(run->heard);
	run->names = now;
}

static void
listen_to_names(Run *run)
{
	Store *store = run->world->base.store;

	run->names = names_list(store);
	run->heard = names_new();
	store_listen(store, hear, run);
	store_maildir_listen(store);
}

static void
run_once(guint32 seed)
{
	World world = { 0 };
	Run run = { .world = &world, .rand = g_rand_new_with_seed(seed), .history = g_string_new(NULL), .last_uid = 1 };

	world_set_up(&world, NULL);
	g_string_append_printf(run.history, "seed %u:", seed);
	run.served[run.n_served++] = (Served){ world.inbox, 1, 1, 'm', true };
	add_seen(&run, world.message, world.inbox, 1, 'm');
	listen_to_names(&run);
	for (int step = 0; step < STEPS; step++) {
		int what = roll(&run, 10);
		if (what == 0 && run.n_seen < MESSAGES)
			deliver(&run);
		else if (what == 1 && run.n_seen < MESSAGES)
			append(&run);
		else if (what < 6 || seed % 3 == 0) /* every third run is offline until its end */
			change(&run);
		else
			send(&run, false);
		check_seen(&run);
		check_names(&run);
		check_invariants(&world, run.history->str);
	}
	for (unsigned i = 0; i < run.n_seen; i++)
		if (run.seen[i].is_file && run.seen[i].place != 0)
			save(&run, &run.seen[i], false);
	while (send(&run, true))
		check_names(&run);
	check_seen(&run);
	check_names(&run);
	check_server(&run);
	store_listen(world.base.store, NULL, NULL);
	g_hash_table_unref(run.names);
	g_hash_table_unref(run.heard);
	world_tear_down(&world, NULL);
	g_rand_free(run.rand);
	g_string_free(run.history, TRUE);
}

static void
test_random(void)
{
	for (guint32 seed = 1; seed <= RUNS; seed++)
		run_once(seed);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/store-random/people-see-what-they-did", test_random);
	return g_test_run();
}
