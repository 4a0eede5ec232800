/* sync/metadata: a server that names messages without end. */
#include "sync/metadata.h"

#include <string.h>

#define SETTLED (SYNC_NAMED_MARGIN + 10) /* more than these are too many */

static bool
name_one(SyncMetadata *metadata, uint32_t uid, GError **error)
{
	ImapResponse fetch = { .kind = IMAP_RESPONSE_FETCH, .fetch = { .fields = IMAP_FETCH_UID, .uid = uid } };

	return sync_metadata_on_response(&fetch, metadata, error);
}

static void
begin(SyncMetadata *metadata, const SyncRun *run)
{
	ImapResponse exists = { .kind = IMAP_RESPONSE_EXISTS, .number = 10 };

	sync_metadata_init(metadata, run, 1);
	g_assert_true(sync_metadata_on_response(&exists, metadata, NULL));
}

static void
assert_too_many(GError *error)
{
	g_assert_error(error, CORE_ERROR, CORE_ERROR_PROTOCOL);
	g_assert_nonnull(strstr(error->message, "it names more than 1000010 messages of a mailbox that has "));
	g_error_free(error);
}

/* Every other UID, so that each is a range of its own; and all. */
static void
test_fetch(const void *data)
{
	uint32_t step = (uint32_t)GPOINTER_TO_UINT(data);
	SyncRun run = { 0 };
	SyncMetadata metadata;
	GError *error = NULL;

	begin(&metadata, &run);
	for (uint32_t i = 1; i <= SETTLED; i++)
		g_assert_true(name_one(&metadata, i * step, NULL));
	g_assert_true(name_one(&metadata, step, NULL)); /* the same once more is no further one */
	g_assert_false(name_one(&metadata, (SETTLED + 1) * step, &error));
	assert_too_many(error);
	sync_metadata_clear(&metadata);
}

static void
add_uids(GString *uids, uint32_t *uid)
{
	g_string_assign(uids, "1");
	for (int i = 0; i < 1000; i++)
		g_string_append_printf(uids, ",%u", *uid += 2);
}

static void
test_vanished(void)
{
	ImapResponse vanished = { .kind = IMAP_RESPONSE_VANISHED, .vanished = { .earlier = true } };
	SyncRun run = { 0 };
	SyncMetadata metadata;
	GError *error = NULL;
	g_autoptr(GString) uids = g_string_new(NULL);
	uint32_t uid = 1;

	begin(&metadata, &run);
	do {
		add_uids(uids, &uid);
		vanished.vanished.uids = uids->str;
	} while (sync_metadata_on_response(&vanished, &metadata, &error) && uid < 10 * SYNC_NAMED_MARGIN);
	g_assert_cmpuint(metadata.vanished.count, <=, SETTLED + 1000);
	assert_too_many(error);
	sync_metadata_clear(&metadata);
}

static void
test_search(void)
{
	ImapResponse search = { .kind = IMAP_RESPONSE_SEARCH };
	SyncRun run = { 0 };
	SyncMetadata metadata;
	GError *error = NULL;
	g_autoptr(GString) uids = g_string_new(NULL);
	uint32_t uid = 1;

	begin(&metadata, &run);
	metadata.searching = true;
	do {
		add_uids(uids, &uid);
		search.search.uids = uids->str;
		search.search.fields = IMAP_SEARCH_ALL;
	} while (sync_metadata_on_response(&search, &metadata, &error) && uid < 10 * SYNC_NAMED_MARGIN);
	g_assert_cmpuint(metadata.seen.count, <=, SETTLED + 1000);
	assert_too_many(error);
	sync_metadata_clear(&metadata);
}

/* A mailbox that says it has as many as there are numbers. */
static void
test_no_mailbox_has_so_many(void)
{
	ImapResponse exists = { .kind = IMAP_RESPONSE_EXISTS, .number = UINT32_MAX };
	SyncRun run = { 0 };
	SyncMetadata metadata;
	uint32_t uid = 0;

	begin(&metadata, &run);
	g_assert_true(sync_metadata_on_response(&exists, &metadata, NULL));
	while (uid < 2 * SYNC_NAMED_MAX && name_one(&metadata, uid + 1, NULL))
		uid++;
	g_assert_cmpuint(uid, ==, SYNC_NAMED_MAX);
	sync_metadata_clear(&metadata);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_data_func("/sync/metadata/fetch with gaps", GUINT_TO_POINTER(2), test_fetch);
	g_test_add_data_func("/sync/metadata/fetch without gaps", GUINT_TO_POINTER(1), test_fetch);
	g_test_add_func("/sync/metadata/vanished", test_vanished);
	g_test_add_func("/sync/metadata/search", test_search);
	g_test_add_func("/sync/metadata/no mailbox has so many", test_no_mailbox_has_so_many);
	return g_test_run();
}
