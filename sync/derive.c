#include "sync/derive.h"

#include "mime/name.h"

/* As sync_derive(); what is kept is also appended to @copy (NULL: nowhere). */
static bool
derive(Store *store, const StoreBody *body, const uint8_t *bytes, bool want_text, GString *copy, MimeDerived *derived_r,
       GError **error)
{
	g_autoptr(StoreSegment) segment = NULL;
	MimeSource source = { .bytes = bytes, .fd = -1, .length = body->length };

	if (!bytes) {
		segment = store_body_segment(store, body, error);
		if (!segment)
			return false;
		source.fd = store_segment_fd(segment);
		source.offset = body->offset;
	}
	mime_derive(&source, want_text, derived_r);
	if (!want_text)
		return true;

	bool ok = store_derived_put(store, body, MIME_DERIVE_VERSION, derived_r->text->str, derived_r->text->len, error);
	if (ok && copy)
		g_string_append_len(copy, derived_r->text->str, (gssize)derived_r->text->len);
	g_string_free(g_steal_pointer(&derived_r->text), TRUE); /* names may wait for a while; texts need not */
	if (!ok)
		mime_derived_clear(derived_r);
	return ok;
}

bool
sync_derive(Store *store, const StoreBody *body, const uint8_t *bytes, bool want_text, MimeDerived *derived_r,
            GError **error)
{
	return derive(store, body, bytes, want_text, NULL, derived_r, error);
}

/* The name itself, then its numbered forms. */
static char *
form_of(const char *canonical, unsigned number)
{
	return number == 1 ? g_strdup(canonical) : mime_name_distinct(canonical, number);
}

/* Calls the message by the first form from @number on that is free. */
static bool
rename_away(StoreTxn *txn, int64_t mailbox_id, int64_t message_id, const char *canonical, unsigned number, GError **error)
{
	for (;; number++) {
		g_autofree char *name = form_of(canonical, number);
		bool taken;
		if (!store_name_taken(txn, mailbox_id, name, message_id, &taken, error))
			return false;
		if (!taken)
			return store_message_rename(txn, message_id, name, error);
	}
}

char *
sync_derive_name(StoreTxn *txn, int64_t mailbox_id, int64_t message_id, uint32_t uid, int64_t internaldate_s,
                 const MimeDerived *derived, GError **error)
{
	g_autofree char *canonical = mime_name_make(internaldate_s, derived->from, derived->subject, uid);

	/* Ends: a mailbox holds fewer names than there are numbers. */
	for (unsigned number = 1;; number++) {
		g_autofree char *name = form_of(canonical, number);
		int64_t old = 0;
		bool taken;
		if (!store_name_taken(txn, mailbox_id, name, message_id, &taken, error) ||
		    (taken && !store_message_find_unmatched_name(txn, mailbox_id, name, &old, error)) ||
		    (old != 0 && !rename_away(txn, mailbox_id, old, canonical, number + 1, error)))
			return NULL;
		if (!taken || old != 0)
			return g_steal_pointer(&name);
	}
}

static bool
collect(const StoreBody *body, void *data)
{
	g_array_append_val((GArray *)data, *body);
	return true;
}

bool
sync_derive_text(Store *store, const StoreBody *body, GString *copy, GError **error)
{
	g_auto(MimeDerived) derived = { 0 };
	g_autoptr(GError) failure = NULL;
	StoreBody moved;

	if (derive(store, body, NULL, true, copy, &derived, &failure))
		return true;
	if (core_error_code(failure) == CORE_ERROR_NOT_FOUND) { /* compaction has moved it since it was listed */
		g_clear_error(&failure);
		if (store_body_get(store, body->id, &moved, &failure) && derive(store, &moved, NULL, true, copy, &derived, &failure))
			return true;
	}
	if (!failure || core_error_code(failure) == CORE_ERROR_CORRUPT || core_error_code(failure) == CORE_ERROR_NOT_FOUND)
		return true;
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

bool
sync_derive_note_complete(Store *store, GError **error)
{
	GError *failure = NULL;
	StoreBody last;
	int64_t noted;

	if (store_body_last(store, &last, &failure))
		return store_derived_complete(store, MIME_DERIVE_VERSION, &noted, error) &&
		       (noted == last.id || store_derived_set_complete(store, MIME_DERIVE_VERSION, &last, error));
	if (failure)
		g_propagate_error(error, failure);
	return !failure;
}

bool
sync_derive_missing(Store *store, CoreCancel *cancel, GError **error)
{
	g_autoptr(GArray) bodies = g_array_new(FALSE, FALSE, sizeof(StoreBody));
	int64_t after = 0;

	if (!store_derived_complete(store, MIME_DERIVE_VERSION, &after, error))
		return false;
	do {
		g_array_set_size(bodies, 0);
		if (!store_derived_missing(store, MIME_DERIVE_VERSION, after, 200, collect, bodies, error))
			return false;
		for (guint i = 0; i < bodies->len; i++) {
			const StoreBody *body = &g_array_index(bodies, StoreBody, i);
			after = body->id;
			if (!core_cancel_check(cancel, error) || !sync_derive_text(store, body, NULL, error))
				return false;
		}
		if (!store_derived_flush(store, error))
			return false;
	} while (bodies->len > 0);
	return sync_derive_note_complete(store, error);
}
