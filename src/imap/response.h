/* What a server says, parsed: one ImapResponse a line, as RFC 9051 and RFC 3501 section 9 give the grammar, with the
 * extensions named below.
 *
 * The parser knows no sockets: feed bytes, get responses.  It copies nothing that it can bound beforehand and it
 * allocates from an arena that is reused for every response, so its memory is the largest single response (bounded by
 * ImapLimits), never the sum.  Literals that carry message data go to a sink while they arrive.
 *
 * Unknown responses, unknown FETCH items and unknown response codes are data (IMAP_RESPONSE_UNKNOWN and so on), not
 * errors.  Known ones that are malformed are as little of an error as can be: the damaged value is treated as absent,
 * the rest of the response is kept, and ImapResponse.damaged says so: also for lists nested too deep and for too many
 * values, which are left out.  Only what makes the end of the response uncertain, or may be no IMAP at all, stops the
 * parser: a literal or a line beyond the bound, NUL bytes outside literals.
 *
 * A response ends with its line; a line of values (not of text for people) that ends in {n} goes on behind a literal,
 * whatever else is wrong with it.
 */
#pragma once

#include "core/error.h"

#include <stdint.h>

typedef enum {
	IMAP_RESPONSE_OK, /* these five have status */
	IMAP_RESPONSE_NO,
	IMAP_RESPONSE_BAD,
	IMAP_RESPONSE_BYE,
	IMAP_RESPONSE_PREAUTH,
	IMAP_RESPONSE_CONTINUE,   /* "+ text"; status.text */
	IMAP_RESPONSE_CAPABILITY, /* words */
	IMAP_RESPONSE_ENABLED,    /* words (RFC 5161) */
	IMAP_RESPONSE_FLAGS,      /* words */
	IMAP_RESPONSE_LIST,       /* list; also LSUB */
	IMAP_RESPONSE_NAMESPACE,  /* node: the three groups (RFC 2342) */
	IMAP_RESPONSE_STATUS,     /* mailbox_status */
	IMAP_RESPONSE_SEARCH,     /* search; also ESEARCH (RFC 4731) */
	IMAP_RESPONSE_EXISTS,     /* number */
	IMAP_RESPONSE_RECENT,     /* number */
	IMAP_RESPONSE_EXPUNGE,    /* number: a sequence number */
	IMAP_RESPONSE_VANISHED,   /* vanished (RFC 7162) */
	IMAP_RESPONSE_FETCH,      /* fetch */
	IMAP_RESPONSE_ID,         /* node (RFC 2971) */
	IMAP_RESPONSE_QUOTA,      /* quota (RFC 9208) */
	IMAP_RESPONSE_QUOTAROOT,  /* node: a mailbox and the names of its roots (RFC 9208) */
	IMAP_RESPONSE_MYRIGHTS,   /* my_rights (RFC 4314) */
	IMAP_RESPONSE_ACL,        /* node: ACL, LISTRIGHTS (RFC 4314) */
	IMAP_RESPONSE_UNKNOWN,    /* keyword and node: anything else, METADATA for example */
} ImapResponseKind;

/* A value of the generic grammar.  Siblings are linked; a list has children. */
typedef enum { IMAP_NODE_ATOM, IMAP_NODE_STRING, IMAP_NODE_NIL, IMAP_NODE_LIST, IMAP_NODE_STREAMED } ImapNodeKind;
typedef struct ImapNode ImapNode;
struct ImapNode {
	ImapNodeKind kind;
	/* Atoms (with any [section]<origin>) and strings; NUL-terminated, literals may hold NUL inside.  NIL as it was spelt,
	 * because where a word is wanted, a flag for example, it is one. */
	const char *text;
	size_t length;         /* bytes of text; of a streamed literal: bytes that went to the sink */
	const ImapNode *first; /* of a list */
	const ImapNode *next;
};

