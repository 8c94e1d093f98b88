#include "wire/wire.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define CHECK_OFFSET 20u

static void put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static void put_u32(uint8_t *p, uint32_t v)
{
	put_u16(p, (uint16_t)v);
	put_u16(p + 2, (uint16_t)(v >> 16));
}

static uint16_t get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t get_u32(const uint8_t *p)
{
	return get_u16(p) | (uint32_t)get_u16(p + 2) << 16;
}

void frame_put_header(uint8_t out[WIRE_HEADER_SIZE], const struct wire_header *h)
{
	put_u32(out, WIRE_MAGIC);
	put_u32(out + 4, h->length);
	put_u16(out + 8, h->type);
	put_u16(out + 10, h->flags);
	put_u32(out + 12, h->job);
	put_u32(out + 16, h->sequence);
	put_u32(out + CHECK_OFFSET, h->check);
}

void frame_get_header(const uint8_t in[WIRE_HEADER_SIZE], struct wire_header *h)
{
	h->length = get_u32(in + 4);
	h->type = get_u16(in + 8);
	h->flags = get_u16(in + 10);
	h->job = get_u32(in + 12);
	h->sequence = get_u32(in + 16);
	h->check = get_u32(in + CHECK_OFFSET);
}

/* The body's sum is the seed of the header's, so that one number covers both without a
 * streaming state. */
static uint32_t check_of(const uint8_t *frame, uint32_t length)
{
	return XXH32(frame, CHECK_OFFSET, XXH32(frame + WIRE_HEADER_SIZE, length, 0));
}

void frame_seal(uint8_t *frame, struct wire_header *h)
{
	h->check = 0;
	frame_put_header(frame, h);
	h->check = check_of(frame, h->length);
	put_u32(frame + CHECK_OFFSET, h->check);
}

uint8_t *frame_reader_room(struct frame_reader *r, size_t *room)
{
	if (r->start) {
		memmove(r->data, r->data + r->start, r->end - r->start);
		r->end -= r->start;
		r->start = 0;
	}
	*room = sizeof(r->data) - r->end;
	return r->data + r->end;
}

void frame_reader_add(struct frame_reader *r, size_t len)
{
	r->end += len;
}

static void skip(struct frame_reader *r, size_t len)
{
	r->start += len;
	r->skipped_bytes += len;
}

/* Moves the start to the next place that may be a magic: whole, or cut off by the end of
 * what is held. */
static void hunt(struct frame_reader *r)
{
	uint8_t magic[4];
	size_t at, held;

	put_u32(magic, WIRE_MAGIC);
	for (at = r->start; at < r->end; at++) {
		held = r->end - at;
		if (memcmp(r->data + at, magic, held < 4 ? held : 4) == 0)
			break;
	}
	skip(r, at - r->start);
}

enum look { LOOK_GOOD, LOOK_SHORT, LOOK_BAD };

static enum look look_at(const uint8_t *p, size_t held, struct wire_header *h)
{
	if (held < WIRE_HEADER_SIZE)
		return LOOK_SHORT;
	frame_get_header(p, h);
	if (get_u32(p) != WIRE_MAGIC || h->length > WIRE_BODY_MAX)
		return LOOK_BAD;
	if (held < WIRE_HEADER_SIZE + h->length)
		return LOOK_SHORT;
	return check_of(p, h->length) == h->check ? LOOK_GOOD : LOOK_BAD;
}

int frame_reader_next(struct frame_reader *r, struct wire_header *h, const uint8_t **body)
{
	for (;;) {
		const uint8_t *p;

		hunt(r);
		p = r->data + r->start;
		switch (look_at(p, r->end - r->start, h)) {
		case LOOK_GOOD:
			*body = p + WIRE_HEADER_SIZE;
			r->start += WIRE_HEADER_SIZE + h->length;
			return 1;
		case LOOK_SHORT:
			return 0;
		case LOOK_BAD:
			r->corrupt++;
			skip(r, 1);
			break;
		}
	}
}

void frame_reader_resync(struct frame_reader *r)
{
	struct wire_header h;
	size_t at;

	if (look_at(r->data + r->start, r->end - r->start, &h) != LOOK_SHORT)
		return;
	for (at = r->start + 1; at + WIRE_HEADER_SIZE <= r->end; at++) {
		if (look_at(r->data + at, r->end - at, &h) == LOOK_GOOD) {
			r->corrupt++;
			skip(r, at - r->start);
			return;
		}
	}
}
