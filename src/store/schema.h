/* The tables of the databases, as numbered migrations.  The SQL in schema.c is the specification: every column has
 * its comment there. */
#pragma once

#include "core/error.h"

#include <sqlite3.h>

typedef struct {
	int application_id; /* of the file's header, so that file(1) and we know what it is */
	int versions;       /* steps[0] makes version 1 from nothing, steps[versions - 1] the last one */
	const char *const *const *steps; /* each a NULL-terminated list of SQL */
	int page_bytes;     /* of a new file; 0: as SQLite likes it */
} StoreSchema;

extern const StoreSchema store_schema_mail, store_schema_derived, store_schema_search;

/* Brings the database up to the last version, each step in one transaction, so that a crash leaves a whole version.
 * CORE_ERROR_CORRUPT, with nothing changed: not ours, or made by a newer version.  To be called with foreign keys not
 * enforced, so that a step may rebuild tables; they are checked before each step is committed. */
bool store_schema_migrate(sqlite3 *handle, const StoreSchema *schema, GError **error);
