/* src/store: what queries find. */
#include "store-search.h"

#include <time.h>

#define ADD(path, test) g_test_add("/store-search/" path, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

static int64_t
add(Fixture *fixture, int64_t mailbox, uint32_t uid, const char *text)
{
	return add_message(fixture, mailbox, uid, text);
}

static void
set_date(Fixture *fixture, int64_t id, int64_t s)
{
	g_autofree char *text = g_strdup_printf("UPDATE messages SET internaldate = %" G_GINT64_FORMAT " WHERE id = %d", s,
	                                        (int)id);

	sql(fixture, text);
}

/* As "UID: text". */
static const char *const texts[] = {
	"From: Alice Nováková <alice@example.cz>\nTo: bob@example.org\nCc: Carol <carol@example.net>\nSubject: Žluťoučký kůň\n\n"
	"The garden and the river.\nA second line: follow-up.\n",
	"From: Bob Smith <bob@example.org>\nTo: Alice <alice@example.cz>\nSubject: garden party\n\nSummer, not winter.\n",
	"From: 王小明 <wang@example.org>\nSubject: 会議\n\n明日は東京都で日本語の会議があります。\n",
	"From: shop <no-reply@example.com>\nCc: alice@example.cz\nSubject: invoice 4711\n\nPlease pay.\n\n"
	"[attachment: invoice.pdf, application/pdf, 12.3 kB]\n",
	"Subject: empty\n\n",
	"\nno headers at all, but a garden\n",
	"From: x@example.org\n\nHe wrote [attachment: nothing] within a line.\n",
};

static void
fill(Fixture *fixture)
{
	for (uint32_t i = 0; i < G_N_ELEMENTS(texts); i++)
		add(fixture, fixture->inbox, i + 1, texts[i]);
	update(fixture);
}

static void
test_words(Fixture *fixture, const void *data)
{
	static const struct {
		const char *query, *found;
	} rows[] = {
		{ "garden", "1 2 6" },
		{ "GARDEN", "1 2 6" },
		{ "zlutoucky KUN", "1" },
		{ "žluťoučký", "1" },
		{ "gard", "" },
		{ "gard*", "1 2 6" },
		{ "\"the gard\"*", "1" },
		{ "\"the garden and\"", "1" },
		{ "\"garden the\"", "" },
		{ "follow-up", "1" },
		{ "from:alice", "1" },
		{ "from:alice@example.cz", "1" },
		{ "from:bob", "2" },
		{ "alice", "1 2 4" },
		{ "to:alice", "2 4" }, /* Cc too */
		{ "to:carol", "1" },
		{ "to:bob@example.org", "1" },
		{ "subject:garden", "2" },
		{ "subject:invo*", "4" },
		{ "subject:\"garden party\" summer", "2" },
		{ "garden -summer", "1 6" },
		{ "-garden", "3 4 5 7" },
		{ "NOT (garden OR invoice)", "3 5 7" },
		{ "garden NOT summer NOT river", "6" },
		{ "garden (summer OR river)", "1 2" },
		{ "summer OR 4711", "2 4" },
		{ "summer OR -garden", "2 3 4 5 7" },
		{ "(garden summer) OR (pay invoice)", "2 4" },
		{ "会議", "3" },
		{ "subject:会議", "3" },
		{ "日本語", "3" },
		{ "東京", "3" },
		{ "京都", "3" },
		{ "京", "3" },
		{ "語の会", "3" },
		{ "都東", "" },
		{ "会", "3" },
		{ "小明", "3" },
		{ "from:王", "3" },
		{ "has:attachment", "4" },
		{ "-has:attachment garden", "1 2 6" },
		{ "has:attachment OR summer", "2 4" },
		{ "attachment", "4 7" },
	};

	fill(fixture);
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
		assert_found(fixture, rows[i].query, rows[i].found);
}

