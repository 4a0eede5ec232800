/* Queries, as people type them or as names of folders: parsed in bounded time and memory; what was understood is
 * understood by the index too. */
#include "store/search-token.h"
#include "store/search-words.h"

#include <stdint.h>
#include <sqlite3.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static sqlite3_stmt *
prepare(void)
{
	static sqlite3_stmt *statement;
	sqlite3 *handle;

	if (statement)
		return statement;
	if (sqlite3_open(":memory:", &handle) != SQLITE_OK || !store_token_register(handle, NULL) ||
	    sqlite3_exec(handle, "CREATE VIRTUAL TABLE words USING fts5 (sender, recipients, subject, body, marks, content = '',"
	                         " columnsize = 0, tokenize = '" STORE_TOKENIZER "');"
	                         "INSERT INTO words (rowid, sender, body) VALUES (1, 'alice', 'a b 日本語')", NULL, NULL, NULL) ||
	    sqlite3_prepare_v2(handle, "SELECT rowid FROM words WHERE words MATCH ?", -1, &statement, NULL) != SQLITE_OK)
		abort();
	return statement;
}

static void
look(const char *words)
{
	sqlite3_stmt *statement = prepare();
	int rc;

	sqlite3_bind_text(statement, 1, words, -1, SQLITE_STATIC);
	do
		rc = sqlite3_step(statement);
	while (rc == SQLITE_ROW);
	sqlite3_reset(statement);
	if (rc != SQLITE_DONE)
		abort();
}

static unsigned
walk(const StoreTerm *term)
{
	g_autofree char *words = NULL;
	unsigned terms = 0;

	if (store_words_can(term))
		words = store_words_of(term);
	else if (term->kind == STORE_TERM_AND || term->kind == STORE_TERM_OR)
		words = store_words_of_group(term);
	if (words)
		look(words);
	for (guint i = 0; term->parts && i < term->parts->len; i++)
		terms += walk(term->parts->pdata[i]);
	return term->parts ? terms : 1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *query = g_strndup((const char *)data, size);
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreSearch) search = store_search_new(query, &error);

	if ((search != NULL) == (error != NULL) || (error && error->code != CORE_ERROR_USAGE))
		abort();
	if (search && walk(search->term) != search->terms)
		abort();
	return 0;
}
