/* What "mailtree status" says about operations: how many wait, and each that needs a person. */
#pragma once

#include "store/operations.h"

#define STATUS_OPERATIONS_MAX 1000 /* shown of an account */

typedef struct {
	int64_t id;
	StoreOperationKind kind;
	StoreOperationState state;
	char *from, *to;       /* paths; NULL: none */
	char *error;           /* NULL: none */
	int64_t not_before_s;
} StatusOperation;

typedef struct {
	StoreOperationCounts counts;
	GPtrArray *list; /* of StatusOperation: all that are open, in order; at most STATUS_OPERATIONS_MAX */
} StatusOperations;

bool status_operations_read(Store *store, int64_t account_id, StatusOperations *operations_r, GError **error);
void status_operations_clear(StatusOperations *operations);

/* Lines behind those of the account: counts, then what is held and what was refused, with numbers for "mailtree undo". */
void status_operations_append_text(GString *text, const StatusOperations *operations);
/* Members of the account's object. */
void status_operations_append_json(GString *json, const StatusOperations *operations);
