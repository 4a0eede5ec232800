/* From values to typed responses.  Inside src/imap only.
 *
 * Each fills its part of *response, sets response->damaged where a value cannot be read (and leaves that value absent),
 * and never fails.  What is filled points into the arena and the values.
 */
#pragma once

#include "imap/head.h"

/* A whole response of IMAP_SHAPE_VALUES (or unknown text). */
void imap_decode_values(ImapArena *arena, const ImapHead *head, const ImapNode *values, ImapResponse *response);

/* The words of the list or lists at @first and its siblings: \Seen $Junk.  Anything but words is damage. */
ImapWords imap_decode_words(ImapArena *arena, const ImapNode *first, bool *damaged);

bool imap_node_is_word(const ImapNode *node); /* an atom, a string or NIL: what may be a name; NIL is one too */
bool imap_node_is(const ImapNode *node, const char *word); /* that atom or string; case-insensitive; NULL is not */
/* RFC 8474 section 7.  Cyrus (3.6) tells of freed memory in LIST's STATUS. */
bool imap_decode_is_objectid(const char *text);
bool imap_node_number(const ImapNode *node, uint64_t max, uint64_t *value_r); /* false: no number, as it was */

/* status-code.c.  @text is what stands behind OK, NO, …, writable; the codes' values are cut by @lexer. */
void imap_decode_status(ImapLexer *lexer, char *text, ImapResponse *response);
/* @text begins with "[": the bracket that ends the code, or NULL; *@balanced_r: and all lists and strings in it end. */
char *imap_decode_code_end(char *text, bool *balanced_r);

/* mailbox.c: LIST, STATUS, MYRIGHTS */
void imap_decode_list(ImapArena *arena, const ImapNode *values, ImapResponse *response);
void imap_decode_mailbox_status(ImapArena *arena, const ImapNode *values, ImapResponse *response);
void imap_decode_my_rights(const ImapNode *values, ImapResponse *response);

/* quota.c */
void imap_decode_quota(const ImapNode *values, ImapResponse *response);

/* search.c: @text is what stands behind SEARCH, writable */
void imap_decode_search(char *text, ImapResponse *response);
void imap_decode_esearch(const ImapNode *values, ImapResponse *response);
void imap_decode_vanished(const ImapNode *values, ImapResponse *response);

/* fetch.c: response->fetch.seq is the caller's */
void imap_decode_fetch(ImapArena *arena, const ImapNode *values, ImapResponse *response);
/* From "BODY[1.TEXT]<0>" and the like; sizes are the caller's. */
ImapFetchSection imap_decode_section(ImapArena *arena, const char *name);
/* The value that stands for the section that @name is the name of, if it is one. */
const ImapNode *imap_decode_section_value(const ImapNode *name, bool at_top);

/* date.c: RFC 9051 date-time.  False if it tells no point in time.  *@damaged is set for a zone that cannot be read: it
 * counts as UTC then. */
bool imap_decode_date(const char *text, int64_t *seconds_r, int32_t *zone_min_r, bool *damaged);
