/* The statements about operations. */
#include "store/statements.h"

#define READ STORE_DB_READ
#define WRITE STORE_DB_WRITE

/* In the order in which store_operation_take_row() takes them. */
#define OPERATION_FIELDS \
	"o.id, o.account, o.kind, o.state, o.message, o.mailbox, o.target, o.source, o.add_flags, o.remove_flags," \
	" o.arguments, o.error, o.attempts, o.losses, o.undone, o.removal, o.created, o.not_before, o.target_uidvalidity," \
	" o.target_uidnext, o.target_uid, o.former, o.former_is_users, o.heir"

#define OPERATION_COLUMNS "SELECT " OPERATION_FIELDS " FROM operations o "

/* With an operation o: an operation of the message in @column is open that was asked for before. */
#define OPEN_BEFORE(column, message) \
	"EXISTS (SELECT 1 FROM operations e WHERE e." column " = " message " AND e.ended = 0 AND e.id < o.id" \
	" AND e.state <> 'failed')"

/* The server has the mailbox, under whatever name. */
#define IS_THERE(mailbox) "(SELECT server_name FROM mailboxes WHERE id = " mailbox ") IS NOT NULL"

/* The bytes of message m are to be uploaded, or were refused, under another row: 3 and 4 are TO_APPEND and REFUSED.  A
 * copy of it that failed is one, too, whose bytes may not be here; but not a copy that was asked for later, because
 * that one waits for o. */
#define IS_AWAITED \
	"(EXISTS (SELECT 1 FROM messages u WHERE u.body = m.body AND u.state IN (3, 4) AND u.body IS NOT NULL)" \
	" OR EXISTS (SELECT 1 FROM operations e WHERE e.source = m.id AND e.ended = 0 AND e.id < o.id))"

/* A folder operation that waits for all that are like it; the first of them is asked for once, not for each row. */
#define IS_NOT_FIRST \
	"(o.kind IN ('rename', 'delete') AND o.id > ifnull((SELECT min(f.id) FROM operations f WHERE f.account = :account" \
	" AND f.ended = 0 AND f.message IS NULL AND f.kind IN ('create', 'rename') AND f.state <> 'failed'), o.id))"

/* What takes the place of o's message is not on the server (store_heir_is_awaited()). */
#define IS_WITHOUT_HEIR "EXISTS (SELECT 1 FROM messages h WHERE h.id = o.heir AND h.state NOT IN (0, 1, 6))"

/* The same, and nobody is to bring it there. */
#define HAS_FILE_AS_HEIR "EXISTS (SELECT 1 FROM messages h WHERE h.id = o.heir AND h.state IN (2, 7, 8))"

/* It, or what was asked for before of its message or of the one that it copies, has a file as heir. */
#define WAITS_FOR_FILE \
	"(" HAS_FILE_AS_HEIR " OR EXISTS (SELECT 1 FROM operations e JOIN messages h ON h.id = e.heir" \
	" WHERE e.message IN (o.message, o.source) AND e.ended = 0 AND e.state = 'queued' AND e.id < o.id" \
	" AND h.state IN (2, 7, 8)))"

/* A folder's removal, as long as one in it, or in what is below it, waits for its time. */
#define WAITS_FOR_REMOVAL \
	"(o.kind = 'delete' AND EXISTS (WITH RECURSIVE tree (id) AS (SELECT o.mailbox" \
	" UNION SELECT x.id FROM tree JOIN mailboxes x ON x.parent = tree.id)" \
	" SELECT 1 FROM tree JOIN operations e ON e.mailbox = tree.id WHERE e.ended = 0 AND e.kind = 'remove'" \
	" AND e.state = 'queued' AND e.not_before > :now))"

#define IS_AT(path, where) "(" path " = " where " OR substr(" path ", 1, length(" where ") + 1) = " where " || '/')"

/* A rename that was asked for before makes way for o's mailbox, or brings what is above it: the path is at or below one
 * of the rename's.  Paths do not shift in between: what a later rename shifts is below its own. */
#define IS_BEHIND_RENAME \
	"EXISTS (SELECT 1 FROM operations r WHERE r.account = :account AND r.ended = 0 AND r.message IS NULL" \
	" AND r.kind = 'rename' AND r.id < o.id AND r.state <> 'failed' AND (WITH RECURSIVE tree (parent, path) AS" \
	" (SELECT parent, name FROM mailboxes WHERE id = o.mailbox" \
	" UNION ALL SELECT x.parent, x.name || '/' || tree.path FROM tree JOIN mailboxes x ON x.id = tree.parent)" \
	" SELECT " IS_AT("path", "r.former") " OR " IS_AT("path", "r.arguments") " FROM tree WHERE parent IS NULL))"

