/* FETCH (RFC 9051 7.5.2, RFC 7162, RFC 8474, RFC 3516, X-GM-EXT-1). */
#include "imap/decode.h"

#include "imap/number.h"

#include <string.h>

typedef struct {
	ImapArena *arena;
	ImapFetch *fetch;
	bool *damaged;
} Decoder;

static void
take_uid(Decoder *decoder, const ImapNode *value)
{
	uint64_t uid;

	if (imap_node_number(value, UINT32_MAX, &uid) && uid > 0) {
		decoder->fetch->uid = (uint32_t)uid;
		decoder->fetch->fields |= IMAP_FETCH_UID;
	} else {
		*decoder->damaged = true;
	}
}

static void
take_flags(Decoder *decoder, const ImapNode *value)
{
	if (value->kind != IMAP_NODE_LIST) {
		*decoder->damaged = true;
		return;
	}
	decoder->fetch->flags = imap_decode_words(decoder->arena, value->first, decoder->damaged);
	decoder->fetch->fields |= IMAP_FETCH_FLAGS;
}

static void
take_internaldate(Decoder *decoder, const ImapNode *value)
{
	if (imap_node_is_word(value) && imap_decode_date(value->text, &decoder->fetch->internaldate_s,
	                                                 &decoder->fetch->internaldate_zone_min, decoder->damaged))
		decoder->fetch->fields |= IMAP_FETCH_INTERNALDATE;
	else
		*decoder->damaged = true;
}

static void
take_size(Decoder *decoder, const ImapNode *value)
{
	if (imap_node_number(value, INT64_MAX, &decoder->fetch->size_bytes))
		decoder->fetch->fields |= IMAP_FETCH_SIZE;
	else
		*decoder->damaged = true;
}

static void
take_modseq(Decoder *decoder, const ImapNode *value)
{
	uint64_t modseq;

	if (imap_node_number(value->kind == IMAP_NODE_LIST ? value->first : value, INT64_MAX, &modseq) && modseq > 0) {
		decoder->fetch->modseq = modseq;
		decoder->fetch->fields |= IMAP_FETCH_MODSEQ;
	} else {
		*decoder->damaged = true;
	}
}

static void
take_gm_msgid(Decoder *decoder, const ImapNode *value)
{
	if (imap_node_number(value, UINT64_MAX, &decoder->fetch->gm_msgid))
		decoder->fetch->fields |= IMAP_FETCH_GM_MSGID;
	else
		*decoder->damaged = true;
}

/* EMAILID (id), THREADID (id) or THREADID NIL. */
static void
take_id(Decoder *decoder, const ImapNode *value, const char **id_r, uint32_t field)
{
	const ImapNode *id = value->kind == IMAP_NODE_LIST ? value->first : value;

	if (id && id->kind == IMAP_NODE_NIL && field == IMAP_FETCH_THREADID)
		return;
	if (imap_node_is_word(id) && id->kind != IMAP_NODE_NIL) {
		*id_r = id->text;
		decoder->fetch->fields |= field;
	} else {
		*decoder->damaged = true;
	}
}

static void
take_emailid(Decoder *decoder, const ImapNode *value)
{
	take_id(decoder, value, &decoder->fetch->emailid, IMAP_FETCH_EMAILID);
}

static void
take_threadid(Decoder *decoder, const ImapNode *value)
{
	take_id(decoder, value, &decoder->fetch->threadid, IMAP_FETCH_THREADID);
}

static void
take_gm_labels(Decoder *decoder, const ImapNode *value)
{
	if (value->kind == IMAP_NODE_LIST)
		decoder->fetch->fields |= IMAP_FETCH_GM_LABELS;
	else
		*decoder->damaged = true;
}

static void
take_savedate(Decoder *decoder, const ImapNode *value)
{
	if (value->kind == IMAP_NODE_STRING)
		decoder->fetch->fields |= IMAP_FETCH_SAVEDATE;
	else
		*decoder->damaged |= value->kind != IMAP_NODE_NIL;
}

static const struct {
	const char *name;
	void (*take)(Decoder *decoder, const ImapNode *value); /* NULL: only known, so that its value is not read as a name */
} items[] = {
	{ "UID", take_uid },
	{ "FLAGS", take_flags },
	{ "INTERNALDATE", take_internaldate },
	{ "RFC822.SIZE", take_size },
	{ "MODSEQ", take_modseq },
	{ "EMAILID", take_emailid },
	{ "THREADID", take_threadid },
	{ "X-GM-MSGID", take_gm_msgid },
	{ "X-GM-LABELS", take_gm_labels },
	{ "SAVEDATE", take_savedate },
	{ "ENVELOPE", NULL },
	{ "BODYSTRUCTURE", NULL },
};

static int
find_item(const ImapNode *node)
{
	for (size_t i = 0; node->kind == IMAP_NODE_ATOM && i < G_N_ELEMENTS(items); i++) {
		if (g_ascii_strcasecmp(node->text, items[i].name) == 0)
			return (int)i;
	}
	return -1;
}

