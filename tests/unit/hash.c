#include "base/hash.h"

#include "tests/tap.h"

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
	is_int(hash_file_quick("/dev/null", hex, &e), 0, "hash a file quickly");
	/* xxHash's own test vector of XXH3_128bits(), seed 0 */
	is_str(hex, "99aa06d3014798d86001c324468d497f00000000000000000000000000000000",
		"XXH3 of nothing");
	is_int(hash_file_quick("/nonexistent", hex, &e), -1,
		"a missing file is an error");
	/* xxHash's own test vector: empty input, seed 0 */
	ok(hash_xxh64("", 0, 0) == 0xef46db3751d8e999ULL, "XXH64 of nothing");
	return tap_done();
}
