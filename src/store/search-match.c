#include "store/search-match.h"

#include "store/search-words.h"

#include <string.h>

typedef struct {
	enum { ALL, ANY, NOT, SET, DATE, FLAG, FOLDER } kind;
	GPtrArray *parts;       /* of Node; of ALL, ANY, NOT */
	StoreSet set;
	int64_t first_s, end_s; /* of DATE */
	const char *flag;
	unsigned folder;        /* its number */
} Node;

/* A change of flags that the server has not acknowledged. */
typedef struct {
	int64_t message_id;
	const char *add, *remove;
} Delta;

struct StoreMatch {
	StoreDb *db;          /* while it is made, as are the next ones */
	int64_t now_s, last;
	bool is_index;
	GPtrArray *folders;   /* of borrowed paths */
	bool has_flags;
	Node *node;
	GHashTable *places;
	GArray *deltas;       /* by message, then in their order */
	GStringChunk *strings; /* of the deltas */
};

static void
node_free(void *data)
{
	Node *node = data;

	if (!node)
		return;
	g_clear_pointer(&node->parts, g_ptr_array_unref);
	store_set_clear(&node->set);
	g_free(node);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Node, node_free)

static Node *
node_new(int kind)
{
	Node *node = g_new0(Node, 1);

	node->kind = kind;
	if (kind == ALL || kind == ANY || kind == NOT)
		node->parts = g_ptr_array_new_with_free_func(node_free);
	return node;
}

static bool
set_fill(StoreMatch *match, StoreSet *set, const char *words, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(match->db, STORE_SQL_SEARCH_WORDS);
	StoreStep step;

	store_bind_text(query, ":match", words);
	while ((step = store_query_step(match->db, query, error)) == STORE_ROW) {
		int64_t id = sqlite3_column_int64(query, 0);
		if (id > 0 && id <= match->last)
			store_set_add(set, id);
	}
	match->is_index |= step == STORE_FAILED;
	return step == STORE_DONE;
}

static Node *
make_set(StoreMatch *match, const char *words, GError **error)
{
	g_autoptr(Node) node = node_new(SET);

	return set_fill(match, &node->set, words, error) ? g_steal_pointer(&node) : NULL;
}

static Node *make(StoreMatch *match, const StoreTerm *term, GError **error);

static Node *
make_group(StoreMatch *match, const StoreTerm *term, GError **error)
{
	g_autoptr(Node) node = node_new(term->kind == STORE_TERM_AND ? ALL : ANY);
	g_autofree char *words = store_words_of_group(term);

	if (words) {
		Node *part = make_set(match, words, error);
		if (!part)
			return NULL;
		g_ptr_array_add(node->parts, part);
	}
	for (guint i = 0; i < term->parts->len; i++) {
		const StoreTerm *part = term->parts->pdata[i];
		if (store_words_took(term, part, words))
			continue;
		Node *made = make(match, part, error);
		if (!made)
			return NULL;
		g_ptr_array_add(node->parts, made);
	}
	return node->parts->len == 1 ? g_ptr_array_steal_index(node->parts, 0) : g_steal_pointer(&node);
}

static Node *
make_words(StoreMatch *match, const StoreTerm *term, GError **error)
{
	g_autofree char *words = store_words_of(term);

	return make_set(match, words, error);
}

static Node *
make(StoreMatch *match, const StoreTerm *term, GError **error)
{
	Node *node, *part;

	switch (term->kind) {
	case STORE_TERM_AND:
	case STORE_TERM_OR:
		return make_group(match, term, error);
	case STORE_TERM_NOT:
		part = make(match, term->parts->pdata[0], error);
		if (!part)
			return NULL;
		node = node_new(NOT);
		g_ptr_array_add(node->parts, part);
		return node;
	case STORE_TERM_DATE:
		node = node_new(DATE);
		node->first_s = store_moment_at(&term->first, match->now_s);
		node->end_s = store_moment_at(&term->end, match->now_s);
		return node;
	case STORE_TERM_FLAG:
		node = node_new(FLAG);
		node->flag = term->text;
		match->has_flags = true;
		return node;
	case STORE_TERM_FOLDER:
		node = node_new(FOLDER);
		node->folder = match->folders->len;
		g_ptr_array_add(match->folders, term->text);
		return node;
	case STORE_TERM_TEXT:
	case STORE_TERM_ATTACHMENT:
	default:
		return make_words(match, term, error);
	}
}

static bool
load_deltas(StoreMatch *match, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(match->db, STORE_SQL_SEARCH_DELTAS);
	StoreStep step;

	while ((step = store_query_step(match->db, query, error)) == STORE_ROW) {
		Delta delta = { .message_id = sqlite3_column_int64(query, 0),
			            .add = g_string_chunk_insert_const(match->strings, store_column_text(query, 1)),
			            .remove = g_string_chunk_insert_const(match->strings, store_column_text(query, 2)) };
		g_array_append_val(match->deltas, delta);
	}
	return step == STORE_DONE;
}

