#include "json.h"

#include <string.h>

static void
append_quoted(GString *json, const char *value)
{
	g_autofree char *valid = g_utf8_make_valid(value, -1);

	g_string_append_c(json, '"');
	for (const char *p = valid; *p; p++) {
		unsigned char c = (unsigned char)*p;
		if (c == '"' || c == '\\')
			g_string_append_printf(json, "\\%c", c);
		else if (c == '\n')
			g_string_append(json, "\\n");
		else if (c < 0x20 || c == 0x7f)
			g_string_append_printf(json, "\\u%04x", c);
		else
			g_string_append_c(json, (char)c);
	}
	g_string_append_c(json, '"');
}

/* A comma, unless it would be the first member or json_newline() wrote it already. */
static void
separate(GString *json)
{
	if (json->len > 0 && !strchr("{[\n", json->str[json->len - 1]))
		g_string_append_c(json, ',');
}

static void
begin_member(GString *json, const char *name)
{
	separate(json);
	if (name) {
		append_quoted(json, name);
		g_string_append_c(json, ':');
	}
}

void
json_open(GString *json, const char *name, char bracket)
{
	begin_member(json, name);
	g_string_append_c(json, bracket);
}

void
json_close(GString *json, char bracket)
{
	g_string_append_c(json, bracket);
}

void
json_string(GString *json, const char *name, const char *value)
{
	if (!value) {
		json_null(json, name);
		return;
	}
	begin_member(json, name);
	append_quoted(json, value);
}

void
json_number(GString *json, const char *name, uint64_t value)
{
	begin_member(json, name);
	g_string_append_printf(json, "%" G_GUINT64_FORMAT, value);
}

void
json_null(GString *json, const char *name)
{
	begin_member(json, name);
	g_string_append(json, "null");
}

void
json_newline(GString *json)
{
	separate(json);
	g_string_append_c(json, '\n');
}

char *
text_printable(const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	GString *safe = g_string_sized_new(strlen(valid));

	for (const char *p = valid; *p; p = g_utf8_find_next_char(p, NULL)) {
		gunichar c = g_utf8_get_char(p);
		if (c == '\n' || c == '\t')
			g_string_append_c(safe, ' ');
		else if (g_unichar_iscntrl(c))
			g_string_append_printf(safe, "\\x%02x", c);
		else
			g_string_append_unichar(safe, c);
	}
	return g_string_free(safe, FALSE);
}

char *
text_printable_cut(const char *text, size_t max_bytes)
{
	char *safe = text_printable(text);

	if (strlen(safe) > max_bytes)
		*g_utf8_find_prev_char(safe, safe + max_bytes + 1) = '\0';
	return safe;
}
