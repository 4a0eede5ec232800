#include "store/search-words.h"

bool
store_words_can(const StoreTerm *term)
{
	return term->kind == STORE_TERM_TEXT || term->kind == STORE_TERM_ATTACHMENT;
}

/* A text has no quotes. */
static void
append(GString *words, const StoreTerm *term)
{
	static const char *const columns[] = { "", "sender : ", "recipients : ", "subject : " };

	if (term->kind == STORE_TERM_ATTACHMENT)
		g_string_append(words, "marks : \"" STORE_MARK_ATTACHMENT "\"");
	else
		g_string_append_printf(words, "%s\"%s\"%s", columns[term->column], term->text, term->prefix ? " *" : "");
}

char *
store_words_of(const StoreTerm *term)
{
	GString *words = g_string_new(NULL);

	append(words, term);
	return g_string_free(words, FALSE);
}

/* FTS5's NOT needs something before it, so only parts of an AND that has words are such. */
static bool
is_without(const StoreTerm *group, const StoreTerm *part)
{
	return group->kind == STORE_TERM_AND && part->kind == STORE_TERM_NOT && store_words_can(part->parts->pdata[0]);
}

bool
store_words_took(const StoreTerm *group, const StoreTerm *part, const char *words)
{
	return words && (store_words_can(part) || is_without(group, part));
}

char *
store_words_of_group(const StoreTerm *group)
{
	const char *between = group->kind == STORE_TERM_AND ? " AND " : " OR ";
	GString *words = g_string_new(NULL);

	for (guint i = 0; i < group->parts->len; i++) {
		const StoreTerm *part = group->parts->pdata[i];
		if (!store_words_can(part))
			continue;
		if (words->len > 0)
			g_string_append(words, between);
		append(words, part);
	}
	if (words->len == 0)
		return g_string_free(words, TRUE);
	for (guint i = 0; i < group->parts->len; i++) { /* NOT binds more than AND, which is the same here */
		const StoreTerm *part = group->parts->pdata[i];
		if (!is_without(group, part))
			continue;
		g_string_append(words, " NOT ");
		append(words, part->parts->pdata[0]);
	}
	return g_string_free(words, FALSE);
}
