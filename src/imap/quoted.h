/* Quoted strings (RFC 9051 "quoted"), also those whose quotes the server forgot to escape.
 *
 * iCloud, greenmail and others send "a "quoted" b" in ENVELOPE and BODYSTRUCTURE.  Where such a string ends can only be
 * guessed from what may stand behind it; the guess is damaged data, never damaged framing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef enum {
	IMAP_BEHIND_ANYTHING,  /* any value may follow the string */
	IMAP_BEHIND_STRUCTURE, /* in ENVELOPE and BODYSTRUCTURE: only strings, numbers, NIL and lists */
} ImapBehind;

/* The quote that closes the string whose text begins at @at, or NULL if none does before @end.  *@guessed_r is set if
 * it took guessing.  Linear in what it looks at; NULL with *@guessed_r means that the whole rest was looked at, and that
 * asking with @may_guess for a later string before the same @end is a waste. */
char *imap_quoted_find_end(char *at, char *end, ImapBehind behind, bool may_guess, bool *guessed_r);

/* Undoes \" and \\ in place and puts a NUL behind; any other backslash is itself.  Returns the length. */
size_t imap_quoted_unescape(char *at, char *end);
