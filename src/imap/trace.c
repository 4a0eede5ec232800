#include "imap/trace.h"

#include "core/log.h"

#include <string.h>

#define SHOWN_MAX_BYTES 400

struct ImapTrace {
	const ImapSecret *secret;
	char *account;
	GString *line;    /* what will be shown of the line that is arriving */
	uint64_t skip;    /* bytes of a literal still to come */
	uint64_t literal; /* the number in a "{n" that may become one */
	enum { LITERAL_NO, LITERAL_DIGITS, LITERAL_CLOSED } brace;
	enum { QUOTED_NO, QUOTED_SHOWN, QUOTED_HIDDEN } quoted;
	bool escaped, cut;
};

ImapTrace *
imap_trace_new(const char *account, const ImapSecret *secret)
{
	ImapTrace *trace = g_new0(ImapTrace, 1);

	trace->secret = secret;
	trace->account = g_strdup(account ? account : "imap");
	trace->line = g_string_new(NULL);
	return trace;
}

void
imap_trace_free(ImapTrace *trace)
{
	if (trace) {
		g_string_free(trace->line, true);
		g_free(trace->account);
		g_free(trace);
	}
}

bool
imap_trace_on(void)
{
	return core_log_enabled(CORE_LOG_TRACE);
}

void
imap_trace_sent(const ImapTrace *trace, const char *line)
{
	size_t length = strlen(line);

	core_log(CORE_LOG_TRACE, "imap", "%s > %.*s%s", trace->account, (int)MIN(length, SHOWN_MAX_BYTES), line,
	         length > SHOWN_MAX_BYTES ? "…" : "");
}

static void
show(ImapTrace *trace, const char *text, size_t length)
{
	if (trace->cut)
		return;
	g_string_append_len(trace->line, text, (gssize)length);
	if (trace->line->len >= SHOWN_MAX_BYTES) {
		g_string_append(trace->line, "…");
		trace->cut = true;
	}
}

/* In a FETCH only dates are shown of what is quoted: the rest is text of messages. */
static bool
hides_quoted(const GString *line)
{
	const char *p = line->str;

	if (p[0] != '*' || p[1] != ' ')
		return false;
	p += 2;
	p += strspn(p, "0123456789");
	return g_ascii_strncasecmp(p, " FETCH ", 7) == 0 && !g_str_has_suffix(p, "DATE ");
}

static void
see_brace(ImapTrace *trace, char c)
{
	if (c == '{') {
		trace->brace = LITERAL_DIGITS;
		trace->literal = 0;
	} else if (trace->brace == LITERAL_DIGITS && g_ascii_isdigit(c)) {
		trace->literal = trace->literal * 10 + (uint64_t)(c - '0'); /* the parser has bounds; this only has to end */
	} else if (trace->brace == LITERAL_DIGITS && c == '}') {
		trace->brace = LITERAL_CLOSED;
	} else if (c != '\r' && c != '+') {
		trace->brace = LITERAL_NO;
	}
}

static void
see_quoted(ImapTrace *trace, char c)
{
	bool hidden = trace->quoted == QUOTED_HIDDEN;

	if (!hidden && c != '\r')
		show(trace, &c, 1);
	if (trace->escaped) {
		trace->escaped = false;
	} else if (c == '\\') {
		trace->escaped = true;
	} else if (c == '"') {
		trace->quoted = QUOTED_NO;
		if (hidden)
			show(trace, "…\"", strlen("…\""));
	}
}

static void
see_line_end(ImapTrace *trace)
{
	if (trace->brace == LITERAL_CLOSED) {
		trace->skip = trace->literal;
		if (!trace->cut)
			g_string_truncate(trace->line, trace->line->len - 1);
		show(trace, " bytes}", 7);
	}
	trace->brace = LITERAL_NO;
	trace->quoted = QUOTED_NO; /* no quoted string goes beyond its line: one quote too many before does no harm after */
	trace->escaped = false;
}

static void
see(ImapTrace *trace, char c)
{
	if (c == '\n') {
		see_line_end(trace);
		return;
	}
	see_brace(trace, c);
	if (trace->quoted != QUOTED_NO) {
		see_quoted(trace, c);
	} else if (c != '\r') {
		if (c == '"')
			trace->quoted = hides_quoted(trace->line) ? QUOTED_HIDDEN : QUOTED_SHOWN;
		show(trace, &c, 1);
	}
}

void
imap_trace_received(ImapTrace *trace, const uint8_t *bytes, size_t length, bool whole)
{
	if (!imap_trace_on())
		return;
	for (size_t i = 0; i < length; i++) {
		if (trace->skip > 0) {
			size_t n = MIN(trace->skip, length - i);
			trace->skip -= n;
			i += n - 1;
		} else {
			see(trace, (char)bytes[i]);
		}
	}
	if (whole) {
		imap_secret_mask(trace->secret, trace->line->str);
		core_log(CORE_LOG_TRACE, "imap", "%s < %s", trace->account, trace->line->str);
		g_string_truncate(trace->line, 0);
		trace->skip = 0;
		trace->brace = LITERAL_NO;
		trace->quoted = QUOTED_NO;
		trace->escaped = trace->cut = false;
	}
}
