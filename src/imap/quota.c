/* QUOTA (RFC 9208 5.1, RFC 2087): of all resources only STORAGE counts, in units of 1024 octets. */
#include "imap/decode.h"

#define UNIT_BYTES 1024

static void
take_storage(ImapQuota *quota, const ImapNode *used, const ImapNode *limit, bool *damaged)
{
	uint64_t used_units, limit_units;

	if (!imap_node_number(used, INT64_MAX / UNIT_BYTES, &used_units) ||
	    !imap_node_number(limit, INT64_MAX / UNIT_BYTES, &limit_units)) {
		*damaged = true;
		return;
	}
	quota->has_storage = true;
	quota->used_bytes = used_units * UNIT_BYTES;
	quota->limit_bytes = limit_units * UNIT_BYTES;
}

void
imap_decode_quota(const ImapNode *values, ImapResponse *response)
{
	const ImapNode *resources = values;

	response->quota.root = imap_node_is_word(values) ? values->text : "";
	while (resources && resources->kind != IMAP_NODE_LIST)
		resources = resources->next;
	response->damaged |= !imap_node_is_word(values) || resources != values->next || !resources || resources->next;
	for (const ImapNode *name = resources ? resources->first : NULL, *used, *limit; name; name = limit ? limit->next : NULL) {
		used = name->next;
		limit = used ? used->next : NULL;
		if (!limit)
			response->damaged = true;
		else if (imap_node_is(name, "STORAGE"))
			take_storage(&response->quota, used, limit, &response->damaged);
	}
}