static void
test_flags_are_those_that_people_see(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;

	fill(fixture);
	StoreTxn *txn = begin(fixture);
	g_assert_true(store_message_set_flags(txn, fixture->inbox, 1, "\\Seen \\Flagged", 0, &error));
	g_assert_true(store_message_set_flags(txn, fixture->inbox, 2, "\\Seen \\Answered $Forwarded Work", 0, &error));
	g_assert_true(store_message_set_flags(txn, fixture->inbox, 3, "\\Draft \\Deleted Workshop", 0, &error));
	commit(txn);
	assert_found(fixture, "is:read", "1 2");
	assert_found(fixture, "is:unread", "3 4 5 6 7");
	assert_found(fixture, "is:flagged OR is:answered", "1 2");
	assert_found(fixture, "is:forwarded", "2");
	assert_found(fixture, "is:draft", "3");
	assert_found(fixture, "flag:work", "2");
	assert_found(fixture, "flag:\\deleted", "3");
	assert_found(fixture, "garden is:unread", "6");

	/* What was changed here and was not told to the server yet. */
	txn = begin(fixture);
	g_assert_true(store_change_flags(txn, 1, "", "\\Seen", &error));
	g_assert_true(store_change_flags(txn, 4, "\\Seen $Mine", "", &error));
	commit(txn);
	assert_found(fixture, "is:read", "2 4");
	assert_found(fixture, "is:unread garden", "1 6");
	assert_found(fixture, "flag:$mine", "4");
	sql(fixture, "UPDATE operations SET state = 'failed' WHERE message = 4");
	assert_found(fixture, "is:read", "2");
	sql(fixture, "UPDATE operations SET state = 'done', ended = 1 WHERE message = 1");
	assert_found(fixture, "is:read", "1 2");
}

static void
test_folders(Fixture *fixture, const void *data)
{
	static const char *const paths[] = { "Archiv", "Archiv/2024", "Archiv/2024/Léto", "Jiné/Archiv/2024", "Archiv2024",
		                                 "Old/2024", "Archiv/20245" };

	add(fixture, fixture->inbox, 90, "\n90");
	for (uint32_t i = 0; i < G_N_ELEMENTS(paths); i++) {
		g_autofree char *text = g_strdup_printf("\nmail %u\n", i);
		add(fixture, make_mailbox(fixture, paths[i]), i + 1, text);
	}
	update(fixture);
	assert_found(fixture, "folder:INBOX", "90");
	assert_found(fixture, "folder:inbox", "90");
	assert_found(fixture, "folder:Archiv", "1 2 3 4 7");
	assert_found(fixture, "folder:archiv/2024", "2 3 4");
	assert_found(fixture, "folder:2024", "2 3 4 6");
	assert_found(fixture, "folder:leto", "3");
	assert_found(fixture, "folder:\"jine/ARCHIV\"", "4");
	assert_found(fixture, "folder:rchiv", "");
	assert_found(fixture, "folder:x/Archiv/2024", "");
	assert_found(fixture, "mail -folder:Archiv", "5 6");
	assert_found(fixture, "folder:Old OR folder:léto", "3 6");
	sql(fixture, "UPDATE mailboxes SET state = 2 WHERE name = 'Old'"); /* people do not see it any more */
	assert_found(fixture, "folder:2024", "2 3 4");
	assert_found(fixture, "mail", "1 2 3 4 5 7");
}

static void
test_dates(Fixture *fixture, const void *data)
{
	const int64_t march = 1709251200 /* 2024-03-01 */, now = time(NULL);

	for (uint32_t uid = 1; uid <= 6; uid++) {
		g_autofree char *text = g_strdup_printf("\nmail %u\n", uid);
		add(fixture, fixture->inbox, uid, text);
	}
	set_date(fixture, 1, march - 1);
	set_date(fixture, 2, march);
	set_date(fixture, 3, march + 86399);
	set_date(fixture, 4, march + 86400);
	set_date(fixture, 5, now);
	set_date(fixture, 6, now - 8 * 86400);
	update(fixture);
	assert_found(fixture, "date:2024-03-01", "2 3");
	assert_found(fixture, "date:2024-03", "2 3 4");
	assert_found(fixture, "date:2024-02-29", "1");
	assert_found(fixture, "date:2024 mail", "1 2 3 4");
	assert_found(fixture, "date:..2024-02", "1");
	assert_found(fixture, "date:2024-03-01.. date:..2024-03-01", "2 3");
	assert_found(fixture, "date:2024-03-02..", "4 5 6");
	assert_found(fixture, "date:7d", "5");
	assert_found(fixture, "date:9d", "5 6");
	assert_found(fixture, "-date:2024", "5 6");
	assert_found(fixture, "date:2024-03-02 OR date:7d", "4 5");
	assert_found(fixture, "date:yesterday..today", "5");
}

