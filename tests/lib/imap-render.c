#include "tests/lib/imap-render.h"

#include <string.h>

typedef struct {
	GString *out;
	GString *data; /* of the section that is open */
	bool open;
} Sunk;

#define CODE(name) [IMAP_CODE_##name] = #name
static const char *const codes[] = {
	CODE(NONE), CODE(ALERT), CODE(ALREADYEXISTS), CODE(APPENDUID), CODE(AUTHENTICATIONFAILED),
	CODE(AUTHORIZATIONFAILED), CODE(BADCHARSET), CODE(CANNOT), CODE(CAPABILITY), CODE(CLIENTBUG), CODE(CLOSED),
	CODE(COMPRESSIONACTIVE), CODE(CONTACTADMIN), CODE(COPYUID), CODE(CORRUPTION), CODE(EXPIRED),
	CODE(EXPUNGEISSUED), CODE(HASCHILDREN), CODE(HIGHESTMODSEQ), CODE(INUSE), CODE(LIMIT), CODE(MAILBOXID),
	CODE(MODIFIED), CODE(NOMODSEQ), CODE(NONEXISTENT), CODE(NOPERM), CODE(NOTIFICATIONOVERFLOW), CODE(OVERQUOTA),
	CODE(PARSE), CODE(PERMANENTFLAGS), CODE(PRIVACYREQUIRED), CODE(READ_ONLY), CODE(READ_WRITE), CODE(SERVERBUG),
	CODE(THROTTLED), CODE(TOOBIG), CODE(TRYCREATE), CODE(UIDNEXT), CODE(UIDNOTSTICKY), CODE(UIDVALIDITY),
	CODE(UNAVAILABLE), CODE(UNSEEN), CODE(UNKNOWN_CTE), CODE(UNKNOWN),
};

#define ATTRIBUTE(name) { IMAP_LIST_##name, #name }
static const struct {
	uint32_t bit;
	const char *name;
} attributes[] = {
	ATTRIBUTE(NOSELECT), ATTRIBUTE(NONEXISTENT), ATTRIBUTE(NOINFERIORS), ATTRIBUTE(HASCHILDREN),
	ATTRIBUTE(HASNOCHILDREN), ATTRIBUTE(SUBSCRIBED), ATTRIBUTE(MARKED), ATTRIBUTE(UNMARKED), ATTRIBUTE(REMOTE),
	ATTRIBUTE(ALL), ATTRIBUTE(ARCHIVE), ATTRIBUTE(DRAFTS), ATTRIBUTE(FLAGGED), ATTRIBUTE(JUNK), ATTRIBUTE(SENT),
	ATTRIBUTE(TRASH), ATTRIBUTE(IMPORTANT),
};

static void
put_bytes(GString *out, const char *text, size_t length)
{
	g_string_append_c(out, '"');
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '"' || c == '\\')
			g_string_append_printf(out, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			g_string_append_printf(out, "\\x%02x", c);
		else
			g_string_append_c(out, (char)c);
	}
	g_string_append_c(out, '"');
}

static void
put_text(GString *out, const char *name, const char *text)
{
	g_string_append_printf(out, " %s=", name);
	if (text)
		put_bytes(out, text, strlen(text));
	else
		g_string_append(out, "NULL");
}

static void
put_nodes(GString *out, const ImapNode *first)
{
	for (const ImapNode *node = first; node; node = node->next) {
		if (node != first)
			g_string_append_c(out, ' ');
		switch (node->kind) {
		case IMAP_NODE_ATOM:
		case IMAP_NODE_NIL:
			g_assert_cmpuint(strlen(node->text), ==, node->length);
			g_string_append(out, node->text);
			break;
		case IMAP_NODE_STRING:
			g_assert_cmpint(node->text[node->length], ==, '\0');
			put_bytes(out, node->text, node->length);
			break;
		case IMAP_NODE_STREAMED:
			g_string_append_printf(out, "<%zu>", node->length);
			break;
		case IMAP_NODE_LIST:
			g_string_append_c(out, '(');
			put_nodes(out, node->first);
			g_string_append_c(out, ')');
			break;
		}
	}
}

