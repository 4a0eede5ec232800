/* What a server says it can do: the names of the IANA registry that this program knows. */
#pragma once

#include "imap/session.h"

typedef struct {
	unsigned told; /* how often the server has listed them since the connection was made */
	bool has[IMAP_CAP_COUNT];
	uint64_t append_limit; /* of APPENDLIMIT=; 0: not told */
	char *line; /* as the server wrote them, cut when endless; NULL: none are known */
} ImapCapabilities;

void imap_capabilities_set(ImapCapabilities *capabilities, const ImapWords *words);

/* Forgets them: what was said before TLS or before the login counts no more.  Keeps "told". */
void imap_capabilities_clear(ImapCapabilities *capabilities);

/* IMAP_CAP_COUNT: not one that we know. */
ImapCapability imap_capability_find(const char *word);
