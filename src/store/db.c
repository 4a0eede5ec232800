#include "store/db.h"

#include "store/search-token.h"

#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 10000
#define WAL_CHECKPOINT_PAGES 1000  /* tried after each commit beyond it, without waiting for readers */
#define WAL_RESTART_PAGES 16384    /* beyond it readers are waited for, at most WAL_RESTART_WAIT_MS, so that it ends */
#define WAL_RESTART_WAIT_MS 250

bool
store_db_throw(sqlite3 *handle, const char *sql, GError **error)
{
	int rc = sqlite3_extended_errcode(handle), code = rc & 0xff;
	int system = code == SQLITE_IOERR || code == SQLITE_CANTOPEN ? sqlite3_system_errno(handle) : 0;
	bool full = code == SQLITE_FULL || system == ENOSPC || system == EDQUOT;
	const char *what = code == SQLITE_FULL ? g_strerror(ENOSPC) : sqlite3_errmsg(handle);

	return core_throw(error,
	                  code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? CORE_ERROR_CORRUPT
	                  : full                                          ? CORE_ERROR_FULL
	                                                                  : CORE_ERROR_IO,
	                  "%s%s%s (SQLite %d, in: %.*s)", what, system ? ": " : "", system ? g_strerror(system) : "", rc,
	                  (int)strcspn(sql, "\n"), sql);
}

/* With the file in front, for what is not shown together with a statement's text. */
static bool
throw_at(StoreDb *db, const char *sql, GError **error)
{
	store_db_throw(db->handle, sql, error);
	return core_prefix(error, "%s: ", db->path);
}

static bool
run(StoreDb *db, const char *sql, GError **error)
{
	return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK || throw_at(db, sql, error);
}

/* After a commit: its result is of no consequence to that commit. */
static int
checkpoint(void *data, sqlite3 *handle, const char *name, int pages)
{
	StoreDb *db = data;
	int rc = SQLITE_OK;

	if (pages >= WAL_RESTART_PAGES) {
		sqlite3_busy_timeout(handle, WAL_RESTART_WAIT_MS);
		rc = sqlite3_wal_checkpoint_v2(handle, name, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
		sqlite3_busy_timeout(handle, BUSY_TIMEOUT_MS);
	} else if (pages >= WAL_CHECKPOINT_PAGES) {
		rc = sqlite3_wal_checkpoint_v2(handle, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	}
	if (rc != SQLITE_OK && rc != SQLITE_BUSY)
		core_log(CORE_LOG_WARNING, "store", "%s: checkpoint: %s", db->path, sqlite3_errstr(rc));
	return SQLITE_OK;
}

static bool
prepare(StoreDb *db, StoreDbRole role, GError **error)
{
	for (int i = 0; i < STORE_STATEMENTS; i++) {
		const StoreStatementText *text = store_statement_text((StoreStatement)i);
		const char *sql = text->sql;
		if ((text->roles & role) == 0)
			continue;
		if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &db->statements[i], NULL) != SQLITE_OK)
			return throw_at(db, sql, error);
	}
	return true;
}