static void
put_node(GString *out, const ImapNode *first)
{
	if (first) {
		g_string_append_c(out, ' ');
		put_nodes(out, first);
	}
}

static void
put_words(GString *out, const ImapWords *words)
{
	g_string_append(out, " [");
	for (size_t i = 0; i < words->count; i++)
		g_string_append_printf(out, "%s%s", i > 0 ? " " : "", words->items[i]);
	g_string_append_c(out, ']');
}

static void
put_number(GString *out, const char *name, uint64_t number)
{
	g_string_append_printf(out, " %s=%" G_GUINT64_FORMAT, name, number);
}

static void
put_status(GString *out, const ImapStatusResponse *status)
{
	if (status->code != IMAP_CODE_NONE)
		g_string_append_printf(out, " %s", codes[status->code]);
	if (status->number)
		put_number(out, "number", status->number);
	if (status->uidvalidity)
		put_number(out, "uidvalidity", status->uidvalidity);
	if (status->source_uids)
		put_text(out, "source", status->source_uids);
	if (status->uids)
		put_text(out, "uids", status->uids);
	if (status->words.count > 0)
		put_words(out, &status->words);
	if (status->code_text)
		put_text(out, "argument", status->code_text);
	if (status->code == IMAP_CODE_UNKNOWN || status->code == IMAP_CODE_BADCHARSET)
		put_node(out, status->code_node);
	put_text(out, "text", status->text);
}

static void
put_list(GString *out, const ImapListResponse *list)
{
	const char *separator = "";

	g_string_append(out, " [");
	for (size_t i = 0; i < G_N_ELEMENTS(attributes); i++) {
		if (list->attributes & attributes[i].bit) {
			g_string_append_printf(out, "%s%s", separator, attributes[i].name);
			separator = " ";
		}
	}
	g_string_append(out, "] ");
	put_bytes(out, &list->separator, list->separator ? 1 : 0);
	g_string_append_c(out, ' ');
	put_bytes(out, list->mailbox, list->mailbox_length);
	put_node(out, list->extended);
}

static void
put_mailbox_status(GString *out, const ImapMailboxStatus *status)
{
	put_text(out, "mailbox", status->mailbox);
	if (status->fields & IMAP_STATUS_MESSAGES)
		put_number(out, "messages", status->messages);
	if (status->fields & IMAP_STATUS_UIDNEXT)
		put_number(out, "uidnext", status->uidnext);
	if (status->fields & IMAP_STATUS_UIDVALIDITY)
		put_number(out, "uidvalidity", status->uidvalidity);
	if (status->fields & IMAP_STATUS_UNSEEN)
		put_number(out, "unseen", status->unseen);
	if (status->fields & IMAP_STATUS_HIGHESTMODSEQ)
		put_number(out, "modseq", status->highestmodseq);
	if (status->fields & IMAP_STATUS_MAILBOXID)
		put_text(out, "id", status->mailboxid);
	if (status->fields & IMAP_STATUS_SIZE)
		put_number(out, "size", status->size_bytes);
	if (status->fields & IMAP_STATUS_RECENT)
		put_number(out, "recent", status->recent);
	if (status->fields & IMAP_STATUS_DELETED)
		put_number(out, "deleted", status->deleted);
}

static void
put_quota(GString *out, const ImapQuota *quota)
{
	put_text(out, "root", quota->root);
	if (!quota->has_storage)
		return;
	g_assert_cmpuint(MAX(quota->used_bytes, quota->limit_bytes), <=, INT64_MAX);
	put_number(out, "used", quota->used_bytes);
	put_number(out, "limit", quota->limit_bytes);
}

