/* Which UIDs messages got: the answer to COPY and MOVE (COPYUID, RFC 4315 section 3, RFC 6851 section 4.3). */
#pragma once

#include "imap/session.h"

/* The UIDs in the source and in the target (uint32_t, empty at first), the n-th of one being the n-th of the other.  False:
 * none were told, or they cannot be true: not as many here as there, more than @max, one of the target's twice or below
 * @uidnext, or of a mailbox with another UIDVALIDITY than @uidvalidity (0: any). */
bool sync_copyuid_pairs(const ImapReply *reply, uint32_t uidvalidity, uint32_t uidnext, guint max, GArray *sources_r,
                        GArray *targets_r);
