/* A small world for tests of operations, in which operations are written as text.
 *
 *   mailboxes  1 INBOX, 2 Archive, 3 Trash; 4 New is to be created, 5 Old is to be deleted
 *   messages   1 and 2 in INBOX, with bodies "one" and "two"; in Archive 3 is to be uploaded, 4 is to be a copy of 1;
 *              5 is the server's in Old and nobody sees it
 *
 *   operations "1 flags message=1 add_flags='\Seen'; 2 move message=1 target=2": id, kind, columns of the table
 */
#pragma once

#include "store-fixture.h"

#include "store/operations.h"

/* Like sql(), for a text; g_free(). */
static inline char *
sql_text(const Fixture *fixture, const char *text)
{
	g_autofree char *path = in_dir(fixture, "mail.db");
	sqlite3 *handle = NULL;
	sqlite3_stmt *statement = NULL;

	g_assert_cmpint(sqlite3_open(path, &handle), ==, SQLITE_OK);
	sqlite3_busy_timeout(handle, 10000);
	if (sqlite3_prepare_v2(handle, text, -1, &statement, NULL) != SQLITE_OK)
		g_error("%s: %s", text, sqlite3_errmsg(handle));
	g_assert_cmpint(sqlite3_step(statement), ==, SQLITE_ROW);
	char *value = g_strdup((const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	sqlite3_close(handle);
	return value ? value : g_strdup("");
}

/* Statements separated by ';'. */
static inline void
sql_all(const Fixture *fixture, const char *text)
{
	g_auto(GStrv) statements = g_strsplit(text ? text : "", ";", -1);

	for (char **statement = statements; *statement; statement++)
		if (*g_strstrip(*statement))
			sql(fixture, *statement);
}

static inline void
world_set_up(Fixture *fixture, const void *data)
{
	fixture_set_up(fixture, data);
	g_assert_cmpint(make_mailbox(fixture, "Archive"), ==, 2);
	g_assert_cmpint(make_mailbox(fixture, "Trash"), ==, 3);
	g_assert_cmpint(make_mailbox(fixture, "New"), ==, 4);
	g_assert_cmpint(make_mailbox(fixture, "Old"), ==, 5);
	add_message(fixture, 1, 1, "one");
	add_message(fixture, 1, 2, "two");
	add_message(fixture, 2, 3, "three");
	add_message(fixture, 2, 4, "one");
	g_assert_cmpint(add_message(fixture, 5, 5, "five"), ==, 5);
	sql_all(fixture,
	        "UPDATE mailboxes SET server_name = NULL, state = 1 WHERE id = 4;"
	        "UPDATE mailboxes SET state = 2 WHERE id = 5;"
	        "UPDATE messages SET uid = NULL, state = 3, name = 'new.eml' WHERE id = 3;"
	        "UPDATE messages SET uid = NULL, state = 5, name = 'copy.eml' WHERE id = 4;"
	        "UPDATE messages SET place = NULL WHERE id = 5");
}

static inline void
insert_operation(const Fixture *fixture, const char *text)
{
	g_auto(GStrv) words = g_strsplit(text, " ", -1);
	g_autoptr(GString) columns = g_string_new("id, created, kind"), values = g_string_new(NULL);

	g_string_printf(values, "%s, 1, '%s'", words[0], words[1]);
	if (!strstr(text, " account=")) {
		g_string_append(columns, ", account");
		g_string_append(values, ", 1");
	}
	for (char **word = words + 2; *word; word++) {
		char *equals = strchr(*word, '=');
		if (!equals)
			g_error("%s: no column in %s", text, *word);
		*equals = '\0';
		g_string_append_printf(columns, ", %s", *word);
		g_string_append_printf(values, ", %s", equals + 1);
	}
	g_autofree char *insert = g_strdup_printf("INSERT INTO operations (%s) VALUES (%s)", columns->str, values->str);
	sql(fixture, insert);
}

static inline void
insert_operations(const Fixture *fixture, const char *text)
{
	g_auto(GStrv) operations = g_strsplit(text ? text : "", ";", -1);

	for (char **operation = operations; *operation; operation++)
		insert_operation(fixture, g_strstrip(*operation));
}

/* What is there, a line each: "message ID mailbox/uid place:name state [flags]", "mailbox ID parent/name state server",
 * "operation ID kind state >target: error". */
static inline char *
dump(const Fixture *fixture)
{
	return sql_text(fixture,
		"SELECT group_concat(line, char(10)) FROM (SELECT 'message ' || id || ' ' || mailbox || '/' || ifnull(uid, '-') || ' '"
		" || ifnull(place, '-') || ':' || ifnull(name, '-') || iif(name_is_users, '!', '') || ' '"
		" || (CASE state WHEN 0 THEN 'there' WHEN 1 THEN 'unmatched' WHEN 2 THEN 'local' WHEN 3 THEN 'to append'"
		" WHEN 4 THEN 'refused' WHEN 5 THEN 'to copy' ELSE 'moving' END) || ifnull(': ' || error, '') || ' ['"
		" || base_flags || ']' AS line FROM messages"
		" UNION ALL SELECT 'mailbox ' || id || ' ' || ifnull(parent, 0) || '/' || name || ' '"
		" || (CASE state WHEN 0 THEN 'there' WHEN 1 THEN 'to create' ELSE 'to delete' END)"
		" || ifnull(' ' || server_name, '') FROM mailboxes"
		" UNION ALL SELECT 'operation ' || id || ' ' || kind || ' ' || state || ifnull(' >' || target, '')"
		" || ifnull(': ' || error, '') FROM operations)");
}

/* The lines of @after that @before has not, and with a "-" the ids of those that are gone; separated by "; ". */
static inline char *
changes_between(const char *before, const char *after)
{
	g_auto(GStrv) old = g_strsplit(before, "\n", -1), now = g_strsplit(after, "\n", -1);
	g_autoptr(GString) text = g_string_new(NULL);

	for (char **line = now; *line; line++)
		if (!g_strv_contains((const char *const *)old, *line))
			g_string_append_printf(text, "%s%s", text->len > 0 ? "; " : "", *line);
	for (char **line = old; *line; line++) {
		const char *space = strchr(*line, ' ');
		g_autofree char *key = g_strndup(*line, (gsize)(strchr(space + 1, ' ') + 1 - *line));
		bool there = false;
		for (char **other = now; *other; other++)
			there |= g_str_has_prefix(*other, key);
		if (!there)
			g_string_append_printf(text, "%s-%s", text->len > 0 ? "; " : "", g_strchomp(key));
	}
	return g_string_free(g_steal_pointer(&text), FALSE);
}