/* Both orders, with and without the index leading, cut off everywhere. */
static void
test_orders_and_limits(Fixture *fixture, const void *data)
{
	static const char *const queries[] = { "rare", "common", "common OR is:read", "rare is:unread", "date:1970" };
	static const char *const newest[] = { "57 37 17 7", NULL, NULL, "57 37 17 7", NULL };

	for (uint32_t uid = 1; uid <= 60; uid++) {
		g_autofree char *text = g_strdup_printf("\nmail %u common %s\n", uid, uid % 20 == 17 || uid == 7 ? "rare" : "");
		int64_t id = add(fixture, fixture->inbox, uid, text);
		set_date(fixture, id, uid == 7 ? 1 : 1000 + uid * 7 % 45); /* some at once */
	}
	update(fixture);
	for (gsize i = 0; i < G_N_ELEMENTS(queries); i++) {
		g_autofree char *all = search_in(fixture, queries[i], &(StoreSearchRange){ .newest_first = true });
		g_autofree char *ids = search_in(fixture, queries[i], &(StoreSearchRange){ 0 });
		g_auto(GStrv) all_words = g_strsplit(all, " ", -1), id_words = g_strsplit(ids, " ", -1);
		if (newest[i])
			g_assert_cmpstr(all, ==, newest[i]);
		else
			g_assert_cmpuint(g_strv_length(all_words), ==, 60);
		g_assert_cmpuint(g_strv_length(all_words), ==, g_strv_length(id_words));
		for (guint limit = 1; all_words[limit - 1]; limit++) {
			const StoreSearchRange first = { .newest_first = true, .limit = limit };
			const StoreSearchRange behind = { .after = g_ascii_strtoll(id_words[limit - 1], NULL, 10) };
			g_autofree char *some = search_in(fixture, queries[i], &first);
			g_auto(GStrv) some_words = g_strsplit(some, " ", -1);
			g_assert_true(g_str_has_prefix(all, some));
			g_assert_cmpuint(g_strv_length(some_words), ==, limit);
			g_autofree char *rest = search_in(fixture, queries[i], &behind);
			g_autofree char *expected = g_strjoinv(" ", id_words + limit);
			g_assert_cmpstr(rest, ==, expected); /* ids are UIDs here */
		}
	}
}

static bool
stop_at_second(const StoreFound *found, void *data)
{
	return ++*(unsigned *)data < 2;
}

static void
test_who_has_enough_is_asked_no_more(Fixture *fixture, const void *data)
{
	g_autoptr(StoreSearch) few = store_search_new("summer OR 4711 OR river", NULL), all = store_search_new("-nowhere", NULL);
	unsigned calls = 0;

	fill(fixture);
	g_assert_true(store_search_run(fixture->store, few, &(StoreSearchRange){ 0 }, stop_at_second, &calls, NULL));
	g_assert_cmpuint(calls, ==, 2);
	calls = 0;
	g_assert_true(store_search_run(fixture->store, all, &(StoreSearchRange){ 0 }, stop_at_second, &calls, NULL));
	g_assert_cmpuint(calls, ==, 2);
}

static bool
append_path(const StoreFound *found, void *data)
{
	g_string_append_printf(data, "%s/%s/%s %d %d\n", found->account, found->folder, found->name, (int)found->place_id,
	                       (int)found->internaldate_s);
	return true;
}

