#include "core/sha256.h"

void
core_sha256_init(CoreSha256 *hash)
{
	sha256_init(&hash->state);
}

void
core_sha256_feed(CoreSha256 *hash, const void *bytes, size_t length)
{
	sha256_update(&hash->state, length, bytes);
}

void
core_sha256_end(CoreSha256 *hash, uint8_t digest_r[CORE_SHA256_BYTES])
{
	sha256_digest(&hash->state, CORE_SHA256_BYTES, digest_r);
}

void
core_sha256(const void *bytes, size_t length, uint8_t digest_r[CORE_SHA256_BYTES])
{
	CoreSha256 hash;

	core_sha256_init(&hash);
	core_sha256_feed(&hash, bytes, length);
	core_sha256_end(&hash, digest_r);
}