/* Response codes in OK, NO, BAD, BYE, PREAUTH (RFC 9051 7.1 and the IANA registry of them). */
typedef enum {
	IMAP_CODE_NONE,
	IMAP_CODE_ALERT,
	IMAP_CODE_ALREADYEXISTS,
	IMAP_CODE_APPENDUID, /* uidvalidity, uids (RFC 4315) */
	IMAP_CODE_AUTHENTICATIONFAILED,
	IMAP_CODE_AUTHORIZATIONFAILED,
	IMAP_CODE_BADCHARSET,
	IMAP_CODE_CANNOT,
	IMAP_CODE_CAPABILITY, /* words */
	IMAP_CODE_CLIENTBUG,
	IMAP_CODE_CLOSED,
	IMAP_CODE_COMPRESSIONACTIVE,
	IMAP_CODE_CONTACTADMIN,
	IMAP_CODE_COPYUID, /* uidvalidity, source_uids, uids (RFC 4315) */
	IMAP_CODE_CORRUPTION,
	IMAP_CODE_EXPIRED,
	IMAP_CODE_EXPUNGEISSUED,
	IMAP_CODE_HASCHILDREN,
	IMAP_CODE_HIGHESTMODSEQ, /* number; absent text or 0 or garbage: number is 0 */
	IMAP_CODE_INUSE,
	IMAP_CODE_LIMIT,
	IMAP_CODE_MAILBOXID, /* text (RFC 8474) */
	IMAP_CODE_MODIFIED,  /* uids (RFC 7162) */
	IMAP_CODE_NOMODSEQ,
	IMAP_CODE_NONEXISTENT,
	IMAP_CODE_NOPERM,
	IMAP_CODE_NOTIFICATIONOVERFLOW,
	IMAP_CODE_OVERQUOTA,
	IMAP_CODE_PARSE,
	IMAP_CODE_PERMANENTFLAGS, /* words */
	IMAP_CODE_PRIVACYREQUIRED,
	IMAP_CODE_READ_ONLY,
	IMAP_CODE_READ_WRITE,
	IMAP_CODE_SERVERBUG,
	IMAP_CODE_THROTTLED,
	IMAP_CODE_TOOBIG,
	IMAP_CODE_TRYCREATE,
	IMAP_CODE_UIDNEXT,     /* number */
	IMAP_CODE_UIDNOTSTICKY,
	IMAP_CODE_UIDVALIDITY, /* number */
	IMAP_CODE_UNAVAILABLE,
	IMAP_CODE_UNSEEN,      /* number */
	IMAP_CODE_UNKNOWN_CTE,
	IMAP_CODE_UNKNOWN,     /* node: the whole code */
} ImapCodeKind;

/* Words that borrow from the response: flags, capabilities. */
typedef struct {
	const char *const *items;
	size_t count;
} ImapWords;

typedef struct {
	ImapCodeKind code;
	uint64_t number;
	uint32_t uidvalidity;
	const char *uids, *source_uids; /* valid set syntax, for imap_uidset_parse(); NULL if there was none */
	ImapWords words;
	const char *code_text; /* of codes with one textual argument; else NULL */
	const ImapNode *code_node; /* the code's arguments, of an unknown code its name before them; NULL if there are none */
	const char *text;      /* what a person is to read; never NULL */
} ImapStatusResponse;

/* Attributes of LIST (RFC 9051 7.3.1, 5258, 6154), and what makes a mailbox unusable. */
enum {
	IMAP_LIST_NOSELECT = 1 << 0,
	IMAP_LIST_NONEXISTENT = 1 << 1,
	IMAP_LIST_NOINFERIORS = 1 << 2,
	IMAP_LIST_HASCHILDREN = 1 << 3,
	IMAP_LIST_HASNOCHILDREN = 1 << 4,
	IMAP_LIST_SUBSCRIBED = 1 << 5,
	IMAP_LIST_MARKED = 1 << 6,
	IMAP_LIST_UNMARKED = 1 << 7,
	IMAP_LIST_REMOTE = 1 << 8,
	IMAP_LIST_ALL = 1 << 16,
	IMAP_LIST_ARCHIVE = 1 << 17,
	IMAP_LIST_DRAFTS = 1 << 18,
	IMAP_LIST_FLAGGED = 1 << 19,
	IMAP_LIST_JUNK = 1 << 20,
	IMAP_LIST_SENT = 1 << 21,
	IMAP_LIST_TRASH = 1 << 22,
	IMAP_LIST_IMPORTANT = 1 << 23,
};

typedef struct {
	uint32_t attributes;
	char separator;      /* 0: flat (NIL) */
	const char *mailbox; /* as the server writes it: modified UTF-7, or UTF-8 once UTF8=ACCEPT or IMAP4rev2 is enabled */
	size_t mailbox_length; /* a name with a NUL inside is hostile */
	const ImapNode *extended; /* the list of extended data items, or NULL */
} ImapListResponse;

