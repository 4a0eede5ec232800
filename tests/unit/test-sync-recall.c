/* sync/recall: what is remembered of a server, and for how long it is taken for one that forgets. */
#include "sync/recall.h"

#include <pthread.h>
#include <string.h>

#define LINE "IMAP4rev1 IDLE"
#define NOW_S 1800000000

static SyncRecall *
recall_of(const char *stored)
{
	SyncRecall *recall = sync_recall_new();

	sync_recall_load(recall, stored);
	return recall;
}

static void
assert_logs_in_by(SyncRecall *recall, int64_t now_s, const char *first, const char *others)
{
	g_autofree char *by_first = sync_recall_capabilities(recall, true, now_s);
	g_autofree char *by_others = sync_recall_capabilities(recall, false, now_s);

	g_assert_cmpstr(by_first, ==, first);
	g_assert_cmpstr(by_others, ==, others);
}

static void
assert_stores(SyncRecall *recall, const char *stored)
{
	g_autofree char *text = sync_recall_format(recall);

	g_assert_cmpstr(text, ==, stored);
}

static void
test_one_slow_login_is_tried_again(void)
{
	g_autoptr(SyncRecall) recall = recall_of(LINE);

	assert_logs_in_by(recall, NOW_S, LINE, LINE);
	sync_recall_note_forgotten(recall, NOW_S);
	assert_logs_in_by(recall, NOW_S, LINE, NULL);
	assert_stores(recall, LINE "\n1 1800000000");
	g_assert_false(sync_recall_note_login(recall, LINE, false)); /* the login that took its place proves nothing */
	assert_logs_in_by(recall, NOW_S, LINE, NULL);
	g_assert_true(sync_recall_note_login(recall, LINE, true));
	assert_logs_in_by(recall, NOW_S, LINE, LINE);
	assert_stores(recall, LINE);
}

static void
test_two_in_a_row_count_for_a_day(void)
{
	g_autoptr(SyncRecall) first = recall_of(LINE);

	sync_recall_note_forgotten(first, NOW_S - 100);
	sync_recall_note_forgotten(first, NOW_S);
	g_autofree char *stored = sync_recall_format(first);
	g_autoptr(SyncRecall) recall = recall_of(stored);
	assert_logs_in_by(recall, NOW_S, NULL, NULL);
	g_assert_false(sync_recall_note_login(recall, LINE, false));
	assert_logs_in_by(recall, NOW_S + SYNC_FORGOTTEN_S - 1, NULL, NULL);
	assert_logs_in_by(recall, NOW_S + SYNC_FORGOTTEN_S, LINE, NULL);
	assert_logs_in_by(recall, NOW_S - 1, LINE, NULL); /* nobody knows what day it is */

	sync_recall_note_forgotten(recall, NOW_S + SYNC_FORGOTTEN_S);
	assert_logs_in_by(recall, NOW_S + SYNC_FORGOTTEN_S + 1, NULL, NULL);
	assert_stores(recall, LINE "\n2 1800086400");
}

static void
test_other_capabilities_are_another_server(void)
{
	g_autoptr(SyncRecall) recall = recall_of(LINE "\n2 1800000000");

	assert_logs_in_by(recall, NOW_S, NULL, NULL);
	g_assert_true(sync_recall_note_login(recall, "IMAP4rev1", false));
	assert_logs_in_by(recall, NOW_S, "IMAP4rev1", "IMAP4rev1");
	g_assert_false(sync_recall_note_login(recall, "IMAP4rev1", true));
}

static void
test_what_cannot_be_read_is_nothing(void)
{
	static const struct {
		const char *stored, *capabilities;
	} rows[] = {
		{ NULL, NULL },
		{ "", NULL },
		{ "\n2 1800000000", NULL },
		{ LINE "\n", LINE },
		{ LINE "\n3 1800000000", LINE },
		{ LINE "\n0 1800000000", LINE },
		{ LINE "\n2", LINE },
		{ LINE "\n2 -1", LINE },
		{ LINE "\n2 x", LINE },
		{ LINE "\n2 1 1", LINE },
		{ LINE "\n2 99999999999999999999", LINE },
		{ LINE "\nrights", LINE },
		{ LINE "\nrights x", LINE },
		{ LINE "\nrights -1", LINE },
		{ LINE "\nrights 0", LINE },
		{ LINE "\nrights 99999999999999999999", LINE },
		{ LINE "\nrights 5 5", LINE },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(SyncRecall) recall = recall_of(rows[i].stored);
		g_assert_true(sync_recall_is_loaded(recall));
		assert_logs_in_by(recall, NOW_S, rows[i].capabilities, rows[i].capabilities);
		assert_stores(recall, rows[i].capabilities);
	}
	g_autoptr(SyncRecall) empty = sync_recall_new();
	g_assert_false(sync_recall_is_loaded(empty));
}

