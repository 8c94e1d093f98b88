#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
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