enum {
	IMAP_STATUS_MESSAGES = 1 << 0,
	IMAP_STATUS_UIDNEXT = 1 << 1,
	IMAP_STATUS_UIDVALIDITY = 1 << 2,
	IMAP_STATUS_UNSEEN = 1 << 3,
	IMAP_STATUS_HIGHESTMODSEQ = 1 << 4,
	IMAP_STATUS_MAILBOXID = 1 << 5,
	IMAP_STATUS_SIZE = 1 << 6,
	IMAP_STATUS_RECENT = 1 << 7,
	IMAP_STATUS_DELETED = 1 << 8,
};

typedef struct {
	const char *mailbox;
	uint32_t fields; /* which of these came with a usable value */
	uint32_t messages, uidnext, uidvalidity, unseen, recent, deleted;
	uint64_t highestmodseq, size_bytes;
	const char *mailboxid;
} ImapMailboxStatus;

typedef struct {
	const char *root; /* "" is one as any other */
	bool has_storage; /* the next two came, as numbers that can be true: each at most INT64_MAX */
	uint64_t used_bytes, limit_bytes; /* of STORAGE; more may be used than the limit */
} ImapQuota;

#define IMAP_RIGHTS_MAX 64 /* letters and digits that can be rights */

typedef struct {
	const char *mailbox;
	const char *rights; /* letters and digits, at most IMAP_RIGHTS_MAX, "" for none; NULL: they could not be read */
} ImapMyRights;

enum {
	IMAP_SEARCH_MIN = 1 << 0,
	IMAP_SEARCH_MAX = 1 << 1,
	IMAP_SEARCH_COUNT = 1 << 2,
	IMAP_SEARCH_MODSEQ = 1 << 3,
	IMAP_SEARCH_ALL = 1 << 4,     /* uids are all that was found; always set for SEARCH */
	IMAP_SEARCH_PARTIAL = 1 << 5, /* uids are the part that was asked for (RFC 9394) */
};

/* If the response is damaged, uids lack what could not be read: never take absence from it as a proof. */
typedef struct {
	const char *tag;    /* of ESEARCH's correlator; NULL if there was none */
	const char *uids;   /* set syntax; "" if nothing was found.  SEARCH's list of numbers is given this way too */
	bool is_uid;        /* ESEARCH with UID; plain SEARCH cannot tell: the command decides */
	bool is_esearch;
	uint32_t fields;    /* IMAP_SEARCH_… */
	uint32_t min, max, count;
	uint64_t modseq;
} ImapSearchResponse;

typedef struct {
	bool earlier;
	const char *uids; /* set syntax; "" if any of it could not be read (damaged) */
} ImapVanished;

enum {
	IMAP_FETCH_UID = 1 << 0,
	IMAP_FETCH_FLAGS = 1 << 1,
	IMAP_FETCH_INTERNALDATE = 1 << 2,
	IMAP_FETCH_SIZE = 1 << 3,
	IMAP_FETCH_MODSEQ = 1 << 4,
	IMAP_FETCH_EMAILID = 1 << 5,
	IMAP_FETCH_THREADID = 1 << 6,
	IMAP_FETCH_GM_MSGID = 1 << 7,
	IMAP_FETCH_BODY = 1 << 8, /* one or more BODY[…] or BINARY[…] or RFC822… came: see sections */
	IMAP_FETCH_GM_LABELS = 1 << 9,
	IMAP_FETCH_SAVEDATE = 1 << 10,
};

/* A BODY[section] that came with a FETCH.  What was a literal went to the sink as it arrived; what the server sent as a
 * quoted string went there too, when the response was complete, so there is one path; NIL has is_nil and nothing was
 * sunk. */
typedef struct {
	/* What stands between the brackets, upper case, atoms without quotes: "", "1.MIME", "HEADER.FIELDS (FROM TO)".  Of
	 * the three RFC822 items: "", "HEADER", "TEXT". */
	const char *section;
	const char *item; /* "BODY", "BINARY", "RFC822", "RFC822.HEADER", "RFC822.TEXT" */
	bool is_nil;
	bool has_origin;
	uint64_t origin;
	uint64_t size_bytes;
} ImapFetchSection;

