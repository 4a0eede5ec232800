#include "fs/xattr.h"

#include "fs/error.h"
#include "store/messages.h"
#include "store/operations.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define HEADER_MAX_BYTES 65536 /* how far Message-ID is looked for */

#define UID "user.imap.uid"

/* getfattr -d and cp ask for all that are listed, and complain of what is not there. */
const char *const *
fs_xattr_names(Store *store, int64_t message_id)
{
	static const char *const names[] = {
		UID, "user.imap.flags", "user.imap.internaldate", "user.imap.message-id", "user.mime_type", "user.mailtree.state", NULL,
	};
	g_auto(StoreMessage) message = { 0 };
	bool has_uid = store_message_get(store, message_id, &message, NULL) && message.uid != 0;

	return has_uid ? names : names + 1;
}

/* RFC 3501 date-time, in UTC; months are English whatever the locale. */
static char *
date_time(int64_t seconds)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t time = seconds;
	struct tm tm;

	if (!gmtime_r(&time, &tm))
		return NULL;
	return g_strdup_printf("%2d-%s-%04d %02d:%02d:%02d +0000", tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
	                       tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* The value of the field Message-ID in a header block, unfolded; empty if there is none, since it is listed. */
static char *
find_message_id(const char *header)
{
	static const char field[] = "message-id:";
	const char *line = header;

	while (g_ascii_strncasecmp(line, field, strlen(field)) != 0) {
		line = strchr(line, '\n');
		if (!line || *++line == '\n' || *line == '\r' || *line == '\0')
			return g_strdup("");
	}

	const char *from = line + strlen(field), *end = strchr(from, '\n');
	while (end && (end[1] == ' ' || end[1] == '\t'))
		end = strchr(end + 1, '\n');
	char *value = end ? g_strndup(from, (gsize)(end - from)) : g_strdup(from);
	g_strdelimit(value, "\r\n\t", ' ');
	return g_strstrip(value);
}

static bool
message_id(Store *store, int64_t body_id, char **value_r, GError **error)
{
	g_autofree char *header = g_malloc(HEADER_MAX_BYTES + 1);
	StoreBody body;
	size_t n;

	if (!store_body_get(store, body_id, &body, error) ||
	    !store_body_read(store, &body, header, HEADER_MAX_BYTES, 0, &n, error))
		return false;
	header[n] = '\0';
	*value_r = find_message_id(header);
	return true;
}

/* user.mailtree.state, as mailtree-tree(7) lists them. */
static char *
state(Store *store, const StoreMessage *message, GError **error)
{
	GError *failure = NULL;

	if (store_message_is_file(message->state) || message->state == STORE_MESSAGE_LOCAL)
		return g_strdup("local");
	if (message->state == STORE_MESSAGE_REFUSED)
		return g_strdup_printf("error: %s", message->error ? message->error : "");
	char *outlook = store_operation_outlook(store, message->id, &failure);
	if (failure)
		g_propagate_error(error, failure);
	return outlook || failure ? outlook : g_strdup(message->body_id ? "cached" : "remote");
}

bool
fs_xattr_get(Store *store, int64_t id, const char *mime_type, const char *name, char **value_r, GError **error)
{
	g_auto(StoreMessage) message = { 0 };

	if (!store_message_get(store, id, &message, error)) /* it has gone since it was looked up */
		return error && *error ? false : fs_throw(error, ENOENT);
	if (strcmp(name, "user.imap.flags") == 0)
		*value_r = store_message_flags(store, id, error);
	else if (strcmp(name, UID) == 0)
		*value_r = message.uid ? g_strdup_printf("%u", message.uid) : NULL;
	else if (strcmp(name, "user.imap.internaldate") == 0)
		*value_r = date_time(message.internaldate_s);
	else if (strcmp(name, "user.imap.message-id") == 0)
		return message_id(store, message.body_id ? message.body_id : message.header_id, value_r, error);
	else if (strcmp(name, "user.mime_type") == 0)
		*value_r = g_strdup(mime_type);
	else if (strcmp(name, "user.mailtree.state") == 0)
		*value_r = state(store, &message, error);
	else
		return false;
	return *value_r != NULL;
}
