#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

struct hash_sha256 {
	EVP_MD_CTX *ctx;
};

struct hash_sha256 *hash_sha256_new(void)
{
	struct hash_sha256 *h = xmalloc(sizeof *h);

	h->ctx = EVP_MD_CTX_new();
	if (!h->ctx || !EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL))
		abort(); /* no memory, or a libcrypto without SHA-256 */
	return h;
}

void hash_sha256_update(struct hash_sha256 *h, const void *data, size_t len)
{
	EVP_DigestUpdate(h->ctx, data, len);
}

void hash_sha256_finish(struct hash_sha256 *h, char hex[HASH_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char digest[HASH_SHA256_SIZE];

	EVP_DigestFinal_ex(h->ctx, digest, NULL);
	for (size_t i = 0; i < sizeof digest; i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	hex[HASH_HEX_SIZE - 1] = '\0';
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

void hash_memory(const void *data, size_t len, char hex[HASH_HEX_SIZE])
{
	struct hash_sha256 *h = hash_sha256_new();

	hash_sha256_update(h, data, len);
	hash_sha256_finish(h, hex);
}

typedef void update_fn(void *ctx, const void *data, size_t len);

/* Gives the whole file to `update`. */
static int read_file(const char *path, update_fn *update, void *ctx, struct err *e)
{
	enum { BLOCK = 1 << 18 };
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	autofree char *block = xmalloc(BLOCK);
	ssize_t n;

	if (fd < 0)
		return err_sys(e, errno, "open %s", path);
	while ((n = read(fd, block, BLOCK)) > 0 || (n < 0 && errno == EINTR))
		if (n > 0)
			update(ctx, block, (size_t)n);
	return n < 0 ? err_sys(e, errno, "read %s", path) : 0;
}

static void update_sha256(void *ctx, const void *data, size_t len)
{
	hash_sha256_update(ctx, data, len);
}

int hash_file(const char *path, char hex[HASH_HEX_SIZE], struct err *e)
{
	struct hash_sha256 *h = hash_sha256_new();
	int status = read_file(path, update_sha256, h, e);
	char digest[HASH_HEX_SIZE];

	hash_sha256_finish(h, digest);
	if (status == 0)
		memcpy(hex, digest, sizeof digest);
	return status;
}

struct quick {
	XXH3_state_t state;
	uint64_t size;
};

static void update_quick(void *ctx, const void *data, size_t len)
{
	struct quick *q = ctx;

	XXH3_128bits_update(&q->state, data, len);
	q->size += len;
}

int hash_file_quick(const char *path, char hex[HASH_HEX_SIZE], struct err *e)
{
	struct quick q = {.size = 0};
	XXH128_hash_t digest;

	XXH3_128bits_reset(&q.state);
	if (read_file(path, update_quick, &q, e) < 0)
		return -1;
	digest = XXH3_128bits_digest(&q.state);
	snprintf(hex, HASH_HEX_SIZE, "%016llx%016llx%032llx",
		(unsigned long long)digest.high64, (unsigned long long)digest.low64,
		(unsigned long long)q.size);
	return 0;
}

void hash_hmac_sha1(const void *key, size_t key_len, const void *data, size_t len,
	uint8_t mac[HASH_SHA1_SIZE])
{
	if (!EVP_Q_mac(NULL, "HMAC", NULL, "SHA1", NULL, key, key_len, data, len, mac,
		    HASH_SHA1_SIZE, NULL))
		memset(mac, 0, HASH_SHA1_SIZE); /* a libcrypto without SHA-1 */
}

int hash_base64(const char *text, size_t len, uint8_t *out, size_t size)
{
	size_t padded = (size + 2) / 3 * 4, padding = (3 - size % 3) % 3;
	autofree unsigned char *block = NULL;

	if (len != padded || (padding && text[len - padding] != '='))
		return -1;
	block = xmalloc(padded);
	if (EVP_DecodeBlock(block, (const unsigned char *)text, (int)len) < (int)size)
		return -1;
	memcpy(out, block, size);
	return 0;
}

uint64_t hash_xxh64(const void *data, size_t len, uint64_t seed)
{
	return XXH64(data, len, seed);
}
