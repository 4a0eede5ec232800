#include "sync/append.h"

#include "core/sha256.h"

#include <string.h>
#include <time.h>

#define READ_BYTES (64 * 1024)

/* Where the bytes of a message in a command come from. */
typedef struct {
	Store *store;
	StoreBody body;
} Source;

static bool
read_exactly(Store *store, const StoreBody *body, uint64_t offset, void *buffer, size_t size, GError **error)
{
	for (size_t done = 0, n; done < size; done += n) {
		if (!store_body_read(store, body, (char *)buffer + done, size - done, offset + done, &n, error))
			return false;
		if (n == 0)
			return core_throw(error, CORE_ERROR_CORRUPT, "the message ends too early in the store");
	}
	return true;
}

static bool
read_source(void *data, uint64_t offset, void *buffer, size_t size, GError **error)
{
	const Source *source = data;

	return read_exactly(source->store, &source->body, offset, buffer, size, error);
}

/* Whether the store still has the bytes that it was given; notes NUL among them. */
static bool
read_through(Store *store, SyncUpload *upload, GError **error)
{
	g_autofree uint8_t *buffer = g_malloc(READ_BYTES);
	uint8_t digest[CORE_SHA256_BYTES];
	CoreSha256 hash;

	core_sha256_init(&hash);
	for (uint64_t at = 0; at < upload->body.length;) {
		size_t n = (size_t)MIN(upload->body.length - at, READ_BYTES);
		if (!read_exactly(store, &upload->body, at, buffer, n, error))
			return false;
		upload->has_nul = upload->has_nul || memchr(buffer, 0, n);
		core_sha256_feed(&hash, buffer, n);
		at += n;
	}
	core_sha256_end(&hash, digest);
	return memcmp(digest, upload->body.sha256, sizeof digest) == 0 ||
	       core_throw(error, CORE_ERROR_CORRUPT, "the message is damaged in the store");
}

/* *words_r (g_free()): the message cannot be read.  False only when the store cannot be asked at all. */
static bool
find_body(Store *store, const SyncItem *item, SyncUpload *upload, char **words_r, GError **error)
{
	GError *failure = NULL;

	if (item->body_id != 0 && store_body_get(store, item->body_id, &upload->body, &failure) &&
	    read_through(store, upload, &failure))
		return true;
	if (!failure || core_error_code(failure) == CORE_ERROR_CORRUPT || core_error_code(failure) == CORE_ERROR_NOT_FOUND) {
		*words_r = g_strdup(failure ? failure->message : "the message is not here");
		g_clear_error(&failure);
		return true;
	}
	g_propagate_error(error, failure);
	return false;
}

/* Why the server cannot take it (g_free()); NULL: it may. */
static char *
check_limits(const ImapSession *session, const SyncUpload *upload)
{
	uint64_t limit = imap_session_append_limit(session);

	if (upload->body.length == 0) /* it would take back the whole command (RFC 3502) */
		return g_strdup("the message is empty");
	if (limit > 0 && upload->body.length > limit)
		return g_strdup_printf("the message has %" G_GUINT64_FORMAT " bytes, the server takes %" G_GUINT64_FORMAT
		                       " (APPENDLIMIT)", upload->body.length, limit);
	if (upload->has_nul && !imap_session_has(session, IMAP_CAP_BINARY))
		return g_strdup("the message has NUL bytes, which this server cannot take (it has no BINARY)");
	return NULL;
}

/* Flags come from servers and from people: what is no atom would end the list, or the command. */
static char *
flag_list(const char *flags, bool without_keywords)
{
	g_auto(GStrv) words = g_strsplit(flags ? flags : "", " ", -1);
	GString *list = g_string_new(NULL);

	for (char **word = words; *word; word++)
		if (store_flag_is_sendable(*word) && (!without_keywords || store_flag_system(*word)))
			g_string_append_printf(list, "%s%s", list->len > 0 ? " " : "", *word);
	return g_string_free(list, FALSE);
}

static bool
prepare(const SyncWorker *worker, const SyncItem *item, SyncUpload *upload, SyncEnd *end, GError **error)
{
	g_autofree char *words = NULL;

	if (!core_cancel_check(worker->run->cancel, error) ||
	    !find_body(worker->run->store, item, upload, &words, error))
		return false;
	if (!words)
		words = check_limits(worker->session, upload);
	sync_end_set(end, words ? SYNC_END_FAIL : SYNC_END_UNTRIED, 0, words);
	g_autofree char *all = flag_list(item->add_flags, false), *plain = flag_list(item->add_flags, true);
	upload->keywords = strcmp(all, plain) != 0;
	return true;
}

SyncUpload *
sync_uploads_new(const SyncWorker *worker, const SyncBatch *batch, GArray *ends, GError **error)
{
	g_autofree SyncUpload *uploads = g_new0(SyncUpload, batch->items->len);

	for (guint i = 0; i < batch->items->len; i++)
		if (!prepare(worker, &g_array_index(batch->items, SyncItem, i), &uploads[i], sync_ends_at(ends, i), error))
			return NULL;
	return g_steal_pointer(&uploads);
}

/* "17-Jul-1996 02:44:25 +0000".  NULL: a year that cannot be written. */
static char *
date_time(int64_t internaldate_s)
{
	static const char *const months[] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
	};
	time_t when = (time_t)internaldate_s;
	struct tm tm;

	if (!gmtime_r(&when, &tm) || tm.tm_year + 1900 < 1 || tm.tm_year + 1900 > 9999)
		return NULL;
	return g_strdup_printf("%2d-%s-%04d %02d:%02d:%02d +0000", tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour,
	                       tm.tm_min, tm.tm_sec);
}

ImapCommand *
sync_append_command(Store *store, const SyncBatch *batch, const SyncUpload *uploads, guint from, guint to)
{
	ImapCommand *command = imap_command_new("APPEND ");

	imap_command_mailbox(command, batch->target.server_name);
	for (guint i = from; i < to; i++) {
		const SyncItem *item = &g_array_index(batch->items, SyncItem, i);
		g_autofree char *flags = flag_list(item->add_flags, uploads[i].without_keywords);
		g_autofree char *date = date_time(item->internaldate_s);
		Source *source = g_new(Source, 1);

		*source = (Source){ store, uploads[i].body };
		if (*flags)
			imap_command_text(command, " (%s)", flags);
		if (date)
			imap_command_text(command, " \"%s\"", date);
		imap_command_text(command, " ");
		imap_command_message(command, source->body.length, uploads[i].has_nul, read_source, source, g_free);
	}
	return command;
}
