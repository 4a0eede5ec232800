/* ~/.netrc, as ftp(1) and curl read it: machine, default, login, password, account, macdef, quotes, comments. */
#pragma once

#include "core/error.h"

/* The password for @user at @host in @text: of the first entry whose machine is @host (or "default") and whose login
 * is @user or not given.  g_free() after wiping; NULL if there is none. */
char *netrc_find(const char *text, const char *host, const char *user);
