/* Extended attributes of messages, the same in every view that shows messages. */
#pragma once

#include "store/store.h"

/* The names that the message has, NULL-terminated. */
const char *const *fs_xattr_names(Store *store, int64_t message_id);

/* The value of @name for the message; g_free().  False with *error unset: there is no such attribute, or the message
 * has none. */
bool fs_xattr_get(Store *store, int64_t message_id, const char *mime_type, const char *name, char **value_r,
                  GError **error);
