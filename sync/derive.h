/* Names and texts of messages, made when a body arrives. */
#pragma once

#include "core/cancel.h"
#include "mime/derive.h"
#include "store/derived.h"
#include "store/messages.h"

/* Parses the message in @body (@bytes: the same in memory, or NULL to read the segment) into *derived_r, which the caller
 * clears (mime_derived_clear()); its text is not there.  With @want_text the text goes into the store; else it is not even
 * made: for who wants the name and the header's hash only.  False only when the store fails: *derived_r holds nothing. */
bool sync_derive(Store *store, const StoreBody *body, const uint8_t *bytes, bool want_text, MimeDerived *derived_r,
                 GError **error);

/* Makes the text of a body of the store, and keeps it; also appends it to @copy (NULL: nowhere).  A body that cannot be read
 * is shown with an error when it is opened, and one that has gone meanwhile needs no text: they get none, and nothing is
 * appended.  False only when the store fails. */
bool sync_derive_text(Store *store, const StoreBody *body, GString *copy, GError **error);

/* The canonical name, made distinct from what else is in the mailbox.  A message that waits to be matched has no claim to
 * its old name: if it is in the way, it is renamed.  g_free(); NULL when the store fails. */
char *sync_derive_name(StoreTxn *txn, int64_t mailbox_id, int64_t message_id, uint32_t uid, int64_t internaldate_s,
                       const MimeDerived *derived, GError **error);

/* Once sync_derive_missing() has been called, and no writer is at work on a body: all that are here have their texts, so the
 * next start need not look. */
bool sync_derive_note_complete(Store *store, GError **error);

/* Makes the texts that are missing (a new version of the renderer, or derived.db was removed). */
bool sync_derive_missing(Store *store, CoreCancel *cancel, GError **error);
