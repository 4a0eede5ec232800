/* LIST, LSUB, XLIST, STATUS and MYRIGHTS (RFC 9051 7.3.1 and 7.3.4, RFC 5258, RFC 6154, RFC 7162, RFC 8474, RFC 4314). */
#include "imap/decode.h"

#include <string.h>

static uint32_t
attribute(const char *word)
{
	static const struct {
		const char *word;
		uint32_t bit;
	} table[] = {
		{ "\\HasNoChildren", IMAP_LIST_HASNOCHILDREN },
		{ "\\HasChildren", IMAP_LIST_HASCHILDREN },
		{ "\\UnMarked", IMAP_LIST_UNMARKED },
		{ "\\Marked", IMAP_LIST_MARKED },
		{ "\\Noselect", IMAP_LIST_NOSELECT },
		{ "\\NonExistent", IMAP_LIST_NONEXISTENT | IMAP_LIST_NOSELECT },
		{ "\\NoInferiors", IMAP_LIST_NOINFERIORS },
		{ "\\Subscribed", IMAP_LIST_SUBSCRIBED },
		{ "\\Remote", IMAP_LIST_REMOTE },
		{ "\\All", IMAP_LIST_ALL },
		{ "\\AllMail", IMAP_LIST_ALL }, /* this, \Spam and \Starred: XLIST */
		{ "\\Archive", IMAP_LIST_ARCHIVE },
		{ "\\Drafts", IMAP_LIST_DRAFTS },
		{ "\\Flagged", IMAP_LIST_FLAGGED },
		{ "\\Starred", IMAP_LIST_FLAGGED },
		{ "\\Junk", IMAP_LIST_JUNK },
		{ "\\Spam", IMAP_LIST_JUNK },
		{ "\\Sent", IMAP_LIST_SENT },
		{ "\\Trash", IMAP_LIST_TRASH },
		{ "\\Important", IMAP_LIST_IMPORTANT },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		if (g_ascii_strcasecmp(word, table[i].word) == 0)
			return table[i].bit;
	}
	return 0;
}

/* A mailbox name, at @node and, where a server forgot to quote its spaces, what follows up to a list.  Returns what is
 * behind it.  NIL is a name like any other here. */
static const ImapNode *
mailbox_name(ImapArena *arena, const ImapNode *node, const char **name_r, size_t *length_r, bool *damaged)
{
	const ImapNode *first = node, *behind;
	size_t length = 0;
	char *name, *at;

	*name_r = "";
	*length_r = 0;
	if (!imap_node_is_word(node)) {
		*damaged = true;
		return node;
	}
	*name_r = node->text;
	*length_r = node->length;
	for (behind = node; imap_node_is_word(behind); behind = behind->next)
		length += behind->length + 1;
	if (behind == first->next)
		return behind;

	*damaged = true;
	name = at = imap_arena_alloc(arena, length);
	for (; node != behind; node = node->next) {
		memcpy(at, node->text, node->length);
		at += node->length;
		*at++ = ' ';
	}
	*--at = '\0';
	*name_r = name;
	*length_r = (size_t)(at - name);
	return behind;
}

void
imap_decode_list(ImapArena *arena, const ImapNode *values, ImapResponse *response)
{
	ImapListResponse *list = &response->list;
	const ImapNode *node = values;

	if (node && node->kind == IMAP_NODE_LIST) {
		for (const ImapNode *word = node->first; word; word = word->next)
			list->attributes |= imap_node_is_word(word) ? attribute(word->text) : 0;
		node = node->next;
	} else {
		response->damaged = true;
	}
	if (imap_node_is_word(node)) {
		if (node->kind != IMAP_NODE_NIL && node->length == 1)
			list->separator = node->text[0];
		else if (node->kind != IMAP_NODE_NIL)
			response->damaged = true;
		node = node->next;
	} else {
		response->damaged = true;
	}
	node = mailbox_name(arena, node, &list->mailbox, &list->mailbox_length, &response->damaged);
	if (node && node->kind == IMAP_NODE_LIST)
		list->extended = node;
	else if (node)
		response->damaged = true;
}

