#include "base/hash-lanes.h"

#include "tests/tap.h"

enum { LANE_BLOCKS = 40 };

/* Eight different texts, put in a few blocks at a time, each with a rest of its own. */
static void test_lanes(void)
{
	static unsigned char text[HASH_LANES][(LANE_BLOCKS + 1) * HASH_LANES_BLOCK];
	static const size_t steps[] = {1, 0, 7, 32};
	struct hash_lane state[HASH_LANES], *lanes[HASH_LANES];
	const void *data[HASH_LANES];
	size_t at = 0;

	for (size_t k = 0; k < HASH_LANES; k++) {
		for (size_t i = 0; i < sizeof text[k]; i++)
			text[k][i] = (unsigned char)(hash_xxh64(&i, sizeof i, k) >> 9);
		lanes[k] = &state[k];
		hash_lanes_init(lanes[k]);
	}
	for (size_t s = 0; s < ARRAY_LEN(steps); s++) {
		for (size_t k = 0; k < HASH_LANES; k++)
			data[k] = text[k] + at;
		hash_lanes_add(lanes, data, steps[s]);
		at += steps[s] * HASH_LANES_BLOCK;
	}
	for (size_t k = 0; k < HASH_LANES; k++) {
		size_t rest = k * HASH_LANES_BLOCK / (HASH_LANES - 1);
		struct hash_sha256 *h = hash_lanes_detach(lanes[k]);
		char got[HASH_HEX_SIZE], expected[HASH_HEX_SIZE];

		hash_sha256_update(h, text[k] + at, rest);
		hash_sha256_finish(h, got);
		hash_memory(text[k], at + rest, expected);
		is_str(got, expected, "a lane with a rest of its own");
	}
}

int main(void)
{
	char hex[HASH_HEX_SIZE];
	struct err e = {0};

	/* FIPS 180-2, appendix B.1 */
	hash_memory("abc", 3, hex);
	is_str(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"SHA-256 of abc");
	is_int(hash_file("/dev/null", hex, &e), 0, "hash a file");
	is_str(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"SHA-256 of nothing");
	is_int(hash_file("/nonexistent", hex, &e), -1, "a missing file is an error");
	/* xxHash's own test vector: empty input, seed 0 */
	ok(hash_xxh64("", 0, 0) == 0xef46db3751d8e999ULL, "XXH64 of nothing");
	test_lanes();
	return tap_done();
}
