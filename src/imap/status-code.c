/* What stands behind OK, NO, BAD, BYE and PREAUTH: a response code and text (RFC 9051 7.1, RFC 5530 and others). */
#include "imap/decode.h"

#include "imap/number.h"

#include <string.h>

typedef enum {
	TAKES_NOTHING,
	TAKES_NUMBER,     /* 32 bits, not 0 */
	TAKES_MODSEQ,     /* 63 bits; absent is fine */
	TAKES_WORDS,      /* to the end of the code */
	TAKES_LIST,       /* words in parentheses */
	TAKES_ID,         /* (text) */
	TAKES_SET,        /* UIDs */
	TAKES_APPENDUID,  /* UIDVALIDITY UIDs */
	TAKES_COPYUID,    /* UIDVALIDITY UIDs UIDs */
} Takes;

static const struct {
	const char *name;
	ImapCodeKind kind;
	Takes takes;
	bool buried; /* seen in the midst of text, where it still tells us to come back later */
} codes[] = {
	{ "ALERT", IMAP_CODE_ALERT, TAKES_NOTHING, false },
	{ "ALREADYEXISTS", IMAP_CODE_ALREADYEXISTS, TAKES_NOTHING, false },
	{ "APPENDUID", IMAP_CODE_APPENDUID, TAKES_APPENDUID, false },
	{ "AUTHENTICATIONFAILED", IMAP_CODE_AUTHENTICATIONFAILED, TAKES_NOTHING, false },
	{ "AUTHORIZATIONFAILED", IMAP_CODE_AUTHORIZATIONFAILED, TAKES_NOTHING, false },
	{ "BADCHARSET", IMAP_CODE_BADCHARSET, TAKES_NOTHING, false },
	{ "CANNOT", IMAP_CODE_CANNOT, TAKES_NOTHING, false },
	{ "CAPABILITY", IMAP_CODE_CAPABILITY, TAKES_WORDS, false },
	{ "CLIENTBUG", IMAP_CODE_CLIENTBUG, TAKES_NOTHING, false },
	{ "CLOSED", IMAP_CODE_CLOSED, TAKES_NOTHING, false },
	{ "COMPRESSIONACTIVE", IMAP_CODE_COMPRESSIONACTIVE, TAKES_NOTHING, false },
	{ "CONTACTADMIN", IMAP_CODE_CONTACTADMIN, TAKES_NOTHING, false },
	{ "COPYUID", IMAP_CODE_COPYUID, TAKES_COPYUID, false },
	{ "CORRUPTION", IMAP_CODE_CORRUPTION, TAKES_NOTHING, false },
	{ "EXPIRED", IMAP_CODE_EXPIRED, TAKES_NOTHING, false },
	{ "EXPUNGEISSUED", IMAP_CODE_EXPUNGEISSUED, TAKES_NOTHING, false },
	{ "HASCHILDREN", IMAP_CODE_HASCHILDREN, TAKES_NOTHING, false },
	{ "HIGHESTMODSEQ", IMAP_CODE_HIGHESTMODSEQ, TAKES_MODSEQ, false },
	{ "INUSE", IMAP_CODE_INUSE, TAKES_NOTHING, true },
	{ "LIMIT", IMAP_CODE_LIMIT, TAKES_NOTHING, true },
	{ "MAILBOXID", IMAP_CODE_MAILBOXID, TAKES_ID, false },
	{ "MODIFIED", IMAP_CODE_MODIFIED, TAKES_SET, false },
	{ "NOMODSEQ", IMAP_CODE_NOMODSEQ, TAKES_NOTHING, false },
	{ "NONEXISTENT", IMAP_CODE_NONEXISTENT, TAKES_NOTHING, false },
	{ "NOPERM", IMAP_CODE_NOPERM, TAKES_NOTHING, false },
	{ "NOTIFICATIONOVERFLOW", IMAP_CODE_NOTIFICATIONOVERFLOW, TAKES_NOTHING, false },
	{ "OVERQUOTA", IMAP_CODE_OVERQUOTA, TAKES_NOTHING, false },
	{ "PARSE", IMAP_CODE_PARSE, TAKES_NOTHING, false },
	{ "PERMANENTFLAGS", IMAP_CODE_PERMANENTFLAGS, TAKES_LIST, false },
	{ "PRIVACYREQUIRED", IMAP_CODE_PRIVACYREQUIRED, TAKES_NOTHING, false },
	{ "READ-ONLY", IMAP_CODE_READ_ONLY, TAKES_NOTHING, false },
	{ "READ-WRITE", IMAP_CODE_READ_WRITE, TAKES_NOTHING, false },
	{ "SERVERBUG", IMAP_CODE_SERVERBUG, TAKES_NOTHING, false },
	{ "THROTTLED", IMAP_CODE_THROTTLED, TAKES_NOTHING, true },
	{ "TOOBIG", IMAP_CODE_TOOBIG, TAKES_NOTHING, false },
	{ "TRYCREATE", IMAP_CODE_TRYCREATE, TAKES_NOTHING, false },
	{ "UIDNEXT", IMAP_CODE_UIDNEXT, TAKES_NUMBER, false },
	{ "UIDNOTSTICKY", IMAP_CODE_UIDNOTSTICKY, TAKES_NOTHING, false },
	{ "UIDVALIDITY", IMAP_CODE_UIDVALIDITY, TAKES_NUMBER, false },
	{ "UNAVAILABLE", IMAP_CODE_UNAVAILABLE, TAKES_NOTHING, true },
	{ "UNKNOWN-CTE", IMAP_CODE_UNKNOWN_CTE, TAKES_NOTHING, false },
	{ "UNSEEN", IMAP_CODE_UNSEEN, TAKES_NUMBER, false },
};

