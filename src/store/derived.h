/* What is derived from bodies and can be made again: the rendered text, and what parts/ shows; by the body's hash and the
 * version of who made it.
 *
 * Its database and its segments are its own, so that rebuilding never waits for what users do.
 */
#pragma once

#include "store/segments.h"

/* Keeps @text for @body, by its hash, in place of one of another version; nothing if it is kept already.  For a body that
 * has no row yet (id 0) no look-up is spent: a text that outlived such a one is replaced.  Buffered: readers see it after
 * store_derived_flush(), or sooner. */
bool store_derived_put(Store *store, const StoreBody *body, unsigned version, const char *text, size_t length,
                       GError **error);

/* All that was put is committed when it returns true; what was not committed before is forgotten when it fails.  Call
 * it before the transaction that makes the messages visible. */
bool store_derived_flush(Store *store, GError **error);

/* Changes when a flush fails.  A flush is of what everybody put: whoever finds another value than before the first text
 * that he put, has lost them although his own flush went well. */
uint64_t store_derived_generation(Store *store);

/* The place of the text, to be read by store_derived_read(); false with *error unset: not derived by this version. */
bool store_derived_get(Store *store, int64_t body_id, unsigned version, StoreBody *text_r, GError **error);
/* Of a message's body, or while that is not here of its header. */
bool store_derived_of_message(Store *store, int64_t message_id, unsigned version, StoreBody *text_r, GError **error);
bool store_derived_read(Store *store, const StoreBody *text, void *buffer, size_t size, uint64_t offset, size_t *n_r,
                        GError **error);

/* Bodies that messages use and that have no text of @version; in the order of ids from the first greater than @after,
 * at most @limit. */
typedef bool (*StoreBodyFn)(const StoreBody *body, void *data);
bool store_derived_missing(Store *store, unsigned version, int64_t after, unsigned limit, StoreBodyFn fn, void *data,
                           GError **error);

/* Up to which body all have texts of @version, as far as store_derived_set_complete() was told; 0: nobody knows.  A body
 * that arrives has its text before it has a row. */
bool store_derived_complete(Store *store, unsigned version, int64_t *body_id_r, GError **error);
/* The last body there is; false with *error unset: there is none. */
bool store_body_last(Store *store, StoreBody *body_r, GError **error);
bool store_derived_set_complete(Store *store, unsigned version, const StoreBody *last, GError **error);

/* What parts/ shows of a body, in bytes that mean nothing to the store; in place of those of another version.  Readers
 * see it when it returns true. */
bool store_parts_put(Store *store, const StoreBody *body, unsigned version, const void *bytes, size_t length,
                     GError **error);
/* NULL with *error unset: there are none of this version.  To be checked: they come from a disk. */
GBytes *store_parts_get(Store *store, const StoreBody *body, unsigned version, GError **error);

/* Drops texts and parts of bodies that have been gone for an hour, and compacts; once a month it looks at all of them, for
 * those of other versions and those that never got a body.  Else it costs what is to be dropped, so call it after each
 * run. */
bool store_derived_prune(Store *store, unsigned text_version, unsigned parts_version, CoreCancel *cancel,
                         GError **error);
