/* Sets of UIDs (or sequence numbers): RFC 9051 "sequence-set". */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Sorted, disjoint, not adjacent ranges.  Zero-initialised is the empty set. */
typedef struct {
	struct ImapUidRange { uint32_t first, last; } *ranges;
	size_t count, allocated;
} ImapUidSet;

void imap_uidset_clear(ImapUidSet *set);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ImapUidSet, imap_uidset_clear)

/* Any order is fine; ascending is fast.  0 is not a UID and is ignored. */
void imap_uidset_add(ImapUidSet *set, uint32_t uid);
void imap_uidset_add_range(ImapUidSet *set, uint32_t first, uint32_t last);
bool imap_uidset_has(const ImapUidSet *set, uint32_t uid);
bool imap_uidset_has_range(const ImapUidSet *set, uint32_t first, uint32_t last); /* all of them; first <= last */
uint64_t imap_uidset_size(const ImapUidSet *set);

/* Adds what @text says ("1,3:5,9:*"; "*" stands for @star, and 0 there makes it an error).  "7:3" is 3:7, as the RFC
 * wants.  False, with the set as it was, for anything else, "" and 0 included. */
bool imap_uidset_parse(ImapUidSet *set, const char *text, uint32_t star);

/* The text of the ranges from *@position on, at most @max_bytes long (at least one range), advancing *@position;
 * NULL when there are none left.  Servers refuse or break on long sets: Yahoo beyond 1,000 bytes, some Dovecots. */
char *imap_uidset_format(const ImapUidSet *set, size_t *position, size_t max_bytes);
