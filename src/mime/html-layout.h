/* Lines of text from runs of it and the breaks between them: the writing half of html.h. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
	GString *out; /* borrowed */
	gsize start, max_length; /* of out: where this text begins, and where it has to end */
	unsigned breaks;   /* line ends to write before the next text: 0, 1, or 2 for an empty line between */
	bool space;        /* white space to write before the next text, unless a line begins there */
	bool cell;         /* the same, a tab between table cells */
	bool item;         /* "- " goes before the next text */
	unsigned quotes;   /* depth of block quotations */
	unsigned pre;      /* depth of elements that keep white space */
} MimeLayout;

void mime_layout_init(MimeLayout *layout, GString *out, gsize max_bytes);

/* Whole characters; white space in it is collapsed, unless the layout is in <pre>. */
void mime_layout_text(MimeLayout *layout, const char *utf8, gsize length);

/* As it is: no space is looked for in it. */
void mime_layout_word(MimeLayout *layout, const char *utf8, gsize length);

/* The next text begins a line: @lines 1, or after an empty line: 2. */
void mime_layout_break(MimeLayout *layout, unsigned lines);

/* A line end of its own: <br>.  Several make empty lines, though never more than one. */
void mime_layout_newline(MimeLayout *layout);

bool mime_layout_full(const MimeLayout *layout);
