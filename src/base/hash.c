#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/base16.h>
#include <nettle/sha2.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

struct hash_sha256 {
	struct sha256_ctx ctx;
};

struct hash_sha256 *hash_sha256_new(void)
{
	struct hash_sha256 *h = xmalloc(sizeof *h);

	sha256_init(&h->ctx);
	return h;
}

struct hash_sha256 *hash_sha256_resume(const uint32_t state[8], uint64_t blocks)
{
	struct hash_sha256 *h = hash_sha256_new();

	memcpy(h->ctx.state, state, sizeof h->ctx.state);
	h->ctx.count = blocks;
	return h;
}

void hash_sha256_update(struct hash_sha256 *h, const void *data, size_t len)
{
	sha256_update(&h->ctx, len, data);
}

void hash_sha256_finish(struct hash_sha256 *h, char hex[HASH_HEX_SIZE])
{
	uint8_t digest[SHA256_DIGEST_SIZE];

	sha256_digest(&h->ctx, sizeof digest, digest);
	base16_encode_update(hex, sizeof digest, digest);
	hex[HASH_HEX_SIZE - 1] = '\0';
	free(h);
}

void hash_memory(const void *data, size_t len, char hex[HASH_HEX_SIZE])
{
	struct hash_sha256 *h = hash_sha256_new();

	hash_sha256_update(h, data, len);
	hash_sha256_finish(h, hex);
}

int hash_file(const char *path, char hex[HASH_HEX_SIZE], struct err *e)
{
	enum { BLOCK = 1 << 18 };
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	autofree char *block = xmalloc(BLOCK);
	struct hash_sha256 *h;
	ssize_t n;

	if (fd < 0)
		return err_sys(e, errno, "open %s", path);
	h = hash_sha256_new();
	while ((n = read(fd, block, BLOCK)) > 0 || (n < 0 && errno == EINTR))
		if (n > 0)
			hash_sha256_update(h, block, (size_t)n);
	if (n < 0) {
		free(h);
		return err_sys(e, errno, "read %s", path);
	}
	hash_sha256_finish(h, hex);
	return 0;
}

uint64_t hash_xxh64(const void *data, size_t len, uint64_t seed)
{
	return XXH64(data, len, seed);
}
