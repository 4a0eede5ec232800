/* Numbers and sets as servers write them; pedantic, because a number that is not understood is better absent. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Decimal digits only, at most @max.  False, with *@value_r as it was, for anything else. */
bool imap_number_parse(const char *text, uint64_t max, uint64_t *value_r);

/* The digits at @at; returns what is behind them, or NULL if there are none or they say more than @max. */
const char *imap_number_read(const char *at, uint64_t max, uint64_t *value_r);

/* RFC 9051 "sequence-set" without "*", as a server writes it: 1,3:5 with every number in 1 … 2^32 - 1. */
bool imap_number_is_set(const char *text);
