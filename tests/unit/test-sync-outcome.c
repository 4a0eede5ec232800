/* Which of a mailbox's messages are ours. */
#include "store-fixture.h"
#include "sync/outcome.h"

#define MANY 5
#define UNSURE UINT32_MAX

/* Letters stand for date, size, header, Message-ID and body; '-': unknown, or none. */
enum { DATE, SIZE, HEADER, ID, BODY };

typedef struct {
	const char *content;
	char emailid;
	bool is_foreign;
	uint32_t from;
} Ours;

typedef struct {
	uint32_t uid;
	const char *content;
	char emailid;
} Theirs;

typedef struct {
	const char *name;
	SyncCertainty certainty;
	Ours ours[MANY];
	Theirs theirs[MANY];
	const char *bodies; /* which of theirs are asked for, by their place: "13" */
	uint32_t want[MANY];
	bool in_doubt;
} Row;

static const Row rows[] = {
	{ "nothing there", SYNC_SOUGHT, { { "dsaaa" } }, { { 0 } }, "", { 0 } },
	{ "one and the same", SYNC_SOUGHT, { { "dsaaa" } }, { { 7, "dsaaa" } }, "", { 7 } },
	{ "another header", SYNC_SOUGHT, { { "dsaaa" } }, { { 7, "dsbbb" } }, "", { 0 } },
	{ "two, each its own", SYNC_SOUGHT,
	  { { "dsaaa" }, { "dsbbb" } }, { { 7, "dsbbb" }, { 8, "dsaaa" } }, "", { 8, 7 } },
	{ "below the recorded UIDNEXT", SYNC_SOUGHT, { { "dsaaa", .from = 8 } }, { { 7, "dsaaa" } }, "", { 0 } },

	/* Identical ones. */
	{ "two of ours, two of theirs", SYNC_SOUGHT,
	  { { "dsaaa" }, { "dsaaa" } }, { { 7, "dsaaa" }, { 8, "dsaaa" } }, "12", { 7, 8 } },
	{ "two of ours, one of theirs", SYNC_SOUGHT, { { "dsaaa" }, { "dsaaa" } }, { { 7, "dsaaa" } }, "1", { 7, 0 } },
	{ "one of ours, two of theirs", SYNC_SOUGHT,
	  { { "dsaaa" } }, { { 7, "dsaaa" }, { 8, "dsaaa" } }, "12", { 7 } },

	/* The header does not say it all. */
	{ "two states of a draft", SYNC_SOUGHT,
	  { { "dsaaa" }, { "dsaax" } }, { { 7, "dsaax" }, { 8, "dsaaa" } }, "12", { 8, 7 } },
	{ "one state of a draft", SYNC_SOUGHT, { { "dsaaa" }, { "dsaax" } }, { { 7, "dsaax" } }, "1", { 0, 7 } },
	{ "another state of a draft of that size", SYNC_SOUGHT,
	  { { "dsaaa" } }, { { 7, "dsaax" }, { 8, "dsaaa" } }, "12", { 8 } },
	{ "no Message-ID", SYNC_SOUGHT, { { "dsa-a" } }, { { 7, "dsa-a" } }, "1", { 7 } },
	{ "no Message-ID, another body", SYNC_SOUGHT, { { "dsa-a" } }, { { 7, "dsa-x" } }, "1", { 0 } },
	{ "our header is not known", SYNC_SOUGHT, { { "ds-aa" } }, { { 7, "dsaaa" }, { 8, "dsbbb" } }, "12", { 7 } },
	{ "the server's sizes are wrong", SYNC_SOUGHT, { { "dsaaa" } }, { { 7, "dtaaa" } }, "1", { 7 } },
	{ "it has gone before its bytes came", SYNC_SOUGHT, { { "dsa-a" } }, { { 7, "dsa--" } }, "1", { 0 } },

	/* Our bytes are not here. */
	{ "not here, one like it", SYNC_SOUGHT, { { "dsaa-" } }, { { 7, "dsaaa" } }, "", { 7 } },
	{ "not here, another size", SYNC_SOUGHT, { { "dsaa-" } }, { { 7, "dtaaa" } }, "", { UNSURE } },
	{ "nothing is known but date and size", SYNC_SOUGHT, { { "ds-a-" } }, { { 7, "dsbbb" } }, "", { UNSURE } },
	{ "not even those", SYNC_SOUGHT, { { "ds-a-" } }, { { 7, "esbbb" } }, "", { 0 } },

	/* Dates. */
	{ "another client's, of another date", SYNC_SOUGHT, { { "dsaaa" } }, { { 7, "esaaa" } }, "", { UNSURE } },
	{ "both, told apart by the date", SYNC_SOUGHT,
	  { { "dsaaa" } }, { { 7, "esaaa" }, { 8, "dsaaa" } }, "12", { 8 } },
	{ "accepted, the server has its own date", SYNC_ACCEPTED, { { "dsaaa" } }, { { 7, "esaaa" } }, "", { 7 } },

	/* Changed on its way. */
	{ "changed by the server", SYNC_SOUGHT, { { "dsaaa" } }, { { 7, "dtxax" } }, "", { UNSURE } },
	{ "accepted and changed", SYNC_ACCEPTED, { { "dsaaa" } }, { { 7, "dtxax" } }, "", { 7 } },
	{ "accepted, and not there", SYNC_ACCEPTED, { { "dsaaa" } }, { { 7, "dsbbb" } }, "", { 0 } },
	{ "an older state of that Message-ID", SYNC_SOUGHT, { { "dsaaa" } }, { { 7, "esxax" } }, "", { 0 } },

	{ "by EMAILID", SYNC_SOUGHT, { { "ds-a-", .emailid = 'm' } }, { { 7, "dsaaa", .emailid = 'm' } }, "", { 7 } },
	{ "a new UIDVALIDITY: it may be an old one", SYNC_SOUGHT,
	  { { "dsaaa", .is_foreign = true } }, { { 7, "dsaaa" } }, "", { UNSURE } },
	{ "a new UIDVALIDITY: none", SYNC_SOUGHT, { { "dsaaa", .is_foreign = true } }, { { 7, "dsbbb" } }, "", { 0 } },
	{ "there is more than could be read", SYNC_SOUGHT,
	  { { "dsaaa" }, { "dsbbb" } }, { { 7, "dsaaa" } }, "", { 7, UNSURE }, .in_doubt = true },
};

