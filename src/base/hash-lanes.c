#include "base/hash-lanes.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#define WIDE(features) __attribute__((target(features)))
#endif

/* A word of each lane. */
typedef uint32_t word __attribute__((vector_size(4 * HASH_LANES)));

static const uint32_t round_constants[64] = {
	0x428a2f98,
	0x71374491,
	0xb5c0fbcf,
	0xe9b5dba5,
	0x3956c25b,
	0x59f111f1,
	0x923f82a4,
	0xab1c5ed5,
	0xd807aa98,
	0x12835b01,
	0x243185be,
	0x550c7dc3,
	0x72be5d74,
	0x80deb1fe,
	0x9bdc06a7,
	0xc19bf174,
	0xe49b69c1,
	0xefbe4786,
	0x0fc19dc6,
	0x240ca1cc,
	0x2de92c6f,
	0x4a7484aa,
	0x5cb0a9dc,
	0x76f988da,
	0x983e5152,
	0xa831c66d,
	0xb00327c8,
	0xbf597fc7,
	0xc6e00bf3,
	0xd5a79147,
	0x06ca6351,
	0x14292967,
	0x27b70a85,
	0x2e1b2138,
	0x4d2c6dfc,
	0x53380d13,
	0x650a7354,
	0x766a0abb,
	0x81c2c92e,
	0x92722c85,
	0xa2bfe8a1,
	0xa81a664b,
	0xc24b8b70,
	0xc76c51a3,
	0xd192e819,
	0xd6990624,
	0xf40e3585,
	0x106aa070,
	0x19a4c116,
	0x1e376c08,
	0x2748774c,
	0x34b0bcb5,
	0x391c0cb3,
	0x4ed8aa4a,
	0x5b9cca4f,
	0x682e6ff3,
	0x748f82ee,
	0x78a5636f,
	0x84c87814,
	0x8cc70208,
	0x90befffa,
	0xa4506ceb,
	0xbef9a3f7,
	0xc67178f2,
};

#define ROTATE(x, n) (((x) >> (n)) | ((x) << (32 - (n))))

static inline __attribute__((always_inline)) uint32_t load_word(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline __attribute__((always_inline)) void add_block(
	word state[8], const unsigned char *const at[HASH_LANES])
{
	word w[16], s[8];

	for (int t = 0; t < 16; t++)
		w[t] = (word){load_word(at[0] + 4 * t), load_word(at[1] + 4 * t),
			load_word(at[2] + 4 * t), load_word(at[3] + 4 * t),
			load_word(at[4] + 4 * t), load_word(at[5] + 4 * t),
			load_word(at[6] + 4 * t), load_word(at[7] + 4 * t)};
	for (int i = 0; i < 8; i++)
		s[i] = state[i];
		/* Unrolled, the shifting of the eight words costs nothing. */
#pragma GCC unroll 64
	for (int t = 0; t < 64; t++) {
		word t1, t2;

		if (t >= 16) {
			word x = w[(t + 1) & 15], y = w[(t + 14) & 15];

			w[t & 15] += (ROTATE(x, 7) ^ ROTATE(x, 18) ^ (x >> 3)) +
				     w[(t + 9) & 15] +
				     (ROTATE(y, 17) ^ ROTATE(y, 19) ^ (y >> 10));
		}
		t1 = s[7] + (ROTATE(s[4], 6) ^ ROTATE(s[4], 11) ^ ROTATE(s[4], 25)) +
		     (s[6] ^ (s[4] & (s[5] ^ s[6]))) + round_constants[t] + w[t & 15];
		t2 = (ROTATE(s[0], 2) ^ ROTATE(s[0], 13) ^ ROTATE(s[0], 22)) +
		     ((s[0] & s[1]) | (s[2] & (s[0] | s[1])));
		s[7] = s[6];
		s[6] = s[5];
		s[5] = s[4];
		s[4] = s[3] + t1;
		s[3] = s[2];
		s[2] = s[1];
		s[1] = s[0];
		s[0] = t1 + t2;
	}
	for (int i = 0; i < 8; i++)
		state[i] += s[i];
}

static inline __attribute__((always_inline)) void add_blocks(
	struct hash_lane *const lanes[HASH_LANES], const void *const data[HASH_LANES],
	size_t blocks)
{
	const unsigned char *at[HASH_LANES];
	word state[8];

	for (int k = 0; k < HASH_LANES; k++) {
		at[k] = data[k];
		for (int i = 0; i < 8; i++)
			state[i][k] = lanes[k]->state[i];
	}
	for (size_t n = 0; n < blocks; n++) {
		add_block(state, at);
		for (int k = 0; k < HASH_LANES; k++)
			at[k] += HASH_LANES_BLOCK;
	}
	for (int k = 0; k < HASH_LANES; k++) {
		for (int i = 0; i < 8; i++)
			lanes[k]->state[i] = state[i][k];
		lanes[k]->blocks += blocks;
	}
}

static void add_plain(struct hash_lane *const lanes[HASH_LANES],
	const void *const data[HASH_LANES], size_t blocks)
{
	add_blocks(lanes, data, blocks);
}

#ifdef WIDE
WIDE("avx2")
static void add_avx2(struct hash_lane *const lanes[HASH_LANES],
	const void *const data[HASH_LANES], size_t blocks)
{
	add_blocks(lanes, data, blocks);
}

/* Twice the registers, and a rotation is one instruction. */
WIDE("avx2,avx512f,avx512vl")
static void add_avx512(struct hash_lane *const lanes[HASH_LANES],
	const void *const data[HASH_LANES], size_t blocks)
{
	add_blocks(lanes, data, blocks);
}

bool hash_lanes_help(void)
{
	unsigned a, b, c, d;
	bool has_sha = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);

	return !has_sha && __builtin_cpu_supports("avx2");
}

void hash_lanes_add(struct hash_lane *const lanes[HASH_LANES],
	const void *const data[HASH_LANES], size_t blocks)
{
	if (__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512f"))
		add_avx512(lanes, data, blocks);
	else if (__builtin_cpu_supports("avx2"))
		add_avx2(lanes, data, blocks);
	else
		add_plain(lanes, data, blocks);
}
#else
bool hash_lanes_help(void)
{
	return false;
}

void hash_lanes_add(struct hash_lane *const lanes[HASH_LANES],
	const void *const data[HASH_LANES], size_t blocks)
{
	add_plain(lanes, data, blocks);
}
#endif

void hash_lanes_init(struct hash_lane *lane)
{
	static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

	memcpy(lane->state, start, sizeof start);
	lane->blocks = 0;
}

struct hash_sha256 *hash_lanes_detach(const struct hash_lane *lane)
{
	return hash_sha256_resume(lane->state, lane->blocks);
}
