#include "sync/metadata.h"

#include <string.h>

#define BATCH_ROWS 1000    /* in a transaction while metadata streams in */
#define SEARCH_MARGIN 1000 /* UIDs that SEARCH may name beyond those that the mailbox counts */

/* A row of the store, as far as comparing needs it: there may be millions. */
typedef struct {
	uint32_t uid;
	uint32_t flags; /* index into SyncMetadata.flags */
} Known;

/* What one FETCH response told. */
typedef struct {
	bool whole;           /* a message that was not known; else only its flags count */
	StoreMessage message; /* base_flags and emailid are in SyncMetadata.strings */
} Told;

void
sync_metadata_init(SyncMetadata *metadata, const SyncRun *run, int64_t mailbox_id)
{
	*metadata = (SyncMetadata){
		.run = run,
		.mailbox_id = mailbox_id,
		.known = g_array_new(FALSE, FALSE, sizeof(Known)),
		.flags = g_ptr_array_new_with_free_func(g_free),
		.flag_numbers = g_hash_table_new(g_str_hash, g_str_equal),
		.told = g_array_new(FALSE, FALSE, sizeof(Told)),
		.strings = g_string_chunk_new(4096),
	};
}

void
sync_metadata_clear(SyncMetadata *metadata)
{
	g_array_unref(metadata->known);
	g_hash_table_unref(metadata->flag_numbers);
	g_ptr_array_unref(metadata->flags);
	g_array_unref(metadata->told);
	g_string_chunk_free(metadata->strings);
	imap_uidset_clear(&metadata->seen);
	imap_uidset_clear(&metadata->whole);
	imap_uidset_clear(&metadata->vanished);
}

