#include "store/schema.h"

#include "store/db.h"
#include "store/search-token.h"

/* Ids are AUTOINCREMENT wherever they leave the store: inode numbers are made of them and are never used again. */
static const char *const mail_1[] = {
	"CREATE TABLE accounts (\n"
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
	"  name TEXT NOT NULL UNIQUE,            -- as the configuration calls it\n"
	"  last_sync INTEGER NOT NULL DEFAULT 0, -- end of the last complete synchronisation, seconds since 1970; 0: never\n"
	"  last_error TEXT                       -- what the last attempt failed with; NULL: it went well\n"
	") STRICT;\n",

	/* Rows form the directory tree, so a mailbox that exists on the server only as part of another's name has one too. */
	"CREATE TABLE mailboxes (\n"
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
	"  account INTEGER NOT NULL REFERENCES accounts (id),\n"
	"  parent INTEGER REFERENCES mailboxes (id), -- NULL: at the account's root\n"
	"  name TEXT NOT NULL,                       -- the path's last component as people see it\n"
	"  server_name TEXT,                         -- the bytes of LIST; NULL: only a directory\n"
	"  separator INTEGER NOT NULL DEFAULT 0,     -- the hierarchy separator, as a byte; 0: none\n"
	"  attributes INTEGER NOT NULL DEFAULT 0,    -- bits: STORE_MAILBOX_* of mailboxes.h\n"
	"  uidvalidity INTEGER NOT NULL DEFAULT 0,   -- 0: never synchronised\n"
	"  uidnext INTEGER NOT NULL DEFAULT 0,       -- every UID below it was seen; 0: unknown\n"
	"  highestmodseq INTEGER NOT NULL DEFAULT 0, -- everything up to it was applied; 0: none (RFC 7162)\n"
	"  mailboxid TEXT,                           -- RFC 8474; NULL: the server has none\n"
	"  changed INTEGER NOT NULL                  -- when its entries last changed, seconds since 1970; never goes back\n"
	") STRICT;\n"
	"CREATE UNIQUE INDEX mailboxes_name ON mailboxes (account, ifnull(parent, 0), name);\n"
	"CREATE UNIQUE INDEX mailboxes_server_name ON mailboxes (account, server_name) WHERE server_name IS NOT NULL;\n"
	"CREATE INDEX mailboxes_parent ON mailboxes (parent);\n",

	"CREATE TABLE segments (\n"
	"  id INTEGER PRIMARY KEY AUTOINCREMENT -- the file bodies/ID\n"
	") STRICT;\n",

	/* No count of references is kept: whether a body has messages is found by messages_body, and store_compact() drops those
	 * that have none. */
	"CREATE TABLE bodies (\n"
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
	"  sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32), -- of the bytes\n"
	"  segment INTEGER NOT NULL REFERENCES segments (id),\n"
	"  offset INTEGER NOT NULL CHECK (offset >= 0), -- where it begins in the segment, bytes\n"
	"  length INTEGER NOT NULL CHECK (length >= 0)  -- bytes\n"
	") STRICT;\n"
	"CREATE INDEX bodies_segment ON bodies (segment, offset, length);\n",

	"CREATE TABLE messages (\n"
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
	"  mailbox INTEGER NOT NULL REFERENCES mailboxes (id),\n"
	"  uid INTEGER,                   -- NULL: none yet\n"
	"  state INTEGER NOT NULL DEFAULT 0, -- 0: on the server; 1: to be matched after a UIDVALIDITY change;\n"
	"                                 -- 2: only here, never to be uploaded; 3: to be uploaded; 4: the server refused it\n"
	"  error TEXT,                    -- why, in state 4, in the server's words\n"
	"  name TEXT,                     -- in mail/; NULL: not visible yet\n"
	"  name_is_users INTEGER NOT NULL DEFAULT 0, -- 1: the user chose the name; 0: it is the canonical one\n"
	"  internaldate INTEGER NOT NULL, -- seconds since 1970\n"
	"  rfc822_size INTEGER NOT NULL,  -- the server's word, bytes: a hint\n"
	"  base_flags TEXT NOT NULL,      -- as the server last said, in the form of store_flags_normalise()\n"
	"  modseq INTEGER NOT NULL,       -- of the message (RFC 7162); 0: unknown\n"
	"  emailid TEXT,                  -- RFC 8474; NULL: the server has none\n"
	"  threadid TEXT,                 -- RFC 8474; NULL: the server has none\n"
	"  gm_msgid INTEGER,              -- X-GM-MSGID, its 64 bits; NULL: the server has none\n"
	"  header_sha256 BLOB,            -- of BODY[HEADER]; NULL: unknown\n"
	"  body INTEGER REFERENCES bodies (id) -- NULL: not here\n"
	") STRICT;\n"
	"CREATE UNIQUE INDEX messages_uid ON messages (mailbox, uid);\n" /* NULL differs from NULL */
	"CREATE UNIQUE INDEX messages_name ON messages (mailbox, name) WHERE name IS NOT NULL;\n"
	"CREATE INDEX messages_visible ON messages (mailbox) WHERE name IS NOT NULL;\n" /* in the order of ids */
	"CREATE INDEX messages_missing ON messages (mailbox, uid) WHERE body IS NULL AND uid IS NOT NULL;\n"
	"CREATE INDEX messages_unmatched ON messages (mailbox, body, internaldate) WHERE state = 1;\n"
	"CREATE INDEX messages_body ON messages (body) WHERE body IS NOT NULL;\n"
	"CREATE INDEX messages_emailid ON messages (emailid) WHERE emailid IS NOT NULL;\n"
	"CREATE INDEX messages_gm_msgid ON messages (gm_msgid) WHERE gm_msgid IS NOT NULL;\n"
	"CREATE INDEX messages_alike ON messages (rfc822_size, internaldate, header_sha256, body) WHERE body IS NOT NULL;\n",

	/* Messages whose rows are gone but whose bodies are still here, until the next compaction: moved by another client,
	 * they turn up in another folder, perhaps only in the next run. */
	"CREATE TABLE departed (\n"
	"  account INTEGER NOT NULL REFERENCES accounts (id),\n"
	"  body INTEGER NOT NULL REFERENCES bodies (id) ON DELETE CASCADE,\n"
	"  internaldate INTEGER NOT NULL, -- these six as the message had them\n"
	"  rfc822_size INTEGER NOT NULL,\n"
	"  emailid TEXT,\n"
	"  threadid TEXT,\n"
	"  gm_msgid INTEGER,\n"
	"  header_sha256 BLOB\n"
	") STRICT;\n"
	"CREATE INDEX departed_body ON departed (body);\n"
	"CREATE INDEX departed_emailid ON departed (emailid) WHERE emailid IS NOT NULL;\n"
	"CREATE INDEX departed_gm_msgid ON departed (gm_msgid) WHERE gm_msgid IS NOT NULL;\n"
	"CREATE INDEX departed_alike ON departed (rfc822_size, internaldate, header_sha256, body);\n"
	"CREATE TRIGGER messages_depart BEFORE DELETE ON messages WHEN OLD.body IS NOT NULL BEGIN\n"
	"  INSERT INTO departed (account, body, internaldate, rfc822_size, emailid, threadid, gm_msgid, header_sha256)\n"
	"  SELECT account, OLD.body, OLD.internaldate, OLD.rfc822_size, OLD.emailid, OLD.threadid, OLD.gm_msgid,\n"
	"    OLD.header_sha256 FROM mailboxes WHERE id = OLD.mailbox;\n"
	"END;\n",

	/* What a user did and the server has not acknowledged yet, in the order of ids.  Messages and mailboxes are plain
	 * numbers, because an operation outlives a message that the server drops before it answers. */
	"CREATE TABLE operations (\n"
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
	"  account INTEGER NOT NULL REFERENCES accounts (id),\n"
	"  kind TEXT NOT NULL,            -- flags, append, move, copy, remove, create, rename, delete, submit\n"
	"  message INTEGER,               -- id of the message it is about; NULL: none\n"
	"  mailbox INTEGER,               -- id of the mailbox it begins in\n"
	"  target INTEGER,                -- id of the mailbox it ends in; NULL: the same or none\n"
	"  add_flags TEXT NOT NULL DEFAULT '',    -- the delta, in the form of store_flags_normalise()\n"
	"  remove_flags TEXT NOT NULL DEFAULT '',\n"
	"  arguments TEXT,                -- what else the kind needs; NULL: nothing\n"
	"  state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'done', 'held', 'failed')),\n"
	"  attempts INTEGER NOT NULL DEFAULT 0,   -- how often it was sent\n"
	"  error TEXT,                    -- what the last attempt failed with\n"
	"  created INTEGER NOT NULL,      -- seconds since 1970\n"
	"  not_before INTEGER NOT NULL DEFAULT 0, -- sent no sooner than this, seconds since 1970\n"
	"  target_uidvalidity INTEGER,    -- of the target before it was sent: where to look when the outcome is unknown\n"
	"  target_uidnext INTEGER         -- likewise\n"
	") STRICT;\n"
	"CREATE INDEX operations_message ON operations (message) WHERE state <> 'done';\n"
	"CREATE INDEX operations_open ON operations (account) WHERE state <> 'done';\n",
	NULL,
};

