/* What a server tells of the messages of the selected mailbox, on its way to the rows of the store.
 *
 * A SyncMetadata listens to one session while one mailbox is pulled.  FETCH responses become rows in transactions of
 * their own while they stream in; which UIDs were named, and which of them with their metadata, is kept as sets.  A server
 * that names more than SYNC_NAMED_MARGIN messages beyond those that the mailbox has is not listened to any longer
 * (CORE_ERROR_PROTOCOL), nor one that names more than SYNC_NAMED_MAX.
 */
#pragma once

#include "imap/uidset.h"
#include "sync/run.h"

#define SYNC_NAMED_MARGIN 1000000
#define SYNC_NAMED_MAX 20000000

typedef struct {
	const SyncRun *run;
	int64_t mailbox_id;

	/* The rows that the store has, when the whole mailbox is compared (sync_metadata_load()); else empty. */
	GArray *known;         /* ascending by UID */
	GPtrArray *flags;      /* sets of flags that they have, each once */
	GHashTable *flag_numbers; /* a set's place among them */

	ImapUidSet seen;       /* UIDs that FETCH named, or SEARCH since it was asked */
	uint64_t named;        /* their number */
	ImapUidSet whole;      /* those that came with their metadata, or must do without */
	ImapUidSet vanished;   /* what VANISHED named, or is proved to be gone */
	const ImapUidSet *must_do; /* UIDs that become rows even without date and size; NULL: none */
	uint32_t highest_uid;
	uint32_t exists;       /* messages in the mailbox, as last told */
	bool searching;        /* a UID SEARCH was asked for */
	bool searched;         /* and answered in full */
	bool in_doubt;         /* something was said that could not be read */
	bool changed;          /* anything was told that the store does not have */

	GArray *told;          /* not in the store yet */
	GStringChunk *strings; /* of them */
} SyncMetadata;

void sync_metadata_init(SyncMetadata *metadata, const SyncRun *run, int64_t mailbox_id);
void sync_metadata_clear(SyncMetadata *metadata);

/* For imap_session_listen(); @data is the SyncMetadata. */
bool sync_metadata_on_response(const ImapResponse *response, void *data, GError **error);

/* Forgets what was told and not applied yet, and what was seen; loads the rows of the mailbox to compare with. */
bool sync_metadata_load(SyncMetadata *metadata, GError **error);

/* Applies what was told, and what VANISHED named, in @txn. */
bool sync_metadata_apply(SyncMetadata *metadata, StoreTxn *txn, GError **error);

/* UIDs that were named but are neither known nor whole; and known ones that were not named. */
void sync_metadata_unknown(const SyncMetadata *metadata, ImapUidSet *unknown_r);
void sync_metadata_unseen(const SyncMetadata *metadata, ImapUidSet *unseen_r);

/* Counts the known ones that were not named as vanished. */
void sync_metadata_vanish_unseen(SyncMetadata *metadata);
