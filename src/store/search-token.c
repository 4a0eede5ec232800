#include "store/search-token.h"

#include "store/db.h"

#include <string.h>

typedef struct {
	fts5_tokenizer module; /* unicode61 */
	Fts5Tokenizer *words;
} Tokenizer;

typedef int (*TokenFn)(void *data, int flags, const char *token, int length, int start, int end);

/* Where the words of one text go. */
typedef struct {
	TokenFn fn;
	void *data;
	int offset; /* of the part that unicode61 looks at */
} Sink;

/* What is written without blanks. */
static bool
is_dense(gunichar c)
{
	static const struct {
		gunichar first, last;
	} ranges[] = {
		{ 0x1100, 0x11ff },   { 0x2e80, 0x2fdf },   { 0x3005, 0x3007 },   { 0x3021, 0x3029 }, { 0x3031, 0x3035 },
		{ 0x3038, 0x303c },   { 0x3041, 0x3096 },   { 0x3099, 0x309f },   { 0x30a1, 0x30fa }, { 0x30fc, 0x31bf },
		{ 0x31f0, 0x31ff },   { 0x3400, 0x4dbf },   { 0x4e00, 0x9fff },   { 0xa960, 0xa97f }, { 0xac00, 0xd7ff },
		{ 0xf900, 0xfaff },   { 0xff66, 0xffdc },   { 0x1aff0, 0x1b16f }, { 0x20000, 0x3ffff },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(ranges) && c >= ranges[i].first; i++) {
		if (c <= ranges[i].last)
			return true;
	}
	return false;
}

