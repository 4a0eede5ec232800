/* The protocol for people (-vv): one line of the log for a line of the protocol, "ACCOUNT > …" sent, "ACCOUNT < …"
 * received.  Without secrets (commands leave them out), literals, and quoted strings of FETCH, which can be message
 * data; long lines are cut. */
#pragma once

#include "imap/secret.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct ImapTrace ImapTrace;

/* @secret (borrowed) is masked in what is received. */
ImapTrace *imap_trace_new(const char *account, const ImapSecret *secret);
void imap_trace_free(ImapTrace *trace);

/* True if anything will be shown. */
bool imap_trace_on(void);

void imap_trace_sent(const ImapTrace *trace, const char *line);

/* Bytes as they were parsed; @whole: they end a response. */
void imap_trace_received(ImapTrace *trace, const uint8_t *bytes, size_t length, bool whole);