/* A mailbox whose deletion was asked for before has the path that o's has by now. */
#define PATH_IS_HELD \
	"EXISTS (SELECT 1 FROM mailboxes x JOIN mailboxes d ON d.account = x.account" \
	" AND ifnull(d.parent, 0) = ifnull(x.parent, 0) AND d.name = x.name AND d.state = 2" \
	" JOIN operations e ON e.mailbox = d.id AND e.ended = 0 AND e.kind = 'delete' AND e.id < o.id" \
	" AND e.state <> 'failed' WHERE x.id = o.mailbox AND x.state <> 2)"

/* Something is still to be done with what is in the mailbox on the server, or will be, or below it.  Where an operation
 * begins (its mailbox) is no help: that is where people saw the message. */
#define IS_IN_USE \
	"(EXISTS (SELECT 1 FROM mailboxes x WHERE x.parent = o.mailbox AND x.state = 2)" \
	" OR EXISTS (SELECT 1 FROM messages x JOIN operations e ON e.message = x.id WHERE x.mailbox = o.mailbox" \
	" AND e.ended = 0 AND e.state <> 'failed')" \
	" OR EXISTS (SELECT 1 FROM messages x JOIN operations e ON e.source = x.id WHERE x.mailbox = o.mailbox" \
	" AND e.ended = 0 AND e.state <> 'failed')" \
	" OR EXISTS (SELECT 1 FROM operations e WHERE e.target = o.mailbox AND e.ended = 0 AND e.state <> 'failed'))"

/* m is the message where the server has it: of a copy the source. */
#define TASK_COLUMNS \
	"SELECT " OPERATION_FIELDS ", " STORE_MESSAGE_FIELDS ", w.body FROM operations o INDEXED BY operations_open" \
	" LEFT JOIN messages m ON m.id = ifnull(o.source, o.message) LEFT JOIN bodies b ON b.id = m.body" \
	" LEFT JOIN messages w ON w.id = o.message WHERE o.account = :account AND o.ended = 0 "

/* Removals for good that nobody has confirmed, since a time. */
#define RECENT_REMOVALS \
	"account = :account AND created > :after AND kind = 'remove' AND not_before <> 0 AND state <> 'cancelled'"