/* In a trigger on messages: what the row has had. */
#define LOOSEN \
	"  INSERT OR IGNORE INTO loose SELECT OLD.body WHERE OLD.body IS NOT NULL;\n" \
	"  INSERT OR IGNORE INTO loose SELECT OLD.header WHERE OLD.header IS NOT NULL;\n"

/* How much of each segment is in use; a REPLACE into @table would not be counted. */
#define COUNT_USED(table) \
	"ALTER TABLE segments ADD COLUMN used INTEGER NOT NULL DEFAULT 0; -- bytes, kept by triggers\n" \
	"UPDATE segments SET used = ifnull((SELECT sum(length) FROM " table " WHERE segment = segments.id), 0);\n" \
	"CREATE TRIGGER " table "_used_insert AFTER INSERT ON " table " BEGIN\n" \
	"  UPDATE segments SET used = used + NEW.length WHERE id = NEW.segment;\n" \
	"END;\n" \
	"CREATE TRIGGER " table "_used_delete AFTER DELETE ON " table " BEGIN\n" \
	"  UPDATE segments SET used = used - OLD.length WHERE id = OLD.segment;\n" \
	"END;\n" \
	"CREATE TRIGGER " table "_used_update AFTER UPDATE OF segment, length ON " table " BEGIN\n" \
	"  UPDATE segments SET used = used - OLD.length WHERE id = OLD.segment;\n" \
	"  UPDATE segments SET used = used + NEW.length WHERE id = NEW.segment;\n" \
	"END;\n"