typedef struct {
	uint32_t seq; /* a sequence number: never a UID */
	uint32_t fields;
	uint32_t uid;
	ImapWords flags; /* as sent, \Recent included */
	int64_t internaldate_s; /* seconds since 1970 */
	int32_t internaldate_zone_min; /* minutes east of UTC, as the server wrote it; 0 and damaged if it wrote nonsense */
	uint64_t size_bytes; /* RFC822.SIZE: a hint */
	uint64_t modseq;
	uint64_t gm_msgid;
	const char *emailid, *threadid;
	const ImapFetchSection *sections;
	size_t section_count;
	const ImapNode *items; /* the whole list, for ENVELOPE, BODYSTRUCTURE, X-GM-LABELS, PREVIEW and unknown items */
} ImapFetch;

/* Everything it points to lives until the next call of imap_parser_next() or imap_parser_free(). */
typedef struct {
	ImapResponseKind kind;
	/* Of a tagged response; NULL for untagged ones and continuations.  A line that is neither, and has no OK, NO or BAD
	 * behind its first word, is UNKNOWN, damaged, with that word as its tag: if it is the tag of a command, that failed. */
	const char *tag;
	const char *keyword; /* "FETCH", "XYZZY": upper case */
	bool damaged;        /* a known response with a value that could not be read */
	union {
		ImapStatusResponse status;
		ImapWords words;
		ImapListResponse list;
		ImapMailboxStatus mailbox_status;
		ImapQuota quota;
		ImapMyRights my_rights;
		ImapSearchResponse search;
		ImapVanished vanished;
		ImapFetch fetch;
		uint32_t number;      /* 0 and damaged if it is none or out of range */
		const ImapNode *node; /* the first of the values behind the keyword (and before it, a number); NULL if none */
	};
} ImapResponse;

/* Where message data goes while it arrives.  All calls come from the thread in imap_parser_next().  Returning false
 * stops the parser for good with that error. */
typedef struct {
	/* A section of message @seq begins.  @uid is 0 if the server has not named it yet; the ImapFetch that follows does. */
	bool (*begin)(void *data, uint32_t seq, uint32_t uid, const ImapFetchSection *section, GError **error);
	bool (*write)(void *data, const void *bytes, size_t length, GError **error);
	bool (*end)(void *data, GError **error);
} ImapSink;

typedef struct {
	size_t line_bytes;    /* a response without its streamed literals; default 64 MiB (a SEARCH of millions) */
	size_t literal_bytes; /* a literal that is not streamed; default 4 MiB */
	uint64_t body_bytes;  /* a streamed literal; default 2 GiB */
	unsigned nesting;     /* of lists; default 64 */
	unsigned nodes;       /* values in one response (SEARCH makes none of its numbers); default 1 million */
} ImapLimits;

extern const ImapLimits imap_limits_default;

typedef struct ImapParser ImapParser;

/* @limits (copied) may be NULL for the defaults; @sink may be NULL: then message data is dropped.  It is borrowed for the
 * parser's life. */
ImapParser *imap_parser_new(const ImapLimits *limits, const ImapSink *sink, void *sink_data);
void imap_parser_free(ImapParser *parser);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ImapParser, imap_parser_free)

typedef enum { IMAP_PARSE_MORE, IMAP_PARSE_RESPONSE, IMAP_PARSE_FAILED } ImapParseResult;

/* Takes what it can from the @length bytes at @bytes and tells in @used_r how much that was: it stops behind a whole
 * response.  IMAP_PARSE_RESPONSE: *response_r is filled (call again with the rest).  IMAP_PARSE_MORE: all was used.
 * IMAP_PARSE_FAILED: *error is CORE_ERROR_PROTOCOL, or what the sink said; the parser then only fails. */
ImapParseResult imap_parser_next(ImapParser *parser, const void *bytes, size_t length, size_t *used_r,
                                 ImapResponse *response_r, GError **error);

/* What it holds now.  The memory of a response goes back at the next call of imap_parser_next(), which may be one with no
 * bytes; a few dozen KiB stay. */
size_t imap_parser_memory(const ImapParser *parser);

/* True in the midst of a response: an EOF here cuts something off. */
bool imap_parser_busy(const ImapParser *parser);

/* Case-insensitive. */
bool imap_words_have(const ImapWords *words, const char *word);
