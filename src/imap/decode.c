/* What all typed responses are made with, and which decoder reads which kind. */
#include "imap/decode.h"

#include "imap/number.h"

#include <string.h>

bool
imap_node_is_word(const ImapNode *node)
{
	return node && (node->kind == IMAP_NODE_ATOM || node->kind == IMAP_NODE_STRING || node->kind == IMAP_NODE_NIL);
}

bool
imap_node_is(const ImapNode *node, const char *word)
{
	return imap_node_is_word(node) && g_ascii_strcasecmp(node->text, word) == 0;
}

bool
imap_decode_is_objectid(const char *text)
{
	size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

	return length > 0 && length <= 255 && !text[length];
}

bool
imap_node_number(const ImapNode *node, uint64_t max, uint64_t *value_r)
{
	return imap_node_is_word(node) && imap_number_parse(node->text, max, value_r);
}

static size_t
count_words(const ImapNode *first, bool *damaged)
{
	size_t count = 0;

	for (const ImapNode *node = first; node; node = node->next) {
		if (imap_node_is_word(node))
			count++;
		else
			*damaged = true;
	}
	return count;
}

ImapWords
imap_decode_words(ImapArena *arena, const ImapNode *first, bool *damaged)
{
	size_t allocated = count_words(first, damaged);
	const char **items = imap_arena_alloc(arena, allocated * sizeof *items);
	ImapWords words = { .items = items };

	for (const ImapNode *node = first; node; node = node->next) {
		if (imap_node_is_word(node))
			items[words.count++] = node->text;
	}
	return words;
}

bool
imap_words_have(const ImapWords *words, const char *word)
{
	for (size_t i = 0; i < words->count; i++) {
		if (g_ascii_strcasecmp(words->items[i], word) == 0)
			return true;
	}
	return false;
}

/* The generic values: a number that stood before the keyword comes first. */
static void
decode_node(ImapArena *arena, const ImapHead *head, const ImapNode *values, ImapResponse *response)
{
	response->node = values;
	if (head->number) {
		ImapNode *number = imap_arena_alloc(arena, sizeof *number);

		*number = (ImapNode){ .kind = IMAP_NODE_ATOM, .text = head->number, .length = strlen(head->number),
		                      .next = values };
		response->node = number;
	}
}

static void
decode_flags(ImapArena *arena, const ImapNode *values, ImapResponse *response)
{
	bool is_list = values && values->kind == IMAP_NODE_LIST;

	response->damaged |= !is_list || values->next;
	response->words = imap_decode_words(arena, is_list ? values->first : values, &response->damaged);
}

void
imap_decode_values(ImapArena *arena, const ImapHead *head, const ImapNode *values, ImapResponse *response)
{
	switch (response->kind) {
	case IMAP_RESPONSE_CAPABILITY:
	case IMAP_RESPONSE_ENABLED:
		response->words = imap_decode_words(arena, values, &response->damaged);
		break;
	case IMAP_RESPONSE_FLAGS:
		decode_flags(arena, values, response);
		break;
	case IMAP_RESPONSE_LIST:
		imap_decode_list(arena, values, response);
		break;
	case IMAP_RESPONSE_STATUS:
		imap_decode_mailbox_status(arena, values, response);
		break;
	case IMAP_RESPONSE_QUOTA:
		imap_decode_quota(values, response);
		break;
	case IMAP_RESPONSE_MYRIGHTS:
		imap_decode_my_rights(values, response);
		break;
	case IMAP_RESPONSE_SEARCH:
		imap_decode_esearch(values, response);
		break;
	case IMAP_RESPONSE_VANISHED:
		imap_decode_vanished(values, response);
		break;
	case IMAP_RESPONSE_EXISTS:
	case IMAP_RESPONSE_RECENT:
	case IMAP_RESPONSE_EXPUNGE:
		response->number = head->value;
		break;
	case IMAP_RESPONSE_FETCH:
		response->fetch.seq = head->value;
		imap_decode_fetch(arena, values, response);
		break;
	case IMAP_RESPONSE_NAMESPACE:
	case IMAP_RESPONSE_ID:
	case IMAP_RESPONSE_QUOTAROOT:
	case IMAP_RESPONSE_ACL:
	case IMAP_RESPONSE_UNKNOWN:
		decode_node(arena, head, values, response);
		break;
	case IMAP_RESPONSE_OK:
	case IMAP_RESPONSE_NO:
	case IMAP_RESPONSE_BAD:
	case IMAP_RESPONSE_BYE:
	case IMAP_RESPONSE_PREAUTH:
	case IMAP_RESPONSE_CONTINUE:
		g_assert_not_reached(); /* they have no values: see imap_decode_status() */
	}
}