/* Other characters stand for the same one. */
static bool
has_forms(gunichar c)
{
	return c < 0x3000 || (c >= 0x3099 && c <= 0x309c) || (c >= 0x3131 && c <= 0x318e) || (c >= 0xa960 && c <= 0xa97f) ||
	       (c >= 0xd7b0 && c <= 0xffff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

/* The character at @at if it is dense, else 0; its bytes in *length_r. */
static gunichar
dense_at(const char *at, const char *end, int *length_r)
{
	static const unsigned char first = 0xe1; /* of U+1100, the lowest */

	if ((unsigned char)*at < first)
		return 0;
	gunichar c = g_utf8_get_char_validated(at, end - at);
	if ((gint)c < 0 || !is_dense(c))
		return 0;
	*length_r = g_utf8_skip[(unsigned char)*at];
	return c;
}

/* The end of the run that begins at @at. */
static const char *
end_of_run(const char *at, const char *end, bool *forms_r)
{
	gunichar c;
	int length;

	for (*forms_r = false; at < end && (c = dense_at(at, end, &length)); at += length)
		*forms_r |= has_forms(c);
	return at;
}

static int
emit_pairs(const Sink *sink, int flags, const char *text, const char *end, int from, int to)
{
	const char *second = text + g_utf8_skip[(unsigned char)*text];
	int rc = SQLITE_OK;
	bool alone = second >= end;

	for (; second < end && rc == SQLITE_OK; text += g_utf8_skip[(unsigned char)*text]) {
		second += g_utf8_skip[(unsigned char)*second];
		rc = sink->fn(sink->data, 0, text, (int)(second - text), from, to);
	}
	if (rc == SQLITE_OK && (alone || !(flags & FTS5_TOKENIZE_QUERY)))
		rc = sink->fn(sink->data, alone ? 0 : FTS5_TOKEN_COLOCATED, text, (int)(end - text), from, to);
	return rc;
}

static int
emit_run(const Sink *sink, int flags, const char *text, int from, int to, bool forms)
{
	if (!forms)
		return emit_pairs(sink, flags, text + from, text + to, from, to);
	g_autofree char *one = g_utf8_normalize(text + from, to - from, G_NORMALIZE_ALL_COMPOSE);
	return one && *one ? emit_pairs(sink, flags, one, one + strlen(one), from, to) : SQLITE_OK;
}

static int
emit_word(void *data, int flags, const char *word, int length, int start, int end)
{
	const Sink *sink = data;

	if (length > STORE_TOKEN_MAX_BYTES) {
		length = STORE_TOKEN_MAX_BYTES;
		while ((word[length] & 0xc0) == 0x80)
			length--;
	}
	return sink->fn(sink->data, flags, word, length, sink->offset + start, sink->offset + end);
}

static int
tokenize(Fts5Tokenizer *self, void *data, int flags, const char *text, int size, TokenFn fn)
{
	const Tokenizer *tokenizer = (const Tokenizer *)(const void *)self;
	Sink sink = { fn, data, 0 };
	int rc = SQLITE_OK;

	for (int at = 0; at < size && rc == SQLITE_OK;) {
		int next = at, ignored;
		bool forms;

		while (next < size && !dense_at(text + next, text + size, &ignored))
			next++;
		sink.offset = at;
		if (next > at)
			rc = tokenizer->module.xTokenize(tokenizer->words, &sink, flags, text + at, next - at, emit_word);
		at = (int)(end_of_run(text + next, text + size, &forms) - text);
		if (at > next && rc == SQLITE_OK)
			rc = emit_run(&sink, flags, text, next, at, forms);
	}
	return rc;
}

static void
destroy(Fts5Tokenizer *self)
{
	Tokenizer *tokenizer = (Tokenizer *)(void *)self;

	if (tokenizer->words)
		tokenizer->module.xDelete(tokenizer->words);
	g_free(tokenizer);
}

static int
create(void *data, const char **arguments, int count, Fts5Tokenizer **self_r)
{
	static const char *options[] = { "remove_diacritics", "2" };
	fts5_api *api = data;
	Tokenizer *tokenizer = g_new0(Tokenizer, 1);
	void *context;

	int rc = api->xFindTokenizer(api, "unicode61", &context, &tokenizer->module);
	if (rc == SQLITE_OK)
		rc = tokenizer->module.xCreate(context, options, G_N_ELEMENTS(options), &tokenizer->words);
	if (rc != SQLITE_OK) {
		destroy((Fts5Tokenizer *)(void *)tokenizer);
		return rc;
	}
	*self_r = (Fts5Tokenizer *)(void *)tokenizer;
	return SQLITE_OK;
}

/* As FTS5's documentation has it; NULL: it is not compiled in. */
static fts5_api *
find_api(sqlite3 *handle)
{
	fts5_api *api = NULL;
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(handle, "SELECT fts5(?1)", -1, &statement, NULL) == SQLITE_OK) {
		sqlite3_bind_pointer(statement, 1, &api, "fts5_api_ptr", NULL);
		sqlite3_step(statement);
	}
	sqlite3_finalize(statement);
	return api;
}

bool
store_token_register(sqlite3 *handle, GError **error)
{
	static fts5_tokenizer ours = { create, destroy, tokenize };
	fts5_api *api = find_api(handle);

	if (!api)
		return core_throw(error, CORE_ERROR_IO, "this SQLite has no FTS5");
	return api->xCreateTokenizer(api, STORE_TOKENIZER, api, &ours, NULL) == SQLITE_OK ||
	       store_db_throw(handle, "tokenizer", error);
}

bool
store_token_is_open(const char *text)
{
	const char *end = text + strlen(text), *last = end, *before;
	int length;

	/* What stands behind the last word does not count. */
	while (last > text && !g_unichar_isalnum(g_utf8_get_char(g_utf8_prev_char(last))))
		last = g_utf8_prev_char(last);
	if (last == text)
		return false;
	last = g_utf8_prev_char(last);
	before = last > text ? g_utf8_prev_char(last) : NULL;
	return dense_at(last, end, &length) && !(before && dense_at(before, end, &length));
}

bool
store_token_any(const char *text)
{
	for (; *text; text = g_utf8_next_char(text)) {
		if (g_unichar_isalnum(g_utf8_get_char(text)))
			return true;
	}
	return false;
}