static void
test_append_limit(void)
{
	static const struct {
		const char *stored;
		uint64_t limit_bytes;
	} rows[] = {
		{ NULL, 0 },
		{ LINE, 0 },
		{ LINE " APPENDLIMIT", 0 },
		{ LINE " APPENDLIMIT=35651584", 35651584 },
		{ "appendlimit=9 IMAP4rev1", 9 },
		{ LINE " APPENDLIMIT=9\n2 1800000000", 9 },
		{ LINE " XAPPENDLIMIT=9 APPENDLIMIT=", 0 },
		{ LINE " APPENDLIMIT=-9", 0 },
		{ LINE " APPENDLIMIT=99999999999999999999", 0 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		g_assert_cmpuint(sync_recall_append_limit(rows[i].stored), ==, rows[i].limit_bytes);
}

static void
assert_rights_are_due(SyncRecall *recall, int64_t now_s, bool due)
{
	g_assert_cmpint(sync_recall_rights_are_due(recall, now_s), ==, due);
}

static void
test_rights_are_learned_once_a_day(void)
{
	g_autoptr(SyncRecall) recall = recall_of(LINE);

	assert_rights_are_due(recall, NOW_S, true);
	sync_recall_note_rights(recall, NOW_S);
	assert_rights_are_due(recall, NOW_S, false);
	assert_rights_are_due(recall, NOW_S + SYNC_RIGHTS_S - 1, false);
	assert_rights_are_due(recall, NOW_S + SYNC_RIGHTS_S, true);
	assert_rights_are_due(recall, NOW_S - 1, true); /* nobody knows what day it is */
	assert_stores(recall, LINE "\nrights 1800000000");
	sync_recall_note_forgotten(recall, NOW_S);
	assert_stores(recall, LINE "\n1 1800000000\nrights 1800000000");
	g_autofree char *stored = sync_recall_format(recall);
	g_autoptr(SyncRecall) again = recall_of(stored);
	assert_rights_are_due(again, NOW_S, false);
	assert_logs_in_by(again, NOW_S, LINE, NULL);
	sync_recall_note_rights(again, 0);
	assert_rights_are_due(again, NOW_S, true);
	assert_stores(again, LINE "\n1 1800000000");
}

static void
test_another_server_has_other_rights(void)
{
	g_autoptr(SyncRecall) recall = recall_of(LINE "\nrights 1800000000");

	assert_rights_are_due(recall, NOW_S, false);
	g_assert_false(sync_recall_note_login(recall, LINE, true));
	assert_rights_are_due(recall, NOW_S, false);
	g_assert_true(sync_recall_note_login(recall, "IMAP4rev1", true));
	assert_rights_are_due(recall, NOW_S, true);
}

static void *
read_often(void *data)
{
	for (int i = 0; i < 2000; i++) {
		g_autofree char *line = sync_recall_capabilities(data, false, NOW_S);
		g_assert_true(!line || strcmp(line, LINE) == 0 || strcmp(line, "IMAP4rev1") == 0);
	}
	return NULL;
}

static void
test_workers_may_ask_while_it_is_noted(void)
{
	g_autoptr(SyncRecall) recall = recall_of(LINE);
	pthread_t thread;

	g_assert_cmpint(pthread_create(&thread, NULL, read_often, recall), ==, 0);
	for (int i = 0; i < 1000; i++) {
		sync_recall_note_forgotten(recall, NOW_S);
		sync_recall_note_login(recall, i % 2 ? LINE : "IMAP4rev1", false);
	}
	pthread_join(thread, NULL);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/sync/recall/one slow login is tried again", test_one_slow_login_is_tried_again);
	g_test_add_func("/sync/recall/two in a row count for a day", test_two_in_a_row_count_for_a_day);
	g_test_add_func("/sync/recall/other capabilities are another server", test_other_capabilities_are_another_server);
	g_test_add_func("/sync/recall/what cannot be read is nothing", test_what_cannot_be_read_is_nothing);
	g_test_add_func("/sync/recall/the largest message", test_append_limit);
	g_test_add_func("/sync/recall/rights are learned once a day", test_rights_are_learned_once_a_day);
	g_test_add_func("/sync/recall/another server has other rights", test_another_server_has_other_rights);
	g_test_add_func("/sync/recall/workers may ask while it is noted", test_workers_may_ask_while_it_is_noted);
	return g_test_run();
}
