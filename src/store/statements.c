#include "store/statements.h"

#define READ STORE_DB_READ
#define WRITE STORE_DB_WRITE
#define DERIVED STORE_DB_DERIVED

#define ACCOUNT_COLUMNS "SELECT id, name, last_sync, last_error, capabilities FROM accounts "

/* In the order in which mailboxes.c, messages.c, entries.c and segments.c take them out of a row. */
#define MAILBOX_COLUMNS \
	"SELECT m.id, m.account, ifnull(m.parent, 0), m.name, m.server_name, m.separator, m.attributes, m.uidvalidity," \
	" m.uidnext, m.highestmodseq, m.mailboxid, m.changed, m.state, m.messages, m.rights, m.stirred FROM mailboxes m "

#define MESSAGE_COLUMNS "SELECT " STORE_MESSAGE_FIELDS " FROM messages m LEFT JOIN bodies b ON b.id = m.body "

/* States of rows that the server has, or had until it told otherwise. */
#define ON_SERVER "(0, 1, 6)"
/* States of rows that are no messages: files (7), those in tmp/ (8). */
#define FILES "(7, 8)"
#define INVISIBLE "mailbox = :mailbox AND state = 0 AND uid IS NOT NULL AND name IS NULL"
/* Of a removal: what store/vanish.c wants to know. */
#define GONE " RETURNING id, place, name, body, header, internaldate"

/* Messages with open operations, or that are to be copied. */
#define BUSY \
	"SELECT id FROM messages WHERE (EXISTS (SELECT 1 FROM operations WHERE message = messages.id AND ended = 0)" \
	" OR EXISTS (SELECT 1 FROM operations WHERE source = messages.id AND ended = 0)) AND "

#define IS_BUSY \
	"(EXISTS (SELECT 1 FROM operations WHERE message = m.id AND ended = 0)" \
	" OR EXISTS (SELECT 1 FROM operations WHERE source = m.id AND ended = 0))"

/* What a message has in common with one that may be the same. */
#define ALIKE "rfc822_size = :rfc822_size AND internaldate = :internaldate"
#define SAME_HEADER ALIKE " AND header_sha256 = :header_sha256"
#define SAME_ID "(emailid = :emailid OR gm_msgid = :gm_msgid)"

#define ENTRY_COLUMNS(from) \
	"SELECT m.id, m.name, m.internaldate, iif(m.body IS NULL, m.rfc822_size, b.length), t.length, m.body, m.header," \
	" m.state" \
	" FROM " from " LEFT JOIN bodies b ON b.id = ifnull(m.body, m.header)" \
	" LEFT JOIN derived.texts t ON t.sha256 = b.sha256 AND t.version = :version "

/* Of store_entry_list(). */
#define IS_ENTRY "m.state <> 8 AND (:version = 0 OR m.state <> 7)"

/* A message's name is that of a file in a directory of its mailbox's Maildir: "tmp/NAME".  Names in mail/ have no slash. */
#define IS_IN(directory, end) "(name >= " directory " AND name < " end ")"

/* Of UPDATE messages: another one in that place is called so in maildir/. */
#define BASE_IS_TAKEN(place, base) \
	"EXISTS (SELECT 1 FROM messages x WHERE x.place = " place " AND x.maildir = " base " AND x.id <> messages.id)"

/* Without text.  The deltas are those of STORE_SQL_MESSAGE_FLAG_DELTAS, a line each: added, tab, removed. */
#define MAILDIR_COLUMNS(how) \
	"SELECT m.id, m.name, m.internaldate, iif(m.body IS NULL, m.rfc822_size, b.length), NULL, m.body, m.header, m.state," \
	" m.base_flags, (SELECT group_concat(add_flags || char(9) || remove_flags, char(10)) FROM (SELECT add_flags," \
	" remove_flags FROM operations WHERE message = m.id AND ended = 0 AND kind = 'flags' AND state <> 'failed'" \
	" ORDER BY id)), m.maildir, m.old" \
	" FROM messages m " how " LEFT JOIN bodies b ON b.id = ifnull(m.body, m.header) "

#define BODY_COLUMNS "SELECT b.id, b.segment, b.offset, b.length, b.sha256 FROM bodies b "

