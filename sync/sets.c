#include "sync/sets.h"

#include "imap/refusal.h"

#define LIMIT_MESSAGES 25 /* no server finds so few too many */

/* uids[from..to), and what was answered. */
typedef struct {
	guint from, to;
	ImapReply replies[SYNC_SET_COMMANDS];
} Piece;

static void
clear_piece(void *data)
{
	for (unsigned i = 0; i < SYNC_SET_COMMANDS; i++)
		imap_reply_clear(&((Piece *)data)->replies[i]);
}

static GArray *
new_pieces(void)
{
	GArray *pieces = g_array_new(FALSE, TRUE, sizeof(Piece));

	g_array_set_clear_func(pieces, clear_piece);
	return pieces;
}

static void
add_piece(GArray *pieces, guint from, guint to)
{
	Piece piece = { .from = from, .to = to };

	g_array_append_val(pieces, piece);
}

static GArray *
cut(const SyncSets *sets)
{
	GArray *pieces = new_pieces();
	g_auto(ImapUidSet) all = { 0 };
	size_t position = 0;
	guint at = 0;

	for (guint i = 0; i < sets->count; i++)
		imap_uidset_add(&all, sets->uids[i]);
	for (char *text; (text = imap_uidset_format(&all, &position, SYNC_SET_BYTES)); g_free(text)) {
		guint from = at;
		while (at < sets->count && sets->uids[at] <= all.ranges[position - 1].last)
			at++;
		add_piece(pieces, from, at);
	}
	return pieces;
}

static void
send_piece(const SyncSets *sets, Piece *piece)
{
	g_auto(ImapUidSet) uids = { 0 };
	size_t position = 0;

	for (guint i = piece->from; i < piece->to; i++)
		imap_uidset_add(&uids, sets->uids[i]);
	g_autofree char *text = imap_uidset_format(&uids, &position, SIZE_MAX);
	for (unsigned i = 0; i < sets->commands; i++)
		imap_session_send(sets->worker->session, sets->make(text, i, sets->data), &piece->replies[i]);
}

/* Refusals of which no half is spared. */
static bool
is_of_all(const SyncSets *sets, const ImapReply *reply)
{
	return reply->code == IMAP_CODE_NOPERM || reply->code == IMAP_CODE_TRYCREATE || reply->code == IMAP_CODE_NONEXISTENT ||
	       reply->code == IMAP_CODE_READ_ONLY || reply->code == IMAP_CODE_OVERQUOTA ||
	       (reply->kind == IMAP_RESPONSE_BAD && sets->bad_is_final);
}

/* LIMIT may be about how many messages one command names (RFC 5530), which waiting does not change. */
static bool
is_too_many(const Piece *piece, const ImapReply *reply)
{
	return reply->code == IMAP_CODE_LIMIT && piece->to - piece->from > LIMIT_MESSAGES;
}

/* @halves: where what is to be tried again goes. */
static void
judge(const SyncSets *sets, const Piece *piece, GArray *halves, GError **busy)
{
	const ImapReply *refusal = NULL;
	guint middle = piece->from + (piece->to - piece->from) / 2;

	for (unsigned i = 0; i < sets->commands; i++) {
		if (!piece->replies[i].done)
			return;
		if (!refusal && piece->replies[i].kind != IMAP_RESPONSE_OK)
			refusal = &piece->replies[i];
	}
	if (!refusal) {
		sets->done(piece->from, piece->to, piece->replies, sets->data);
	} else if (imap_refusal_is_busy(refusal->code, refusal->text) && !is_too_many(piece, refusal)) {
		sets->put_off(piece->from, piece->to, refusal, sets->data);
		if (!*busy)
			imap_reply_check(refusal, sets->name, busy);
	} else if (piece->to - piece->from == 1 || is_of_all(sets, refusal)) {
		sets->refused(piece->from, piece->to, refusal, sets->data);
	} else {
		add_piece(halves, piece->from, middle);
		add_piece(halves, middle, piece->to);
	}
}

/* *pieces become the halves of those that were refused. */
static bool
run_once(const SyncSets *sets, GArray **pieces, GError **error)
{
	GArray *halves = new_pieces();
	GError *busy = NULL;

	for (guint i = 0; i < (*pieces)->len; i++)
		send_piece(sets, &g_array_index(*pieces, Piece, i));
	bool ok = imap_session_wait(sets->worker->session, NULL, error);
	for (guint i = 0; i < (*pieces)->len; i++)
		judge(sets, &g_array_index(*pieces, Piece, i), halves, &busy);
	g_array_unref(*pieces);
	*pieces = halves;
	if (ok && busy) {
		g_propagate_error(error, busy);
		return false;
	}
	g_clear_error(&busy);
	return ok;
}

bool
sync_sets_run(const SyncSets *sets, GError **error)
{
	g_autoptr(GArray) pieces = cut(sets);

	while (pieces->len > 0)
		if (!run_once(sets, &pieces, error))
			return false;
	return true;
}
