/* Whether the bytes of a message that the server tells of are here already: under another row, or as what is left of
 * one.  A wrong answer would show other bytes than the server has, so what is in doubt is "no".  Each question looks at a
 * bounded number of rows, however many are alike. */
#include "store/internal.h"

#include <string.h>

#define SAME_ID_MAX 200 /* more rows of one EMAILID or X-GM-MSGID than copies of one message are likely to be */

static void
bind_alike(StoreQuery *query, const StoreMessage *described)
{
	store_bind_int(query, ":rfc822_size", (int64_t)described->rfc822_size);
	store_bind_int(query, ":internaldate", described->internaldate_s);
}

bool
store_message_any_alike(Store *store, const StoreMessage *described, bool *any_r, GError **error)
{
	*any_r = false;
	if (described->rfc822_size == 0)
		return true;
	g_auto(StoreReader) reader = store_reader_get(store, error);
	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_MESSAGE_ANY_ALIKE);
	bind_alike(query, described);
	StoreStep step = store_query_step(reader.db, query, error);
	*any_r = step == STORE_ROW;
	return step != STORE_FAILED;
}

bool
store_message_known_by_id(Store *store, int64_t account_id, const StoreMessage *described, int64_t *body_id_r,
                          GError **error)
{
	StoreStep step;
	int64_t known = 0;
	unsigned rows = 0;
	bool doubt = false;

	*body_id_r = 0;
	if (described->rfc822_size == 0 || (!described->emailid && described->gm_msgid == 0))
		return true;
	g_auto(StoreReader) reader = store_reader_get(store, error);
	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_MESSAGE_ALIKE_IDS);
	store_bind_text(query, ":emailid", described->emailid);
	store_bind_id(query, ":gm_msgid", (int64_t)described->gm_msgid);
	store_bind_int(query, ":limit", SAME_ID_MAX);
	while (!doubt && (step = store_query_step(reader.db, query, error)) == STORE_ROW) {
		int64_t body = sqlite3_column_int64(query, 1);
		doubt = ++rows == SAME_ID_MAX;
		if (sqlite3_column_int64(query, 0) != account_id)
			continue;
		doubt |= (uint64_t)sqlite3_column_int64(query, 2) != described->rfc822_size;
		doubt |= body != 0 && known != 0 && body != known;
		known = body != 0 ? body : known;
	}
	if (!doubt)
		*body_id_r = known;
	return doubt || step == STORE_DONE;
}

/* The one body among those that are alike; 0: there is none, or there are several. */
static bool
ask_only_body(StoreDb *db, const StoreMessage *described, int64_t *body_id_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(db, STORE_SQL_MESSAGE_ALIKE_BODIES);
	int64_t only = 0;

	bind_alike(query, described);
	store_bind_sha256(query, ":header_sha256", described->header_sha256);
	if (!store_query_row(db, query, error))
		return false;
	*body_id_r = 0;
	for (int column = 0; column < 4; column++) {
		int64_t body = sqlite3_column_int64(query, column); /* 0 where there is none */
		if (body != 0 && only != 0 && body != only)
			return true;
		only = body != 0 ? body : only;
	}
	*body_id_r = only;
	return true;
}

bool
store_message_known_by_header(Store *store, int64_t account_id, const StoreMessage *described, int64_t *body_id_r,
                              GError **error)
{
	int64_t body_id = 0;

	g_assert(described->header_sha256);
	*body_id_r = 0;
	if (described->rfc822_size == 0)
		return true;
	g_auto(StoreReader) reader = store_reader_get(store, error);
	if (!reader.db || !ask_only_body(reader.db, described, &body_id, error))
		return false;
	if (body_id == 0)
		return true;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_MESSAGE_HAS_BODY);
	store_bind_int(query, ":account", account_id);
	store_bind_int(query, ":body", body_id);
	StoreStep step = store_query_step(reader.db, query, error);
	if (step == STORE_ROW)
		*body_id_r = body_id;
	return step != STORE_FAILED;
}
