/* Pins of public keys, as configurations have them (NetTlsConfig).  Needs no library for TLS. */
#pragma once

#include "core/error.h"

#include <stdint.h>

#define NET_PIN_SIZE 32 /* SHA-256 */

/* CORE_ERROR_CONFIG: it is none. */
bool net_pin_parse(const char *text, uint8_t pin[static NET_PIN_SIZE], GError **error);
