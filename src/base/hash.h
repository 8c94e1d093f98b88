/* Digests: SHA-256 (libcrypto) names content; XXH3 (xxhash) tells whether it is the same
 * where nobody gains by a lie, XXH64 spreads names over partitions and buckets. */
#ifndef XTEST_BASE_HASH_H
#define XTEST_BASE_HASH_H

#include "base/err.h"

enum { HASH_SHA256_SIZE = 32, HASH_HEX_SIZE = 65, HASH_SHA1_SIZE = 20 };

struct hash_sha256; /* a digest in the making */

struct hash_sha256 *hash_sha256_new(void);
void hash_sha256_update(struct hash_sha256 *h, const void *data, size_t len);
/* Writes 64 lower-case hexadecimal digits and a NUL, and frees `h`. */
void hash_sha256_finish(struct hash_sha256 *h, char hex[HASH_HEX_SIZE]);

void hash_memory(const void *data, size_t len, char hex[HASH_HEX_SIZE]);
int hash_file(const char *path, char hex[HASH_HEX_SIZE], struct err *e) MUST_CHECK;
/* XXH3's 128 bits and the size as 64 digits: some twenty times as fast. */
int hash_file_quick(const char *path, char hex[HASH_HEX_SIZE], struct err *e) MUST_CHECK;
/* RFC 2104, for what others have hashed like that. */
void hash_hmac_sha1(const void *key, size_t key_len, const void *data, size_t len,
	uint8_t mac[HASH_SHA1_SIZE]);
/* Reads RFC 4648's base64 of exactly `size` bytes. Returns 0 or -1. */
int hash_base64(const char *text, size_t len, uint8_t *out, size_t size) MUST_CHECK;
uint64_t hash_xxh64(const void *data, size_t len, uint64_t seed);

#endif
