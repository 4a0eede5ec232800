/* src/store: what a server allows: the room for an account, and what may be done in a mailbox. */
#include "store-fixture.h"

#define ADD(path, test) g_test_add("/store-allowance/" path, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

static int64_t
add_account(Fixture *fixture, const char *name)
{
	StoreTxn *txn = begin(fixture);
	int64_t id = 0;

	g_assert_true(store_account_ensure(txn, name, &id, NULL));
	commit(txn);
	return id;
}

static void
set_quota(Fixture *fixture, int64_t id, uint64_t used, uint64_t limit)
{
	StoreTxn *txn = begin(fixture);

	g_assert_true(store_account_set_quota(txn, id, used, limit, NULL));
	commit(txn);
}

static void
assert_no_quota(const Fixture *fixture, int64_t id)
{
	g_autoptr(GError) error = NULL;
	uint64_t used = 7, limit = 8;

	g_assert_false(store_account_quota(fixture->store, id, &used, &limit, &error));
	g_assert_no_error(error);
	g_assert_true(used == 7 && limit == 8);
}

static void
assert_quota(const Fixture *fixture, int64_t id, uint64_t used, uint64_t limit)
{
	g_autoptr(GError) error = NULL;
	uint64_t used_got = 0, limit_got = 0;

	g_assert_true(store_account_quota(fixture->store, id, &used_got, &limit_got, &error));
	g_assert_no_error(error);
	g_assert_cmpuint(used_got, ==, used);
	g_assert_cmpuint(limit_got, ==, limit);
}

static void
test_quota_is_kept_and_forgotten(Fixture *fixture, const void *data)
{
	assert_no_quota(fixture, fixture->account);
	assert_no_quota(fixture, 0);
	assert_no_quota(fixture, 4711);
	set_quota(fixture, fixture->account, 10, 1024);
	fixture_reopen(fixture);
	assert_quota(fixture, fixture->account, 10, 1024);
	set_quota(fixture, fixture->account, 2048, 1024); /* over it */
	assert_quota(fixture, fixture->account, 2048, 1024);
	set_quota(fixture, fixture->account, 0, 0);
	assert_quota(fixture, fixture->account, 0, 0);
	StoreTxn *txn = begin(fixture);
	g_assert_true(store_account_forget_quota(txn, fixture->account, NULL));
	commit(txn);
	assert_no_quota(fixture, fixture->account);
}

static void
test_quota_of_all_is_the_sum_of_those_that_told(Fixture *fixture, const void *data)
{
	int64_t other = add_account(fixture, "other"), silent = add_account(fixture, "silent");

	set_quota(fixture, fixture->account, 10, 100);
	assert_quota(fixture, 0, 10, 100);
	set_quota(fixture, other, 1, 1000);
	assert_quota(fixture, 0, 11, 1100);
	assert_quota(fixture, other, 1, 1000);
	assert_no_quota(fixture, silent);
}

static void
test_quota_does_not_overflow(Fixture *fixture, const void *data)
{
	int64_t other = add_account(fixture, "other");

	set_quota(fixture, fixture->account, UINT64_MAX, UINT64_MAX);
	assert_quota(fixture, fixture->account, INT64_MAX, INT64_MAX);
	set_quota(fixture, other, INT64_MAX - 1, 1);
	assert_quota(fixture, other, INT64_MAX - 1, 1);
	assert_quota(fixture, 0, INT64_MAX, INT64_MAX);
}

static void
assert_rights(const Fixture *fixture, int64_t id, const char *rights)
{
	g_auto(StoreMailbox) mailbox = { 0 };

	g_assert_true(store_mailbox_get(fixture->store, id, &mailbox, NULL));
	g_assert_cmpstr(mailbox.rights, ==, rights);
}

static void
set_rights(Fixture *fixture, int64_t id, const char *rights)
{
	StoreTxn *txn = begin(fixture);

	g_assert_true(store_mailbox_set_rights(txn, id, rights, NULL));
	commit(txn);
	assert_rights(fixture, id, rights);
}

static void
set_listing(Fixture *fixture, int64_t id, const char *server_name)
{
	StoreTxn *txn = begin(fixture);

	g_assert_true(store_mailbox_set_listing(txn, id, server_name, '/', STORE_MAILBOX_SELECTABLE, NULL));
	commit(txn);
}

static void
test_rights_are_kept_while_the_name_is(Fixture *fixture, const void *data)
{
	int64_t other = make_mailbox(fixture, "other");

	assert_rights(fixture, other, NULL);
	set_rights(fixture, other, "lrs");
	set_rights(fixture, fixture->inbox, "");
	set_listing(fixture, other, "other");
	fixture_reopen(fixture);
	assert_rights(fixture, other, "lrs");
	assert_rights(fixture, fixture->inbox, "");
	set_listing(fixture, other, "elsewhere");
	assert_rights(fixture, other, NULL);
	set_rights(fixture, other, STORE_RIGHTS_UNTOLD);
	set_rights(fixture, other, NULL);
}

static void
test_rights_of_an_account_are_forgotten(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t account = add_account(fixture, "other"), mailbox = 0;
	char *components[] = { (char[]){ "INBOX" }, NULL };

	StoreTxn *txn = begin(fixture);
	g_assert_true(store_mailbox_ensure(txn, account, components, &mailbox, &error));
	commit(txn);
	set_rights(fixture, mailbox, "lr");
	set_rights(fixture, fixture->inbox, "lrs");
	txn = begin(fixture);
	g_assert_true(store_mailbox_forget_rights(txn, fixture->account, &error));
	commit(txn);
	assert_rights(fixture, fixture->inbox, NULL);
	assert_rights(fixture, mailbox, "lr");
}

/* Of "lrswipkxtea" those that each allows. */
static void
test_what_rights_allow(void)
{
	static const struct {
		const char *rights, *allowed;
	} rows[] = {
		{ NULL, "lrswipkxtea" },
		{ STORE_RIGHTS_UNTOLD, "lrswipkxtea" },
		{ "", "" },
		{ "lr", "lr" },
		{ "lrs", "lrs" },
		{ "lrswipkxtea", "lrswipkxtea" },
		{ "lrswipkxteacd", "lrswipkxtea" },
		{ "lrswite", "lrswite" },
		{ "lrt", "lrt" },
		{ "lrkc", "lrk" },          /* RFC 4314: "c" stands for what is told beside it */
		{ "lrted", "lrte" },
		{ "lrswipcda", "lrswipkxtea" }, /* RFC 2086 */
		{ "lrswic", "lrswikx" },
		{ "lrsd", "lrsxte" },
		{ "lrs0123", "lrs" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GString) allowed = g_string_new(NULL);
		for (const char *right = "lrswipkxtea"; *right; right++)
			if (store_mailbox_may(rows[i].rights, *right))
				g_string_append_c(allowed, *right);
		g_assert_cmpstr(allowed->str, ==, rows[i].allowed);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("quota-is-kept-and-forgotten", test_quota_is_kept_and_forgotten);
	ADD("quota-of-all-is-the-sum-of-those-that-told", test_quota_of_all_is_the_sum_of_those_that_told);
	ADD("quota-does-not-overflow", test_quota_does_not_overflow);
	ADD("rights-are-kept-while-the-name-is", test_rights_are_kept_while_the_name_is);
	ADD("rights-of-an-account-are-forgotten", test_rights_of_an_account_are_forgotten);
	g_test_add_func("/store-allowance/what-rights-allow", test_what_rights_allow);
	return g_test_run();
}