static void
test_accounts_and_paths(Fixture *fixture, const void *data)
{
	g_autoptr(StoreSearch) search = store_search_new("garden", NULL);
	g_autoptr(GString) paths = g_string_new(NULL);
	int64_t home = fixture->account, deep = make_mailbox(fixture, "A/B/c"), work;

	StoreTxn *txn = begin(fixture);
	g_assert_true(store_account_ensure(txn, "work", &work, NULL));
	commit(txn);
	add(fixture, deep, 4, "\nthe garden\n");
	fixture->account = work;
	int64_t other = make_mailbox(fixture, "INBOX");
	fixture->account = home;
	add(fixture, other, 5, "\nthe garden\n"); /* one document, two messages */
	update(fixture);
	g_assert_cmpuint(state_of(fixture).indexed, ==, 1);
	g_assert_true(store_search_run(fixture->store, search, &(StoreSearchRange){ 0 }, append_path, paths, NULL));
	g_autofree char *expected = g_strdup_printf("home/A/B/c/4.eml %d 1004\nwork/INBOX/5.eml %d 1005\n", (int)deep,
	                                            (int)other);
	g_assert_cmpstr(paths->str, ==, expected);
	g_autofree char *of_work = search_in(fixture, "garden", &(StoreSearchRange){ .account = "work" });
	g_assert_cmpstr(of_work, ==, "5");
	g_autofree char *of_home = search_in(fixture, "garden", &(StoreSearchRange){ .account = "home", .newest_first = true });
	g_assert_cmpstr(of_home, ==, "4");
	g_autofree char *of_none = search_in(fixture, "garden", &(StoreSearchRange){ .account = "none" });
	g_assert_cmpstr(of_none, ==, "");
}

static void
test_what_people_do_not_see_is_not_found(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t other = make_mailbox(fixture, "Other");

	fill(fixture);
	StoreTxn *txn = begin(fixture);
	g_assert_true(store_change_move(txn, 1, other, NULL, false, &error));
	g_assert_true(store_change_remove(txn, 2, &(StoreRemoval){ 0 }, &error)); /* to be expunged */
	insert_message(txn, fixture->inbox, 50);                                  /* has no body yet */
	commit(txn);
	assert_found(fixture, "garden", "1 6");
	assert_found(fixture, "garden folder:Other", "1");
	txn = begin(fixture);
	g_assert_true(store_message_remove_uids(txn, fixture->inbox, 6, 6, &error));
	commit(txn);
	assert_found(fixture, "garden", "1");
	assert_found(fixture, "-nowhere", "1 3 4 5 7");
	sql(fixture, "UPDATE messages SET state = 7 WHERE id = 3"); /* a file */
	sql(fixture, "UPDATE messages SET state = 8 WHERE id = 4");
	assert_found(fixture, "-nowhere", "1 5 7");
	assert_found(fixture, "日本", "");
}

static int64_t
add_header(Fixture *fixture, uint32_t uid, const char *bytes)
{
	static const uint8_t hash[32] = { 7 };
	g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, NULL);
	StoreBody header = write_body(writer, bytes, strlen(bytes));
	g_autofree char *name = g_strdup_printf("%u.eml", uid);

	g_assert_true(store_writer_sync(writer, NULL));
	StoreTxn *txn = begin(fixture);
	int64_t id = insert_message(txn, fixture->inbox, uid);
	g_assert_true(store_message_set_header(txn, id, &header, name, hash, NULL));
	commit(txn);
	return id;
}

static void
test_headers_of_what_is_not_here(Fixture *fixture, const void *data)
{
	g_autoptr(StoreWriter) writer = NULL;
	static const char whole[] = "Subject: far away\n\nthe river\n";
	int64_t id = add_header(fixture, 1, "Subject: far away\n\n");

	update(fixture);
	assert_found(fixture, "subject:far", "1");
	assert_found(fixture, "river", "");
	assert_found(fixture, "far -river", "1");

	writer = store_writer_new(fixture->store, NULL);
	StoreBody body = write_body(writer, whole, strlen(whole));
	g_assert_true(store_writer_sync(writer, NULL));
	StoreTxn *txn = begin(fixture);
	set_body(txn, id, &body, "1.eml");
	commit(txn);
	update(fixture);
	assert_found(fixture, "far river", "1");
	assert_found(fixture, "far -river", "");
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("words", test_words);
	ADD("flags-are-those-that-people-see", test_flags_are_those_that_people_see);
	ADD("folders", test_folders);
	ADD("dates", test_dates);
	ADD("orders-and-limits", test_orders_and_limits);
	ADD("who-has-enough-is-asked-no-more", test_who_has_enough_is_asked_no_more);
	ADD("accounts-and-paths", test_accounts_and_paths);
	ADD("what-people-do-not-see-is-not-found", test_what_people_do_not_see_is_not_found);
	ADD("headers-of-what-is-not-here", test_headers_of_what_is_not_here);
	return g_test_run();
}
