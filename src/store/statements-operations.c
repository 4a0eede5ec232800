/* The statements about operations. */
#include "store/statements.h"

#define READ STORE_DB_READ
#define WRITE STORE_DB_WRITE

/* In the order in which store_operation_take_row() takes them. */
#define OPERATION_FIELDS \
	"o.id, o.account, o.kind, o.state, o.message, o.mailbox, o.target, o.source, o.add_flags, o.remove_flags, o.arguments," \
	" o.error, o.attempts, o.removal, o.created, o.not_before, o.ended, o.target_uidvalidity, o.target_uidnext, o.target_uid," \
	" o.former, o.former_is_users"

#define OPERATION_COLUMNS "SELECT " OPERATION_FIELDS " FROM operations o "

const StoreStatementText store_operation_statements[STORE_STATEMENTS] = {
	[STORE_SQL_OPERATION_GET] = { WRITE, OPERATION_COLUMNS "WHERE o.id = :id" },
	[STORE_SQL_OPERATION_OF_MESSAGE] = { WRITE,
		OPERATION_COLUMNS "WHERE o.message = :id AND o.ended = 0 ORDER BY o.id" },
	[STORE_SQL_OPERATION_OF_SOURCE] = { WRITE,
		OPERATION_COLUMNS "WHERE o.source = :id AND o.ended = 0 ORDER BY o.id" },
	[STORE_SQL_OPERATION_OF_FOLDERS] = { WRITE,
		OPERATION_COLUMNS "WHERE o.account = :id AND o.ended = 0 AND o.message IS NULL"
		" ORDER BY o.id" },
	[STORE_SQL_OPERATION_INSERT] = { WRITE,
		"INSERT INTO operations (account, kind, state, message, mailbox, target, source, add_flags, remove_flags,"
		" arguments, former, former_is_users, error, removal, not_before, created)"
		" VALUES (:account, :kind, :state, :message, :mailbox, :target, :source, :add_flags, :remove_flags,"
		" :arguments, :former, :former_is_users, :error, :removal, :not_before, :now)" },
	[STORE_SQL_OPERATION_WRITE] = { WRITE,
		"UPDATE operations SET account = :account, kind = :kind, state = :state, message = :message,"
		" mailbox = :mailbox, target = :target, source = :source, add_flags = :add_flags,"
		" remove_flags = :remove_flags, arguments = :arguments, former = :former,"
		" former_is_users = :former_is_users, error = :error, removal = :removal, not_before = :not_before,"
		" ended = :ended WHERE id = :id" },
	[STORE_SQL_OPERATION_SET_STATE] = { WRITE,
		"UPDATE operations SET state = :state, error = :error, ended = :ended WHERE id = :id" },
	[STORE_SQL_OPERATION_CANCEL_ALL] = { WRITE,
		"UPDATE operations SET state = 'cancelled', error = :error, ended = :now WHERE message = :id AND ended = 0" },
	[STORE_SQL_OPERATION_HAND_OVER] = { WRITE,
		"UPDATE operations SET message = :to WHERE message = :from AND ended = 0" },
	[STORE_SQL_OPERATION_HAND_OVER_SOURCE] = { WRITE,
		"UPDATE operations SET source = :to WHERE source = :from AND ended = 0" },
};
