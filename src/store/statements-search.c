/* Statements of the full-text index: of its writer, and of connections that search (mail.db, with search.db attached as
 * "search"). */
#include "store/statements.h"

#define SEARCH STORE_DB_SEARCH
#define INDEX STORE_DB_INDEX

/* In the order in which search-find.c takes them out of a row. */
#define FOUND_COLUMNS_OF(from) \
	"SELECT m.id, m.place, m.internaldate, m.base_flags, ifnull(m.body, m.header), m.name FROM " from " "
#define FOUND_COLUMNS FOUND_COLUMNS_OF("messages m")
/* People see it, and it is a message: no file (7), nothing in tmp/ (8). */
#define IS_SEEN "m.name IS NOT NULL AND m.place IS NOT NULL AND m.state NOT IN (7, 8)"

const StoreStatementText store_search_statements[STORE_STATEMENTS] = {
	/* The writer's. */
	[STORE_SQL_INDEX_STATE] = { INDEX, "SELECT identity, text_version, done, documents FROM state WHERE one = 1" },
	[STORE_SQL_INDEX_SET_STATE] = { INDEX,
		"INSERT OR REPLACE INTO state (one, identity, text_version, done, documents)"
		" VALUES (1, :identity, :version, :done, :documents)" },
	[STORE_SQL_INDEX_ADD] = { INDEX,
		"INSERT INTO words (rowid, sender, recipients, subject, body, marks)"
		" VALUES (:id, :sender, :recipients, :subject, :body, :marks)" },
	[STORE_SQL_INDEX_CLEAR] = { INDEX, "INSERT INTO words (words) VALUES ('delete-all')" },

	/* What is to be indexed; as BODY_COLUMNS, then the text. */
	[STORE_SQL_INDEX_BODIES] = { STORE_DB_READ,
		"SELECT b.id, b.segment, b.offset, b.length, b.sha256, t.segment, t.offset, t.length FROM bodies b"
		" LEFT JOIN derived.texts t ON t.sha256 = b.sha256 AND t.version = :version"
		" WHERE b.id > :after ORDER BY b.id LIMIT :limit" },
	[STORE_SQL_INDEX_LIVE] = { STORE_DB_READ, "SELECT count(*) FROM bodies" },
	[STORE_SQL_INDEX_TO_DO] = { STORE_DB_READ, "SELECT count(*) FROM bodies WHERE id > :after" },
	/* Of mail.db; the highest id that a body ever had, and that of the last one. */
	[STORE_SQL_INDEX_IDENTITY] = { STORE_DB_READ | SEARCH,
		"SELECT id, ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'bodies'), 0),"
		" ifnull((SELECT max(id) FROM bodies), 0) FROM identity WHERE one = 1" },

	/* Of who searches. */
	[STORE_SQL_SEARCH_BEGIN] = { SEARCH, "BEGIN" },
	[STORE_SQL_SEARCH_END] = { SEARCH, "COMMIT" },
	[STORE_SQL_SEARCH_STATE] = { SEARCH,
		"SELECT identity, text_version, done, documents FROM search.state WHERE one = 1" },
	[STORE_SQL_SEARCH_WORDS] = { SEARCH, "SELECT rowid FROM search.words WHERE words MATCH :match" },
	[STORE_SQL_SEARCH_MAILBOXES] = { SEARCH,
		"SELECT m.id, ifnull(m.parent, 0), m.name, a.name FROM accounts a JOIN mailboxes m ON m.account = a.id"
		" WHERE m.state <> 2" },
	[STORE_SQL_SEARCH_DELTAS] = { SEARCH,
		"SELECT o.message, o.add_flags, o.remove_flags"
		" FROM accounts a JOIN operations o ON o.account = a.id AND o.ended = 0"
		" WHERE o.kind = 'flags' AND o.state <> 'failed' AND o.message IS NOT NULL ORDER BY o.message, o.id" },
	[STORE_SQL_SEARCH_GET] = { SEARCH, FOUND_COLUMNS "WHERE m.id = :id" },
	[STORE_SQL_SEARCH_BODY] = { SEARCH,
		FOUND_COLUMNS "WHERE m.body = :body AND " IS_SEEN
		" UNION ALL " FOUND_COLUMNS "WHERE m.header = :body AND m.body IS NULL AND " IS_SEEN },
	[STORE_SQL_SEARCH_NEWEST] = { SEARCH,
		FOUND_COLUMNS_OF("messages m INDEXED BY messages_date") "WHERE m.internaldate BETWEEN :first AND :last AND " IS_SEEN
		" ORDER BY m.internaldate DESC, m.id DESC" },
	[STORE_SQL_SEARCH_IDS] = { SEARCH, FOUND_COLUMNS "WHERE m.id > :after AND " IS_SEEN " ORDER BY m.id" },
};