static void
put_search(GString *out, const ImapSearchResponse *search)
{
	if (search->tag)
		put_text(out, "tag", search->tag);
	if (search->is_uid)
		g_string_append(out, " uid");
	if (search->fields & IMAP_SEARCH_MIN)
		put_number(out, "min", search->min);
	if (search->fields & IMAP_SEARCH_MAX)
		put_number(out, "max", search->max);
	if (search->fields & IMAP_SEARCH_COUNT)
		put_number(out, "count", search->count);
	if (search->fields & IMAP_SEARCH_MODSEQ)
		put_number(out, "modseq", search->modseq);
	if (search->fields & IMAP_SEARCH_PARTIAL)
		g_string_append(out, " partial");
	put_text(out, search->fields & IMAP_SEARCH_ALL ? "all" : "uids", search->uids);
}

static void
put_section(GString *out, const ImapFetchSection *section)
{
	g_string_append_printf(out, "%s[%s]", section->item, section->section);
	if (section->has_origin)
		g_string_append_printf(out, "<%" G_GUINT64_FORMAT ">", section->origin);
	if (section->is_nil)
		g_string_append(out, "=NIL");
	else
		g_string_append_printf(out, "=%" G_GUINT64_FORMAT, section->size_bytes);
}

static void
put_fetch(GString *out, const ImapFetch *fetch)
{
	g_string_append_printf(out, " %u", fetch->seq);
	if (fetch->fields & IMAP_FETCH_UID)
		put_number(out, "uid", fetch->uid);
	if (fetch->fields & IMAP_FETCH_FLAGS)
		put_words(out, &fetch->flags);
	if (fetch->fields & IMAP_FETCH_INTERNALDATE)
		g_string_append_printf(out, " date=%" G_GINT64_FORMAT "%+d", fetch->internaldate_s, fetch->internaldate_zone_min);
	if (fetch->fields & IMAP_FETCH_SIZE)
		put_number(out, "size", fetch->size_bytes);
	if (fetch->fields & IMAP_FETCH_MODSEQ)
		put_number(out, "modseq", fetch->modseq);
	if (fetch->fields & IMAP_FETCH_EMAILID)
		put_text(out, "emailid", fetch->emailid);
	if (fetch->fields & IMAP_FETCH_THREADID)
		put_text(out, "threadid", fetch->threadid);
	if (fetch->fields & IMAP_FETCH_GM_MSGID)
		put_number(out, "gm", fetch->gm_msgid);
	g_assert_cmpint(!!(fetch->fields & IMAP_FETCH_BODY), ==, fetch->section_count > 0);
	for (size_t i = 0; i < fetch->section_count; i++) {
		g_string_append_c(out, ' ');
		put_section(out, &fetch->sections[i]);
	}
	g_string_append(out, " |");
	put_node(out, fetch->items);
}

static void
put_response(GString *out, const ImapResponse *response)
{
	if (response->tag)
		g_string_append_printf(out, "%s ", response->tag);
	g_string_append(out, response->kind == IMAP_RESPONSE_UNKNOWN ? "?" : "");
	g_string_append(out, response->keyword);
	if (response->damaged)
		g_string_append_c(out, '!');
	switch (response->kind) {
	case IMAP_RESPONSE_OK:
	case IMAP_RESPONSE_NO:
	case IMAP_RESPONSE_BAD:
	case IMAP_RESPONSE_BYE:
	case IMAP_RESPONSE_PREAUTH:
	case IMAP_RESPONSE_CONTINUE:
		put_status(out, &response->status);
		break;
	case IMAP_RESPONSE_CAPABILITY:
	case IMAP_RESPONSE_ENABLED:
	case IMAP_RESPONSE_FLAGS:
		put_words(out, &response->words);
		break;
	case IMAP_RESPONSE_LIST:
		put_list(out, &response->list);
		break;
	case IMAP_RESPONSE_STATUS:
		put_mailbox_status(out, &response->mailbox_status);
		break;
	case IMAP_RESPONSE_QUOTA:
		put_quota(out, &response->quota);
		break;
	case IMAP_RESPONSE_MYRIGHTS:
		put_text(out, "mailbox", response->my_rights.mailbox);
		put_text(out, "rights", response->my_rights.rights);
		break;
	case IMAP_RESPONSE_SEARCH:
		put_search(out, &response->search);
		break;
	case IMAP_RESPONSE_EXISTS:
	case IMAP_RESPONSE_RECENT:
	case IMAP_RESPONSE_EXPUNGE:
		g_string_append_printf(out, " %u", response->number);
		break;
	case IMAP_RESPONSE_VANISHED:
		g_string_append_printf(out, "%s %s", response->vanished.earlier ? " earlier" : "", response->vanished.uids);
		break;
	case IMAP_RESPONSE_FETCH:
		put_fetch(out, &response->fetch);
		break;
	case IMAP_RESPONSE_NAMESPACE:
	case IMAP_RESPONSE_ID:
	case IMAP_RESPONSE_QUOTAROOT:
	case IMAP_RESPONSE_ACL:
	case IMAP_RESPONSE_UNKNOWN:
		put_node(out, response->node);
		break;
	}
	g_string_append_c(out, '\n');
}