StoreMatch *
store_match_new(StoreDb *db, const StoreSearch *search, const char *account, int64_t last, int64_t now_s,
                bool *is_index_r, GError **error)
{
	g_autoptr(StoreMatch) match = g_new0(StoreMatch, 1);

	match->db = db;
	match->now_s = now_s;
	match->last = last;
	match->folders = g_ptr_array_new();
	match->deltas = g_array_new(FALSE, FALSE, sizeof(Delta));
	match->strings = g_string_chunk_new(1024);
	match->node = make(match, search->term, error);
	*is_index_r = match->is_index;
	if (!match->node || !(match->places = store_places_load(db, account, match->folders, error)) ||
	    (match->has_flags && !load_deltas(match, error)))
		return NULL;
	return g_steal_pointer(&match);
}

void
store_match_free(StoreMatch *match)
{
	if (!match)
		return;
	node_free(match->node);
	g_ptr_array_unref(match->folders);
	g_array_unref(match->deltas);
	g_string_chunk_free(match->strings);
	g_clear_pointer(&match->places, g_hash_table_unref);
	g_free(match);
}

static bool
has_flag(const char *flags, const char *flag)
{
	size_t length = strlen(flag);

	for (; *flags; flags += strspn(flags, " ")) {
		size_t other = strcspn(flags, " ");
		if (other == length && g_ascii_strncasecmp(flags, flag, length) == 0)
			return true;
		flags += other;
	}
	return false;
}

/* As people see it: store_message_flags(). */
static bool
is_flagged(const StoreMatch *match, const StoreRow *row, const char *flag)
{
	const Delta *deltas = (const Delta *)(const void *)match->deltas->data;
	bool is = has_flag(row->flags, flag);
	guint from = 0, to = match->deltas->len;

	while (from < to) { /* to the first one of the message */
		guint middle = (from + to) / 2;
		if (deltas[middle].message_id < row->id)
			from = middle + 1;
		else
			to = middle;
	}
	for (; from < match->deltas->len && deltas[from].message_id == row->id; from++)
		is = (is && !has_flag(deltas[from].remove, flag)) || has_flag(deltas[from].add, flag);
	return is;
}

static bool
is(const StoreMatch *match, const Node *node, const StoreRow *row, const StorePlace *place)
{
	switch (node->kind) {
	case ALL:
	case ANY:
		for (guint i = 0; i < node->parts->len; i++) {
			if (is(match, node->parts->pdata[i], row, place) != (node->kind == ALL))
				return node->kind == ANY;
		}
		return node->kind == ALL;
	case NOT:
		return !is(match, node->parts->pdata[0], row, place);
	case SET:
		return store_set_has(&node->set, row->document);
	case DATE:
		return row->internaldate_s >= node->first_s && row->internaldate_s < node->end_s;
	case FLAG:
		return is_flagged(match, row, node->flag);
	case FOLDER:
	default:
		return place->folders >> node->folder & 1;
	}
}

const StorePlace *
store_match_row(const StoreMatch *match, const StoreRow *row)
{
	const StorePlace *place = g_hash_table_lookup(match->places, &row->place_id);

	return place && is(match, match->node, row, place) ? place : NULL;
}

static bool candidates(const Node *node, StoreSet *set_r);

/* The union of the parts' candidates, if all have some; of those of which all must match the fewest. */
static bool
candidates_of_group(const Node *node, StoreSet *set_r)
{
	g_auto(StoreSet) set = { 0 };
	bool any = false;

	for (guint i = 0; i < node->parts->len; i++) {
		g_auto(StoreSet) part = { 0 };
		if (!candidates(node->parts->pdata[i], &part)) {
			if (node->kind == ANY)
				return false;
			continue;
		}
		if (node->kind == ANY) {
			store_set_unite(&set, &part);
		} else if (!any || part.count < set.count) {
			store_set_clear(&set);
			set = part;
			part = (StoreSet){ 0 };
		}
		any = true;
	}
	*set_r = set;
	set = (StoreSet){ 0 };
	return any;
}

static bool
candidates(const Node *node, StoreSet *set_r)
{
	if (node->kind == ALL || node->kind == ANY)
		return candidates_of_group(node, set_r);
	if (node->kind == SET)
		store_set_unite(set_r, &node->set);
	return node->kind == SET;
}

bool
store_match_candidates(const StoreMatch *match, StoreSet *set_r)
{
	*set_r = (StoreSet){ 0 };
	return candidates(match->node, set_r);
}

static void
narrow(const Node *node, int64_t *first, int64_t *last)
{
	if (node->kind == DATE) {
		*first = MAX(*first, node->first_s);
		*last = MIN(*last, node->end_s - 1);
	}
}

void
store_match_dates(const StoreMatch *match, int64_t *first_r, int64_t *last_r)
{
	*first_r = INT64_MIN;
	*last_r = INT64_MAX;
	narrow(match->node, first_r, last_r);
	for (guint i = 0; match->node->kind == ALL && i < match->node->parts->len; i++)
		narrow(match->node->parts->pdata[i], first_r, last_r);
}
