/* What a mailbox has got of our messages: outcome-find.c looks, outcome-match.c compares, outcome.c settles. */
#pragma once

#include "sync/push.h"

/* One of ours. */
typedef struct {
	const SyncItem *item;
	const char *message_id; /* NULL: none, or unknown */
	uint32_t from;          /* the first UID it may have */
	bool is_foreign;        /* recorded under another UIDVALIDITY */
	bool has_body;
	uint8_t body_sha256[32]; /* with 0x80 for NUL, as the candidates' */
} SyncSought;

/* A message in the mailbox that may be one of ours. */
typedef struct {
	uint32_t uid;
	bool has_date, has_size, has_header, has_body;
	bool wants_body;        /* only its bytes can tell */
	bool is_spoken_for;     /* it is another operation's, or another of ours */
	int64_t internaldate_s;
	uint64_t size_bytes;
	const char *emailid;    /* only if one of ours has it; NULL */
	const char *message_id;
	uint8_t header_sha256[32], body_sha256[32];
} SyncCandidate;

typedef struct {
	const SyncBatch *batch;
	SyncSought *sought;     /* one for each item */
	guint count;
	GArray *candidates;     /* of SyncCandidate, ascending by UID */
	bool in_doubt;          /* there is more, or what could not be read */
} SyncLook;

/* How much is known before. */
typedef enum {
	SYNC_SOUGHT,   /* nothing: only what can be nothing else is ours */
	SYNC_ACCEPTED, /* the server said that it is there: ours is what is most like it */
} SyncCertainty;

#define SYNC_UID_GONE (UINT32_MAX - 1) /* not there; but something that came there since is not, either */

/* outcome-find.c.  The UIDs that @batch's items got in the target, from target_uidnext on, by content: size and
 * INTERNALDATE, header hash, then body; each UID once.  uids_r[i] 0: not there; SYNC_UID_GONE: only of what is SYNC_SOUGHT;
 * UINT32_MAX: it cannot be told.  CORE_ERROR_REFUSED: the mailbox cannot be looked into, or its UIDVALIDITY is not the
 * stored one. */
bool sync_outcome_find(SyncWorker *worker, const SyncBatch *batch, SyncCertainty certainty, uint32_t *uids_r,
                       GError **error);

/* outcome-match.c.  Notes the candidates of which only the bytes can tell, when the headers are here. */
void sync_look_want_bodies(SyncLook *look);
/* When the bytes are here, too. */
bool sync_look_assign(SyncLook *look, const SyncRun *run, SyncCertainty certainty, uint32_t *uids_r, GError **error);
