/* What "mailtree status" and the mount's status and status.json say. */
#pragma once

#include "readers.h"
#include "status-files.h"
#include "status-operations.h"
#include "status-remote.h"
#include "store/store.h"
#include "sync/engine.h"

typedef struct {
	char *name;
	StoreCounts counts;
	StatusOperations operations;
	StatusRemote remote;
	StatusFiles files;
	bool has_quota;      /* the server told the next two, in bytes */
	uint64_t quota_used, quota_limit;
	int64_t last_sync_s; /* 0: never */
	char *error;         /* of the last attempt; NULL: none */
	SyncStatus run;      /* all zero without an engine; run.error is not used */
} StatusAccount;

typedef struct {
	char *store;
	char *mounted;      /* NULL: not mounted */
	int64_t pid;        /* of the owner; 0: nobody owns the store */
	ReadersRefused refused; /* by the owner, since it began */
	char *bad_query;    /* what was wrong with the last search that was looked up in vain; NULL */
	GPtrArray *accounts; /* of StatusAccount */
} StatusReport;

StatusReport *status_report_new(const char *store_dir, const char *mounted, int64_t pid);
void status_report_free(StatusReport *report); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StatusReport, status_report_free)

/* Adds an account.  @store NULL: there is none yet, so everything is zero.  @run NULL: no engine; else it is borrowed.
 * What cannot be read from the store becomes the account's error. */
void status_report_add(StatusReport *report, const char *name, Store *store, const SyncStatus *run);

/* Text for people, with the local time; and JSON as mailtree(1) documents it.  Both end with a newline.  g_free(). */
char *status_text(const StatusReport *report);
char *status_json(const StatusReport *report);