static bool
on_begin(void *data, uint32_t seq, uint32_t uid, const ImapFetchSection *section, GError **error)
{
	Sunk *sunk = data;

	g_assert_false(sunk->open);
	sunk->open = true;
	g_string_truncate(sunk->data, 0);
	g_string_append_printf(sunk->out, "> %u uid=%u ", seq, uid);
	put_section(sunk->out, section);
	return true;
}

static bool
on_write(void *data, const void *bytes, size_t length, GError **error)
{
	Sunk *sunk = data;

	g_assert_true(sunk->open);
	g_assert_cmpuint(length, >, 0);
	g_string_append_len(sunk->data, bytes, (gssize)length);
	return true;
}

static void
put_data(Sunk *sunk)
{
	g_string_append_c(sunk->out, ' ');
	put_bytes(sunk->out, sunk->data->str, sunk->data->len);
	g_string_append_c(sunk->out, '\n');
}

static bool
on_end(void *data, GError **error)
{
	Sunk *sunk = data;

	g_assert_true(sunk->open);
	sunk->open = false;
	put_data(sunk);
	return true;
}

/* False once the parser failed. */
static bool
feed(ImapParser *parser, const char *bytes, size_t length, GString *out)
{
	g_autoptr(GError) error = NULL;
	ImapResponse response;
	size_t used;

	for (;;) {
		/* Exactly as large as what it holds, so that a sanitizer sees each byte beyond. */
		g_autofree char *piece = g_memdup2(bytes, length);

		switch (imap_parser_next(parser, piece, length, &used, &response, &error)) {
		case IMAP_PARSE_FAILED:
			g_string_append_printf(out, "failed: %s\n", error->message);
			return false;
		case IMAP_PARSE_RESPONSE:
			g_assert_cmpuint(used, <=, length);
			memset(piece, '#', used); /* nothing may point into it */
			put_response(out, &response);
			bytes += used;
			length -= used;
			break;
		case IMAP_PARSE_MORE:
			g_assert_cmpuint(used, ==, length);
			return true;
		}
	}
}

char *
imap_render(const void *bytes, size_t length, size_t first, size_t step, const ImapLimits *limits)
{
	static const ImapSink sink = { on_begin, on_write, on_end };
	g_autoptr(GString) data = g_string_new(NULL);
	GString *out = g_string_new(NULL);
	Sunk sunk = { .out = out, .data = data };
	g_autoptr(ImapParser) parser = imap_parser_new(limits, &sink, &sunk);
	bool fine = true;

	for (size_t at = 0, take = first; fine && at < length; at += take, take = step) {
		take = MIN(take, length - at);
		fine = feed(parser, (const char *)bytes + at, take, out);
	}
	if (sunk.open)
		put_data(&sunk);
	if (fine && imap_parser_busy(parser))
		g_string_append(out, "busy\n");
	return g_string_free(out, FALSE);
}