static void
status_number(ImapMailboxStatus *status, const ImapNode *value, uint32_t *number_r, uint32_t field, bool zero_is_fine,
              bool *damaged)
{
	uint64_t number;

	if (imap_node_number(value, UINT32_MAX, &number) && (number > 0 || zero_is_fine)) {
		*number_r = (uint32_t)number;
		status->fields |= field;
	} else {
		*damaged = true;
	}
}

static void
status_item(ImapMailboxStatus *status, const ImapNode *name, const ImapNode *value, bool *damaged)
{
	uint64_t number;

	if (imap_node_is(name, "MESSAGES")) {
		status_number(status, value, &status->messages, IMAP_STATUS_MESSAGES, true, damaged);
	} else if (imap_node_is(name, "UIDNEXT")) {
		status_number(status, value, &status->uidnext, IMAP_STATUS_UIDNEXT, false, damaged);
	} else if (imap_node_is(name, "UIDVALIDITY")) {
		status_number(status, value, &status->uidvalidity, IMAP_STATUS_UIDVALIDITY, false, damaged);
	} else if (imap_node_is(name, "UNSEEN")) {
		status_number(status, value, &status->unseen, IMAP_STATUS_UNSEEN, true, damaged);
	} else if (imap_node_is(name, "RECENT")) {
		status_number(status, value, &status->recent, IMAP_STATUS_RECENT, true, damaged);
	} else if (imap_node_is(name, "DELETED")) {
		status_number(status, value, &status->deleted, IMAP_STATUS_DELETED, true, damaged);
	} else if (imap_node_is(name, "HIGHESTMODSEQ")) {
		if (!imap_node_number(value, INT64_MAX, &number)) {
			*damaged = true;
		} else if (number > 0) { /* 0: the mailbox keeps none */
			status->highestmodseq = number;
			status->fields |= IMAP_STATUS_HIGHESTMODSEQ;
		}
	} else if (imap_node_is(name, "SIZE")) {
		if (imap_node_number(value, INT64_MAX, &status->size_bytes))
			status->fields |= IMAP_STATUS_SIZE;
		else
			*damaged = true;
	} else if (imap_node_is(name, "MAILBOXID")) {
		const ImapNode *id = value->kind == IMAP_NODE_LIST ? value->first : value;

		if (imap_node_is_word(id) && id->kind != IMAP_NODE_NIL && imap_decode_is_objectid(id->text)) {
			status->mailboxid = id->text;
			status->fields |= IMAP_STATUS_MAILBOXID;
		} else {
			*damaged = true;
		}
	}
}

void
imap_decode_mailbox_status(ImapArena *arena, const ImapNode *values, ImapResponse *response)
{
	ImapMailboxStatus *status = &response->mailbox_status;
	const ImapNode *node;
	size_t length;

	node = mailbox_name(arena, values, &status->mailbox, &length, &response->damaged);
	if (!node || node->kind != IMAP_NODE_LIST) {
		response->damaged = true;
		return;
	}
	for (const ImapNode *name = node->first; name; name = name->next ? name->next->next : NULL) {
		if (name->next)
			status_item(status, name, name->next, &response->damaged);
		else
			response->damaged = true;
	}
}

static bool
is_rights(const ImapNode *node)
{
	return node && (node->kind == IMAP_NODE_ATOM || node->kind == IMAP_NODE_STRING) && node->length <= IMAP_RIGHTS_MAX &&
	       strspn(node->text, "abcdefghijklmnopqrstuvwxyz0123456789") == node->length;
}

/* Where a server forgot to quote a name nobody knows which of its words are rights. */
void
imap_decode_my_rights(const ImapNode *values, ImapResponse *response)
{
	ImapMyRights *my = &response->my_rights;
	const ImapNode *rights = values ? values->next : NULL;

	my->mailbox = imap_node_is_word(values) ? values->text : "";
	if (imap_node_is_word(values) && is_rights(rights) && !rights->next)
		my->rights = rights->text;
	else
		response->damaged = true;
}
