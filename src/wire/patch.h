/*
 * A patch: how a file is made of another one of which most is the same, but for addresses
 * that have moved here and there. It is a row of records: PATCH_HEAD_SIZE bytes of header
 * (u32 same, u32 extra, u32 from, little-endian), `same` bytes that are added to those of
 * the base from `from` on, and `extra` bytes that are taken as they are. Bytes are added
 * with a carry into the next one, unless that one begins a word of four in the new file
 * or is the first of its record: so a table of addresses has equal differences. What is
 * added is nearly all zero, and a patch compresses well.
 */
#ifndef XTEST_WIRE_PATCH_H
#define XTEST_WIRE_PATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATCH_HEAD_SIZE 12u
#define PATCH_WORD 4u
/* Bytes of the window in which a patch is compressed: the reader's memory. */
#define PATCH_WINDOW_LOG 21

void patch_write_head(
	uint8_t head[PATCH_HEAD_SIZE], uint32_t same, uint32_t extra, uint32_t from);

/* Making the file, from any pieces of the patch. */
struct patch_reader {
	const uint8_t *base; /* borrowed */
	uint8_t *to;         /* borrowed; `size` bytes */
	uint64_t base_size, size;
	uint64_t done; /* bytes made */
	uint32_t same, extra, from;
	unsigned int head_len, carry;
	uint8_t head[PATCH_HEAD_SIZE];
};

/* Takes a piece. False: it is no patch of that base for a file of that size. */
bool patch_reader_add(struct patch_reader *r, const void *data, size_t len);
/* The file is complete, and so was the patch. */
bool patch_reader_is_done(const struct patch_reader *r);

#endif
