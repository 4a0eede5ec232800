/* From the text of a response to the tree of its values.
 *
 * The text comes in pieces: a line up to its end, or up to a literal, which is added apart; then the line goes on.
 * Tokens are cut out of that text in place, so it must be writable and live as long as the tree.  Nothing here fails: what
 * cannot be read is left out and lexer.damaged is set.
 */
#pragma once

#include "imap/arena.h"
#include "imap/response.h"

typedef enum {
	IMAP_GRAMMAR_PLAIN,
	IMAP_GRAMMAR_FETCH,     /* atoms may hold a [section]; strings in ENVELOPE and BODYSTRUCTURE may be unescaped */
	IMAP_GRAMMAR_SEPARATOR, /* LIST, NAMESPACE: Domino's separator "\" is not escaped */
} ImapGrammar;

typedef struct {
	ImapArena *arena;
	ImapGrammar grammar;
	ImapNode root;
	struct ImapLevel {
		ImapNode *list, *last;
	} *levels; /* the lists that are open; the first is root */
	unsigned depth, max_depth;
	size_t beyond; /* lists open below max_depth, or below one that found no room */
	unsigned nodes, max_nodes;
	uint32_t uid;      /* the UID that a FETCH has named so far; 0: none */
	bool in_structure; /* inside ENVELOPE or BODYSTRUCTURE */
	bool damaged;
} ImapLexer;

void imap_lexer_init(ImapLexer *lexer, ImapArena *arena, unsigned nesting, unsigned nodes);
void imap_lexer_clear(ImapLexer *lexer);

/* Forgets the tree. */
void imap_lexer_begin(ImapLexer *lexer, ImapGrammar grammar);

/* Takes a piece of a line; *@end is overwritten.  @literal_follows: a literal comes next, then more.  Returns NULL, or where
 * an atom begins whose [section] is still open, so that this literal belongs into it: then the caller gives all from there
 * once more, with the literal in it as a quoted string. */
char *imap_lexer_text(ImapLexer *lexer, char *at, char *end, bool literal_follows);

/* If a literal that follows now is message data: the atom that names it, "BODY[TEXT]<0>"; else NULL. */
const ImapNode *imap_lexer_section(const ImapLexer *lexer);

/* Whether @name names message data and @value (NULL: not known yet) can be it.  @at_top: in the outermost list. */
bool imap_lexer_is_section(const ImapNode *name, const ImapNode *value, bool at_top);

/* @text (borrowed, NUL behind) is NULL for a literal whose bytes went to the sink. */
void imap_lexer_literal(ImapLexer *lexer, const char *text, size_t length);

/* The line is over.  Returns the first value, or NULL. */
const ImapNode *imap_lexer_end(ImapLexer *lexer);