char *
imap_decode_code_end(char *text, bool *balanced_r)
{
	unsigned depth = 0;
	bool quoted = false;

	*balanced_r = true;
	for (char *at = text + 1; *at; at++) {
		if (quoted && *at == '\\' && at[1])
			at++;
		else if (*at == '"')
			quoted = !quoted;
		else if (!quoted && *at == '(')
			depth++;
		else if (!quoted && *at == ')')
			depth -= depth > 0;
		else if (!quoted && *at == ']' && depth == 0) /* flags may hold one: [PERMANENTFLAGS ([Gmail]/All \*)] */
			return at;
	}
	*balanced_r = false;
	return strchr(text, ']');
}

static bool
take_uids(ImapStatusResponse *status, const ImapNode *node, bool has_source)
{
	const ImapNode *source = has_source && node ? node->next : NULL;
	const ImapNode *uids = has_source ? (source ? source->next : NULL) : (node ? node->next : NULL);
	uint64_t uidvalidity;

	if (!imap_node_number(node, UINT32_MAX, &uidvalidity) || uidvalidity == 0 || !imap_node_is_word(uids) ||
	    !imap_number_is_set(uids->text))
		return false;
	if (has_source && (!imap_node_is_word(source) || !imap_number_is_set(source->text)))
		return false;
	status->uidvalidity = (uint32_t)uidvalidity;
	status->uids = uids->text;
	status->source_uids = source ? source->text : NULL;
	return true;
}

/* False if the arguments of a code are not what they should be; they are absent then. */
static bool
take_arguments(ImapLexer *lexer, ImapStatusResponse *status, Takes takes, const ImapNode *node)
{
	const ImapNode *id;
	bool damaged = false;

	switch (takes) {
	case TAKES_NOTHING:
		return true;
	case TAKES_NUMBER:
		return imap_node_number(node, UINT32_MAX, &status->number) && status->number > 0;
	case TAKES_MODSEQ:
		return !node || imap_node_number(node, INT64_MAX, &status->number);
	case TAKES_WORDS:
		status->words = imap_decode_words(lexer->arena, node, &damaged);
		return !damaged;
	case TAKES_LIST:
		damaged = !node || node->kind != IMAP_NODE_LIST || node->next;
		status->words =
			imap_decode_words(lexer->arena, node && node->kind == IMAP_NODE_LIST ? node->first : node, &damaged);
		return !damaged;
	case TAKES_ID:
		id = node && node->kind == IMAP_NODE_LIST ? node->first : node;
		status->code_text = imap_node_is_word(id) ? id->text : NULL;
		return status->code_text;
	case TAKES_SET:
		status->uids = imap_node_is_word(node) && imap_number_is_set(node->text) ? node->text : NULL;
		return status->uids;
	case TAKES_APPENDUID:
	case TAKES_COPYUID:
		return take_uids(status, node, takes == TAKES_COPYUID);
	}
	return false;
}

static void
take_code(ImapLexer *lexer, const ImapNode *code, ImapResponse *response)
{
	ImapStatusResponse *status = &response->status;

	if (!code)
		return;
	status->code = IMAP_CODE_UNKNOWN;
	status->code_node = code;
	for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
		if (imap_node_is(code, codes[i].name)) {
			status->code = codes[i].kind;
			status->code_node = code->next;
			response->damaged |= !take_arguments(lexer, status, codes[i].takes, code->next);
			break;
		}
	}
}

/* Gmail and Yahoo put [THROTTLED] and [LIMIT] anywhere. */
static void
find_buried(ImapResponse *response)
{
	for (const char *at = strchr(response->status.text, '['); at; at = strchr(at + 1, '[')) {
		for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
			size_t length = strlen(codes[i].name);

			if (codes[i].buried && g_ascii_strncasecmp(at + 1, codes[i].name, length) == 0 && at[length + 1] == ']') {
				response->status.code = codes[i].kind;
				return;
			}
		}
	}
}

void
imap_decode_status(ImapLexer *lexer, char *text, ImapResponse *response)
{
	ImapStatusResponse *status = &response->status;
	bool balanced = true;
	char *close;

	text += strspn(text, " \t");
	status->text = text;
	if (*text == '[' && (close = imap_decode_code_end(text, &balanced))) {
		imap_lexer_begin(lexer, IMAP_GRAMMAR_PLAIN);
		imap_lexer_text(lexer, text + 1, close, false);
		const ImapNode *code = imap_lexer_end(lexer);
		response->damaged |= lexer->damaged;
		take_code(lexer, code, response);
		status->text = close + 1 + strspn(close + 1, " \t");
	}
	response->damaged |= !balanced;
	if (response->kind != IMAP_RESPONSE_OK && response->kind != IMAP_RESPONSE_PREAUTH &&
	    (status->code == IMAP_CODE_NONE || status->code == IMAP_CODE_UNKNOWN || status->code == IMAP_CODE_ALERT))
		find_buried(response);
}
