/* Internal to src/store: connections to the databases, their statements, binding and errors.
 *
 * A connection is used by one thread at a time.  Each has the statements of its role prepared, so that a typo in any of
 * them fails at store_open().  A statement is borrowed with store_db_query() and given back by its automatic cleanup;
 * while it is borrowed nobody may ask for the same one on the same connection.
 */
#pragma once

#include "core/step.h"
#include "store/schema.h"
#include "store/statements.h"

#include <pthread.h>
#include <stdint.h>

typedef struct StoreDb StoreDb;
struct StoreDb {
	sqlite3 *handle;
	char *path;
	sqlite3_stmt *statements[STORE_STATEMENTS]; /* NULL where the role has none */
	pthread_mutex_t lock; /* of a writer: held from store_db_begin() to the end of the transaction */
	bool failed; /* a statement of the transaction under way failed: it can only be rolled back */
	StoreDb *next; /* in the pool of readers */
};

/* The writer's connection of a database: makes the file (0600) and migrates it.  @role picks statements and durability:
 * STORE_DB_WRITE is synchronous=FULL, the others synchronous=NORMAL. */
StoreDb *store_db_open(const char *path, const StoreSchema *schema, StoreDbRole role, GError **error);

/* A connection that reads mail.db, with derived.db attached as "derived". */
StoreDb *store_db_open_reader(const char *mail_path, const char *derived_path, GError **error);

/* One that reads mail.db, with search.db attached as "search".  Nobody need own the store.  CORE_ERROR_NOT_FOUND: one of them
 * is not there, or has another schema. */
StoreDb *store_db_open_search(const char *mail_path, const char *search_path, GError **error);

void store_db_close(StoreDb *db); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreDb, store_db_close)

/* BEGIN IMMEDIATE, after waiting for the lock, which store_db_unlock() gives back once it was committed or rolled back;
 * on failure it is not held.  A thread that already is in a transaction of @db stops the program: it would wait for
 * itself. */
bool store_db_begin(StoreDb *db, GError **error);
bool store_db_commit(StoreDb *db, GError **error); /* on failure it is rolled back */
void store_db_rollback(StoreDb *db);
void store_db_unlock(StoreDb *db);
bool store_db_end(StoreDb *db, bool ok, GError **error); /* commits if @ok, else rolls back, and unlocks; whether it is there */

typedef sqlite3_stmt StoreQuery;
void store_query_end(StoreQuery *query);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreQuery, store_query_end)

/* Borrowed; nothing is bound: NULL. */
StoreQuery *store_db_query(StoreDb *db, StoreStatement statement);

/* @name is the parameter's with its colon.  Text and blobs are borrowed until the query ends. */
void store_bind_int(StoreQuery *query, const char *name, int64_t value);
void store_bind_id(StoreQuery *query, const char *name, int64_t value); /* 0 becomes NULL */
void store_bind_text(StoreQuery *query, const char *name, const char *text); /* NULL stays NULL */
void store_bind_sha256(StoreQuery *query, const char *name, const uint8_t *sha256); /* likewise */
void store_bind_blob(StoreQuery *query, const char *name, const void *bytes, size_t length); /* not NULL */

typedef enum { STORE_ROW, STORE_DONE, STORE_FAILED } StoreStep;
StoreStep store_query_step(StoreDb *db, StoreQuery *query, GError **error);

/* Steps to the end; rows are not expected. */
bool store_query_run(StoreDb *db, StoreQuery *query, GError **error);

/* One row at most: true if there is one, false with or without *error if not. */
bool store_query_row(StoreDb *db, StoreQuery *query, GError **error);

/* NULL when the column is. */
const char *store_column_text(StoreQuery *query, int column);
const uint8_t *store_column_sha256(StoreQuery *query, int column);

/* Sets *error from what @handle last failed with and returns false. */
bool store_db_throw(sqlite3 *handle, const char *sql, GError **error);
