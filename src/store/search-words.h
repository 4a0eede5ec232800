/* Internal to src/store: what of a query the index answers, in the language of FTS5. */
#pragma once

#include "store/search-query.h"

/* What stands in the last column of a document that has an attachment: for private use, so nobody looks for it. */
#define STORE_MARK_ATTACHMENT "\xee\x80\x80"

/* The index answers it: TEXT, ATTACHMENT. */
bool store_words_can(const StoreTerm *term);

/* The same, as a part of @group that store_words_of_group() has taken. */
bool store_words_took(const StoreTerm *group, const StoreTerm *part, const char *words);

/* Of one that the index answers.  g_free(). */
char *store_words_of(const StoreTerm *term);

/* What of an AND or OR one look into the index can answer; NULL: nothing.  g_free(). */
char *store_words_of_group(const StoreTerm *group);