static const char *const mail_2[] = {
	"ALTER TABLE accounts ADD COLUMN capabilities TEXT; -- of the last session's server; NULL: unknown\n",

	"ALTER TABLE mailboxes ADD COLUMN state INTEGER NOT NULL DEFAULT 0\n"
	"  CHECK (state BETWEEN 0 AND 2); -- 0: on the server; 1: to be created there; 2: to be deleted, not shown\n"
	"ALTER TABLE mailboxes ADD COLUMN messages INTEGER NOT NULL DEFAULT 0; -- rows with a UID, kept by triggers\n"
	"UPDATE mailboxes SET messages = (SELECT count(*) FROM messages m WHERE m.mailbox = mailboxes.id\n"
	"  AND m.uid IS NOT NULL);\n"
	"DROP INDEX mailboxes_name;\n"
	"CREATE UNIQUE INDEX mailboxes_name ON mailboxes (account, ifnull(parent, 0), name) WHERE state <> 2;\n"
	"CREATE INDEX mailboxes_deleted ON mailboxes (account, ifnull(parent, 0), name) WHERE state = 2;\n"
	"CREATE INDEX mailboxes_account ON mailboxes (account);\n",

	/* States of messages besides those of mail_1: 5: a copy that the server is to make; 6: the server moves it, and has
	 * told only that it left. */
	"ALTER TABLE messages ADD COLUMN place INTEGER REFERENCES mailboxes (id); -- where people see it; NULL: nowhere\n"
	"ALTER TABLE messages ADD COLUMN since INTEGER NOT NULL DEFAULT 0; -- when it came there, seconds since 1970\n"
	"ALTER TABLE messages ADD COLUMN header INTEGER REFERENCES bodies (id); -- its header block, kept while the body\n"
	"                                 -- is not here; NULL: not kept\n"
	"ALTER TABLE messages ADD COLUMN asked INTEGER NOT NULL DEFAULT 0; -- when its body was fetched because somebody read\n"
	"                                 -- it, seconds since 1970; 0: it was not\n"
	"UPDATE messages SET place = mailbox, since = unixepoch();\n"
	"DROP INDEX messages_name;\n"
	"DROP INDEX messages_visible;\n"
	"DROP INDEX messages_missing;\n"
	"CREATE UNIQUE INDEX messages_name ON messages (place, name) WHERE name IS NOT NULL AND place IS NOT NULL;\n"
	"CREATE INDEX messages_place ON messages (place) WHERE place IS NOT NULL;\n" /* in the order of ids; also for the key */
	"CREATE INDEX messages_missing ON messages (mailbox, uid) WHERE body IS NULL AND header IS NULL AND uid IS NOT NULL;\n"
	"CREATE INDEX messages_remote ON messages (mailbox, internaldate)\n"
	"  WHERE body IS NULL AND header IS NOT NULL AND uid IS NOT NULL;\n"
	"CREATE INDEX messages_header ON messages (header) WHERE header IS NOT NULL;\n"
	"CREATE INDEX messages_kept ON messages (mailbox, internaldate) WHERE body IS NOT NULL AND uid IS NOT NULL;\n"
	"CREATE INDEX messages_unmatched_header ON messages (mailbox, header_sha256) WHERE state = 1;\n"
	"CREATE INDEX messages_uploads ON messages (body) WHERE state IN (3, 4) AND body IS NOT NULL;\n",

	"CREATE TRIGGER messages_count_insert AFTER INSERT ON messages WHEN NEW.uid IS NOT NULL BEGIN\n"
	"  UPDATE mailboxes SET messages = messages + 1 WHERE id = NEW.mailbox;\n"
	"END;\n"
	"CREATE TRIGGER messages_count_delete AFTER DELETE ON messages WHEN OLD.uid IS NOT NULL BEGIN\n"
	"  UPDATE mailboxes SET messages = messages - 1 WHERE id = OLD.mailbox;\n"
	"END;\n"
	"CREATE TRIGGER messages_count_update AFTER UPDATE OF mailbox, uid ON messages\n"
	"WHEN (OLD.uid IS NULL) <> (NEW.uid IS NULL) OR OLD.mailbox <> NEW.mailbox BEGIN\n"
	"  UPDATE mailboxes SET messages = messages - 1 WHERE id = OLD.mailbox AND OLD.uid IS NOT NULL;\n"
	"  UPDATE mailboxes SET messages = messages + 1 WHERE id = NEW.mailbox AND NEW.uid IS NOT NULL;\n"
	"END;\n",

	/* SQLite cannot alter a CHECK, and no operation was ever queued before this version. */
	"DROP TABLE operations;\n"
	"CREATE TABLE operations (\n"
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
	"  account INTEGER NOT NULL REFERENCES accounts (id),\n"
	"  kind TEXT NOT NULL CHECK (kind IN ('flags', 'append', 'move', 'copy', 'remove', 'create', 'rename', 'delete')),\n"
	"  message INTEGER,               -- id of the message it is about; NULL: none\n"
	"  mailbox INTEGER,               -- id of the mailbox it begins in, or is about\n"
	"  target INTEGER,                -- id of the mailbox it ends in; NULL: none\n"
	"  source INTEGER,                -- of copy: id of the message that is copied; NULL: it has gone\n"
	"  add_flags TEXT NOT NULL DEFAULT '',    -- the delta, in the form of store_flags_normalise()\n"
	"  remove_flags TEXT NOT NULL DEFAULT '',\n"
	"  arguments TEXT,                -- what else the kind needs (operations.h); NULL: nothing\n"
	"  former TEXT,                   -- of move and remove: the message's name where it began; of rename: the mailbox's\n"
	"                                 -- path; NULL: as now\n"
	"  former_is_users INTEGER NOT NULL DEFAULT 0, -- 1: the user had chosen it\n"
	"  removal INTEGER NOT NULL DEFAULT 0,    -- 1: a user removed the message\n"
	"  state TEXT NOT NULL DEFAULT 'queued'\n"
	"    CHECK (state IN ('queued', 'sent', 'held', 'failed', 'done', 'cancelled')),\n"
	"  attempts INTEGER NOT NULL DEFAULT 0,   -- how often it was sent\n"
	"  losses INTEGER NOT NULL DEFAULT 0,     -- how often the connection ended before the server answered\n"
	"  undone INTEGER NOT NULL DEFAULT 0,     -- how often the server answered, and had neither done nor refused it\n"
	"  error TEXT,                    -- what the last attempt failed with, or why it is held or cancelled\n"
	"  created INTEGER NOT NULL,      -- seconds since 1970\n"
	"  not_before INTEGER NOT NULL DEFAULT 0, -- sent no sooner than this, seconds since 1970\n"
	"  ended INTEGER NOT NULL DEFAULT 0,      -- when it was done or cancelled; 0: open\n"
	"  target_uidvalidity INTEGER NOT NULL DEFAULT 0, -- of the target before it was sent: where to look when the outcome\n"
	"  target_uidnext INTEGER NOT NULL DEFAULT 0,     -- is unknown\n"
	"  target_uid INTEGER NOT NULL DEFAULT 0          -- of a move: its copy is there; 0: not yet\n"
	") STRICT;\n"
	"CREATE INDEX operations_message ON operations (message, ended) WHERE message IS NOT NULL;\n"
	"CREATE INDEX operations_source ON operations (source) WHERE ended = 0 AND source IS NOT NULL;\n"
	"CREATE INDEX operations_mailbox ON operations (mailbox) WHERE ended = 0;\n"
	"CREATE INDEX operations_target ON operations (target) WHERE ended = 0 AND target IS NOT NULL;\n"
	"CREATE INDEX operations_folders ON operations (account, kind) WHERE ended = 0 AND message IS NULL;\n"
	"CREATE INDEX operations_open ON operations (account) WHERE ended = 0;\n" /* in the order of ids */
	"CREATE INDEX operations_removals ON operations (account, created) WHERE kind = 'remove';\n"
	"CREATE INDEX operations_ended ON operations (ended) WHERE ended <> 0;\n",

	/* What store_compact() looks at: not all that there is, but what was let go since. */
	"CREATE TABLE loose (\n"
	"  body INTEGER PRIMARY KEY REFERENCES bodies (id) ON DELETE CASCADE -- a message or a header has left it; it may be\n"
	"                                 -- in use nevertheless\n"
	") STRICT;\n"
	"INSERT INTO loose SELECT id FROM bodies WHERE NOT EXISTS (SELECT 1 FROM messages WHERE body = bodies.id);\n"
	"CREATE TRIGGER messages_loose_delete AFTER DELETE ON messages WHEN OLD.body IS NOT NULL OR OLD.header IS NOT NULL BEGIN\n"
	LOOSEN
	"END;\n"
	"CREATE TRIGGER messages_loose_update AFTER UPDATE OF body, header ON messages\n"
	"WHEN OLD.body IS NOT NEW.body OR OLD.header IS NOT NEW.header BEGIN\n"
	LOOSEN
	"END;\n",

	"CREATE TABLE gone (\n"
	"  sha256 BLOB PRIMARY KEY,      -- of a body that was dropped; what was derived from it is still to be\n"
	"  since INTEGER NOT NULL        -- seconds since 1970\n"
	") STRICT, WITHOUT ROWID;\n"
	"CREATE INDEX gone_since ON gone (since);\n"
	"CREATE TRIGGER bodies_gone AFTER DELETE ON bodies BEGIN\n"
	"  INSERT OR REPLACE INTO gone (sha256, since) VALUES (OLD.sha256, unixepoch());\n"
	"END;\n",

	COUNT_USED("bodies"),
	NULL,
};

