#include "imap/uidset.h"

#include "imap/number.h"

#include <stdlib.h>
#include <string.h>

typedef struct ImapUidRange Range;

void
imap_uidset_clear(ImapUidSet *set)
{
	g_free(set->ranges);
	*set = (ImapUidSet){ 0 };
}

static void
reserve(ImapUidSet *set, size_t count)
{
	if (count > set->allocated) {
		set->allocated = MAX(count, MAX(set->allocated * 2, 8));
		set->ranges = g_renew(Range, set->ranges, set->allocated);
	}
}

/* The first range that ends at @uid or above; set->count if none does. */
static size_t
find(const ImapUidSet *set, uint32_t uid)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set->ranges[middle].last < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void
imap_uidset_add(ImapUidSet *set, uint32_t uid)
{
	imap_uidset_add_range(set, uid, uid);
}

void
imap_uidset_add_range(ImapUidSet *set, uint32_t first, uint32_t last)
{
	Range *tail = set->count > 0 ? &set->ranges[set->count - 1] : NULL;

	if (first > last) {
		uint32_t swap = first;
		first = last;
		last = swap;
	}
	if (last == 0)
		return;
	first = MAX(first, 1);
	if (!tail || first - 1 > tail->last) {
		reserve(set, set->count + 1);
		set->ranges[set->count++] = (Range){ first, last };
		return;
	}

	/* All ranges from @begin up to, but without, @end touch the new one and become one with it. */
	size_t begin = find(set, first - 1), end = begin;
	while (end < set->count && set->ranges[end].first - 1 <= last) {
		first = MIN(first, set->ranges[end].first);
		last = MAX(last, set->ranges[end].last);
		end++;
	}
	if (begin == end)
		reserve(set, set->count + 1);
	memmove(&set->ranges[begin + 1], &set->ranges[end], (set->count - end) * sizeof(Range));
	set->ranges[begin] = (Range){ first, last };
	set->count = set->count + 1 - (end - begin);
}

bool
imap_uidset_has(const ImapUidSet *set, uint32_t uid)
{
	size_t at = find(set, uid);

	return at < set->count && set->ranges[at].first <= uid;
}

bool
imap_uidset_has_range(const ImapUidSet *set, uint32_t first, uint32_t last)
{
	size_t at = find(set, first);

	return at < set->count && set->ranges[at].first <= first && set->ranges[at].last >= last;
}

uint64_t
imap_uidset_size(const ImapUidSet *set)
{
	uint64_t size = 0;

	for (size_t i = 0; i < set->count; i++)
		size += (uint64_t)set->ranges[i].last - set->ranges[i].first + 1;
	return size;
}

/* One number or "*"; NULL if there is neither. */
static const char *
parse_number(const char *at, uint32_t star, uint32_t *number_r)
{
	uint64_t number;

	if (*at == '*' && star != 0) {
		*number_r = star;
		return at + 1;
	}
	at = imap_number_read(at, UINT32_MAX, &number);
	if (!at || number == 0)
		return NULL;
	*number_r = (uint32_t)number;
	return at;
}

/* Appends the ranges as they stand in the text. */
static bool
parse_ranges(GArray *ranges, const char *at, uint32_t star)
{
	for (;; at++) {
		Range range;

		if (!(at = parse_number(at, star, &range.first)))
			return false;
		range.last = range.first;
		if (*at == ':' && !(at = parse_number(at + 1, star, &range.last)))
			return false;
		if (range.first > range.last)
			range = (Range){ range.last, range.first };
		g_array_append_val(ranges, range);
		if (*at == '\0')
			return true;
		if (*at != ',')
			return false;
	}
}

static int
compare(const void *a, const void *b)
{
	const Range *left = a, *right = b;

	return left->first < right->first ? -1 : left->first > right->first;
}

bool
imap_uidset_parse(ImapUidSet *set, const char *text, uint32_t star)
{
	g_autoptr(GArray) ranges = g_array_new(false, false, sizeof(Range));

	if (!parse_ranges(ranges, text, star))
		return false;

	/* Sorted first, together with what the set has: adding in any order one by one would be quadratic. */
	const Range *new = (const Range *)(const void *)ranges->data;
	bool ascending = true;
	for (size_t i = 0; i < ranges->len && ascending; i++)
		ascending = new[i].first > (i > 0 ? new[i - 1].last : set->count > 0 ? set->ranges[set->count - 1].last : 0);
	if (!ascending) {
		g_array_append_vals(ranges, set->ranges, (guint)set->count);
		qsort(ranges->data, ranges->len, sizeof(Range), compare);
		new = (const Range *)(const void *)ranges->data;
		set->count = 0;
	}
	for (size_t i = 0; i < ranges->len; i++)
		imap_uidset_add_range(set, new[i].first, new[i].last);
	return true;
}

char *
imap_uidset_format(const ImapUidSet *set, size_t *position, size_t max_bytes)
{
	GString *text;

	if (*position >= set->count)
		return NULL;
	text = g_string_new(NULL);
	for (; *position < set->count; (*position)++) {
		const Range *range = &set->ranges[*position];
		gsize before = text->len;

		g_string_append_printf(text, "%s%u", before > 0 ? "," : "", range->first);
		if (range->last > range->first)
			g_string_append_printf(text, ":%u", range->last);
		if (text->len > max_bytes && before > 0) {
			g_string_truncate(text, before);
			break;
		}
	}
	return g_string_free(text, FALSE);
}
