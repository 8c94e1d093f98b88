#include "engine/ship-patch.h"

#include "wire/patch.h"

#include <stdint.h>

enum {
	SEED = 16,  /* bytes that must be equal for something to be found */
	STRIDE = 4, /* every so many bytes of the base can be found */
	BETTER = 8, /* bytes by which another alignment must be better than this one */
	INDEX_BITS_LEAST = 10,
	INDEX_BITS_MOST = 24,
};

struct maker {
	const uint8_t *base, *data;
	size_t base_len, len;
	uint32_t *index; /* position in the base and one, by hash; 0: none */
	unsigned bits;
	struct buf *patch;
};

static uint32_t hash(const struct maker *m, const uint8_t *at)
{
	uint64_t a, b;

	memcpy(&a, at, sizeof a);
	memcpy(&b, at + sizeof a, sizeof b);
	a = (a ^ (b << 23 | b >> 41)) * 0x9e3779b97f4a7c15u;
	return (uint32_t)(a >> (64 - m->bits));
}

static void make_index(struct maker *m)
{
	m->bits = INDEX_BITS_LEAST;
	while (m->bits < INDEX_BITS_MOST && (size_t)1 << m->bits < m->base_len / STRIDE)
		m->bits++;
	m->index = xcalloc((size_t)1 << m->bits, sizeof *m->index);
	for (size_t i = 0; i + SEED <= m->base_len; i += STRIDE)
		m->index[hash(m, m->base + i)] = (uint32_t)i + 1;
}

/* How many bytes are equal from there on. */
static size_t equal(const struct maker *m, size_t from, size_t at)
{
	size_t n = 0, most = MIN(m->base_len - from, m->len - at);

	while (n < most && m->base[from + n] == m->data[at + n])
		n++;
	return n;
}

/* The longest that is known to be the same as what is at `at`; 0: nothing is. */
static size_t find(const struct maker *m, size_t at, size_t *from)
{
	uint32_t entry = at + SEED <= m->len ? m->index[hash(m, m->data + at)] : 0;
	size_t n = entry ? equal(m, entry - 1, at) : 0;

	*from = entry - 1;
	return n >= SEED ? n : 0;
}

/* Bytes that are the same where `from` stands beside `at`. */
static size_t count_same(const struct maker *m, size_t from, size_t at, size_t len)
{
	size_t n = 0, most = from < m->base_len ? MIN(len, m->base_len - from) : 0;

	for (size_t i = 0; i < most; i++)
		n += m->base[from + i] == m->data[at + i];
	return n;
}

/* How far it is worth to go on beside each other though some bytes differ: more than half
 * of them must not. Forwards, or backwards from both ends. */
static size_t reach(
	const struct maker *m, size_t from, size_t at, size_t most, bool backwards)
{
	size_t same = 0, best = 0, best_same = 0;

	most = MIN(most, backwards ? from : m->base_len - MIN(from, m->base_len));
	for (size_t i = 0; i < most; i++) {
		same += backwards ? m->base[from - 1 - i] == m->data[at - 1 - i]
				  : m->base[from + i] == m->data[at + i];
		if (2 * same + best > 2 * best_same + i + 1) {
			best = i + 1;
			best_same = same;
		}
	}
	return best;
}

static void emit(struct maker *m, size_t from, size_t at, size_t same, size_t extra)
{
	uint8_t head[PATCH_HEAD_SIZE];
	unsigned carry = 0;
	char *to;

	if (!same && !extra)
		return;
	patch_write_head(head, (uint32_t)same, (uint32_t)extra, (uint32_t)from);
	buf_append(m->patch, (const char *)head, sizeof head);
	to = buf_reserve(m->patch, same + extra);
	for (size_t i = 0; i < same; i++) {
		unsigned base = m->base[from + i] + ((at + i) % PATCH_WORD ? carry : 0);
		uint8_t difference = (uint8_t)(m->data[at + i] - base);

		to[i] = (char)difference;
		carry = (base + difference) >> 8;
	}
	memcpy(to + same, m->data + at + same, extra);
	m->patch->len += same + extra;
}

/* Moves *at on to where another alignment begins that is better than that of `from`
 * beside `start`: *next in the base, for as many bytes as it returns. 0: there is none.
 */
static size_t find_next(
	const struct maker *m, size_t from, size_t start, size_t *at, size_t *next)
{
	while (*at < m->len) {
		size_t beside = from + (*at - start);
		size_t n = beside < m->base_len ? equal(m, beside, *at) : 0;

		if (n >= SEED) {
			*at += n;
			continue;
		}
		n = find(m, *at, next);
		if (n > count_same(m, beside, *at, n) + BETTER)
			return n;
		*at += MAX(n, 1);
	}
	return 0;
}

void ship_patch_make(const void *base, size_t base_len, const void *data, size_t len,
	struct buf *patch)
{
	struct maker m = {.base = base,
		.data = data,
		.base_len = base_len,
		.len = len,
		.patch = patch};
	size_t start = 0, from = 0, at = 0;

	make_index(&m);
	while (start < len) {
		size_t next = 0, found = find_next(&m, from, start, &at, &next);
		size_t same = reach(&m, from, start, at - start, false);
		size_t back = found ? reach(&m, next, at, at - start - same, true) : 0;

		emit(&m, from, start, same, at - back - start - same);
		start = at - back;
		from = next - back;
		/* What was found is not looked at again. */
		at += found;
	}
	free(m.index);
}