static void
fill(uint8_t bytes[32], char letter)
{
	memset(bytes, letter, 32);
}

static const char *
word(char letter)
{
	static const char *const words[] = { "a", "b", "m" };

	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		if (words[i][0] == letter)
			return words[i];
	return NULL;
}

typedef struct {
	SyncBatch batch;
	SyncItem items[MANY];
	uint8_t headers[MANY][32];
	SyncSought sought[MANY];
	SyncLook look;
} Looked;

static void
looked_init(Looked *looked, const Row *row, int64_t target)
{
	memset(looked, 0, sizeof *looked);
	looked->batch.target.id = target;
	looked->look = (SyncLook){ .batch = &looked->batch, .sought = looked->sought, .in_doubt = row->in_doubt };
	looked->look.candidates = g_array_new(FALSE, FALSE, sizeof(SyncCandidate));
	for (guint i = 0; i < MANY && row->ours[i].content; i++) {
		const Ours *ours = &row->ours[i];
		SyncSought *sought = &looked->sought[i];
		looked->items[i] = (SyncItem){ .internaldate_s = ours->content[DATE] };
		looked->items[i].size_bytes = (uint64_t)ours->content[SIZE];
		looked->items[i].emailid = word(ours->emailid);
		fill(looked->headers[i], ours->content[HEADER]);
		looked->items[i].header_sha256 = ours->content[HEADER] != '-' ? looked->headers[i] : NULL;
		*sought = (SyncSought){ .item = &looked->items[i], .message_id = word(ours->content[ID]) };
		sought->from = MAX(ours->from, 1);
		sought->is_foreign = ours->is_foreign;
		sought->has_body = ours->content[BODY] != '-';
		fill(sought->body_sha256, ours->content[BODY]);
		looked->look.count++;
	}
	for (guint i = 0; i < MANY && row->theirs[i].uid; i++) {
		const Theirs *theirs = &row->theirs[i];
		SyncCandidate candidate = { .uid = theirs->uid, .has_date = true, .has_size = true, .has_header = true };
		candidate.internaldate_s = theirs->content[DATE];
		candidate.size_bytes = (uint64_t)theirs->content[SIZE];
		candidate.emailid = word(theirs->emailid);
		candidate.message_id = word(theirs->content[ID]);
		fill(candidate.header_sha256, theirs->content[HEADER]);
		g_array_append_val(looked->look.candidates, candidate);
	}
}

