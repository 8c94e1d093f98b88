/*
 * SHA-256 and zstd for the store. The only file that knows which of the two libraries
 * this build has.
 */
#ifndef XTEST_RUNNER_CODEC_H
#define XTEST_RUNNER_CODEC_H

#include "wire/wire.h"

/* WIRE_FEATURE_STORE, _ZSTD, _DELTA, _PATCH as built in. */
uint32_t codec_features(void);
/* Digest of a file from its beginning. 0 or negative errno (-ENOSYS without the library).
 */
int codec_digest(int fd, uint8_t digest[WIRE_DIGEST_SIZE]);
/* Decodes the one zstd frame in `from_fd`, which tells its size, into the empty file
 * `to_fd`, which becomes exactly `size` bytes. `base_fd` is the blob the delta is
 * against, or -1. 0, -EBADMSG, -ENOMEM, -ENOSPC, … */
int codec_decode(int from_fd, int base_fd, int to_fd, uint64_t size);
/* The same of a frame with a patch of the base. */
int codec_patch(int from_fd, int base_fd, int to_fd, uint64_t size);

#endif
