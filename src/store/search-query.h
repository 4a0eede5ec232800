/* Internal to src/store: a query as a tree of terms.  search.h has the language. */
#pragma once

#include "store/search.h"

typedef enum {
	STORE_TERM_AND, /* of two parts at least, none of which is an AND; OR likewise */
	STORE_TERM_OR,
	STORE_TERM_NOT, /* of one part */
	STORE_TERM_TEXT,
	STORE_TERM_DATE,
	STORE_TERM_FLAG,
	STORE_TERM_FOLDER,
	STORE_TERM_ATTACHMENT,
} StoreTermKind;

/* Where a text is looked for. */
typedef enum { STORE_IN_ALL, STORE_IN_FROM, STORE_IN_TO, STORE_IN_SUBJECT } StoreTermColumn;

/* A point in time: seconds behind 1970, behind midnight (UTC) of the day on which it is looked at, or behind that
 * moment. */
typedef struct {
	enum { STORE_SINCE_EPOCH, STORE_SINCE_MIDNIGHT, STORE_SINCE_NOW } since;
	int64_t offset_s;
} StoreMoment;

typedef struct {
	StoreTermKind kind;
	GPtrArray *parts;       /* of StoreTerm: of AND, OR, NOT; else NULL */
	char *text;             /* of TEXT one word or a phrase, with a letter or digit in it; of FLAG the flag; of FOLDER the
	                         * path, with no slash at its ends; else NULL */
	StoreTermColumn column; /* of TEXT */
	bool prefix;            /* of TEXT: its last word is the beginning of one */
	StoreMoment first, end; /* of DATE: from the first to before the end */
} StoreTerm;

struct StoreSearch {
	StoreTerm *term;
	unsigned terms; /* that have no parts */
};

int64_t store_moment_at(const StoreMoment *moment, int64_t now_s);
