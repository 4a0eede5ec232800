#include "mime/transfer.h"

#include <glib.h>
#include <pthread.h>
#include <string.h>

void
mime_decoder_init(MimeDecoder *decoder, MimeTransfer transfer, bool inside)
{
	memset(decoder, 0, offsetof(MimeDecoder, held));
	decoder->transfer = transfer;
	decoder->found = inside;
}

/* Base64. */

#define PAD 64
#define JUNK 65

/* 0 to 63, PAD or JUNK for each byte. */
static uint8_t rank_table[256];
static pthread_once_t rank_once = PTHREAD_ONCE_INIT;

static void
make_rank_table(void)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

	memset(rank_table, JUNK, sizeof rank_table);
	for (uint8_t i = 0; alphabet[i]; i++)
		rank_table[(uint8_t)alphabet[i]] = i;
}

/* Writes what a group that is not whole holds. */
static uint8_t *
end_group(MimeDecoder *decoder, uint8_t *to)
{
	uint32_t bits = decoder->bits << (4 - decoder->group) * 6;

	if (decoder->group >= 2)
		*to++ = (uint8_t)(bits >> 16);
	if (decoder->group == 3)
		*to++ = (uint8_t)(bits >> 8);
	decoder->group = decoder->pads = 0;
	decoder->bits = 0;
	return to;
}

static uint8_t *
put_sextet(MimeDecoder *decoder, uint8_t rank, uint8_t *to)
{
	if (rank == PAD) { /* as in Python: one that ends no group is junk */
		if (decoder->group >= 2 && decoder->group + ++decoder->pads >= 4)
			to = end_group(decoder, to);
		return to;
	}
	decoder->pads = 0;
	decoder->bits = decoder->bits << 6 | rank;
	if (++decoder->group == 4) {
		*to++ = (uint8_t)(decoder->bits >> 16);
		*to++ = (uint8_t)(decoder->bits >> 8);
		*to++ = (uint8_t)decoder->bits;
		decoder->group = 0;
		decoder->bits = 0;
	}
	return to;
}

static size_t
feed_base64(MimeDecoder *decoder, const uint8_t *p, const uint8_t *end, uint8_t *out)
{
	const uint8_t *rank = rank_table;
	uint8_t *to = out;

	pthread_once(&rank_once, make_rank_table);

	while (p < end) {
		while (decoder->group == 0 && end - p >= 4) { /* nearly always */
			uint32_t a = rank[p[0]], b = rank[p[1]], c = rank[p[2]], d = rank[p[3]];

			if ((a | b | c | d) >= PAD)
				break;
			*to++ = (uint8_t)(a << 2 | b >> 4);
			*to++ = (uint8_t)(b << 4 | c >> 2);
			*to++ = (uint8_t)(c << 6 | d);
			p += 4;
		}
		if (p < end && rank[*p] != JUNK)
			to = put_sextet(decoder, rank[*p], to);
		p += p < end;
	}
	return (size_t)(to - out);
}

/* Quoted-printable.  What is held is blanks, or "=" with a hexadecimal digit or blanks behind it. */