/* SQLite's count of its memory takes a lock that all connections share at each allocation. */
static void
count_no_memory(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static StoreDb *
connect(const char *path, int flags, GError **error)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	g_autoptr(StoreDb) db = g_new0(StoreDb, 1);
	pthread_mutexattr_t checked;

	pthread_once(&once, count_no_memory);
	pthread_mutexattr_init(&checked);
	pthread_mutexattr_settype(&checked, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&db->lock, &checked);
	pthread_mutexattr_destroy(&checked);
	db->path = g_strdup(path);
	if (sqlite3_open_v2(path, &db->handle, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
		throw_at(db, "open", error);
		return NULL;
	}
	sqlite3_extended_result_codes(db->handle, 1);
	sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (!run(db, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY", error))
		return NULL;
	return g_steal_pointer(&db);
}

static int
compare_mode(void *data, int columns, char **values, char **names)
{
	*(bool *)data = strcmp(values[0], "wal") == 0;
	return 0;
}

static bool
set_wal(StoreDb *db, GError **error)
{
	static const char sql[] = "PRAGMA journal_mode = WAL";
	bool is_wal = false;

	if (sqlite3_exec(db->handle, sql, compare_mode, &is_wal, NULL) != SQLITE_OK)
		return throw_at(db, sql, error);
	return is_wal || core_throw(error, CORE_ERROR_IO, "%s: this file system cannot share memory, which SQLite's WAL needs",
	                            db->path);
}

StoreDb *
store_db_open(const char *path, const StoreSchema *schema, StoreDbRole role, GError **error)
{
	g_autoptr(StoreDb) db = NULL;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600); /* SQLite would make it readable for others */

	if (fd < 0) {
		core_throw_errno(error, "cannot open %s", path);
		return NULL;
	}
	close(fd);
	db = connect(path, SQLITE_OPEN_READWRITE, error);
	if (!db || (role == STORE_DB_INDEX && !store_token_register(db->handle, error)))
		return NULL;
	if (schema->page_bytes > 0) {
		g_autofree char *size = g_strdup_printf("PRAGMA page_size = %d", schema->page_bytes);
		if (!run(db, size, error))
			return NULL;
	}
	if (!run(db, role == STORE_DB_WRITE ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", error) ||
	    !run(db, "PRAGMA foreign_keys = OFF", error))
		return NULL;
	if (!store_schema_migrate(db->handle, schema, error)) {
		core_prefix(error, "%s: ", path);
		return NULL;
	}
	if (!set_wal(db, error) ||
	    !run(db, "PRAGMA journal_size_limit = 16777216; PRAGMA cache_size = -4096;"
	             " PRAGMA secure_delete = FAST; PRAGMA foreign_keys = ON", error))
		return NULL;
	sqlite3_wal_hook(db->handle, checkpoint, db);
	if (!prepare(db, role, error))
		return NULL;
	return g_steal_pointer(&db);
}

/* @sql with one parameter, @value. */
static bool
run_with(StoreDb *db, const char *sql, const char *value, GError **error)
{
	sqlite3_stmt *statement = NULL;
	bool ok = sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL) == SQLITE_OK &&
	          sqlite3_bind_text(statement, 1, value, -1, SQLITE_STATIC) == SQLITE_OK &&
	          sqlite3_step(statement) == SQLITE_DONE;

	if (!ok)
		throw_at(db, sql, error);
	sqlite3_finalize(statement);
	return ok;
}

StoreDb *
store_db_open_reader(const char *mail_path, const char *derived_path, GError **error)
{
	g_autoptr(StoreDb) db = connect(mail_path, SQLITE_OPEN_READONLY, error);

	if (!db || !run_with(db, "ATTACH :path AS derived", derived_path, error) ||
	    !run(db, "PRAGMA main.cache_size = -2048; PRAGMA derived.cache_size = -1024", error) ||
	    !prepare(db, STORE_DB_READ, error))
		return NULL;
	return g_steal_pointer(&db);
}

static int
compare_version(void *data, int columns, char **values, char **names)
{
	int *version = data;

	if (atoi(values[0]) != *version)
		*version = -1;
	return 0;
}

static bool
has_version(StoreDb *db, const char *sql, const StoreSchema *schema, GError **error)
{
	int version = schema->versions;

	if (sqlite3_exec(db->handle, sql, compare_version, &version, NULL) != SQLITE_OK)
		return throw_at(db, sql, error);
	return version > 0 || core_throw(error, CORE_ERROR_NOT_FOUND, "%s: it has another schema", db->path);
}

StoreDb *
store_db_open_search(const char *mail_path, const char *search_path, GError **error)
{
	g_autoptr(StoreDb) db = NULL;

	if (access(mail_path, F_OK) < 0 || access(search_path, F_OK) < 0) {
		core_throw(error, CORE_ERROR_NOT_FOUND, "%s: there is no index", search_path);
		return NULL;
	}
	db = connect(mail_path, SQLITE_OPEN_READONLY, error);
	if (!db || !has_version(db, "PRAGMA main.user_version", &store_schema_mail, error) ||
	    !run_with(db, "ATTACH :path AS search", search_path, error) ||
	    !has_version(db, "PRAGMA search.user_version", &store_schema_search, error) ||
	    !run(db, "PRAGMA main.cache_size = -2048; PRAGMA search.cache_size = -2048", error) ||
	    !store_token_register(db->handle, error) || !prepare(db, STORE_DB_SEARCH, error))
		return NULL;
	return g_steal_pointer(&db);
}

void
store_db_close(StoreDb *db)
{
	if (!db)
		return;
	for (int i = 0; i < STORE_STATEMENTS; i++)
		sqlite3_finalize(db->statements[i]);
	if (sqlite3_close(db->handle) != SQLITE_OK)
		core_log(CORE_LOG_ERROR, "store", "%s: %s", db->path, sqlite3_errmsg(db->handle));
	pthread_mutex_destroy(&db->lock);
	g_free(db->path);
	g_free(db);
}

bool
store_db_begin(StoreDb *db, GError **error)
{
	if (pthread_mutex_lock(&db->lock) != 0)
		g_error("%s: a transaction inside a transaction of the same thread", db->path);

	bool ok;
	{
		g_autoptr(StoreQuery) query = store_db_query(db, STORE_SQL_BEGIN); /* given back before the lock is */
		ok = store_query_run(db, query, error);
	}
	db->failed = false;
	if (!ok)
		store_db_unlock(db);
	return ok;
}

void
store_db_unlock(StoreDb *db)
{
	pthread_mutex_unlock(&db->lock);
}

bool
store_db_end(StoreDb *db, bool ok, GError **error)
{
	if (ok)
		ok = store_db_commit(db, error);
	else
		store_db_rollback(db);
	store_db_unlock(db);
	return ok;
}

bool
store_db_commit(StoreDb *db, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(db, STORE_SQL_COMMIT);
	bool ok = db->failed ? core_throw(error, CORE_ERROR_IO, "%s: the transaction failed before its end", db->path)
	                     : store_query_run(db, query, error);

	if (!ok)
		store_db_rollback(db);
	return ok;
}

void
store_db_rollback(StoreDb *db)
{
	if (sqlite3_get_autocommit(db->handle))
		return; /* SQLite did it, when the disk was full */
	g_autoptr(StoreQuery) query = store_db_query(db, STORE_SQL_ROLLBACK);
	g_autoptr(GError) error = NULL;
	if (!store_query_run(db, query, &error))
		core_log(CORE_LOG_WARNING, "store", "%s", error->message);
}

void
store_query_end(StoreQuery *query)
{
	if (query)
		sqlite3_reset(query);
}

StoreQuery *
store_db_query(StoreDb *db, StoreStatement statement)
{
	sqlite3_stmt *query = db->statements[statement];

	if (G_UNLIKELY(!query))
		g_error("statement %d is not of this connection", (int)statement);
	if (G_UNLIKELY(sqlite3_stmt_busy(query)))
		g_error("in use: %s", sqlite3_sql(query));
	sqlite3_clear_bindings(query);
	return query;
}

static int
parameter(StoreQuery *query, const char *name)
{
	int index = sqlite3_bind_parameter_index(query, name);

	if (G_UNLIKELY(index == 0))
		g_error("no %s in: %s", name, sqlite3_sql(query));
	return index;
}

void
store_bind_int(StoreQuery *query, const char *name, int64_t value)
{
	sqlite3_bind_int64(query, parameter(query, name), value);
}

void
store_bind_id(StoreQuery *query, const char *name, int64_t value)
{
	if (value != 0)
		store_bind_int(query, name, value);
}

void
store_bind_text(StoreQuery *query, const char *name, const char *text)
{
	sqlite3_bind_text(query, parameter(query, name), text, -1, SQLITE_STATIC);
}

void
store_bind_sha256(StoreQuery *query, const char *name, const uint8_t *sha256)
{
	sqlite3_bind_blob(query, parameter(query, name), sha256, 32, SQLITE_STATIC);
}

void
store_bind_blob(StoreQuery *query, const char *name, const void *bytes, size_t length)
{
	sqlite3_bind_blob64(query, parameter(query, name), bytes, length, SQLITE_STATIC);
}

StoreStep
store_query_step(StoreDb *db, StoreQuery *query, GError **error)
{
	switch (sqlite3_step(query)) {
	case SQLITE_ROW:
		return STORE_ROW;
	case SQLITE_DONE:
		return STORE_DONE;
	default:
		db->failed = true;
		throw_at(db, sqlite3_sql(query), error);
		return STORE_FAILED;
	}
}

bool
store_query_run(StoreDb *db, StoreQuery *query, GError **error)
{
	StoreStep step;

	do {
		step = store_query_step(db, query, error);
	} while (step == STORE_ROW);
	sqlite3_reset(query);
	return step == STORE_DONE;
}

bool
store_query_row(StoreDb *db, StoreQuery *query, GError **error)
{
	return store_query_step(db, query, error) == STORE_ROW;
}

const char *
store_column_text(StoreQuery *query, int column)
{
	return (const char *)sqlite3_column_text(query, column);
}

const uint8_t *
store_column_sha256(StoreQuery *query, int column)
{
	const void *blob = sqlite3_column_blob(query, column);

	return sqlite3_column_bytes(query, column) == 32 ? blob : NULL;
}