static const char *const mail_3[] = {
	"ALTER TABLE accounts ADD COLUMN quota_used INTEGER;  -- bytes, of RFC 9208's STORAGE; NULL: the server did not say\n"
	"ALTER TABLE accounts ADD COLUMN quota_limit INTEGER; -- likewise\n"
	"ALTER TABLE mailboxes ADD COLUMN rights TEXT; -- what MYRIGHTS said (RFC 4314); NULL: nothing, so all is allowed\n",

	/* States of messages besides those of mail_2: 7: a file that is no message, only here; 8: the same, in tmp/ of the
	 * mailbox's Maildir, shown nowhere else. */
	"ALTER TABLE messages ADD COLUMN dated INTEGER NOT NULL DEFAULT 0; -- 1: the user has set its time; 2: it is that of\n"
	"                                 -- a message that it has replaced\n"
	"ALTER TABLE messages ADD COLUMN maildir TEXT; -- in maildir/, without flags, as a mail program called it; NULL: made\n"
	"                                 -- of the id\n"
	"ALTER TABLE messages ADD COLUMN old INTEGER NOT NULL DEFAULT 0; -- 1: a mail program has moved it out of new/\n"
	"CREATE UNIQUE INDEX messages_maildir ON messages (place, maildir) WHERE maildir IS NOT NULL AND place IS NOT NULL;\n"
	"ALTER TABLE mailboxes ADD COLUMN stirred INTEGER NOT NULL DEFAULT 0; -- when a name in its directories in maildir/\n"
	"                                 -- last changed, milliseconds since 1970; greater at each change; 0: not yet\n"
	"ALTER TABLE operations ADD COLUMN heir INTEGER; -- of move and remove: id of the message that replaces it, which must\n"
	"                                 -- be on the server first; NULL: none\n"
	"CREATE INDEX operations_heir ON operations (heir) WHERE ended = 0 AND heir IS NOT NULL;\n",

	"CREATE TABLE searches (\n"
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
	"  account INTEGER NOT NULL REFERENCES accounts (id),\n"
	"  query TEXT NOT NULL,          -- as it is listed\n"
	"  UNIQUE (account, query)\n"
	") STRICT;\n",

	/* For searches: the newest first, and whose the index is. */
	"CREATE INDEX messages_date ON messages (internaldate);\n" /* of one second in the order of ids */
	"CREATE TABLE identity (\n"
	"  one INTEGER PRIMARY KEY CHECK (one = 1),\n"
	"  id BLOB NOT NULL              -- drawn when this database was made: what was derived from another one with the same\n"
	"                                -- ids is not to be taken for what was derived from this\n"
	") STRICT;\n"
	"INSERT INTO identity VALUES (1, randomblob(16));\n",
	NULL,
};