static uint8_t *
put_held(MimeDecoder *decoder, uint8_t *to)
{
	memcpy(to, decoder->held, decoder->held_length);
	to += decoder->held_length;
	decoder->held_length = 0;
	return to;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool
has_equals(const MimeDecoder *decoder)
{
	return decoder->held_length > 0 && decoder->held[0] == '=';
}

/* "=" and one digit. */
static bool
is_half(const MimeDecoder *decoder)
{
	return has_equals(decoder) && decoder->held_length == 2 && !is_blank(decoder->held[1]);
}

/* A digit behind "=", or behind that and a digit; false if it is none there. */
static bool
put_digit(MimeDecoder *decoder, uint8_t c, uint8_t **to)
{
	bool second = is_half(decoder);

	if (!g_ascii_isxdigit(c) || !(second || (has_equals(decoder) && decoder->held_length == 1)))
		return false;
	if (second) {
		*(*to)++ = (uint8_t)(g_ascii_xdigit_value((char)decoder->held[1]) << 4 | g_ascii_xdigit_value((char)c));
		decoder->held_length = 0;
	} else {
		decoder->held[decoder->held_length++] = c;
	}
	return true;
}

static uint8_t *
put_quoted(MimeDecoder *decoder, uint8_t c, uint8_t *to)
{
	bool half = is_half(decoder), swallow = decoder->after_soft_cr && c == '\n';

	decoder->after_soft_cr = false;
	if (swallow || put_digit(decoder, c, &to))
		return to;
	if ((c == '\r' || c == '\n') && !half) {
		decoder->after_soft_cr = has_equals(decoder) && c == '\r';
		if (!has_equals(decoder))
			*to++ = c;
		decoder->held_length = 0;
		return to;
	}
	if (!is_blank(c) || half || decoder->held_length == MIME_TRANSFER_HELD_MAX_BYTES)
		to = put_held(decoder, to);
	if (is_blank(c) || c == '=')
		decoder->held[decoder->held_length++] = c;
	else
		*to++ = c;
	return to;
}

static size_t
feed_quoted(MimeDecoder *decoder, const uint8_t *p, const uint8_t *end, uint8_t *out)
{
	uint8_t *to = out;

	for (; p < end; p++) {
		if (decoder->held_length == 0 && *p > ' ' && *p != '=') {
			decoder->after_soft_cr = false;
			*to++ = *p;
		} else {
			to = put_quoted(decoder, *p, to);
		}
	}
	return (size_t)(to - out);
}

static uint8_t *
finish_quoted(MimeDecoder *decoder, uint8_t *to)
{
	if (is_half(decoder))
		to = put_held(decoder, to);
	decoder->held_length = 0;
	decoder->after_soft_cr = false;
	return to;
}

/* Uuencode. */

/* "begin 644 name" */
static bool
is_beginning(const uint8_t *line, size_t length)
{
	size_t i = strlen("begin ");

	if (length < i || memcmp(line, "begin ", i) != 0)
		return false;
	while (i < length && line[i] >= '0' && line[i] <= '7')
		i++;
	return i > strlen("begin ") && i < length && line[i] == ' ';
}

static uint8_t *
put_line(const uint8_t *line, size_t length, uint8_t *to)
{
	unsigned left = (line[0] - ' ') & 63;

	for (size_t i = 1; left > 0; i += 4) {
		uint32_t bits = 0;

		for (size_t j = i; j < i + 4; j++)
			bits = bits << 6 | (j < length ? (line[j] - ' ') & 63 : 0);
		for (unsigned shift = 16; left > 0 && shift <= 16; shift -= 8, left--)
			*to++ = (uint8_t)(bits >> shift);
	}
	return to;
}

/* The line that is held is whole. */
static uint8_t *
end_line(MimeDecoder *decoder, uint8_t *to)
{
	size_t length = decoder->held_length;

	decoder->held_length = 0;
	if (decoder->ended)
		return to;
	if (!decoder->found) {
		decoder->found = is_beginning(decoder->held, length);
		return to;
	}
	while (length > 0 && g_ascii_isspace(decoder->held[length - 1]))
		length--;
	decoder->ended = length == 3 && memcmp(decoder->held, "end", 3) == 0;
	return length > 0 && !decoder->ended ? put_line(decoder->held, length, to) : to;
}

static size_t
feed_uu(MimeDecoder *decoder, const uint8_t *p, const uint8_t *end, uint8_t *out)
{
	uint8_t *to = out;

	for (; p < end; p++) {
		if (*p == '\n' || *p == '\r')
			to = end_line(decoder, to);
		else if (decoder->held_length < MIME_TRANSFER_LINE_MAX_BYTES)
			decoder->held[decoder->held_length++] = *p;
	}
	return (size_t)(to - out);
}

size_t
mime_decoder_feed(MimeDecoder *decoder, const uint8_t *bytes, size_t length, uint8_t *out)
{
	const uint8_t *end = bytes + length;

	g_assert(length <= MIME_TRANSFER_PIECE_BYTES);
	switch (decoder->transfer) {
	case MIME_TRANSFER_BASE64:
		return feed_base64(decoder, bytes, end, out);
	case MIME_TRANSFER_QUOTED:
		return feed_quoted(decoder, bytes, end, out);
	case MIME_TRANSFER_UU:
		return feed_uu(decoder, bytes, end, out);
	case MIME_TRANSFER_AS_IS:
	case MIME_TRANSFER_COUNT:
		break;
	}
	memcpy(out, bytes, length);
	return length;
}

size_t
mime_decoder_finish(MimeDecoder *decoder, uint8_t *out)
{
	switch (decoder->transfer) {
	case MIME_TRANSFER_BASE64:
		return (size_t)(end_group(decoder, out) - out);
	case MIME_TRANSFER_QUOTED:
		return (size_t)(finish_quoted(decoder, out) - out);
	case MIME_TRANSFER_UU:
		return (size_t)(end_line(decoder, out) - out);
	case MIME_TRANSFER_AS_IS:
	case MIME_TRANSFER_COUNT:
		break;
	}
	return 0;
}

bool
mime_decoder_is_clean(const MimeDecoder *decoder, unsigned *back_r)
{
	*back_r = 0;
	switch (decoder->transfer) {
	case MIME_TRANSFER_BASE64:
		return decoder->group == 0;
	case MIME_TRANSFER_QUOTED:
		*back_r = decoder->held_length;
		return !decoder->after_soft_cr;
	case MIME_TRANSFER_UU:
		return decoder->held_length == 0 && decoder->found && !decoder->ended;
	case MIME_TRANSFER_AS_IS:
	case MIME_TRANSFER_COUNT:
		break;
	}
	return true;
}
