/* Internal to src/store: what its files share. */
#pragma once

#include "store/db.h"
#include "store/derived.h"
#include "store/messages.h"
#include "store/segmentset.h"
#include "store/store.h"

#include <stdatomic.h>

typedef struct StoreIndex StoreIndex;
typedef struct StoreDeparted StoreDeparted;

struct Store {
	char *dir;
	int lock_fd;
	StoreDb *mail, *derived; /* the writers */
	char *mail_path, *derived_path;

	pthread_mutex_t pool_lock; /* protects the two below */
	StoreDb *idle_readers;
	unsigned n_idle_readers;

	StoreListenFn listen;
	void *listen_data;
	atomic_bool tells_maildir; /* it wants to know what messages were */
	uint64_t tickets_given; /* one for each commit that has something to tell; under mail->lock */
	pthread_mutex_t tickets_lock;
	pthread_cond_t tickets_turn;
	uint64_t tickets_called; /* under tickets_lock */

	StoreSegmentSet *bodies, *texts;

	pthread_mutex_t compact_lock; /* one compaction at a time; the first of all locks */
	pthread_mutex_t pins_lock;    /* protects the list below, the pins of its writers, and what departed; after mail->lock */
	StoreWriter *writers;
	StoreDeparted *departed;

	StoreDerived *pending_texts;

	StoreIndex *index;
};

struct StoreTxn {
	Store *store;
	StoreDb *db;
	GHashTable *mailboxes; /* by id, those in which something changed */
	GArray *changes;       /* StoreChange, names owned */
	GArray *gone;          /* StoreGone: what people saw and is removed, while somebody listens */
	bool has_bodies;       /* one was added */
};

/* Borrows a reading connection; its cleanup gives it back.  Declare it before the queries that use it. */
typedef struct {
	Store *store;
	StoreDb *db; /* NULL: it could not be opened */
} StoreReader;
StoreReader store_reader_get(Store *store, GError **error);
void store_reader_put(StoreReader *reader);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StoreReader, store_reader_put)

/* Opens @dir, made 0700 with its parents, and takes the lock in it.  -1 on failure. */
int store_lock_take(const char *dir, GError **error);

/* Stops the program when this thread has a transaction: it would wait for itself, if not always, then one day. */
void store_txn_assert_none(void);

/* Notes a change of a message for the listener, and that the entries of its mailbox have changed, if they have. */
bool store_txn_change(StoreTxn *txn, StoreChangeKind kind, int64_t mailbox_id, int64_t message_id, const char *name,
                      GError **error);
/* The same for a mailbox that appears in or vanishes from a directory. */
bool store_txn_mailbox_change(StoreTxn *txn, StoreChangeKind kind, int64_t account_id, int64_t parent_id,
                              int64_t mailbox_id, const char *name, GError **error);
/* The entries of the mailbox have changed in a way of which nothing else tells. */
bool store_txn_touch(StoreTxn *txn, int64_t mailbox_id, GError **error);

/* Of the columns STORE_MESSAGE_FIELDS (statements.h) from the @column-th on; the strings are the query's. */
StoreMessage store_message_take_row(StoreQuery *query, int column);

/* The row inside the transaction; to be cleared.  STORE_DONE: there is none. */
StoreStep store_txn_message(StoreTxn *txn, int64_t id, StoreMessage *message_r, GError **error);
StoreStep store_txn_message_uid(StoreTxn *txn, int64_t mailbox_id, uint32_t uid, StoreMessage *message_r,
                                GError **error);

/* "\Seen $a" with the delta of one operation applied; both as store_flags_normalise() makes them.  g_free(). */
char *store_flags_apply(const char *flags, const char *add, const char *remove);

/* The server no longer has the mailbox: what it had in it goes, as in store_message_remove_uids(); what was on its way there
 * is seen again where it comes from.  *kept_r: there are messages that are only here. */
bool store_messages_leave_mailbox(StoreTxn *txn, int64_t mailbox_id, bool *kept_r, GError **error);
/* What a UIDVALIDITY change does to the messages that the server has in it. */
bool store_messages_forget_uids(StoreTxn *txn, int64_t mailbox_id, GError **error);
/* Those that it has there and that nobody has seen yet go. */
bool store_messages_remove_invisible(StoreTxn *txn, int64_t mailbox_id, GError **error);

/* All that people see in one mailbox they see in another, under free names. */
bool store_messages_show_all(StoreTxn *txn, int64_t from, int64_t to, GError **error);

void store_bind_described(StoreQuery *query, const StoreMessage *message); /* what the server tells of a message */
void store_bind_content(StoreQuery *query, const StoreMessage *row);       /* what a user wrote, its date and flags */

/* The row of @body's bytes, which become one that is there already or else are taken as they are (messages.h). */
bool store_body_adopt(StoreTxn *txn, const StoreBody *body, int64_t *id_r, GError **error);

/* For store_maildir_listen(): what the messages were that @txn, which is about to be committed, has changed. */
bool store_maildir_describe(StoreTxn *txn, GError **error);

StoreEntry store_entry_take_row(StoreQuery *query); /* of its first eight columns */
StoreBody store_body_take_row(StoreQuery *query); /* of the columns id, segment, offset, length, sha256 */

/* store_body_read() in either set.  CORE_ERROR_NOT_FOUND: moved or gone since *body was filled. */
bool store_segment_set_read(StoreSegmentSet *set, const StoreBody *body, void *buffer, size_t size, uint64_t offset,
                            size_t *n_r, GError **error);

/* Whether the file has what the row says. */
bool store_body_is_whole(Store *store, const StoreBody *body);

/* The ids (int64_t) of bodies that are not to be dropped although no message may have them: those that writers have given out
 * and that may not be committed yet, and those of departed messages; with store->pins_lock held, for as long as it is. */
GHashTable *store_pins(Store *store);

/* search-index.c */
StoreIndex *store_index_new(Store *store, GError **error);
void store_index_free(StoreIndex *index); /* NULL is fine */
void store_index_wake(StoreIndex *index); /* bodies have come */

/* derived.c */
StoreDerived *store_derived_new(Store *store);
void store_derived_free(StoreDerived *derived);
