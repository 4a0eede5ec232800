/* What the tests of searching share: messages whose bytes are their own text, and what a query finds. */
#pragma once

#include "store-fixture.h"

#include "store/changes.h"
#include "store/search.h"

#define TEXT_VERSION 3

/* How often a text was made, and when to stop. */
typedef struct {
	unsigned made, told;
	uint64_t enough; /* so many are; 0: all */
	uint64_t last_done, last_total;
} Making;

static inline bool
make_text(Store *store, const StoreBody *body, GString *text, void *data, GError **error)
{
	Making *making = data;
	size_t n = 0, before = text->len;

	making->made++;
	g_string_set_size(text, before + body->length);
	g_assert_true(store_body_read(store, body, text->str + before, body->length, 0, &n, error));
	return store_derived_put(store, body, TEXT_VERSION, text->str + before, n, error);
}

static inline bool
tell_progress(uint64_t done, uint64_t total, void *data)
{
	Making *making = data;

	g_assert_cmpuint(done, <=, total);
	making->told++;
	making->last_done = done;
	making->last_total = total;
	return making->enough == 0 || done < making->enough;
}

static inline Making
update_until(Fixture *fixture, uint64_t enough)
{
	g_autoptr(GError) error = NULL;
	Making making = { .enough = enough };
	const StoreIndexing how = { TEXT_VERSION, make_text, tell_progress, &making };

	bool ok = store_search_update(fixture->store, &how, NULL, &error);
	g_assert_no_error(error);
	g_assert_true(ok);
	return making;
}

static inline Making
update(Fixture *fixture)
{
	return update_until(fixture, 0);
}

static inline StoreSearchState
state_of(Fixture *fixture)
{
	g_autoptr(GError) error = NULL;
	StoreSearchState state = { 0 };

	store_search_state(fixture->store, TEXT_VERSION, &state, &error);
	g_assert_no_error(error);
	return state;
}

static inline bool
append_name(const StoreFound *found, void *data)
{
	GString *names = data;

	g_string_append_printf(names, "%s%.*s", names->len > 0 ? " " : "", (int)strcspn(found->name, "."), found->name);
	return true;
}

/* Names without their endings, in the order of @range. */
static inline char *
search_in(Fixture *fixture, const char *query, const StoreSearchRange *range)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreSearch) search = store_search_new(query, &error);
	GString *names = g_string_new(NULL);

	g_assert_no_error(error);
	store_search_run(fixture->store, search, range, append_name, names, &error);
	g_assert_no_error(error);
	return g_string_free(names, FALSE);
}

static inline void
assert_found(Fixture *fixture, const char *query, const char *expected)
{
	const StoreSearchRange by_id = { 0 };
	g_autofree char *found = search_in(fixture, query, &by_id);

	if (strcmp(found, expected) != 0)
		g_error("%s: found \"%s\", not \"%s\"", query, found, expected);
}