const StoreStatementText store_operation_statements[STORE_STATEMENTS] = {
	[STORE_SQL_HOLD_COUNT] = { WRITE,
		"SELECT count(*) FROM (SELECT 1 FROM operations WHERE " RECENT_REMOVALS " LIMIT :limit)" },
	[STORE_SQL_HOLD_COUNT_THERE] = { WRITE,
		"SELECT count(*) FROM operations WHERE " RECENT_REMOVALS " AND mailbox = :mailbox" },
	[STORE_SQL_HOLD_COUNT_LEFT] = { WRITE,
		"SELECT count(*) FROM (SELECT 1 FROM messages WHERE place = :mailbox AND name IS NOT NULL"
		" AND state NOT IN (7, 8) LIMIT :limit)" },
	[STORE_SQL_HOLD_ALL] = { WRITE,
		"UPDATE operations SET state = 'held', error = :error WHERE " RECENT_REMOVALS " AND state = 'queued'" },
	[STORE_SQL_HOLD_ALL_THERE] = { WRITE,
		"UPDATE operations SET state = 'held', error = :error WHERE " RECENT_REMOVALS
		" AND state = 'queued' AND mailbox = :mailbox" },

	[STORE_SQL_OPERATION_GET] = { WRITE, OPERATION_COLUMNS "WHERE o.id = :id" },
	[STORE_SQL_OPERATION_OF_MESSAGE] = { WRITE,
		OPERATION_COLUMNS "WHERE o.message = :id AND o.ended = 0 ORDER BY o.id" },
	[STORE_SQL_OPERATION_OF_SOURCE] = { WRITE,
		OPERATION_COLUMNS "WHERE o.source = :id AND o.ended = 0 ORDER BY o.id" },
	[STORE_SQL_OPERATION_OF_HEIR] = { WRITE,
		OPERATION_COLUMNS "WHERE o.heir = :id AND o.ended = 0 ORDER BY o.id" },
	[STORE_SQL_OPERATION_INTO] = { WRITE,
		OPERATION_COLUMNS "WHERE o.target = :id AND o.ended = 0 AND o.kind = 'move' ORDER BY o.id" },
	[STORE_SQL_OPERATION_OF_MAILBOX] = { WRITE,
		OPERATION_COLUMNS "WHERE o.mailbox = :id AND o.ended = 0 AND o.message IS NULL ORDER BY o.id" },
	[STORE_SQL_OPERATION_OF_FOLDERS] = { WRITE,
		OPERATION_COLUMNS "WHERE o.account = :id AND o.ended = 0 AND o.message IS NULL"
		" ORDER BY o.id" },
	[STORE_SQL_OPERATION_INSERT] = { WRITE,
		"INSERT INTO operations (account, kind, state, message, mailbox, target, source, add_flags, remove_flags,"
		" arguments, former, former_is_users, error, removal, heir, not_before, created)"
		" VALUES (:account, :kind, :state, :message, :mailbox, :target, :source, :add_flags, :remove_flags,"
		" :arguments, :former, :former_is_users, :error, :removal, :heir, :not_before, :now)" },
	[STORE_SQL_OPERATION_WRITE] = { WRITE,
		"UPDATE operations SET account = :account, kind = :kind, state = :state, message = :message,"
		" mailbox = :mailbox, target = :target, source = :source, add_flags = :add_flags,"
		" remove_flags = :remove_flags, arguments = :arguments, former = :former,"
		" former_is_users = :former_is_users, error = :error, removal = :removal, heir = :heir, not_before = :not_before,"
		" ended = :ended WHERE id = :id" },
	[STORE_SQL_OPERATION_SET_STATE] = { WRITE,
		"UPDATE operations SET state = :state, error = :error, ended = :ended WHERE id = :id" },
	[STORE_SQL_OPERATION_CANCEL_ALL] = { WRITE,
		"UPDATE operations SET state = 'cancelled', error = :error, ended = :now WHERE message = :id AND ended = 0" },
	[STORE_SQL_OPERATION_HAND_OVER] = { WRITE,
		"UPDATE operations SET message = :to WHERE message = :from AND ended = 0" },
	[STORE_SQL_OPERATION_HAND_OVER_SOURCE] = { WRITE,
		"UPDATE operations SET source = :to WHERE source = :from AND ended = 0" },
	[STORE_SQL_OPERATION_HAND_OVER_HEIR] = { WRITE,
		"UPDATE operations SET heir = :to WHERE heir = :from AND ended = 0" },
	[STORE_SQL_OPERATION_HAND_OVER_LOG] = { WRITE,
		"UPDATE operations SET message = :to WHERE message = :from AND ended <> 0" },
	[STORE_SQL_OPERATION_HAND_OVER_MAILBOX] = { WRITE,
		"UPDATE operations SET mailbox = :to WHERE mailbox = :from AND ended = 0" },
	[STORE_SQL_OPERATION_HAND_OVER_TARGET] = { WRITE,
		"UPDATE operations SET target = :to WHERE target = :from AND ended = 0" },

	[STORE_SQL_OPERATION_LIST] = { READ, OPERATION_COLUMNS "WHERE o.account = :account AND o.ended = 0 ORDER BY o.id" },
	[STORE_SQL_OPERATION_LOG] = { READ,
		OPERATION_COLUMNS "WHERE o.account = :account AND o.ended <> 0 AND o.ended > 0"
		" ORDER BY o.ended DESC, o.id DESC LIMIT :limit" },
	[STORE_SQL_OPERATION_LOG_MESSAGE] = { READ,
		OPERATION_COLUMNS "WHERE o.account = :account AND o.message = :message AND o.ended > 0"
		" ORDER BY o.ended DESC, o.id DESC LIMIT :limit" },
	/* What is worst first. */
	[STORE_SQL_OPERATION_OUTLOOK] = { READ,
		"SELECT state, error FROM operations WHERE message = :id AND ended = 0"
		" ORDER BY CASE state WHEN 'failed' THEN 0 WHEN 'held' THEN 1 ELSE 2 END, id LIMIT 1" },
	[STORE_SQL_OPERATION_COUNTS] = { READ,
		"SELECT count(*) FILTER (WHERE state IN ('queued', 'sent')),"
		" count(*) FILTER (WHERE state = 'queued' AND ((kind = 'remove' AND not_before > :now) OR " WAITS_FOR_FILE
		" OR " WAITS_FOR_REMOVAL ")),"
		" count(*) FILTER (WHERE state = 'held'), count(*) FILTER (WHERE state = 'failed'),"
		" min(max(created, not_before)) FILTER (WHERE state = 'queued' AND NOT " IS_WITHOUT_HEIR
		" AND NOT " WAITS_FOR_FILE ")"
		" FROM operations o WHERE account = :account AND ended = 0" },

	/* The rules of store_task_list(), in its order. */
	[STORE_SQL_TASK_LIST] = { READ,
		TASK_COLUMNS "AND o.state = 'queued'"
		" AND o.not_before <= CASE o.kind WHEN 'remove' THEN :irreversible_now ELSE :now END"
		" AND NOT " OPEN_BEFORE("message", "o.message") " AND NOT " OPEN_BEFORE("source", "o.message")
		" AND NOT (o.source IS NOT NULL AND " OPEN_BEFORE("message", "o.source") ") AND NOT " IS_NOT_FIRST
		" AND CASE o.kind"
		" WHEN 'create' THEN NOT " IS_BEHIND_RENAME " AND NOT " PATH_IS_HELD
		" WHEN 'rename' THEN " IS_THERE("o.mailbox") " AND NOT " PATH_IS_HELD
		" WHEN 'delete' THEN " IS_THERE("o.mailbox") " AND NOT " IS_IN_USE
		" WHEN 'append' THEN w.body IS NOT NULL AND " IS_THERE("o.target")
		" ELSE m.uid IS NOT NULL AND " IS_THERE("m.mailbox")
		" AND (o.target IS NULL OR " IS_THERE("o.target") ")"
		" AND NOT ((o.removal OR o.kind = 'remove') AND " IS_AWAITED ") AND NOT " IS_WITHOUT_HEIR
		" END ORDER BY o.id" },
	[STORE_SQL_TASK_LIST_SENT] = { READ, TASK_COLUMNS "AND o.state = 'sent' ORDER BY o.id" },

	[STORE_SQL_OPERATION_SEND] = { WRITE,
		"UPDATE operations SET state = 'sent', attempts = attempts + 1, target_uidvalidity = :uidvalidity,"
		" target_uidnext = :uidnext,"
		" target_uid = CASE WHEN target_uidvalidity = :uidvalidity THEN target_uid ELSE 0 END"
		" WHERE id = :id AND state = 'queued'" },
	[STORE_SQL_OPERATION_SET_ARGUMENTS] = { WRITE,
		"UPDATE operations SET arguments = :arguments WHERE id = :id AND ended = 0" },
	[STORE_SQL_OPERATION_COPIED] = { WRITE,
		"UPDATE operations SET target_uid = :uid WHERE id = :id AND state = 'sent' AND kind = 'move'" },
	[STORE_SQL_OPERATION_HOLD] = { WRITE,
		"UPDATE operations SET state = 'held', error = :error WHERE id = :id AND state IN ('queued', 'sent')" },
	[STORE_SQL_OPERATION_LOST] = { WRITE,
		"UPDATE operations SET losses = losses + 1, error = :error WHERE id = :id AND state = 'sent'" },
	[STORE_SQL_OPERATION_UNDONE] = { WRITE,
		"UPDATE operations SET undone = undone + 1, error = :error WHERE id = :id AND state = 'sent'" },
	[STORE_SQL_OPERATION_AGAIN] = { WRITE,
		"UPDATE operations SET state = 'queued', not_before = :not_before, error = ifnull(:error, error)"
		" WHERE id = :id AND state IN ('queued', 'sent')" },
	[STORE_SQL_OPERATION_REQUEUE] = { WRITE,
		"UPDATE operations SET state = 'queued', not_before = 0, error = NULL WHERE id = :id AND ended = 0" },
	[STORE_SQL_OPERATION_OVERTAKEN] = { WRITE,
		"SELECT 1 FROM operations WHERE message = :message AND id > :id AND kind IN ('move', 'remove')"
		" AND state <> 'cancelled' LIMIT 1" },
	[STORE_SQL_OPERATION_PICK_UNCONFIRMED] = { WRITE,
		"SELECT id FROM operations WHERE account = :account AND ended = 0 AND (state = 'held'"
		" OR (state = 'queued' AND kind = 'remove' AND not_before > unixepoch())) ORDER BY id" },
	[STORE_SQL_OPERATION_PICK_FAILED] = { WRITE,
		"SELECT id FROM operations WHERE account = :account AND ended = 0 AND state = 'failed' ORDER BY id" },
	[STORE_SQL_OPERATION_PICK_UNDONE] = { WRITE,
		"SELECT id FROM operations WHERE account = :account AND ended = 0 AND (state = 'held'"
		" OR (state = 'queued' AND (removal OR kind = 'remove') AND target_uid = 0)) ORDER BY id" },
	[STORE_SQL_OPERATION_PRUNE] = { WRITE,
		"DELETE FROM operations WHERE ended <> 0 AND ended > 0 AND ended < :before" },
	[STORE_SQL_MAILBOX_FIND_DELETED] = { WRITE,
		"SELECT id FROM mailboxes WHERE account = :account AND ifnull(parent, 0) = :parent AND name = :name AND state = 2"
		" ORDER BY id DESC" },
};
