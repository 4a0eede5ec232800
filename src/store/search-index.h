/* Internal to src/store: search.db, its one writer and those who read it.
 *
 * The writer is opened when the index is first used.  A database that is damaged, or not ours, is made again. */
#pragma once

#include "store/internal.h"
#include "store/search.h"

/* What the index says of itself. */
typedef struct {
	uint8_t identity[16]; /* of mail.db */
	unsigned text_version;
	int64_t done;         /* bodies up to it are indexed */
	int64_t documents;    /* how many */
} StoreIndexState;

/* What mail.db says. */
typedef struct {
	uint8_t identity[16];
	int64_t highest; /* that a body's id ever was */
	int64_t last;    /* of those there are */
} StoreIndexSource;

/* @statement: INDEX_STATE or SEARCH_STATE.  All zero: it is new. */
bool store_index_state(StoreDb *db, StoreStatement statement, StoreIndexState *state_r, GError **error);
/* To be asked behind the state: what is in the index was in mail.db before, if it is that one. */
bool store_index_source(StoreDb *db, StoreIndexSource *source_r, GError **error);
bool store_index_is_of(const StoreIndexState *state, const StoreIndexSource *source);

/* Borrows a connection that searches; its cleanup gives it back.  Declare it before the queries that use it. */
typedef struct {
	StoreIndex *index;
	StoreDb *db; /* NULL: it could not be opened */
	unsigned generation;
} StoreIndexReader;
StoreIndexReader store_index_reader_get(StoreIndex *index, GError **error);
void store_index_reader_put(StoreIndexReader *reader);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StoreIndexReader, store_index_reader_put)

/* The writer; for who updates.  NULL with CORE_ERROR_IO. */
StoreDb *store_index_writer(StoreIndex *index, GError **error);

/* For who updates: the file goes; the next who asks for a connection makes it again. */
void store_index_discard(StoreIndex *index);

/* Who searches has found it damaged: the next update discards it. */
void store_index_note_damage(StoreIndex *index);

/* From here to the end nobody else updates. */
void store_index_lock(StoreIndex *index);
void store_index_unlock(StoreIndex *index);
