/* Patches: whatever was done to a file, the patch makes it of the old one, however it is
 * cut into pieces; a program that was linked again costs little; and what is no patch is
 * refused and writes nowhere. */
#include "engine/ship-patch.h"
#include "wire/patch.h"

#include "tests/tap.h"

#include <stdlib.h>

enum { SIZE = 40000 };

static uint32_t random_state = 1;

static uint32_t draw(uint32_t below)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % below;
}

static void fill(uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)draw(256);
}

/* True when the patch in pieces of so many bytes makes the data of the base. */
static bool makes(const struct buf *patch, const uint8_t *base, size_t base_len,
	const uint8_t *data, size_t len, size_t piece)
{
	autofree uint8_t *to = xcalloc(1, len + 1);
	struct patch_reader r = {
		.base = base, .to = to, .base_size = base_len, .size = len};

	for (size_t at = 0; at < patch->len; at += piece)
		if (!patch_reader_add(&r, patch->data + at, MIN(piece, patch->len - at)))
			return false;
	return patch_reader_is_done(&r) && memcmp(to, data, len) == 0;
}

/* How many bytes of the patch say anything. */
static size_t weigh(const struct buf *patch)
{
	size_t n = 0;

	for (size_t i = 0; i < patch->len; i++)
		n += patch->data[i] != 0;
	return n;
}

/* A table of addresses and the code around it, all of which move by `shift`. */
static void make_program(uint8_t *data, uint32_t shift)
{
	random_state = 7;
	fill(data, SIZE);
	for (size_t i = 0; i + 4 <= SIZE; i += 24) {
		uint32_t address = 0x401000 + (uint32_t)i * 3 + shift;

		for (size_t k = 0; k < 4; k++)
			data[i + k] = (uint8_t)(address >> 8 * k);
	}
}

static void test_edits(void)
{
	static const struct {
		const char *name;
		size_t base_len, at, removed, added;
		size_t most; /* that the patch may weigh */
	} table[] = {
		{"nothing changed", SIZE, 0, 0, 0, 12},
		{"a byte in the middle", SIZE, 20000, 1, 1, 40},
		{"bytes put in", SIZE, 20000, 0, 100, 200},
		{"bytes put in at the beginning", SIZE, 0, 0, 33, 100},
		{"bytes put in at the end", SIZE, SIZE, 0, 33, 100},
		{"bytes taken out", SIZE, 10001, 777, 0, 80},
		{"all taken out", SIZE, 0, SIZE, 0, 0},
		{"a part replaced", SIZE, 3, 5000, 6000, 6200},
		{"made of nothing", 0, 0, 0, 500, 600},
		{"of one byte", 1, 0, 1, 1, 20},
		{"of less than can be found", 12, 3, 1, 2, 40},
		{"nothing of nothing", 0, 0, 0, 0, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		static uint8_t base[SIZE], data[2 * SIZE];
		size_t rest = table[i].base_len - table[i].at - table[i].removed;
		size_t len = table[i].at + table[i].added + rest;
		autorelease(buf) struct buf patch = BUF_INIT;

		fill(base, sizeof base);
		memcpy(data, base, table[i].at);
		fill(data + table[i].at, table[i].added);
		memcpy(data + table[i].at + table[i].added,
			base + table[i].at + table[i].removed, rest);
		ship_patch_make(base, table[i].base_len, data, len, &patch);
		ok(makes(&patch, base, table[i].base_len, data, len, SIZE * 3) &&
				makes(&patch, base, table[i].base_len, data, len, 1) &&
				makes(&patch, base, table[i].base_len, data, len, 7),
			"%s: the patch makes it", table[i].name);
		ok(weigh(&patch) <= table[i].most, "%s: with %zu bytes that are not zero",
			table[i].name, weigh(&patch));
	}
}

static void test_program(void)
{
	static uint8_t base[SIZE], data[SIZE + 16];
	autorelease(buf) struct buf patch = BUF_INIT;

	make_program(base, 0);
	memset(data, 0x90, 16);
	make_program(data + 16, 0x10);
	ship_patch_make(base, SIZE, data, sizeof data, &patch);
	ok(makes(&patch, base, SIZE, data, sizeof data, 4096), "a program that moved");
	ok(weigh(&patch) < SIZE / 24 + 60, "one byte for each address: %zu of %d",
		weigh(&patch), SIZE / 24);
}

/* Many edits of many kinds, moved blocks among them. */
static void test_random(void)
{
	unsigned wrong = 0;

	random_state = 11;
	for (unsigned round = 0; round < 300; round++) {
		static uint8_t base[4096], data[4096];
		size_t len = draw(sizeof data), base_len = draw(sizeof base);
		autorelease(buf) struct buf patch = BUF_INIT;

		fill(base, sizeof base);
		for (size_t i = 0; i < sizeof base; i++)
			base[i] %= 1 + round % 7;
		for (size_t at = 0; at < len;) {
			size_t most = 1 + draw(400), n = MIN(len - at, most);

			memcpy(data + at, base + draw((uint32_t)(sizeof base - n)), n);
			data[at + draw((uint32_t)n)] ^= (uint8_t)draw(4);
			at += n;
		}
		ship_patch_make(base, base_len, data, len, &patch);
		wrong += !makes(&patch, base, base_len, data, len, 1 + draw(5000));
	}
	is_int(wrong, 0, "three hundred files made of pieces of others");
}

static void test_refused(void)
{
	static const struct {
		const char *name;
		uint32_t same, extra, from;
		size_t bytes; /* of the record that follow its header */
		bool begins;  /* it is a good beginning */
	} table[] = {
		{"more than the file", 101, 0, 0, 101, false},
		{"more than the base", 60, 0, 41, 60, false},
		{"from beyond the base", 1, 0, UINT32_MAX, 1, false},
		{"extra beyond the file", 50, 51, 0, 101, false},
		{"sizes that wrap around", 0xffffffffu, 2, 1, 2, false},
		{"an empty record", 0, 0, 0, 0, false},
		{"too short", 100, 0, 0, 50, true},
		{"extra missing", 50, 50, 0, 99, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		static const uint8_t base[100];
		uint8_t to[200], bytes[PATCH_HEAD_SIZE + 200] = {0};
		struct patch_reader r = {
			.base = base, .to = to, .base_size = 100, .size = 100};
		bool begins;

		memset(to, 0xaa, sizeof to);
		patch_write_head(bytes, table[i].same, table[i].extra, table[i].from);
		begins = patch_reader_add(&r, bytes, PATCH_HEAD_SIZE + table[i].bytes);
		ok(begins == table[i].begins && !(begins && patch_reader_is_done(&r)),
			"refused: %s", table[i].name);
		is_int(to[100], 0xaa, "and nothing is written beyond the file");
	}
}

int main(void)
{
	test_edits();
	test_program();
	test_random();
	test_refused();
	return tap_done();
}
