/* Names of the entries of an outline: each once in its folder, also for those who tell no upper from lower case, as
 * Windows and macOS do. */
#pragma once

#include <stdbool.h>

typedef struct MimeEntryNames MimeEntryNames;

MimeEntryNames *mime_entry_names_new(void);
void mime_entry_names_free(MimeEntryNames *names);

/* @name if it is free in @folder, else with the lowest number that makes it so; taken from now on.  @name is one that
 * name.h has made.  g_free() it. */
char *mime_entry_names_take(MimeEntryNames *names, unsigned folder, const char *name);

/* One part more is in @folder: its number there, from 1. */
unsigned mime_entry_names_count(MimeEntryNames *names, unsigned folder);

/* "body.txt", "body.html", or "part-3.png": of a part without a name.  g_free() it. */
char *mime_entry_name_of_type(const char *type, bool is_body, unsigned number);
