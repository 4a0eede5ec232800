/* The first words of a response: what it is, and how the rest of it is to be read. */
#pragma once

#include "imap/lexer.h"

typedef enum {
	IMAP_SHAPE_TEXT,   /* for people: ends with the line, whatever it holds */
	IMAP_SHAPE_STATUS, /* the same, but for a response code in front */
	IMAP_SHAPE_SEARCH, /* numbers */
	IMAP_SHAPE_VALUES, /* the generic grammar, with literals */
} ImapShape;

typedef struct {
	ImapResponseKind kind;
	ImapShape shape;
	ImapGrammar grammar;
	const char *tag;     /* as in ImapResponse */
	const char *keyword; /* as in ImapResponse */
	const char *number;  /* the text of a number before the keyword; NULL: none */
	uint32_t value;      /* of that number; 0 and damaged: none that can be used */
	bool damaged;
} ImapHead;

/* Reads @line up to its NUL.  Returns what is behind the words of the head, or NULL if there is nothing on the line. */
char *imap_head_read(ImapArena *arena, char *line, ImapHead *head_r);