static void
decode_items(Decoder *decoder, const ImapNode *first, bool may_nest)
{
	const ImapNode *name = first;

	while (name) {
		const ImapNode *value = name->next;
		int found = find_item(name);

		if (name->kind != IMAP_NODE_ATOM) {
			/* Domino wraps some items once more; anything else that is no name is skipped. */
			*decoder->damaged = true;
			if (name->kind == IMAP_NODE_LIST && may_nest)
				decode_items(decoder, name->first, false);
			name = value;
		} else if (!value || find_item(value) >= 0) { /* a name without its value */
			*decoder->damaged = true;
			name = value;
		} else {
			if (found >= 0 && items[found].take)
				items[found].take(decoder, value);
			name = value->next;
		}
	}
}

const ImapNode *
imap_decode_section_value(const ImapNode *name, bool at_top)
{
	return name->next && imap_lexer_is_section(name, name->next, at_top) ? name->next : NULL;
}

/* Message data is found at any depth: where brackets were lost, what went to the sink must still be told. */
static size_t
collect_sections(Decoder *decoder, const ImapNode *first, bool at_top, ImapFetchSection *sections)
{
	size_t count = 0;

	for (const ImapNode *node = first; node; node = node->next) {
		const ImapNode *value = imap_decode_section_value(node, at_top);

		if (node->kind == IMAP_NODE_LIST)
			count += collect_sections(decoder, node->first, false, sections ? sections + count : NULL);
		if (value && sections) {
			sections[count] = imap_decode_section(decoder->arena, node->text);
			sections[count].is_nil = value->kind == IMAP_NODE_NIL;
			sections[count].size_bytes = sections[count].is_nil ? 0 : value->length;
		}
		count += value ? 1 : 0;
	}
	return count;
}

void
imap_decode_fetch(ImapArena *arena, const ImapNode *values, ImapResponse *response)
{
	ImapFetch *fetch = &response->fetch;
	Decoder decoder = { .arena = arena, .fetch = fetch, .damaged = &response->damaged };

	if (!values || values->kind != IMAP_NODE_LIST || values->next)
		response->damaged = true;
	if (!values)
		return;
	fetch->items = values->kind == IMAP_NODE_LIST ? values : NULL;
	decode_items(&decoder, values->kind == IMAP_NODE_LIST ? values->first : values, true);

	bool at_top = values->kind == IMAP_NODE_LIST;
	const ImapNode *first = at_top ? values->first : values;
	fetch->section_count = collect_sections(&decoder, first, at_top, NULL);
	if (fetch->section_count > 0) {
		ImapFetchSection *sections = imap_arena_alloc(arena, fetch->section_count * sizeof *sections);
		collect_sections(&decoder, first, at_top, sections);
		fetch->sections = sections;
		fetch->fields |= IMAP_FETCH_BODY;
	}
}

/* What stands between the brackets in one spelling: upper case, and no quotes around what is an atom. */
static const char *
section_text(ImapArena *arena, const char *from, size_t length)
{
	char *text = imap_arena_text(arena, from, length), *to = text;
	bool quoted = false;

	for (const char *at = text, *end = text + length; at < end; at++) {
		if (*at == '"') {
			size_t atom = strcspn(at + 1, "\"\\() ]");

			if (!quoted && atom > 0 && at[atom + 1] == '"') {
				for (size_t i = 1; i <= atom; i++)
					*to++ = g_ascii_toupper(at[i]);
				at += atom + 1;
				continue;
			}
			quoted = !quoted;
		} else if (quoted && *at == '\\' && at + 1 < end) {
			*to++ = *at++;
		}
		*to++ = g_ascii_toupper(*at);
	}
	*to = '\0';
	return text;
}

ImapFetchSection
imap_decode_section(ImapArena *arena, const char *name)
{
	ImapFetchSection section = { .section = "" };
	const char *open = strchr(name, '['), *close = strrchr(name, ']');
	char *item = imap_arena_text(arena, name, open ? (size_t)(open - name) : strlen(name));
	uint64_t origin;

	for (char *at = item; *at; at++)
		*at = g_ascii_toupper(*at);
	section.item = item;
	if (!open) {
		if (g_ascii_strcasecmp(name, "RFC822.HEADER") == 0)
			section.section = "HEADER";
		else if (g_ascii_strcasecmp(name, "RFC822.TEXT") == 0)
			section.section = "TEXT";
	} else {
		if (close && close > open)
			section.section = section_text(arena, open + 1, (size_t)(close - open - 1));
		else
			section.section = section_text(arena, open + 1, strlen(open + 1)); /* the bracket is missing: damaged */
		if (close && close[1] == '<') {
			size_t digits = strspn(close + 2, "0123456789");
			g_autofree char *number = g_strndup(close + 2, digits);

			if (imap_number_parse(number, INT64_MAX, &origin)) {
				section.has_origin = true;
				section.origin = origin;
			}
		}
	}
	return section;
}
