/* sync/special: which folders are Trash, Sent and so on. */
#include "sync/special.h"

#include "store/mailboxes.h"

#include <string.h>

#define PLAIN STORE_MAILBOX_SELECTABLE

typedef struct {
	const char *what;
	struct {
		const char *path;
		uint32_t attributes;
	} folders[6];
	SyncSpecial special[3];
	uint32_t role;
	const char *path; /* that has the role then; NULL: nobody */
} Row;

static const Row rows[] = {
	{ "told", { { "Trash", PLAIN }, { "Müll", PLAIN | STORE_MAILBOX_TRASH } }, { { 0 } }, STORE_MAILBOX_TRASH, "Müll" },
	{ "told and configured", { { "Trash", PLAIN }, { "Müll", PLAIN | STORE_MAILBOX_TRASH } },
	  { { STORE_MAILBOX_TRASH, (char[]){ "Trash" } } }, STORE_MAILBOX_TRASH, "Müll" },
	{ "configured", { { "Trash", PLAIN }, { "Old/Rubbish", PLAIN } },
	  { { STORE_MAILBOX_TRASH, (char[]){ "Old/Rubbish" } } }, STORE_MAILBOX_TRASH, "Old/Rubbish" },
	{ "configured and not there", { { "Trash", PLAIN } }, { { STORE_MAILBOX_TRASH, (char[]){ "Koš" } } },
	  STORE_MAILBOX_TRASH, NULL },
	{ "configured, and no mailbox", { { "Koš", 0 } }, { { STORE_MAILBOX_TRASH, (char[]){ "Koš" } } },
	  STORE_MAILBOX_TRASH, NULL },
	{ "another one is configured", { { "Trash", PLAIN }, { "Out", PLAIN } }, { { STORE_MAILBOX_SENT, (char[]){ "Out" } } },
	  STORE_MAILBOX_TRASH, "Trash" },
	{ "a name", { { "INBOX", PLAIN }, { "Deleted Items", PLAIN } }, { { 0 } }, STORE_MAILBOX_TRASH, "Deleted Items" },
	{ "two names", { { "Deleted Items", PLAIN }, { "Trash", PLAIN } }, { { 0 } }, STORE_MAILBOX_TRASH, "Trash" },
	{ "another case", { { "SENT ITEMS", PLAIN } }, { { 0 } }, STORE_MAILBOX_SENT, "SENT ITEMS" },
	{ "Czech", { { "odeslaná pošta", PLAIN } }, { { 0 } }, STORE_MAILBOX_SENT, "odeslaná pošta" },
	{ "decomposed", { { "Kos\xcc\x8c", PLAIN } }, { { 0 } }, STORE_MAILBOX_TRASH, "Kos\xcc\x8c" },
	{ "Japanese", { { "下書き", PLAIN } }, { { 0 } }, STORE_MAILBOX_DRAFTS, "下書き" },
	{ "below INBOX", { { "INBOX", PLAIN }, { "INBOX/Spam", PLAIN } }, { { 0 } }, STORE_MAILBOX_JUNK, "INBOX/Spam" },
	{ "below INBOX and at the top", { { "INBOX/Trash", PLAIN }, { "trash", PLAIN } }, { { 0 } }, STORE_MAILBOX_TRASH, "trash" },
	{ "deeper", { { "INBOX/2019/Trash", PLAIN }, { "Work/Trash", PLAIN } }, { { 0 } }, STORE_MAILBOX_TRASH, NULL },
	{ "no mailbox", { { "Trash", 0 } }, { { 0 } }, STORE_MAILBOX_TRASH, NULL },
	{ "has another role", { { "Trash", PLAIN | STORE_MAILBOX_JUNK } }, { { 0 } }, STORE_MAILBOX_TRASH, NULL },
	{ "nothing like it", { { "INBOX", PLAIN }, { "Stuff", PLAIN } }, { { 0 } }, STORE_MAILBOX_TRASH, NULL },
	{ "a damaged name", { { "Tr\xff", PLAIN }, { "Trash", PLAIN } }, { { 0 } }, STORE_MAILBOX_TRASH, "Trash" },
};

static void
test_row(const void *data)
{
	const Row *row = data;
	g_autoptr(GPtrArray) folders = g_ptr_array_new_with_free_func(sync_listed_free);
	SyncAccount account = { .special = row->special };
	const char *found = NULL;

	while (account.n_special < G_N_ELEMENTS(row->special) && row->special[account.n_special].attribute)
		account.n_special++;
	for (size_t i = 0; i < G_N_ELEMENTS(row->folders) && row->folders[i].path; i++) {
		SyncListed *listed = g_new0(SyncListed, 1);
		listed->path = g_strdup(row->folders[i].path);
		listed->attributes = row->folders[i].attributes;
		g_ptr_array_add(folders, listed);
	}
	sync_special_assign(folders, &account);
	for (guint i = 0; i < folders->len; i++) {
		const SyncListed *listed = g_ptr_array_index(folders, i);
		if (!(listed->attributes & row->role))
			continue;
		g_assert_null(found); /* one has it */
		found = listed->path;
	}
	g_assert_cmpstr(found, ==, row->path);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *path = g_strdup_printf("/sync/special/%s", rows[i].what);
		g_test_add_data_func(path, &rows[i], test_row);
	}
	return g_test_run();
}
