#include "base/threads.h"

#include "base/util.h"

#include "tests/tap.h"

#include <stdatomic.h>

struct sum {
	atomic_uint next, total, calls;
};

static void *add(void *ctx)
{
	struct sum *s = ctx;
	unsigned i;

	s->calls++;
	while ((i = s->next++) < 1000)
		s->total += i;
	return NULL;
}

int main(void)
{
	static const struct {
		unsigned asked, at_most;
	} table[] = {
		{0, 1}, {1, 1}, {2, 2}, {THREADS_MAX, THREADS_MAX}, {1000, THREADS_MAX}};

	ok(threads_processors() >= 1, "there is a processor");
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct sum s = {0};

		threads_share(table[i].asked, add, &s);
		ok(s.total == 499500, "%u threads do each part once", table[i].asked);
		ok(s.calls >= 1 && s.calls <= table[i].at_most, "and are %u at most",
			table[i].at_most);
	}
	return tap_done();
}
