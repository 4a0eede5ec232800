/* Internal to src/store: how text becomes the words of the full-text index.
 *
 * Words are what FTS5's unicode61 takes for words (letters, digits and what Unicode keeps for private use, without case
 * and diacritics), and are cut to STORE_TOKEN_MAX_BYTES.  Chinese, Japanese and Korean write no blanks, or not between
 * all words: a run of their characters is indexed as overlapping pairs, "日本語" as 日本, 本語, and, in the place of the
 * last pair, 語.  To search for a run is to search for its pairs one behind the other, so it is found inside longer
 * ones.  A single character is found as the beginning of a pair, or as the end of a run: so the query must ask for it as
 * a prefix (store_token_is_open()).  Forms of the same character (half width, decomposed Hangul) are one.
 */
#pragma once

#include "core/error.h"

#include <sqlite3.h>

#define STORE_TOKENIZER "mailtree"
#define STORE_TOKEN_MAX_BYTES 64

/* To be called for each connection that touches the index, before its tables are. */
bool store_token_register(sqlite3 *handle, GError **error);

/* @text, UTF-8, ends with a run of one Chinese, Japanese or Korean character. */
bool store_token_is_open(const char *text);

/* There is a word in it. */
bool store_token_any(const char *text);
