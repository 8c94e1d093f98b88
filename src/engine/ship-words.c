#include "engine/ship-words.h"

#include <stdio.h>

enum { TEXT = 32, RATE_FROM_MS = 500 /* before that it is noise */ };

#define KIB 1024.0
#define MIB (1024.0 * 1024)

static const char *describe(uint64_t bytes, char text[TEXT])
{
	if (bytes < 1 << 20)
		snprintf(text, TEXT, "%.1f KiB", (double)bytes / KIB);
	else
		snprintf(text, TEXT, "%.1f MiB", (double)bytes / MIB);
	return text;
}

static uint64_t saved_bytes(const struct ship_figures *f)
{
	uint64_t there = f->all_bytes - MIN(f->all_bytes, f->lack_bytes);

	return there + f->done_bytes - MIN(f->done_bytes, f->wire_bytes);
}

char *ship_words_doing(const struct ship_figures *f, int64_t elapsed_ms)
{
	char rate[TEXT], saved[TEXT];
	uint64_t a_second = f->wire_bytes * 1000 / (uint64_t)MAX(1, elapsed_ms);

	if (!f->lack_bytes)
		return xstrdup("sending what the tests need");
	return xasprintf("sending what the tests need: %.1f of %.1f MiB%s%s%s, %s saved",
		(double)f->done_bytes / MIB, (double)f->lack_bytes / MIB,
		elapsed_ms < RATE_FROM_MS ? "" : ", ",
		elapsed_ms < RATE_FROM_MS ? "" : describe(a_second, rate),
		elapsed_ms < RATE_FROM_MS ? "" : "/s", describe(saved_bytes(f), saved));
}

char *ship_words_sent(const struct ship_figures *f)
{
	char wire[TEXT], all[TEXT];

	return xasprintf("%s sent for %s", describe(f->wire_bytes, wire),
		describe(f->all_bytes, all));
}