/* The index of the first known row whose UID is not below @uid. */
static guint
find_from(const SyncMetadata *metadata, uint32_t uid)
{
	guint low = 0, high = metadata->known->len;

	while (low < high) {
		guint middle = low + (high - low) / 2;
		if (g_array_index(metadata->known, Known, middle).uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const Known *
find_known(const SyncMetadata *metadata, uint32_t uid)
{
	guint index = find_from(metadata, uid);
	const Known *known = index < metadata->known->len ? &g_array_index(metadata->known, Known, index) : NULL;

	return known && known->uid == uid ? known : NULL;
}

static void
forget_told(SyncMetadata *metadata)
{
	g_array_set_size(metadata->told, 0);
	g_string_chunk_clear(metadata->strings);
}

static bool
apply_told(SyncMetadata *metadata, StoreTxn *txn, GError **error)
{
	for (guint i = 0; i < metadata->told->len; i++) {
		const Told *told = &g_array_index(metadata->told, Told, i);
		const StoreMessage *message = &told->message;
		int64_t id;
		bool ok = told->whole ? store_message_insert(txn, message, &id, error)
		                      : store_message_set_flags(txn, message->mailbox_id, message->uid, message->base_flags,
		                                                message->modseq, error);
		if (!ok)
			return false;
	}
	return true;
}

bool
sync_metadata_apply(SyncMetadata *metadata, StoreTxn *txn, GError **error)
{
	const ImapUidSet *vanished = &metadata->vanished;

	if (!apply_told(metadata, txn, error))
		return false;
	forget_told(metadata);
	for (size_t i = 0; i < vanished->count; i++)
		if (!store_message_remove_uids(txn, metadata->mailbox_id, vanished->ranges[i].first, vanished->ranges[i].last,
		                               error))
			return false;
	return true;
}

static bool
flush(SyncMetadata *metadata, GError **error)
{
	g_autoptr(StoreTxn) txn = store_begin(metadata->run->store, error);

	if (!txn || !apply_told(metadata, txn, error) || !store_commit(g_steal_pointer(&txn), error))
		return false;
	forget_told(metadata);
	return true;
}

/* @count of what it names, UIDs or ranges of them, are too many.  Some more than it counts come and go meanwhile. */
static bool
check_named(const SyncMetadata *metadata, uint64_t count, GError **error)
{
	uint64_t most = MIN((uint64_t)metadata->exists + metadata->known->len + SYNC_NAMED_MARGIN, SYNC_NAMED_MAX);

	return count <= most || core_throw(error, CORE_ERROR_PROTOCOL, "nonsense from the server: it names more than %"
	                                   G_GUINT64_FORMAT " messages of a mailbox that has %u", most, metadata->exists);
}

static bool
note_seen(SyncMetadata *metadata, uint32_t uid, GError **error)
{
	metadata->highest_uid = MAX(metadata->highest_uid, uid);
	if (imap_uidset_has(&metadata->seen, uid))
		return true;
	imap_uidset_add(&metadata->seen, uid);
	return check_named(metadata, ++metadata->named, error);
}

static bool
on_fetch(SyncMetadata *metadata, const ImapFetch *fetch, GError **error)
{
	const uint32_t needed = IMAP_FETCH_INTERNALDATE | IMAP_FETCH_SIZE;

	if (!(fetch->fields & IMAP_FETCH_UID) || fetch->uid == 0)
		return true; /* a hint: without QRESYNC, unsolicited ones have no UID */
	if (!note_seen(metadata, fetch->uid, error))
		return false;

	const Known *known = find_known(metadata, fetch->uid);
	bool must_do = metadata->must_do && imap_uidset_has(metadata->must_do, fetch->uid);
	bool whole = !known && (must_do || (fetch->fields & needed) == needed);
	if (whole)
		imap_uidset_add(&metadata->whole, fetch->uid);
	else if (!(fetch->fields & IMAP_FETCH_FLAGS))
		return true;

	g_autofree char *flags = store_flags_normalise(fetch->flags.items, fetch->flags.count);
	if (known && strcmp(g_ptr_array_index(metadata->flags, known->flags), flags) == 0)
		return true;
	Told told = {
		.whole = whole,
		.message = {
			.mailbox_id = metadata->mailbox_id,
			.uid = fetch->uid,
			.internaldate_s = fetch->fields & IMAP_FETCH_INTERNALDATE ? fetch->internaldate_s : 0,
			.rfc822_size = fetch->fields & IMAP_FETCH_SIZE ? fetch->size_bytes : 0,
			.base_flags = g_string_chunk_insert_const(metadata->strings, flags),
			.modseq = fetch->fields & IMAP_FETCH_MODSEQ ? fetch->modseq : 0,
			.gm_msgid = fetch->fields & IMAP_FETCH_GM_MSGID ? fetch->gm_msgid : 0,
			.emailid = fetch->emailid ? g_string_chunk_insert(metadata->strings, fetch->emailid) : NULL,
		},
	};
	g_array_append_val(metadata->told, told);
	metadata->changed = true;
	return metadata->told->len < BATCH_ROWS || flush(metadata, error);
}

static void
add_all(ImapUidSet *set, const ImapUidSet *more)
{
	for (size_t i = 0; i < more->count; i++)
		imap_uidset_add_range(set, more->ranges[i].first, more->ranges[i].last);
}

/* The seen UIDs with those that SEARCH found; an answer that cannot be true counts as none. */
static bool
on_search(SyncMetadata *metadata, const ImapResponse *response, GError **error)
{
	const ImapSearchResponse *search = &response->search;
	g_auto(ImapUidSet) found = { 0 };

	if (!metadata->searching)
		return true;
	if (response->damaged || !(search->fields & IMAP_SEARCH_ALL || !*search->uids) ||
	    (*search->uids && !imap_uidset_parse(&found, search->uids, 0)) ||
	    imap_uidset_size(&found) > (uint64_t)metadata->exists + metadata->known->len + SEARCH_MARGIN) {
		metadata->in_doubt = true;
		return true;
	}
	add_all(&metadata->seen, &found);
	metadata->searched = true;
	metadata->named = imap_uidset_size(&metadata->seen);
	return check_named(metadata, metadata->named, error);
}

static bool
on_vanished(SyncMetadata *metadata, const ImapResponse *response, GError **error)
{
	g_auto(ImapUidSet) gone = { 0 };

	metadata->changed = true;
	if (response->damaged || !imap_uidset_parse(&gone, response->vanished.uids, 0)) {
		metadata->in_doubt = true;
		return true;
	}
	add_all(&metadata->vanished, &gone);
	if (!response->vanished.earlier)
		metadata->exists -= (uint32_t)MIN(imap_uidset_size(&gone), metadata->exists);
	return check_named(metadata, metadata->vanished.count, error);
}

bool
sync_metadata_on_response(const ImapResponse *response, void *data, GError **error)
{
	SyncMetadata *metadata = data;

	switch ((int)response->kind) {
	case IMAP_RESPONSE_FETCH:
		/* One whose UID is known can be asked for again; without it nobody knows what was told. */
		if (response->damaged && !(response->fetch.fields & IMAP_FETCH_UID))
			metadata->in_doubt = true;
		return on_fetch(metadata, &response->fetch, error);
	case IMAP_RESPONSE_VANISHED:
		return on_vanished(metadata, response, error);
	case IMAP_RESPONSE_SEARCH:
		return on_search(metadata, response, error);
	case IMAP_RESPONSE_EXISTS:
		if (!response->damaged)
			metadata->exists = response->number;
		return true;
	case IMAP_RESPONSE_EXPUNGE:
		if (!response->damaged && metadata->exists > 0)
			metadata->exists--;
		return true;
	default:
		return true;
	}
}

static bool
load_row(const StoreMessage *message, void *data)
{
	SyncMetadata *metadata = data;
	Known known = { .uid = message->uid };
	void *number;

	if (g_hash_table_lookup_extended(metadata->flag_numbers, message->base_flags, NULL, &number)) {
		known.flags = GPOINTER_TO_UINT(number);
	} else {
		char *flags = g_strdup(message->base_flags);
		known.flags = metadata->flags->len;
		g_ptr_array_add(metadata->flags, flags);
		g_hash_table_insert(metadata->flag_numbers, flags, GUINT_TO_POINTER(known.flags));
	}
	g_array_append_val(metadata->known, known);
	return true;
}

bool
sync_metadata_load(SyncMetadata *metadata, GError **error)
{
	forget_told(metadata);
	imap_uidset_clear(&metadata->seen);
	imap_uidset_clear(&metadata->whole);
	imap_uidset_clear(&metadata->vanished);
	metadata->named = 0;
	g_array_set_size(metadata->known, 0);
	g_hash_table_remove_all(metadata->flag_numbers);
	g_ptr_array_set_size(metadata->flags, 0);
	metadata->in_doubt = false;
	return store_message_list_uids(metadata->run->store, metadata->mailbox_id, load_row, metadata, error);
}

void
sync_metadata_unknown(const SyncMetadata *metadata, ImapUidSet *unknown_r)
{
	for (size_t i = 0; i < metadata->seen.count; i++) {
		uint64_t uid = metadata->seen.ranges[i].first;
		guint index = find_from(metadata, (uint32_t)uid);
		for (; uid <= metadata->seen.ranges[i].last; uid++) {
			bool is_known = index < metadata->known->len && g_array_index(metadata->known, Known, index).uid == uid;
			if (is_known)
				index++;
			else if (!imap_uidset_has(&metadata->whole, (uint32_t)uid))
				imap_uidset_add(unknown_r, (uint32_t)uid);
		}
	}
}

void
sync_metadata_unseen(const SyncMetadata *metadata, ImapUidSet *unseen_r)
{
	for (guint i = 0; i < metadata->known->len; i++) {
		uint32_t uid = g_array_index(metadata->known, Known, i).uid;
		if (!imap_uidset_has(&metadata->seen, uid))
			imap_uidset_add(unseen_r, uid);
	}
}

void
sync_metadata_vanish_unseen(SyncMetadata *metadata)
{
	g_auto(ImapUidSet) unseen = { 0 };

	sync_metadata_unseen(metadata, &unseen);
	metadata->changed |= unseen.count > 0;
	add_all(&metadata->vanished, &unseen);
}