static const char *const derived_1[] = {
	"CREATE TABLE segments (\n"
	"  id INTEGER PRIMARY KEY AUTOINCREMENT -- the file text/ID\n"
	") STRICT;\n",

	/* By content, so that it stays true whatever happens to the other database. */
	"CREATE TABLE texts (\n"
	"  sha256 BLOB PRIMARY KEY,      -- of the body it was made from\n"
	"  version INTEGER NOT NULL,     -- of the renderer\n"
	"  segment INTEGER NOT NULL REFERENCES segments (id),\n"
	"  offset INTEGER NOT NULL,      -- where it begins in the segment, bytes\n"
	"  length INTEGER NOT NULL,      -- bytes\n"
	"  created INTEGER NOT NULL      -- seconds since 1970\n"
	") STRICT, WITHOUT ROWID;\n"
	"CREATE INDEX texts_segment ON texts (segment, offset, length);\n",
	NULL,
};

static const char *const derived_2[] = {
	/* So that a start need not look through all of them; the hash tells whether it is still that mail.db. */
	"CREATE TABLE complete (\n"
	"  one INTEGER PRIMARY KEY CHECK (one = 1),\n"
	"  version INTEGER NOT NULL,     -- of the renderer\n"
	"  body INTEGER NOT NULL,        -- id in mail.db: all bodies up to it have texts of that version, as far as they can\n"
	"  sha256 BLOB NOT NULL          -- of that body\n"
	") STRICT;\n",

	"CREATE TABLE pruned (\n"
	"  one INTEGER PRIMARY KEY CHECK (one = 1),\n"
	"  at INTEGER NOT NULL           -- when all texts were last looked at, seconds since 1970\n"
	") STRICT;\n"
	"INSERT INTO pruned SELECT 1, iif(EXISTS (SELECT 1 FROM texts), 0, unixepoch());\n",

	COUNT_USED("texts"),
	NULL,
};

