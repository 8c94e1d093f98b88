/*
 * SHA-256 of eight files at once, for processors with wide vectors and no instructions
 * for SHA-256: a block of each goes through the rounds in one lane of the vectors, which
 * is several times as fast as one after the other. FIPS 180-4 is the source.
 */
#ifndef XTEST_BASE_HASH_LANES_H
#define XTEST_BASE_HASH_LANES_H

#include "base/hash.h"

enum { HASH_LANES = 8, HASH_LANES_BLOCK = 64 };

/* One digest in the making. */
struct hash_lane {
	uint32_t state[8];
	uint64_t blocks; /* that went in */
};

/* True when this processor gains by it. Without that the results are the same. */
bool hash_lanes_help(void);
void hash_lanes_init(struct hash_lane *lane);
/* Puts `blocks` whole blocks from data[i] into lanes[i]. */
void hash_lanes_add(struct hash_lane *const lanes[HASH_LANES],
	const void *const data[HASH_LANES], size_t blocks);
/* The rest of one digest by itself: as hash_sha256_new() and the updates so far. Ends
 * with hash_sha256_finish(). */
struct hash_sha256 *hash_lanes_detach(const struct hash_lane *lane);

#endif