/* The set's segments in `segments`, the bytes in use in @table. */
#define SEGMENT_STATEMENTS(set, role, table) \
	[STORE_SQL_##set##_SEGMENTS] = { role, \
		"SELECT s.id, (SELECT x.offset + x.length FROM " table " x WHERE x.segment = s.id" \
		" ORDER BY x.offset DESC, x.length DESC LIMIT 1) FROM segments s ORDER BY s.id" }, \
	[STORE_SQL_##set##_SEGMENT_NEW] = { role, "INSERT INTO segments DEFAULT VALUES" }, \
	[STORE_SQL_##set##_SEGMENT_DROP] = { role, \
		"DELETE FROM segments WHERE id = :segment" \
		" AND NOT EXISTS (SELECT 1 FROM " table " WHERE segment = :segment)" }, \
	[STORE_SQL_##set##_SEGMENTS_USED] = { role, "SELECT id, used FROM segments" }, \
	[STORE_SQL_##set##_SEGMENT_EXTENTS] = { role, \
		"SELECT offset, length FROM " table " WHERE segment = :segment ORDER BY offset, length LIMIT :limit" }, \
	[STORE_SQL_##set##_SEGMENT_MOVE] = { role, \
		"UPDATE " table " SET segment = :to_segment, offset = :to_offset" \
		" WHERE segment = :segment AND offset = :offset AND length = :length" }

/* What was derived by another version, or from a body that is gone.  A text is stored shortly before its body's row is: a
 * young one without a body is left alone. */
#define STALE(table) \
	"SELECT t.sha256 FROM derived." table " t WHERE t.sha256 > :after AND (t.version <> :version OR" \
	" (t.created < :before AND NOT EXISTS (SELECT 1 FROM bodies b WHERE b.sha256 = t.sha256)))" \
	" ORDER BY t.sha256 LIMIT :limit"

const StoreStatementText store_statements[STORE_STATEMENTS] = {
	[STORE_SQL_BEGIN] = { WRITE | DERIVED | STORE_DB_INDEX, "BEGIN IMMEDIATE" },
	[STORE_SQL_COMMIT] = { WRITE | DERIVED | STORE_DB_INDEX, "COMMIT" },
	[STORE_SQL_ROLLBACK] = { WRITE | DERIVED | STORE_DB_INDEX, "ROLLBACK" },

	[STORE_SQL_ACCOUNT_INSERT] = { WRITE, "INSERT INTO accounts (name) VALUES (:name) ON CONFLICT DO NOTHING" },
	[STORE_SQL_ACCOUNT_FIND] = { READ | WRITE, ACCOUNT_COLUMNS "WHERE name = :name" },
	[STORE_SQL_ACCOUNT_LIST] = { READ, ACCOUNT_COLUMNS "ORDER BY id" },
	[STORE_SQL_ACCOUNT_NAME] = { READ, "SELECT name FROM accounts WHERE id = :id" },
	[STORE_SQL_SEARCH_INSERT] = { WRITE,
		"INSERT INTO searches (account, query) VALUES (:account, :query) ON CONFLICT DO NOTHING" },
	[STORE_SQL_SEARCH_DELETE] = { WRITE, "DELETE FROM searches WHERE id = :id" },
	[STORE_SQL_SEARCH_FIND] = { READ,
		"SELECT id, account, query FROM searches WHERE account = :account AND query = :query" },
	[STORE_SQL_SEARCH_LIST] = { READ,
		"SELECT id, account, query FROM searches WHERE account = :account AND id > :after ORDER BY id" },
	[STORE_SQL_ACCOUNT_SET_RESULT] = { WRITE,
		"UPDATE accounts SET last_sync = ifnull(:last_sync, last_sync), last_error = :last_error WHERE id = :id" },
	[STORE_SQL_ACCOUNT_SET_CAPABILITIES] = { WRITE, "UPDATE accounts SET capabilities = :capabilities WHERE id = :id" },
	[STORE_SQL_ACCOUNT_SET_QUOTA] = { WRITE,
		"UPDATE accounts SET quota_used = :used, quota_limit = :limit WHERE id = :id" },
	[STORE_SQL_ACCOUNT_QUOTA] = { READ,
		"SELECT quota_used, quota_limit FROM accounts WHERE quota_limit IS NOT NULL AND id BETWEEN :first AND :last" },
	[STORE_SQL_ACCOUNT_COUNTS] = { READ,
		"SELECT (SELECT count(*) FROM mailboxes WHERE account = :account AND attributes & 1 AND state <> 2),"
		" count(b.id) FILTER (WHERE m.state NOT IN " FILES "), ifnull(sum(b.length) FILTER (WHERE m.state NOT IN " FILES "), 0),"
		" count(*) FILTER (WHERE m.body IS NULL AND m.header IS NULL AND m.uid IS NOT NULL),"
		" count(*) FILTER (WHERE m.body IS NULL AND m.header IS NOT NULL),"
		" count(*) FILTER (WHERE m.state IN " FILES ")"
		" FROM mailboxes x JOIN messages m ON m.mailbox = x.id AND m.place IS NOT NULL"
		" LEFT JOIN bodies b ON b.id = m.body"
		" WHERE x.account = :account" },
	[STORE_SQL_ACCOUNT_REMOTE] = { READ,
		"SELECT m.place, count(*) FROM mailboxes x JOIN messages m ON m.mailbox = x.id"
		" WHERE x.account = :account AND m.place IS NOT NULL AND m.body IS NULL AND m.header IS NOT NULL"
		" GROUP BY m.place ORDER BY count(*) DESC, m.place" },
	[STORE_SQL_ACCOUNT_FILES] = { READ,
		"SELECT m.place, m.name, m.state = 8 FROM mailboxes x JOIN messages m ON m.mailbox = x.id"
		" WHERE x.account = :account AND m.place IS NOT NULL AND m.state IN " FILES " ORDER BY m.id" },

	[STORE_SQL_MAILBOX_GET] = { READ | WRITE, MAILBOX_COLUMNS "WHERE m.id = :id" },
	[STORE_SQL_MAILBOX_FIND] = { READ | WRITE,
		MAILBOX_COLUMNS
		"WHERE m.account = :account AND ifnull(m.parent, 0) = :parent AND m.name = :name AND m.state <> 2" },
	[STORE_SQL_MAILBOX_CHILD] = { READ,
		MAILBOX_COLUMNS
		"WHERE m.account = (SELECT account FROM mailboxes WHERE id = :parent) AND ifnull(m.parent, 0) = :parent"
		" AND m.name = :name AND m.state <> 2" },
	[STORE_SQL_MAILBOX_FIND_SERVER] = { READ | WRITE,
		MAILBOX_COLUMNS "WHERE m.account = :account AND m.server_name = :server_name" },
	[STORE_SQL_MAILBOX_LIST_SERVER] = { WRITE,
		"SELECT id, server_name FROM mailboxes WHERE account = :account AND server_name >= :first AND server_name < :end" },
	[STORE_SQL_MAILBOX_CALL] = { WRITE, "UPDATE mailboxes SET server_name = :server_name WHERE id = :id" },
	/* A recursive query takes its rows first in, first out: level by level. */
	[STORE_SQL_MAILBOX_LIST] = { READ,
		"WITH RECURSIVE tree (id, level) AS"
		" (SELECT id, 0 FROM mailboxes WHERE account = :account AND ifnull(parent, 0) = 0"
		" UNION ALL SELECT c.id, level + 1 FROM tree JOIN mailboxes c ON c.parent = tree.id) "
		MAILBOX_COLUMNS "JOIN tree USING (id) ORDER BY tree.level, m.id" },
	[STORE_SQL_MAILBOX_CHILDREN] = { READ,
		MAILBOX_COLUMNS "WHERE m.account = :account AND ifnull(m.parent, 0) = :parent AND m.state <> 2 AND m.id > :after"
		" ORDER BY m.id" },
	[STORE_SQL_MAILBOX_INSERT] = { WRITE,
		"INSERT INTO mailboxes (account, parent, name, changed) VALUES (:account, :parent, :name, :now)" },
	[STORE_SQL_MAILBOX_SET_LISTING] = { WRITE,
		"UPDATE mailboxes SET rights = iif(server_name IS :server_name, rights, NULL), server_name = :server_name,"
		" separator = :separator, attributes = :attributes WHERE id = :id" },
	[STORE_SQL_MAILBOX_SET_STATE] = { WRITE,
		"UPDATE mailboxes SET uidvalidity = :uidvalidity, uidnext = :uidnext, highestmodseq = :highestmodseq,"
		" mailboxid = :mailboxid WHERE id = :id" },
	[STORE_SQL_MAILBOX_SET_RIGHTS] = { WRITE, "UPDATE mailboxes SET rights = :rights WHERE id = :id" },
	[STORE_SQL_MAILBOX_FORGET_RIGHTS] = { WRITE,
		"UPDATE mailboxes SET rights = NULL WHERE account = :account AND rights IS NOT NULL" },
	[STORE_SQL_MAILBOX_WRITE_STATE] = { WRITE, "UPDATE mailboxes SET state = :state WHERE id = :id" },
	[STORE_SQL_MAILBOX_TOUCH] = { WRITE,
		"UPDATE mailboxes SET changed = iif(:entries, max(changed, :now_ms / 1000), changed),"
		" stirred = iif(:messages, max(stirred + 1, :now_ms), stirred) WHERE id = :id" },
	[STORE_SQL_MAILBOX_PLACE] = { WRITE, "UPDATE mailboxes SET parent = :parent, name = :name WHERE id = :id" },
	[STORE_SQL_MAILBOX_HAND_OVER] = { WRITE,
		"UPDATE mailboxes SET parent = :to WHERE parent = :from RETURNING id, name" },
	[STORE_SQL_MAILBOX_HAS_CHILDREN] = { WRITE, "SELECT 1 FROM mailboxes WHERE parent = :id LIMIT 1" },
	[STORE_SQL_MAILBOX_IS_USED] = { WRITE,
		"SELECT 1 FROM messages WHERE mailbox = :id UNION ALL SELECT 1 FROM messages WHERE place = :id LIMIT 1" },
	[STORE_SQL_MAILBOX_HOLDS_ANY] = { WRITE,
		"SELECT 1 FROM messages WHERE place = :id AND NOT (state = 8 AND " IS_IN("'tmp/'", "'tmp0'") ")"
		" UNION ALL SELECT 1 FROM mailboxes WHERE parent = :id AND state <> 2"
		" LIMIT 1" },
	[STORE_SQL_MAILBOX_CHILD_IDS] = { WRITE, "SELECT id FROM mailboxes WHERE parent = :id" },
	[STORE_SQL_MAILBOX_SPECIAL] = { WRITE,
		"SELECT id FROM mailboxes WHERE account = :account AND attributes & :use AND state <> 2 ORDER BY state, id LIMIT 1" },
	[STORE_SQL_MAILBOX_DELETE] = { WRITE, "DELETE FROM mailboxes WHERE id = :id" },

	[STORE_SQL_MESSAGE_GET] = { READ | WRITE, MESSAGE_COLUMNS "WHERE m.id = :id" },
	[STORE_SQL_MESSAGE_FIND] = { READ, MESSAGE_COLUMNS "WHERE m.place = :mailbox AND m.name = :name" },
	[STORE_SQL_MESSAGE_FIND_UID] = { READ | WRITE, MESSAGE_COLUMNS "WHERE m.mailbox = :mailbox AND m.uid = :uid" },
	[STORE_SQL_MESSAGE_LIST_UIDS] = { READ,
		"SELECT id, mailbox, uid, NULL, internaldate, rfc822_size, base_flags, modseq, NULL, gm_msgid, NULL, body, 0, place,"
		" since, header, state, NULL, name_is_users, dated FROM messages WHERE mailbox = :mailbox AND uid IS NOT NULL ORDER BY uid" },
	[STORE_SQL_MESSAGE_COUNT] = { READ | WRITE,
		"SELECT messages FROM mailboxes WHERE id = :mailbox" },
	[STORE_SQL_MESSAGE_LIST_MISSING] = { READ,
		MESSAGE_COLUMNS "WHERE m.mailbox = :mailbox AND m.uid IS NOT NULL AND m.body IS NULL AND m.header IS NULL"
		" AND m.uid <= :upto ORDER BY m.uid DESC" },
	[STORE_SQL_MESSAGE_LIST_REMOTE] = { READ,
		MESSAGE_COLUMNS "WHERE m.mailbox = :mailbox AND m.uid IS NOT NULL AND m.body IS NULL AND m.header IS NOT NULL"
		" AND m.internaldate BETWEEN :since AND :upto AND (m.internaldate < :upto OR m.id <= :upto_id)"
		" ORDER BY m.internaldate DESC, m.id DESC" },
	[STORE_SQL_MESSAGE_LIST_KEPT] = { READ,
		MESSAGE_COLUMNS "WHERE m.mailbox IN (SELECT id FROM mailboxes WHERE account = :account) AND m.uid IS NOT NULL"
		" AND m.body IS NOT NULL AND m.internaldate < :before AND m.asked < :asked_before AND NOT " IS_BUSY },
	[STORE_SQL_MESSAGE_LIST_UNMATCHED] = { READ,
		MESSAGE_COLUMNS "WHERE m.mailbox = :mailbox AND m.state = 1 ORDER BY m.id" },
	[STORE_SQL_MESSAGE_ANY_ALIKE] = { READ,
		"SELECT 1 FROM messages WHERE " ALIKE " AND body IS NOT NULL UNION ALL SELECT 1 FROM departed WHERE " ALIKE
		" LIMIT 1" },
	[STORE_SQL_MESSAGE_ALIKE_IDS] = { READ,
		"SELECT (SELECT account FROM mailboxes WHERE id = mailbox), body, rfc822_size FROM messages WHERE " SAME_ID
		" UNION ALL SELECT account, body, rfc822_size FROM departed WHERE " SAME_ID " LIMIT :limit" },
	/* The ends of the indexes' ranges, so that many copies cost no more than one. */
	[STORE_SQL_MESSAGE_ALIKE_BODIES] = { READ,
		"SELECT (SELECT min(body) FROM messages WHERE " SAME_HEADER " AND body IS NOT NULL),"
		" (SELECT max(body) FROM messages WHERE " SAME_HEADER " AND body IS NOT NULL),"
		" (SELECT min(body) FROM departed WHERE " SAME_HEADER "),"
		" (SELECT max(body) FROM departed WHERE " SAME_HEADER ")" },
	[STORE_SQL_MESSAGE_HAS_BODY] = { READ,
		"SELECT 1 FROM messages WHERE body = :body AND (SELECT account FROM mailboxes WHERE id = mailbox) = :account"
		" UNION ALL SELECT 1 FROM departed WHERE body = :body AND account = :account LIMIT 1" },
	[STORE_SQL_MESSAGE_UNMATCHED_CONTENT] = { WRITE,
		"SELECT id FROM messages WHERE mailbox = :mailbox AND state = 1"
		" AND body = (SELECT id FROM bodies WHERE sha256 = :sha256)"
		" AND internaldate BETWEEN :first AND :last ORDER BY internaldate, id LIMIT 1" },
	[STORE_SQL_MESSAGE_UNMATCHED_HEADER] = { WRITE,
		"SELECT id FROM messages WHERE mailbox = :mailbox AND state = 1 AND header_sha256 = :header_sha256"
		" AND rfc822_size = :rfc822_size AND internaldate = :internaldate AND (body IS NULL OR :with_body)"
		" ORDER BY id LIMIT 1" },
	[STORE_SQL_MESSAGE_UNMATCHED_NAME] = { WRITE,
		"SELECT id FROM messages WHERE place = :mailbox AND name = :name"
		" AND (state = 1 OR (state NOT IN " FILES " AND NOT name_is_users AND (uid IS NULL OR mailbox <> place)))" },
	[STORE_SQL_MESSAGE_FLAGS] = { READ, "SELECT base_flags FROM messages WHERE id = :id" },
	[STORE_SQL_MESSAGE_FLAG_DELTAS] = { READ,
		"SELECT add_flags, remove_flags FROM operations WHERE message = :id AND ended = 0 AND kind = 'flags'"
		" AND state <> 'failed' ORDER BY id" },

	[STORE_SQL_MESSAGE_INSERT] = { WRITE,
		"INSERT INTO messages (mailbox, place, since, uid, internaldate, rfc822_size, base_flags, modseq, emailid, gm_msgid)"
		" VALUES (:mailbox, :mailbox, unixepoch(), :uid, :internaldate, :rfc822_size, :base_flags, :modseq, :emailid,"
		" :gm_msgid)"
		" ON CONFLICT DO NOTHING" },
	[STORE_SQL_MESSAGE_SET_FLAGS] = { WRITE,
		"UPDATE messages SET base_flags = :base_flags, modseq = ifnull(:modseq, modseq) WHERE id = :id" },
	[STORE_SQL_MESSAGE_REMOVE] = { WRITE, "DELETE FROM messages WHERE id = :id" GONE },
	[STORE_SQL_MESSAGE_LET_GO] = { WRITE,
		"UPDATE messages SET mailbox = :mailbox, uid = NULL, modseq = 0, state = 6 WHERE id = :id" },
	[STORE_SQL_MESSAGE_BUSY_UIDS] = { WRITE, BUSY "mailbox = :mailbox AND uid BETWEEN :first AND :last" },
	[STORE_SQL_MESSAGE_REMOVE_UIDS] = { WRITE,
		"DELETE FROM messages WHERE mailbox = :mailbox AND uid BETWEEN :first AND :last" GONE },
	[STORE_SQL_MESSAGE_BUSY_ALL] = { WRITE, BUSY "mailbox = :mailbox AND state IN " ON_SERVER },
	[STORE_SQL_MESSAGE_REMOVE_ALL] = { WRITE,
		"DELETE FROM messages WHERE mailbox = :mailbox AND state IN " ON_SERVER GONE },
	[STORE_SQL_MESSAGE_ANY_OF] = { WRITE, "SELECT 1 FROM messages WHERE mailbox = :mailbox LIMIT 1" },
	[STORE_SQL_MESSAGE_BUSY_UNMATCHED] = { WRITE, BUSY "mailbox = :mailbox AND state = 1" },
	[STORE_SQL_MESSAGE_REMOVE_UNMATCHED] = { WRITE,
		"DELETE FROM messages WHERE mailbox = :mailbox AND state = 1" GONE },
	[STORE_SQL_MESSAGE_REMOVE_INVISIBLE_UID] = { WRITE,
		"DELETE FROM messages WHERE mailbox = :mailbox AND uid = :uid AND id <> :id AND name IS NULL" },
	[STORE_SQL_MESSAGE_MATCH] = { WRITE,
		"UPDATE messages SET uid = :uid, state = 0, internaldate = :internaldate, rfc822_size = :rfc822_size,"
		" base_flags = :base_flags, modseq = :modseq, emailid = :emailid, gm_msgid = :gm_msgid,"
		" name = iif(name_is_users, name, ifnull(:name, name)) WHERE id = :id" },
	[STORE_SQL_MESSAGE_RENAME] = { WRITE, "UPDATE messages SET name = :name WHERE id = :id" },
	[STORE_SQL_MESSAGE_SET_BODY] = { WRITE,
		"UPDATE messages SET body = :body, header = NULL, name = :name, header_sha256 = :header_sha256 WHERE id = :id" },
	[STORE_SQL_MESSAGE_SET_HEADER] = { WRITE,
		"UPDATE messages SET header = :header, name = :name, header_sha256 = :header_sha256 WHERE id = :id" },
	[STORE_SQL_MESSAGE_SET_ASKED] = { WRITE, "UPDATE messages SET asked = :now WHERE id = :id" },
	[STORE_SQL_MESSAGE_DROP_BODY] = { WRITE,
		"UPDATE messages AS m SET body = NULL, header = :header, asked = 0"
		" WHERE id = :id AND uid IS NOT NULL AND body IS NOT NULL AND NOT " IS_BUSY },
	/* As the trigger messages_depart. */
	[STORE_SQL_DEPARTED_NOTE] = { WRITE,
		"INSERT INTO departed (account, body, internaldate, rfc822_size, emailid, threadid, gm_msgid, header_sha256)"
		" SELECT x.account, :body, m.internaldate, m.rfc822_size, m.emailid, m.threadid, m.gm_msgid, m.header_sha256"
		" FROM messages m JOIN mailboxes x ON x.id = m.mailbox WHERE m.id = :id" },
	[STORE_SQL_MESSAGE_BUSY_INVISIBLE] = { WRITE, BUSY INVISIBLE },
	[STORE_SQL_MESSAGE_FORGET_INVISIBLE] = { WRITE,
		"DELETE FROM messages WHERE " INVISIBLE GONE },
	[STORE_SQL_MESSAGE_FORGET_UIDS] = { WRITE,
		"UPDATE messages SET uid = NULL, modseq = 0, state = 1"
		" WHERE mailbox = :mailbox AND state = 0 AND uid IS NOT NULL" },
	[STORE_SQL_NAME_TAKEN] = { WRITE,
		"SELECT 1 FROM messages WHERE place = :mailbox AND name = :name AND id <> :id"
		" UNION ALL SELECT 1 FROM mailboxes WHERE parent = :mailbox AND name = :name AND state <> 2 LIMIT 1" },

	[STORE_SQL_MESSAGE_INSERT_HERE] = { WRITE,
		"INSERT INTO messages (id, mailbox, place, since, state, name, name_is_users, internaldate, rfc822_size, base_flags,"
		" modseq, header_sha256, body, header)"
		" VALUES (:id, :mailbox, :mailbox, unixepoch(), :state, :name, :name_is_users, :internaldate, :rfc822_size,"
		" :base_flags, 0, :header_sha256, :body, :header)" },
	[STORE_SQL_MESSAGE_SET_STATE] = { WRITE, "UPDATE messages SET state = :state, error = :error WHERE id = :id" },
	[STORE_SQL_MESSAGE_SHOW] = { WRITE,
		"UPDATE messages SET place = :place, name = :name, name_is_users = :name_is_users,"
		" since = iif(place IS :place, since, :now), maildir = iif(place IS NOT :place AND " BASE_IS_TAKEN(":place", "maildir")
		", NULL, maildir) WHERE id = :id" },
	[STORE_SQL_MESSAGE_SET_MAILBOX] = { WRITE, "UPDATE messages SET mailbox = :mailbox WHERE id = :id" },
	[STORE_SQL_MESSAGE_SEEN_ELSEWHERE] = { WRITE,
		"SELECT id FROM messages WHERE mailbox = :mailbox AND place IS NOT :mailbox" },
	[STORE_SQL_MESSAGE_LIST_PLACE] = { WRITE, "SELECT id FROM messages WHERE place = :mailbox" },
	[STORE_SQL_MESSAGE_HAND_OVER] = { WRITE, "UPDATE messages SET mailbox = :to WHERE mailbox = :from" },
	[STORE_SQL_MESSAGE_SETTLE] = { WRITE,
		"UPDATE messages SET mailbox = :mailbox, uid = :uid, state = 0, error = NULL,"
		" modseq = iif(mailbox = :mailbox AND uid = :uid, modseq, 0) WHERE id = :id" },
	[STORE_SQL_MESSAGE_DESCRIBE] = { WRITE,
		"UPDATE messages SET internaldate = :internaldate, rfc822_size = :rfc822_size, base_flags = :base_flags,"
		" modseq = :modseq, emailid = :emailid, gm_msgid = :gm_msgid, body = ifnull(body, :body),"
		" header = iif(body IS NULL, ifnull(header, :header), header),"
		" header_sha256 = ifnull(header_sha256, :header_sha256) WHERE id = :id" },

	/* Its row in sqlite_sequence comes with the first message. */
	[STORE_SQL_MESSAGE_RESERVE_FIRST] = { WRITE,
		"INSERT INTO sqlite_sequence (name, seq) SELECT 'messages', 0"
		" WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'messages')" },
	[STORE_SQL_MESSAGE_RESERVE] = { WRITE,
		"UPDATE sqlite_sequence SET seq = seq + :count WHERE name = 'messages' RETURNING seq" },
	[STORE_SQL_MESSAGE_NAMED] = { WRITE,
		"SELECT id FROM messages WHERE place = :mailbox AND name = :name AND id <> :id"
		" UNION ALL SELECT -id FROM mailboxes WHERE parent = :mailbox AND name = :name AND state <> 2 LIMIT 1" },
	[STORE_SQL_FILE_INSERT] = { WRITE,
		"INSERT INTO messages (id, mailbox, place, since, state, name, name_is_users, internaldate, rfc822_size, base_flags,"
		" modseq, header_sha256, body, dated) VALUES (:id, :mailbox, :mailbox, unixepoch(), :state, :name, :name_is_users,"
		" :internaldate, :rfc822_size, :base_flags, 0, :header_sha256, :body, :dated)" },
	[STORE_SQL_FILE_WRITE] = { WRITE,
		"UPDATE messages SET mailbox = :mailbox, uid = NULL, state = :state,"
		" error = iif(:state = 4, error, NULL), internaldate = :internaldate,"
		" rfc822_size = :rfc822_size, base_flags = :base_flags, modseq = 0, emailid = NULL, threadid = NULL,"
		" gm_msgid = NULL, header_sha256 = :header_sha256, body = :body, header = NULL, asked = 0, dated = :dated"
		" WHERE id = :id" },
	/* Without its UID, which the row that is split has still. */
	[STORE_SQL_FILE_SPLIT] = { WRITE,
		"INSERT INTO messages (mailbox, since, state, error, name, name_is_users, internaldate, rfc822_size, base_flags,"
		" modseq, emailid, threadid, gm_msgid, header_sha256, body, header, asked, old)"
		" SELECT mailbox, since, state, error, name, name_is_users, internaldate, rfc822_size, base_flags,"
		" modseq, emailid, threadid, gm_msgid, header_sha256, body, header, asked, old FROM messages WHERE id = :id" },
	[STORE_SQL_FILE_SET_UID] = { WRITE, "UPDATE messages SET uid = :uid WHERE id = :id" },
	[STORE_SQL_FILE_TELL_APART] = { WRITE,
		"WITH pairs AS (SELECT former.id AS former, heir.id AS heir FROM messages heir JOIN messages former"
		" ON former.header_sha256 = heir.header_sha256 AND former.body IS NOT heir.body"
		" WHERE heir.id = :id AND (former.id = :other"
		" OR former.id IN (SELECT message FROM operations WHERE heir = :id AND ended = 0)))"
		" UPDATE messages SET header_sha256 = NULL WHERE id IN (SELECT former FROM pairs UNION ALL SELECT heir FROM pairs)" },
	[STORE_SQL_FILE_LIST_TMP] = { WRITE, "SELECT id FROM messages WHERE place = :mailbox AND state = 8" },

	[STORE_SQL_ENTRY_LIST] = { READ,
		ENTRY_COLUMNS("messages m INDEXED BY messages_place")
		"WHERE m.place = :mailbox AND m.id > :after AND m.name IS NOT NULL AND " IS_ENTRY " ORDER BY m.id" },
	[STORE_SQL_ENTRY_LIST_TMP] = { READ,
		ENTRY_COLUMNS("messages m INDEXED BY messages_name")
		"WHERE m.place = :mailbox AND " IS_IN(":directory", ":end") " AND m.id > :after ORDER BY m.id" },
	[STORE_SQL_ENTRY_FIND] = { READ, ENTRY_COLUMNS("messages m") "WHERE m.place = :mailbox AND m.name = :name AND " IS_ENTRY },
	[STORE_SQL_ENTRY_GET] = { READ,
		ENTRY_COLUMNS("messages m")
		"WHERE m.id = :id AND m.name IS NOT NULL AND m.place IS NOT NULL AND (:version = 0 OR m.state NOT IN " FILES ")" },

	[STORE_SQL_MAILDIR_LIST] = { READ,
		MAILDIR_COLUMNS("INDEXED BY messages_place")
		"WHERE m.place = :mailbox AND m.id > :after AND m.name IS NOT NULL AND m.state <> 7 ORDER BY m.id" },
	[STORE_SQL_MAILDIR_FIND] = { READ,
		MAILDIR_COLUMNS("") "WHERE m.place = :mailbox AND m.maildir = :base AND m.name IS NOT NULL AND m.state <> 7" },
	[STORE_SQL_MAILDIR_GET] = { READ,
		MAILDIR_COLUMNS("") "WHERE m.id = :id AND m.place = :mailbox AND m.name IS NOT NULL AND m.state <> 7" },
	[STORE_SQL_MAILDIR_SET] = { WRITE,
		"UPDATE messages SET maildir = iif(" BASE_IS_TAKEN("messages.place", ":base") ", NULL, :base), old = :old"
		" WHERE id = :id" },
	[STORE_SQL_MAILDIR_FOLDERS] = { READ,
		MAILBOX_COLUMNS "WHERE m.account = :account AND m.id > :after AND m.attributes & 1 AND m.state <> 2 ORDER BY m.id" },

	/* In one statement: in several, the path could be one that was never there. */
	[STORE_SQL_MAILBOX_UP] = { READ | WRITE,
		"WITH RECURSIVE up (name, parent, depth) AS (SELECT name, parent, 1 FROM mailboxes WHERE id = :id"
		" UNION ALL SELECT m.name, m.parent, up.depth + 1 FROM up JOIN mailboxes m ON m.id = up.parent WHERE up.depth <= :most)"
		" SELECT name, ifnull(parent, 0) FROM up ORDER BY depth" },
	[STORE_SQL_MAILBOX_PATHS] = { READ,
		"WITH RECURSIVE tree (id, path) AS (SELECT :id, :path"
		" UNION ALL SELECT c.id, tree.path || '/' || c.name FROM tree JOIN mailboxes c ON c.parent = tree.id)"
		" SELECT path FROM tree" },

	[STORE_SQL_BODY_GET] = { READ | WRITE, BODY_COLUMNS "WHERE b.id = :id" },
	[STORE_SQL_BODY_OF_MESSAGE] = { READ, BODY_COLUMNS "JOIN messages m ON m.body = b.id WHERE m.id = :id" },
	[STORE_SQL_BODY_AHEAD] = { READ,
		"SELECT m.id, b.segment, b.offset, b.length FROM messages m INDEXED BY messages_place JOIN bodies b ON b.id = m.body"
		" WHERE m.place = (SELECT place FROM messages WHERE id = :id) AND m.id > :id ORDER BY m.id LIMIT :limit" },
	[STORE_SQL_BODY_KNOWN] = { READ | WRITE, BODY_COLUMNS "WHERE b.sha256 = :sha256" },
	[STORE_SQL_BODY_PLACE] = { WRITE, /* nothing, when the segment is gone */
		"INSERT INTO bodies (sha256, segment, offset, length)"
		" SELECT :sha256, id, :offset, :length FROM segments WHERE id = :segment"
		" ON CONFLICT (sha256) DO UPDATE SET segment = excluded.segment, offset = excluded.offset" },
	[STORE_SQL_COMPACT_DUE] = { READ, "SELECT body FROM departed UNION ALL SELECT body FROM loose" },
	[STORE_SQL_DEPARTED_FORGET] = { WRITE, "DELETE FROM departed" },
	[STORE_SQL_BODY_LOOSE] = { READ, "SELECT body FROM loose WHERE body > :after ORDER BY body LIMIT :limit" },
	[STORE_SQL_BODY_LOOSEN] = { WRITE, "INSERT INTO loose VALUES (:id) ON CONFLICT DO NOTHING" },
	[STORE_SQL_BODY_DROP] = { WRITE,
		"DELETE FROM bodies WHERE id = :id AND NOT EXISTS (SELECT 1 FROM messages WHERE body = :id)"
		" AND NOT EXISTS (SELECT 1 FROM messages WHERE header = :id)" },
	[STORE_SQL_BODY_LOOKED_AT] = { WRITE, "DELETE FROM loose WHERE body = :id" },
	[STORE_SQL_BODY_GONE] = { READ,
		"SELECT sha256, EXISTS (SELECT 1 FROM bodies b WHERE b.sha256 = gone.sha256) FROM gone WHERE since < :before"
		" ORDER BY since LIMIT :limit" },
	[STORE_SQL_BODY_FORGET] = { WRITE, "DELETE FROM gone WHERE sha256 = :sha256 AND since < :before" },
	SEGMENT_STATEMENTS(BODIES, WRITE, "bodies"),

	[STORE_SQL_TEXT_GET] = { READ,
		"SELECT b.id, t.segment, t.offset, t.length, t.sha256 FROM bodies b"
		" JOIN derived.texts t ON t.sha256 = b.sha256 AND t.version = :version WHERE b.id = :id" },
	[STORE_SQL_TEXT_OF_MESSAGE] = { READ,
		"SELECT b.id, t.segment, t.offset, t.length, t.sha256 FROM messages m JOIN bodies b ON b.id = ifnull(m.body, m.header)"
		" JOIN derived.texts t ON t.sha256 = b.sha256 AND t.version = :version WHERE m.id = :id" },
	[STORE_SQL_TEXT_FIND] = { READ,
		"SELECT version, segment, offset, length FROM derived.texts WHERE sha256 = :sha256" },
	[STORE_SQL_TEXT_PUT] = { DERIVED,
		"INSERT INTO texts (sha256, version, segment, offset, length, created)"
		" VALUES (:sha256, :version, :segment, :offset, :length, :now)"
		" ON CONFLICT (sha256) DO UPDATE SET version = excluded.version, segment = excluded.segment,"
		" offset = excluded.offset, length = excluded.length, created = excluded.created" },
	[STORE_SQL_TEXT_MISSING] = { READ,
		BODY_COLUMNS "WHERE b.id > :after AND (EXISTS (SELECT 1 FROM messages WHERE body = b.id)"
		" OR EXISTS (SELECT 1 FROM messages WHERE header = b.id)) AND NOT EXISTS"
		" (SELECT 1 FROM derived.texts t WHERE t.sha256 = b.sha256 AND t.version = :version)"
		" ORDER BY b.id LIMIT :limit" },
	[STORE_SQL_TEXT_COMPLETE] = { READ,
		"SELECT c.body FROM derived.complete c JOIN bodies b ON b.id = c.body AND b.sha256 = c.sha256"
		" WHERE c.one = 1 AND c.version = :version" },
	[STORE_SQL_TEXT_SET_COMPLETE] = { DERIVED,
		"INSERT OR REPLACE INTO complete (one, version, body, sha256) VALUES (1, :version, :body, :sha256)" },
	[STORE_SQL_BODY_LAST] = { READ, BODY_COLUMNS "WHERE b.id = (SELECT max(id) FROM bodies)" },
	[STORE_SQL_TEXT_STALE] = { READ, STALE("texts") },
	[STORE_SQL_TEXT_PRUNED] = { READ, "SELECT at FROM derived.pruned" },
	[STORE_SQL_TEXT_SET_PRUNED] = { DERIVED, "UPDATE pruned SET at = :now" },
	[STORE_SQL_TEXT_DROP] = { DERIVED, "DELETE FROM texts WHERE sha256 = :sha256 AND created < :before" },
	SEGMENT_STATEMENTS(TEXTS, DERIVED, "texts"),

	[STORE_SQL_PARTS_GET] = { READ, "SELECT outline FROM derived.parts WHERE sha256 = :sha256 AND version = :version" },
	[STORE_SQL_PARTS_PUT] = { DERIVED,
		"INSERT OR REPLACE INTO parts (sha256, version, outline, created) VALUES (:sha256, :version, :outline, :now)" },
	[STORE_SQL_PARTS_STALE] = { READ, STALE("parts") },
	[STORE_SQL_PARTS_DROP] = { DERIVED, "DELETE FROM parts WHERE sha256 = :sha256 AND created < :before" },
};
