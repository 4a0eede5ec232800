/* append: messages from files into a folder. */
#include "change-file.h"
#include "change-flags.h"
#include "change-path.h"
#include "change-private.h"
#include "core/clock.h"
#include "mime/name.h"
#include "store/mailboxes.h"
#include "sync/recall.h"

/* A name that is free in @mailbox_id for a message that has no UID yet. */
static char *
free_name(StoreTxn *txn, int64_t mailbox_id, int64_t date_s, const MimeDerived *derived, GError **error)
{
	g_autofree char *canonical = mime_name_make(date_s, derived->from, derived->subject, 0);

	for (unsigned number = 1;; number++) {
		char *name = number == 1 ? g_strdup(canonical) : mime_name_distinct(canonical, number);
		bool taken;
		if (!store_name_taken(txn, mailbox_id, name, 0, &taken, error)) {
			g_free(name);
			return NULL;
		}
		if (!taken)
			return name;
		g_free(name);
	}
}

bool
change_append_queue(Change *change, int64_t mailbox_id, const StoreBody *body, const MimeDerived *derived,
                    const char *flags, int64_t date_s, GError **error)
{
	g_autofree char *name = free_name(change->txn, mailbox_id, date_s, derived, error);
	StoreAppend append = {
		.mailbox_id = mailbox_id,
		.body = body,
		.name = name,
		.flags = flags,
		.internaldate_s = date_s,
		.header_sha256 = derived->header_sha256,
	};
	int64_t id;

	return name && store_change_append(change->txn, &append, &id, error);
}

/* Bodies are read before the transaction: a writer may need one of its own. */
typedef struct {
	StoreBody body;
	MimeDerived derived;
} Read;

static void
read_clear(void *data)
{
	mime_derived_clear(&((Read *)data)->derived);
}

static bool
parse_date(const char *text, int64_t *date_s_r, GError **error)
{
	*date_s_r = core_clock_wall_s();
	if (!*text || g_ascii_string_to_signed(text, 10, 0, G_MAXINT64, date_s_r, NULL))
		return true;
	return core_throw(error, CORE_ERROR_USAGE, "%s is no date", text);
}

static bool
read_all(Change *change, uint64_t limit_bytes, GArray *reads, GError **error)
{
	Store *store = change->context->store;

	change->writer = store_writer_new(store, error);
	if (!change->writer)
		return false;
	for (size_t i = 3; i < change->count; i++) {
		Read one = { 0 };
		if (!change_file_read(store, change->writer, change->words[i], limit_bytes, change->context->cancel, &one.body,
		                      &one.derived, error))
			return false;
		g_array_append_val(reads, one);
	}
	return true;
}

/* The largest message that the server of the account takes, as it said last; 0: it did not. */
static bool
append_limit(const Change *change, const ChangePath *target, uint64_t *bytes_r, GError **error)
{
	g_auto(StoreAccount) account = { 0 };

	if (!store_account_find(change->context->store, target->account->name, &account, error))
		return false;
	*bytes_r = sync_recall_append_limit(account.capabilities);
	return true;
}

bool
change_append(Change *change, GError **error)
{
	Store *store = change->context->store;
	g_autoptr(GArray) reads = g_array_new(FALSE, FALSE, sizeof(Read));
	g_auto(ChangePath) asked = { 0 }, target = { 0 };
	g_autofree char *flags = NULL;
	uint64_t limit_bytes;
	int64_t date_s;

	g_array_set_clear_func(reads, read_clear);
	if (change->count < 4)
		return change_usage("expected: append FOLDER FLAGS DATE FILE…", error);
	if (!change_flags_parse(change->words[1], false, &flags, error) || !parse_date(change->words[2], &date_s, error) ||
	    !change_path_mailbox(change->context, change->words[0], &asked, error) ||
	    !append_limit(change, &asked, &limit_bytes, error) || !read_all(change, limit_bytes, reads, error) ||
	    !(change->txn = store_begin(store, error)) ||
	    !change_path_mailbox(change->context, change->words[0], &target, error))
		return false;
	for (guint i = 0; i < reads->len; i++) {
		const Read *one = &g_array_index(reads, Read, i);
		if (!change_append_queue(change, target.mailbox_id, &one->body, &one->derived, flags, date_s, error))
			return false;
		change->changed++;
	}
	return true;
}
