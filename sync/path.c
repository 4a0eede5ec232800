#include "sync/path.h"

#include "imap/utf7.h"

#include <glib.h>
#include <limits.h>
#include <string.h>

/* Appends one byte as it is shown in a component. */
static void
append_escaped(GString *out, unsigned char byte)
{
	g_string_append_printf(out, "%%%02X", byte);
}

/* True if the '%' at @p would read back as an escape. */
static bool
looks_escaped(const char *p, const char *end)
{
	return end - p > 2 && g_ascii_isxdigit(p[1]) && g_ascii_isxdigit(p[2]);
}

/* Length in bytes of the character at @p if it may stand in a file name as it is; 0: escape its first byte. */
static size_t
plain_length(const char *p, const char *end)
{
	gunichar c = g_utf8_get_char_validated(p, end - p);

	if (c == (gunichar)-1 || c == (gunichar)-2 || c == '/' || g_unichar_iscntrl(c))
		return 0;
	if (c == '%' && looks_escaped(p, end))
		return 0;
	return (size_t)g_utf8_skip[(unsigned char)*p];
}

/* Ends the component at @start in '~' and a hash of @text; what is too long for a directory entry is cut. */
static void
end_in_hash(GString *out, size_t start, const char *text, size_t length)
{
	g_autofree char *hash = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)text, length);
	const char *component = out->str + start;

	if (out->len - start > NAME_MAX - 17) {
		const char *cut = g_utf8_find_prev_char(component, component + NAME_MAX - 17 + 1);
		g_string_truncate(out, (gsize)(cut - out->str));
	}
	g_string_append_printf(out, "~%.16s", hash);
}

static char *
make_component(const char *text, size_t length, bool invalid_utf7)
{
	GString *out = g_string_sized_new(length + 8);
	const char *end = text + length;
	bool dots = (length == 1 || length == 2) && memcmp(text, "..", length) == 0;

	if (length == 0)
		g_string_append(out, "%00");
	for (const char *p = text; p < end;) {
		size_t n = dots || (invalid_utf7 && *p == '&') ? 0 : plain_length(p, end);
		if (n == 0)
			append_escaped(out, (unsigned char)*p++);
		else {
			g_string_append_len(out, p, (gssize)n);
			p += n;
		}
	}
	if (out->len > NAME_MAX)
		end_in_hash(out, 0, out->str, out->len);
	return g_string_free(out, FALSE);
}

char **
sync_path_from_server(const char *server_name, size_t length, char separator, bool utf8)
{
	if (length == 0 || length > SYNC_PATH_MAX_NAME || strlen(server_name) != length)
		return NULL;

	g_autofree char *decoded = utf8 ? g_strdup(server_name) : imap_utf7_decode(server_name);
	bool invalid = !decoded;
	const char *text = decoded ? decoded : server_name;
	size_t left = strlen(text);

	if (left > 1 && separator && text[left - 1] == separator)
		left--; /* some servers end the names of mere directories so */

	GPtrArray *parts = g_ptr_array_new_with_free_func(g_free);
	for (;;) {
		const char *cut = separator ? memchr(text, separator, left) : NULL;
		size_t n = cut ? (size_t)(cut - text) : left;
		if (parts->len == 0 && n == 5 && g_ascii_strncasecmp(text, "INBOX", 5) == 0)
			g_ptr_array_add(parts, g_strdup("INBOX"));
		else
			g_ptr_array_add(parts, make_component(text, n, invalid));
		if (!cut)
			break;
		if (parts->len == SYNC_PATH_MAX_DEPTH) {
			g_ptr_array_free(parts, TRUE);
			return NULL;
		}
		text = cut + 1;
		left -= n + 1;
	}
	g_ptr_array_add(parts, NULL);
	return (char **)g_ptr_array_free(parts, FALSE);
}

/* Appends what make_component() wrote as @component. */
static void
append_unescaped(GString *out, const char *component)
{
	const char *end = component + strlen(component);

	for (const char *p = component; p < end; p++) {
		if (*p == '%' && looks_escaped(p, end)) {
			g_string_append_c(out, (char)(g_ascii_xdigit_value(p[1]) << 4 | g_ascii_xdigit_value(p[2])));
			p += 2;
		} else {
			g_string_append_c(out, *p);
		}
	}
}

/* Whether a server may be asked for a mailbox with this in its name: @length bytes, one component. */
static bool
is_askable(const char *text, size_t length)
{
	bool dots = (length == 1 || length == 2) && memcmp(text, "..", length) == 0;

	if (length == 0 || dots || !g_utf8_validate(text, (gssize)length, NULL))
		return false;
	for (const char *p = text; p < text + length; p = g_utf8_next_char(p))
		if (g_unichar_iscntrl(g_utf8_get_char(p)))
			return false;
	return true;
}

char *
sync_path_to_server(char *const *components, char separator, bool utf8)
{
	g_autoptr(GString) name = g_string_new(NULL);

	for (size_t i = 0; components[i]; i++) {
		if (i > 0 && !separator)
			return NULL;
		if (i > 0)
			g_string_append_c(name, separator);
		size_t start = name->len;
		append_unescaped(name, components[i]);
		if (name->len > SYNC_PATH_MAX_NAME || !is_askable(name->str + start, name->len - start))
			return NULL;
	}
	g_autofree char *server_name = utf8 ? g_strdup(name->str) : imap_utf7_encode(name->str);
	g_auto(GStrv) back = sync_path_from_server(server_name, strlen(server_name), separator, utf8);
	if (!back || !g_strv_equal((const char *const *)back, (const char *const *)components))
		return NULL;
	return g_steal_pointer(&server_name);
}

char *
sync_path_tell_apart(const char *path, const char *server_name)
{
	GString *out = g_string_new(path);
	const char *cut = strrchr(path, '/');

	end_in_hash(out, cut ? (size_t)(cut + 1 - path) : 0, server_name, strlen(server_name));
	return g_string_free(out, FALSE);
}

/* Wildcards as IMAP's LIST has them.  Backtracks to the last wildcard only (a later '*' can do all that an earlier one
 * could), so a hostile folder name costs at most the product of both lengths. */
static bool
glob(const char *pattern, const char *text)
{
	const char *star = NULL, *star_text = NULL, *percent = NULL, *percent_text = NULL;

	for (;;) {
		if (*pattern == '*') {
			star = ++pattern;
			star_text = text;
			percent = NULL;
		} else if (*pattern == '%') {
			percent = ++pattern;
			percent_text = text;
		} else if (*pattern == *text) {
			if (!*text)
				return true;
			pattern++;
			text++;
		} else if (percent && *percent_text && *percent_text != '/') {
			pattern = percent;
			text = ++percent_text;
		} else if (star && *star_text) {
			pattern = star;
			text = ++star_text;
			percent = NULL;
		} else {
			return false;
		}
	}
}

bool
sync_path_wanted(char *const *patterns, const char *path)
{
	bool wanted = !patterns || !patterns[0] || patterns[0][0] == '!';

	for (size_t i = 0; patterns && patterns[i]; i++) {
		bool include = patterns[i][0] != '!';
		const char *pattern = patterns[i] + !include;
		bool inbox = strcmp(path, "INBOX") == 0 && g_ascii_strcasecmp(pattern, "INBOX") == 0;
		if (inbox || glob(pattern, path))
			wanted = include;
	}
	return wanted;
}
