#include "report/human-line.h"

const char *human_line_sgr(enum verdict v)
{
	static const char *const codes[] = {
		[VERDICT_PASS] = "1;32",
		[VERDICT_FAIL] = "1;31",
		[VERDICT_SKIP] = "1;33",
		[VERDICT_TIMEOUT] = "1;31",
		[VERDICT_CRASH] = "1;31",
		[VERDICT_LEAK] = "1;35",
		[VERDICT_FLAKY] = "1;33",
		[VERDICT_LOST] = "1;31",
	};

	return codes[v];
}

static void paint_clean(struct buf *out, const struct human_style *style, const char *sgr,
	const char *text)
{
	autorelease(buf) struct buf clean = BUF_INIT;

	term_append_line(&clean, text);
	term_paint(out, style->color, sgr, buf_str(&clean));
}

void human_line_label(struct buf *out, const struct human_style *style, const char *sgr,
	const char *label)
{
	size_t len = strlen(label);

	if (len < HUMAN_LABEL_WIDTH)
		buf_printf(out, "%*s", (int)(HUMAN_LABEL_WIDTH - len), "");
	paint_clean(out, style, sgr, label);
	buf_append_char(out, ' ');
}

void human_line_text(struct buf *out, const struct human_style *style, const char *sgr,
	const char *label, const char *text)
{
	size_t pos = 0, n;
	const char *line;
	bool first = true;

	human_line_label(out, style, sgr, label);
	while (buf_next_line(text, strlen(text), &pos, &line, &n)) {
		autofree char *copy = xstrndup(line, n);

		if (!first)
			buf_append_str(out, "\n" HUMAN_INDENT);
		term_append_line(out, copy);
		first = false;
	}
	buf_append_char(out, '\n');
}

void human_line_result(
	struct buf *out, const struct human_style *style, const struct human_result *r)
{
	size_t column_len = strlen(r->column);
	double seconds = (double)r->wall_us / 1e6;

	human_line_label(out, style, r->sgr, r->label);
	buf_printf(out, r->running ? "[>%7.3fs] " : "[%8.3fs] ", seconds);
	paint_clean(out, style, "36", r->column);
	buf_printf(out, "%*s  ",
		column_len < style->column_width ? (int)(style->column_width - column_len)
						 : 0,
		"");
	if (*r->test) {
		paint_clean(out, style, "35", r->suite);
		buf_append_char(out, ' ');
	}
	paint_clean(out, style, "1;34", *r->test ? r->test : r->suite);
	if (r->stress)
		buf_printf(out, " @stress-%u", r->stress);
	if (r->reason) {
		autofree char *reason = xasprintf("(%s)", r->reason);

		buf_append_str(out, "  ");
		paint_clean(out, style, "2", reason);
	}
}

/* ", 2 crashed" when there are any. */
static void add_count(struct buf *out, const struct human_style *style, const char *sgr,
	const char *separator, size_t n, const char *what)
{
	autofree char *text = xasprintf("%zu", n);

	if (n == 0)
		return;
	buf_append_str(out, separator);
	term_paint(out, style->color, "1", text);
	buf_append_char(out, ' ');
	term_paint(out, style->color, sgr, what);
}

void human_line_counts(
	struct buf *out, const struct human_style *style, const struct event_counts *c)
{
	size_t passed = c->passed + c->flaky + c->leaked;
	autofree char *text = xasprintf("%zu", passed);

	term_paint(out, style->color, "1", text);
	buf_append_char(out, ' ');
	term_paint(out, style->color, "32", "passed");
	if (c->flaky || c->leaked) {
		buf_append_str(out, " (");
		add_count(out, style, "33", "", c->flaky, "flaky");
		add_count(out, style, "35", c->flaky ? ", " : "", c->leaked, "leaky");
		buf_append_char(out, ')');
	}
	add_count(out, style, "31", ", ", c->failed, "failed");
	add_count(out, style, "31", ", ", c->timed_out, "timed out");
	add_count(out, style, "31", ", ", c->crashed, "crashed");
	add_count(out, style, "31", ", ", c->lost, "lost");
	add_count(out, style, "33", ", ", c->skipped, "skipped");
	add_count(out, style, "33", ", ", c->quarantined, "failed in quarantine");
	add_count(out, style, "33", ", ", c->not_run, "not run");
}
