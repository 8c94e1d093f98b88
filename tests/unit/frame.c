#include "wire/wire.h"

#include "tests/tap.h"

static size_t put(uint8_t *at, uint32_t sequence, size_t len)
{
	struct wire_header h = {
		.length = (uint32_t)len, .type = 17, .job = 5, .sequence = sequence};

	for (size_t i = 0; i < len; i++)
		at[WIRE_HEADER_SIZE + i] = (uint8_t)(i * 7 + sequence);
	frame_seal(at, &h);
	return WIRE_HEADER_SIZE + len;
}

/* Feeds `len` bytes in pieces of `piece`; returns the frames found as the sum of
 * 10^n-free bits: bit n = sequence n. */
static unsigned int feed(
	struct frame_reader *r, const uint8_t *data, size_t len, size_t piece)
{
	unsigned int seen = 0;
	struct wire_header h;
	const uint8_t *body;

	while (len) {
		size_t room;
		uint8_t *to = frame_reader_room(r, &room);
		size_t n = piece < len ? piece : len;

		if (n > room)
			n = room;
		memcpy(to, data, n);
		frame_reader_add(r, n);
		data += n;
		len -= n;
		while (frame_reader_next(r, &h, &body)) {
			seen |= 1u << h.sequence;
			if (h.length && body[0] != (uint8_t)h.sequence)
				return 0;
		}
	}
	return seen;
}

static uint8_t stream[400000];
static struct frame_reader reader;

static void fresh(void)
{
	memset(&reader, 0, sizeof(reader));
}

static void test_bytes(void)
{
	static const uint8_t want[] = {
		0xc1, 0x57, 0x7e, 0xb1, 3, 0, 0, 0, 17, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0};
	struct wire_header h;
	size_t len = put(stream, 1, 3);

	is_mem(stream, 20, want, sizeof(want),
		"the header is little-endian on every machine");
	frame_get_header(stream, &h);
	is_int(h.check, 3477931068ll, "the check is the same on every machine");
	is_int((long long)len, 27, "24 bytes and the body");
}

static void test_pieces(void)
{
	static const size_t pieces[] = {1, 2, 3, 23, 24, 25, 100, 65536, 400000};
	size_t len = 0;

	len += put(stream + len, 1, 0);
	len += put(stream + len, 2, 100);
	len += put(stream + len, 3, WIRE_BODY_MAX);
	len += put(stream + len, 4, 1);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		fresh();
		ok(feed(&reader, stream, len, pieces[i]) == 0x1e && !reader.skipped_bytes,
			"four frames in pieces of %zu bytes", pieces[i]);
	}
}

static void test_noise(void)
{
	size_t len = 0, bad = 0;

	memset(stream, 0xc1, 1000);
	len = 1000;
	len += put(stream + len, 1, 50);
	memcpy(stream + len, "panic: oops\r\n", 13);
	len += 13;
	len += put(stream + len, 2, 50);
	fresh();
	is_int(feed(&reader, stream, len, 7), 6,
		"noise before and between frames costs no frame");
	is_int((long long)reader.skipped_bytes, 1013, "and is counted");

	for (size_t at = 0; at < WIRE_HEADER_SIZE + 50; at++) {
		len = put(stream, 1, 50);
		len += put(stream + len, 2, 300);
		len += put(stream + len, 3, 70000 - 5000);
		stream[at] ^= 0x20;
		fresh();
		bad += feed(&reader, stream, len, 4096) != 0xc;
	}
	is_int((long long)bad, 0, "a changed byte anywhere costs its frame and no other");
	for (size_t cut = 1; cut < WIRE_HEADER_SIZE + 50; cut++) {
		len = put(stream, 1, 50);
		memmove(stream + len - cut, stream + len, 0);
		len -= cut;
		for (uint32_t i = 2; i < 10; i++)
			len += put(stream + len, i, 40);
		fresh();
		bad += feed(&reader, stream, len, 64) != 0x3fc;
	}
	is_int((long long)bad, 0,
		"lost bytes at the end of a frame cost that frame only");
}

static void test_resync(void)
{
	size_t len = put(stream, 1, 60000);

	/* Only the head of a long frame arrives, then a short one. */
	len = 40 + put(stream + 40, 2, 10);
	fresh();
	is_int(feed(&reader, stream, len, 1000), 0,
		"a short frame hides behind a long damaged one");
	frame_reader_resync(&reader);
	is_int(feed(&reader, stream, 1, 1), 4, "until the reader looks again");
	is_int((long long)reader.corrupt, 1, "the damaged one is counted");
}

static void test_random(void)
{
	uint32_t x = 12345;
	unsigned int seen = 0;

	fresh();
	for (int round = 0; round < 40; round++) {
		for (size_t i = 0; i < sizeof(stream); i++) {
			x = x * 1664525 + 1013904223;
			stream[i] = (uint8_t)(x >> 24);
		}
		seen |= feed(&reader, stream, sizeof(stream), 30000);
	}
	is_int(seen, 0, "16 MB of random bytes are no frame");
}

int main(void)
{
	test_bytes();
	test_pieces();
	test_noise();
	test_resync();
	test_random();
	return tap_done();
}
