/* SEARCH, ESEARCH and VANISHED (RFC 9051 7.3.4, RFC 3501 7.2.5, RFC 4731, RFC 9394, RFC 7162). */
#include "imap/decode.h"

#include "imap/number.h"

#include <string.h>

/* "(MODSEQ 917162500)" behind the numbers; @at is the parenthesis, writable. */
static void
search_modseq(char *at, ImapResponse *response)
{
	static const char word[] = "MODSEQ ";
	char *close = strchr(at, ')');
	uint64_t modseq;

	if (!close || strspn(close + 1, " ") != strlen(close + 1)) {
		response->damaged = true;
		return;
	}
	*close = '\0';
	if (g_ascii_strncasecmp(at + 1, word, strlen(word)) == 0 &&
	    imap_number_parse(at + strlen(word) + 1, INT64_MAX, &modseq) && modseq > 0) {
		response->search.modseq = modseq;
		response->search.fields |= IMAP_SEARCH_MODSEQ;
	} else {
		response->damaged = true;
	}
}

/* No values are made of the numbers: there can be millions.  They become a set where they stand. */
void
imap_decode_search(char *text, ImapResponse *response)
{
	char *at = text, *to = text;

	response->search.uids = text;
	for (;;) {
		at += strspn(at, " \t\r");
		if (*at == '\0')
			break;
		if (*at == '(') {
			search_modseq(at, response);
			break;
		}
		size_t length = strcspn(at, " \t\r(");
		char saved = at[length];

		at[length] = '\0';
		if (imap_number_is_set(at)) {
			if (to > text)
				*to++ = ',';
			memmove(to, at, length);
			to += length;
		} else {
			response->damaged = true;
		}
		at[length] = saved;
		at += length;
	}
	*to = '\0';
	response->search.fields |= IMAP_SEARCH_ALL;
}

static void
esearch_number(ImapSearchResponse *search, const ImapNode *value, uint32_t *number_r, uint32_t field, bool *damaged)
{
	uint64_t number;

	if (imap_node_number(value, UINT32_MAX, &number)) {
		*number_r = (uint32_t)number;
		search->fields |= field;
	} else {
		*damaged = true;
	}
}

static void
esearch_set(ImapSearchResponse *search, const ImapNode *value, uint32_t field, bool *damaged)
{
	if (imap_node_is_word(value) && imap_number_is_set(value->text)) {
		search->uids = value->text;
		search->fields |= field;
	} else {
		*damaged = true;
	}
}

static void
esearch_item(ImapSearchResponse *search, const ImapNode *name, const ImapNode *value, bool *damaged)
{
	uint64_t modseq;

	if (imap_node_is(name, "MIN")) {
		esearch_number(search, value, &search->min, IMAP_SEARCH_MIN, damaged);
	} else if (imap_node_is(name, "MAX")) {
		esearch_number(search, value, &search->max, IMAP_SEARCH_MAX, damaged);
	} else if (imap_node_is(name, "COUNT")) {
		esearch_number(search, value, &search->count, IMAP_SEARCH_COUNT, damaged);
	} else if (imap_node_is(name, "ALL")) {
		esearch_set(search, value, IMAP_SEARCH_ALL, damaged);
	} else if (imap_node_is(name, "PARTIAL")) {
		const ImapNode *found = value->kind == IMAP_NODE_LIST && value->first ? value->first->next : NULL;

		if (found && found->kind == IMAP_NODE_NIL)
			search->fields |= IMAP_SEARCH_PARTIAL;
		else
			esearch_set(search, found, IMAP_SEARCH_PARTIAL, damaged);
	} else if (imap_node_is(name, "MODSEQ")) {
		if (imap_node_number(value, INT64_MAX, &modseq) && modseq > 0) {
			search->modseq = modseq;
			search->fields |= IMAP_SEARCH_MODSEQ;
		} else {
			*damaged = true;
		}
	}
}

void
imap_decode_esearch(const ImapNode *values, ImapResponse *response)
{
	ImapSearchResponse *search = &response->search;
	const ImapNode *node = values;

	search->is_esearch = true;
	search->uids = "";
	if (node && node->kind == IMAP_NODE_LIST && imap_node_is(node->first, "TAG")) {
		if (imap_node_is_word(node->first->next))
			search->tag = node->first->next->text;
		node = node->next;
	}
	if (node && imap_node_is(node, "UID")) {
		search->is_uid = true;
		node = node->next;
	}
	while (node) {
		if (node->kind == IMAP_NODE_LIST && imap_node_is(node->first, "MODSEQ") && node->first->next) {
			esearch_item(search, node->first, node->first->next, &response->damaged); /* as SEARCH has it */
			node = node->next;
		} else if (imap_node_is_word(node) && node->next) {
			esearch_item(search, node, node->next, &response->damaged);
			node = node->next->next;
		} else {
			response->damaged = true;
			node = node->next;
		}
	}
}

void
imap_decode_vanished(const ImapNode *values, ImapResponse *response)
{
	const ImapNode *node = values;

	response->vanished.uids = "";
	response->vanished.earlier = node && node->kind == IMAP_NODE_LIST && imap_node_is(node->first, "EARLIER");
	if (response->vanished.earlier)
		node = node->next;
	/* A set that is half understood would take messages away that are there. */
	if (imap_node_is_word(node) && !node->next && imap_number_is_set(node->text))
		response->vanished.uids = node->text;
	else
		response->damaged = true;
}
