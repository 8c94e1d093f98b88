#include "engine/parse-log.h"

#include "base/fs.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EXCERPT = 10 };

/* Compiled once: it is most of the time otherwise. */
static const struct console_table *load_table(void)
{
	static struct console_table *table;
	const char *dir = getenv("srcdir");
	autofree char *path = fs_join(dir ? dir : ".", "images/console.json");
	struct err e = {0};

	if (!table)
		table = console_table_load(path, NULL, &e);
	if (!table)
		abort();
	return table;
}

static void count(void *ctx, const struct console_finding *f)
{
	if (!*f->kind || !f->line || strlen(f->title) > 240)
		abort();
	++*(size_t *)ctx;
}

static size_t scan(const uint8_t *data, size_t size, size_t step)
{
	size_t found = 0, lines = 0;
	struct console *c = console_new(load_table(), count, &found);
	autofree char *excerpt = NULL;

	for (size_t i = 0; i < size; i += step)
		console_feed(c, data + i, MIN(step, size - i));
	console_end(c);
	excerpt = console_excerpt(c, EXCERPT);
	for (const char *s = excerpt; *s; s++)
		lines += *s == '\n';
	if (lines > EXCERPT)
		abort();
	console_free(c);
	return found;
}

static size_t parse(const uint8_t *data, size_t size, size_t step, unsigned format)
{
	struct parse_log p;
	size_t failures = 0;

	parse_log_init(&p, load_table(), (enum parse_log_format)(format % 3), "log");
	for (size_t i = 0; i < size; i += step)
		parse_log_feed(&p, data + i, MIN(step, size - i));
	parse_log_end(&p);
	if (!p.len)
		abort();
	for (size_t i = 0; i < p.len; i++) {
		const struct judgement *j = &p.cases[i].judgement;
		bool failed = verdict_is_failure(j->verdict);

		if ((failed || j->verdict == VERDICT_LOST) && !j->reason)
			abort();
		for (size_t k = 0; k < j->n_points; k++)
			if (j->points[k].verdict == VERDICT_FAIL && !failed &&
				j->verdict != VERDICT_LOST)
				abort();
		failures += failed;
	}
	parse_log_release(&p);
	return failures;
}

/* The first byte chooses the format and the size of the pieces; the rest is a log. Where
 * it is cut changes nothing, no case fails without a reason or passes over a failed
 * point, and an excerpt is as long as was asked for. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t step = size ? 1 + data[0] / 3 : 1;
	unsigned format = size ? data[0] : 0;

	if (!size)
		return 0;
	data++;
	size--;
	if (scan(data, size, size + 1) != scan(data, size, step))
		abort();
	if (parse(data, size, size + 1, format) != parse(data, size, step, format))
		abort();
	return 0;
}