/* What would be asked for comes. */
static char *
give_bodies(Looked *looked, const Row *row)
{
	GString *asked = g_string_new(NULL);

	for (guint i = 0; i < looked->look.candidates->len; i++) {
		SyncCandidate *candidate = &g_array_index(looked->look.candidates, SyncCandidate, i);
		if (!candidate->wants_body)
			continue;
		g_string_append_printf(asked, "%u", i + 1);
		candidate->has_body = row->theirs[i].content[BODY] != '-';
		fill(candidate->body_sha256, row->theirs[i].content[BODY]);
	}
	return g_string_free(asked, FALSE);
}

static void
test_row(Fixture *fixture, const void *data)
{
	const Row *row = data;
	g_autoptr(GError) error = NULL;
	SyncRun run = { .store = fixture->store, .account_id = fixture->account };
	uint32_t uids[MANY] = { 0 };
	Looked looked;

	looked_init(&looked, row, fixture->inbox);
	sync_look_want_bodies(&looked.look);
	g_autofree char *asked = give_bodies(&looked, row);
	g_assert_cmpstr(asked, ==, row->bodies);
	g_assert_true(sync_look_assign(&looked.look, &run, row->certainty, uids, &error));
	g_assert_no_error(error);
	for (guint i = 0; i < looked.look.count; i++)
		g_assert_cmpuint(uids[i], ==, row->want[i]);
	g_array_unref(looked.look.candidates);
}

/* A message that another operation has brought there is not ours, too; one that a pull has found may be. */
static void
test_spoken_for(Fixture *fixture, const void *data)
{
	static const Row row = { "", SYNC_SOUGHT, { { "dsaaa" } }, { { 7, "dsaaa" }, { 8, "dsaaa" } }, "12", { 0 } };
	g_autoptr(GError) error = NULL;
	SyncRun run = { .store = fixture->store, .account_id = fixture->account };
	uint32_t uids[MANY] = { 0 };
	Looked looked;

	add_message(fixture, fixture->inbox, 7, "From: a\r\n\r\nx");
	add_message(fixture, fixture->inbox, 8, "From: a\r\n\r\nx");
	sql(fixture, "INSERT INTO operations (account, kind, message, mailbox, target, state, created, ended)"
	             " SELECT 1, 'append', id, mailbox, mailbox, 'done', 1, 1 FROM messages WHERE uid = 7");
	looked_init(&looked, &row, fixture->inbox);
	sync_look_want_bodies(&looked.look);
	g_free(give_bodies(&looked, &row));
	g_assert_true(sync_look_assign(&looked.look, &run, row.certainty, uids, &error));
	g_assert_no_error(error);
	g_assert_cmpuint(uids[0], ==, 8);
	g_array_unref(looked.look.candidates);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *path = g_strdup_printf("/sync/outcome/%s", rows[i].name);
		g_test_add(path, Fixture, &rows[i], fixture_set_up, test_row, fixture_tear_down);
	}
	g_test_add("/sync/outcome/spoken for", Fixture, NULL, fixture_set_up, test_spoken_for, fixture_tear_down);
	return g_test_run();
}
