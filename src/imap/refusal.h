/* What the words of NO, BAD and BYE mean for the caller. */
#pragma once

#include "core/error.h"
#include "imap/response.h"

/* True if the server asks us to come back later, by a response code or, as many do, in plain words. */
bool imap_refusal_is_busy(ImapCodeKind code, const char *text);

/* Of a busy answer to SELECT: true if it is the account that is to wait, false if it may be the one mailbox that is locked,
 * or whose disk is away, while others can be opened. */
bool imap_refusal_is_of_account(ImapCodeKind code, const char *text);

/* The server's words for an error message: one line of valid UTF-8 without control and
 * formatting characters, cut when long.  g_free. */
char *imap_refusal_words(const char *text);
