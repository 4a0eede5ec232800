/* Mailbox names in modified UTF-7 (RFC 3501 section 5.1.3). */
#pragma once

/* NULL if @name is not valid modified UTF-7, or says in it what has a shorter or plain form (so the mapping is one to
 * one), or holds lone surrogates, or has bytes above 127. */
char *imap_utf7_decode(const char *name);

/* @name must be valid UTF-8. */
char *imap_utf7_encode(const char *name);
