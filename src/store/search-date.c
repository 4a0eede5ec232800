#include "store/search-date.h"

#include <string.h>

#define DAY_S (24 * 3600)
#define AGO_MAX_DAYS 100000

static const StoreMoment beginning = { STORE_SINCE_EPOCH, INT64_MIN }, never = { STORE_SINCE_EPOCH, INT64_MAX };

/* The number that @digits digits at *at are; -1: there are not so many, or more. */
static int
take_number(const char **at, int digits)
{
	int number = 0;

	for (int i = 0; i < digits; i++) {
		if (!g_ascii_isdigit((*at)[i]))
			return -1;
		number = 10 * number + (*at)[i] - '0';
	}
	*at += digits;
	return g_ascii_isdigit(**at) ? -1 : number;
}

/* Midnight that begins this day; days and months beyond their end go on in the next. */
static int64_t
midnight(int year, int month, int day)
{
	GDate date;

	year += (month - 1) / 12;
	month = (month - 1) % 12 + 1;
	if (year > 9999)
		return INT64_MAX;
	g_date_clear(&date, 1);
	g_date_set_dmy(&date, 1, (GDateMonth)month, (GDateYear)year);
	static const int64_t julian_1970 = 719163; /* of GDate, which counts from the year 1 */
	return ((int64_t)g_date_get_julian(&date) + day - 1 - julian_1970) * DAY_S;
}

/* A year, a month or a day. */
static bool
parse_calendar(const char *text, StoreMoment *first_r, StoreMoment *end_r)
{
	int year = take_number(&text, 4), month = 1, day = 1;
	bool has_month = *text == '-', has_day;

	if (has_month) {
		text++;
		month = take_number(&text, 2);
	}
	has_day = has_month && *text == '-';
	if (has_day) {
		text++;
		day = take_number(&text, 2);
	}
	if (*text || year < 1 || month < 1 || month > 12 || day < 1 ||
	    day > g_date_get_days_in_month((GDateMonth)month, (GDateYear)year))
		return false;
	*first_r = (StoreMoment){ STORE_SINCE_EPOCH, midnight(year, month, day) };
	*end_r = (StoreMoment){ STORE_SINCE_EPOCH, has_day   ? midnight(year, month, day + 1)
		                                       : has_month ? midnight(year, month + 1, 1)
		                                                   : midnight(year + 1, 1, 1) };
	return true;
}

static bool
parse_point(const char *text, StoreMoment *first_r, StoreMoment *end_r)
{
	bool yesterday = g_ascii_strcasecmp(text, "yesterday") == 0;

	if (!yesterday && g_ascii_strcasecmp(text, "today") != 0)
		return parse_calendar(text, first_r, end_r);
	*first_r = (StoreMoment){ STORE_SINCE_MIDNIGHT, yesterday ? -DAY_S : 0 };
	*end_r = (StoreMoment){ STORE_SINCE_MIDNIGHT, yesterday ? 0 : DAY_S };
	return true;
}

/* "7d" */
static bool
parse_ago(const char *text, StoreMoment *first_r)
{
	char *end;
	guint64 days = g_ascii_isdigit(*text) ? g_ascii_strtoull(text, &end, 10) : 0;

	if (days == 0 || days > AGO_MAX_DAYS || g_ascii_strcasecmp(end, "d") != 0)
		return false;
	*first_r = (StoreMoment){ STORE_SINCE_NOW, -(int64_t)days * DAY_S };
	return true;
}

static StoreDateResult
parse_range(const char *from, const char *to, StoreMoment *first_r, StoreMoment *end_r)
{
	StoreMoment ignored;

	*first_r = beginning;
	*end_r = never;
	if ((!*from && !*to) || (*from && !parse_point(from, first_r, &ignored)) ||
	    (*to && !parse_point(to, &ignored, end_r)))
		return STORE_DATE_BAD;
	bool is_reversed = first_r->since == end_r->since && first_r->offset_s >= end_r->offset_s;
	return is_reversed ? STORE_DATE_REVERSED : STORE_DATE_GOOD;
}

StoreDateResult
store_date_parse(const char *text, StoreMoment *first_r, StoreMoment *end_r)
{
	const char *dots = strstr(text, "..");

	if (dots) {
		g_autofree char *from = g_strndup(text, (gsize)(dots - text));
		return parse_range(from, dots + 2, first_r, end_r);
	}
	if (parse_ago(text, first_r)) {
		*end_r = never;
		return STORE_DATE_GOOD;
	}
	return parse_point(text, first_r, end_r) ? STORE_DATE_GOOD : STORE_DATE_BAD;
}

int64_t
store_moment_at(const StoreMoment *moment, int64_t now_s)
{
	switch (moment->since) {
	case STORE_SINCE_MIDNIGHT:
		return now_s - now_s % DAY_S + moment->offset_s;
	case STORE_SINCE_NOW:
		return now_s + moment->offset_s;
	case STORE_SINCE_EPOCH:
	default:
		return moment->offset_s;
	}
}