static const char *const derived_3[] = {
	/* As little as a look at the message would tell again, so it is not worth a segment. */
	"CREATE TABLE parts (\n"
	"  sha256 BLOB PRIMARY KEY,      -- of the body it was made from\n"
	"  version INTEGER NOT NULL,     -- of who made it\n"
	"  outline BLOB NOT NULL,        -- which files parts/ has of it, as src/mime/outline-pack.c writes it\n"
	"  created INTEGER NOT NULL      -- seconds since 1970\n"
	") STRICT, WITHOUT ROWID;\n",
	NULL,
};

static const char *const search_1[] = {
	"CREATE TABLE state (\n"
	"  one INTEGER PRIMARY KEY CHECK (one = 1),\n"
	"  identity BLOB NOT NULL,       -- of mail.db\n"
	"  text_version INTEGER NOT NULL, -- of the renderer\n"
	"  done INTEGER NOT NULL,        -- id in mail.db: the bodies up to it are indexed\n"
	"  documents INTEGER NOT NULL    -- how many; also of bodies that have gone\n"
	") STRICT;\n",

	/* Documents are bodies of mail.db, by their ids.  The last column has words that nobody types, for what has:… finds.
	 * Phrases, and with them Chinese, need the places of words (detail=full, the default); a tenth is gained by larger pages
	 * and by what is gathered in memory; an index for prefixes would double the size. */
	"CREATE VIRTUAL TABLE words USING fts5 (sender, recipients, subject, body, marks, content = '', columnsize = 0,\n"
	"  tokenize = '" STORE_TOKENIZER "');\n"
	"INSERT INTO words (words, rank) VALUES ('pgsz', 16000), ('hashsize', 4194304);\n", /* bytes */
	NULL,
};

