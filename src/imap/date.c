/* INTERNALDATE: "17-Jul-1996 02:44:25 -0700" (RFC 9051 date-time). */
#include "imap/decode.h"

#include <string.h>
#include <time.h>

/* Reads @count digits at most, at least one; NULL if there is none. */
static const char *
digits(const char *at, int count, int *value_r)
{
	*value_r = 0;
	if (!g_ascii_isdigit(*at))
		return NULL;
	for (; count > 0 && g_ascii_isdigit(*at); count--, at++)
		*value_r = *value_r * 10 + (*at - '0');
	return at;
}

static const char *
month(const char *at, int *month_r)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";

	for (int i = 0; i < 12; i++) {
		if (g_ascii_strncasecmp(at, names + i * 3, 3) == 0) {
			*month_r = i + 1;
			return at + 3;
		}
	}
	return NULL;
}

static const char *
expect(const char *at, char c)
{
	return at && *at == c ? at + 1 : NULL;
}

static bool
zone(const char *at, int32_t *minutes_r)
{
	char sign = *at++;
	int value;
	const char *behind = (sign == '+' || sign == '-') ? digits(at, 4, &value) : NULL;

	if (!behind || behind - at != 4 || *behind || value / 100 > 23 || value % 100 > 59)
		return false;
	*minutes_r = (value / 100 * 60 + value % 100) * (sign == '-' ? -1 : 1);
	return true;
}

bool
imap_decode_date(const char *text, int64_t *seconds_r, int32_t *zone_min_r, bool *damaged)
{
	int day, mon = 0, year, hour, minute, second;
	const char *at = text + strspn(text, " ");

	if (!(at = expect(digits(at, 2, &day), '-')) || !(at = expect(month(at, &mon), '-')) ||
	    !(at = expect(digits(at, 4, &year), ' ')) || !(at = expect(digits(at, 2, &hour), ':')) ||
	    !(at = expect(digits(at, 2, &minute), ':')) || !(at = digits(at, 2, &second)))
		return false;
	if (year < 1 || !g_date_valid_dmy((GDateDay)day, (GDateMonth)mon, (GDateYear)year) || hour > 23 || minute > 59 ||
	    second > 60)
		return false;

	struct tm tm = { .tm_year = year - 1900, .tm_mon = mon - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute,
	                 .tm_sec = second };
	int32_t minutes = 0;

	at += strspn(at, " ");
	if (!zone(at, &minutes))
		*damaged = true;
	*seconds_r = (int64_t)timegm(&tm) - minutes * 60;
	*zone_min_r = minutes;
	return true;
}
