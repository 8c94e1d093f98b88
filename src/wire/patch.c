#include "wire/patch.h"

#include <string.h>

static void put_u32(uint8_t *to, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t get_u32(const uint8_t *from)
{
	return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
	       (uint32_t)from[3] << 24;
}

void patch_write_head(
	uint8_t head[PATCH_HEAD_SIZE], uint32_t same, uint32_t extra, uint32_t from)
{
	put_u32(head, same);
	put_u32(head + 4, extra);
	put_u32(head + 8, from);
}

/* An empty record is none, so that a patch cannot be longer than its file allows. */
static bool begin_record(struct patch_reader *r)
{
	uint64_t left = r->size - r->done;

	r->same = get_u32(r->head);
	r->extra = get_u32(r->head + 4);
	r->from = get_u32(r->head + 8);
	r->head_len = 0;
	r->carry = 0;
	return (r->same || r->extra) && r->same <= left && r->extra <= left - r->same &&
	       (uint64_t)r->from + r->same <= r->base_size;
}

static size_t take_same(struct patch_reader *r, const uint8_t *data, size_t len)
{
	size_t n = len < r->same ? len : r->same;
	const uint8_t *base = r->base + r->from;
	uint8_t *to = r->to + r->done;

	for (size_t i = 0; i < n; i++) {
		unsigned int sum = base[i] + data[i];

		if ((r->done + i) % PATCH_WORD)
			sum += r->carry;
		to[i] = (uint8_t)sum;
		r->carry = sum >> 8;
	}
	r->same -= (uint32_t)n;
	r->from += (uint32_t)n;
	r->done += n;
	return n;
}

static size_t take_extra(struct patch_reader *r, const uint8_t *data, size_t len)
{
	size_t n = len < r->extra ? len : r->extra;

	memcpy(r->to + r->done, data, n);
	r->extra -= (uint32_t)n;
	r->done += n;
	return n;
}

bool patch_reader_add(struct patch_reader *r, const void *data, size_t len)
{
	const uint8_t *at = data, *end = at + len;

	while (at < end) {
		size_t left = (size_t)(end - at);

		if (r->same) {
			at += take_same(r, at, left);
		} else if (r->extra) {
			at += take_extra(r, at, left);
		} else {
			r->head[r->head_len++] = *at++;
			if (r->head_len == PATCH_HEAD_SIZE && !begin_record(r))
				return false;
		}
	}
	return true;
}

bool patch_reader_is_done(const struct patch_reader *r)
{
	return r->done == r->size && !r->same && !r->extra && !r->head_len;
}