static const char *const *const mail_steps[] = { mail_1, mail_2, mail_3 };
static const char *const *const derived_steps[] = { derived_1, derived_2, derived_3 };
static const char *const *const search_steps[] = { search_1 };

const StoreSchema store_schema_mail = { 0x6d61696c /* "mail" */, G_N_ELEMENTS(mail_steps), mail_steps };
const StoreSchema store_schema_derived = { 0x6d747874 /* "mtxt" */, G_N_ELEMENTS(derived_steps), derived_steps };
const StoreSchema store_schema_search = { 0x6d667473 /* "mfts" */, G_N_ELEMENTS(search_steps), search_steps, .page_bytes = 16384 };

static bool
run(sqlite3 *handle, const char *sql, GError **error)
{
	return sqlite3_exec(handle, sql, NULL, NULL, NULL) == SQLITE_OK || store_db_throw(handle, sql, error);
}

/* The first column of the first row as a number; *value_r stays when there is no row. */
static bool
ask(sqlite3 *handle, const char *sql, int *value_r, GError **error)
{
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(handle, sql, -1, &statement, NULL);

	if (rc == SQLITE_OK) {
		rc = sqlite3_step(statement);
		if (rc == SQLITE_ROW)
			*value_r = sqlite3_column_int(statement, 0);
	}
	bool ok = rc == SQLITE_ROW || rc == SQLITE_DONE || store_db_throw(handle, sql, error);
	sqlite3_finalize(statement);
	return ok;
}

static bool
step(sqlite3 *handle, const StoreSchema *schema, int version, GError **error)
{
	g_autofree char *stamp = g_strdup_printf("PRAGMA application_id = %d; PRAGMA user_version = %d",
	                                         schema->application_id, version + 1);
	int broken = 0;

	for (const char *const *sql = schema->steps[version]; *sql; sql++) {
		if (!run(handle, *sql, error))
			return false;
	}
	if (!run(handle, stamp, error))
		return false;
	if (!ask(handle, "SELECT count(*) FROM pragma_foreign_key_check", &broken, error))
		return false;
	if (broken > 0)
		return core_throw(error, CORE_ERROR_CORRUPT, "%d rows refer to rows that do not exist", broken);
	core_step("migrate");
	return run(handle, "COMMIT", error);
}

bool
store_schema_migrate(sqlite3 *handle, const StoreSchema *schema, GError **error)
{
	int version = 0, application_id = 0, tables = 0;

	if (!ask(handle, "PRAGMA user_version", &version, error) ||
	    !ask(handle, "PRAGMA application_id", &application_id, error) ||
	    !ask(handle, "SELECT count(*) FROM sqlite_schema", &tables, error))
		return false;
	if (tables == 0 ? version != 0 : application_id != schema->application_id)
		return core_throw(error, CORE_ERROR_CORRUPT, "it is not a database of mailtree");
	if (version > schema->versions)
		return core_throw(error, CORE_ERROR_CORRUPT,
		                  "it was made by a newer version of mailtree (schema %d; this one knows %d)", version,
		                  schema->versions);

	for (; version < schema->versions; version++) {
		if (!run(handle, "BEGIN IMMEDIATE", error))
			return false;
		if (!step(handle, schema, version, error)) {
			sqlite3_exec(handle, "ROLLBACK", NULL, NULL, NULL);
			return core_prefix(error, "migrating to schema %d: ", version + 1);
		}
	}
	return true;
}
