/* What the user may do in each mailbox (RFC 4314): StoreMailbox.rights.
 *
 * LIST tells it each time where the server can (RFC 8440).  Elsewhere MYRIGHTS asks for mailboxes of which it is not
 * known, and once a day, or after a command that the rights did not allow, for all.  Without ACL a mailbox that SELECT opens
 * only for reading has the rights of reading, for a day: nobody tells when that is over.
 */
#pragma once

#include "sync/claim.h"

/* Blocks.  Learns and keeps those of the mailboxes that LIST has just told (@rows).  False: the connection broke, or the
 * store failed. */
bool sync_rights_learn(SyncWorker *worker, const SyncRows *rows, GError **error);

/* Blocks.  Asks for all of them now. */
bool sync_rights_learn_anew(SyncWorker *worker, GError **error);

/* @mailbox was SELECTed: what that says, if the server has no other way. */
bool sync_rights_note_selected(SyncWorker *worker, const StoreMailbox *mailbox, bool is_read_only, GError **error);
