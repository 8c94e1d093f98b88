#include "report/human-summary.h"

#include "model/compare.h"
#include "report/reporter.h"

/* Between a result and its excerpt on one line. */
#define EXCERPT_GAP "   "

enum {
	EXCERPT_MAX = 1024, /* bytes: a summary is to be read at a glance */
	EXCERPT_INLINE = 100,
	WRITE_AT = 256 << 10,
};

void human_summary_init(struct human_summary *s)
{
	*s = (struct human_summary){0};
	spill_init(&s->outputs);
}

void human_summary_release(struct human_summary *s)
{
	for (size_t i = 0; i < s->len; i++) {
		struct human_remembered *r = &s->v[i];

		free(r->column);
		free(r->suite);
		free(r->test);
		free(r->reason);
		free(r->label);
		free(r->excerpt);
	}
	free(s->v);
	spill_release(&s->outputs);
}

int human_summary_add(struct human_summary *s, const struct human_result *result,
	const struct event *event, const struct buf *output, struct err *e)
{
	const struct judgement *j = event->item.judgement;
	struct human_remembered *r;

	s->v = xgrow(s->v, &s->cap, s->len + 1, sizeof *s->v);
	r = &s->v[s->len++];
	*r = (struct human_remembered){
		.index = event->item.item->index,
		.column = xstrdup(result->column),
		.suite = xstrdup(result->suite),
		.test = xstrdup(result->test),
		.reason = xstrdup_null(result->reason),
		.label = xstrdup(result->label),
		.bad = verdict_is_failure(j->verdict) || j->verdict == VERDICT_LOST,
		.output_len = output->len,
	};
	if (j->excerpt)
		r->excerpt = xstrndup(j->excerpt, EXCERPT_MAX);
	r->result = *result;
	r->result.column = r->column;
	r->result.suite = r->suite;
	r->result.test = r->test;
	/* "exit status 1" says nothing where the lines that say why stand beside it. */
	r->result.reason =
		r->excerpt && j->verdict == VERDICT_FAIL && !event->item.item->quarantine
			? NULL
			: r->reason;
	r->result.label = r->label;
	return output->len ? spill_append(&s->outputs, output->data, output->len,
				     &r->output_at, e)
			   : 0;
}

/* What is wrong stands last, where one looks first. */
static int by_index(const void *a, const void *b)
{
	const struct human_remembered *x = a, *y = b;

	if (x->bad != y->bad)
		return x->bad ? 1 : -1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* Whether `text` still fits behind the line of `r`. */
static bool fits(
	const struct human_style *style, const struct human_result *r, const char *text)
{
	struct human_style plain = *style;
	autorelease(buf) struct buf line = BUF_INIT;
	struct term_ruler ruler;
	unsigned width;

	if (!style->columns)
		return true;
	plain.color = false;
	human_line_result(&line, &plain, r);
	buf_append_str(&line, EXCERPT_GAP);
	term_append_line(&line, text);
	term_ruler_init(&ruler);
	width = term_width(&ruler, buf_str(&line));
	term_ruler_release(&ruler);
	return width <= style->columns;
}

/* A short excerpt goes at the end of the line, a longer one below it. */
static void write_remembered(struct buf *out, const struct human_style *style,
	const struct human_remembered *r)
{
	enum term_bytes mode =
		style->bytes == TERM_BYTES_RAW ? TERM_BYTES_RAW : TERM_BYTES_PLAIN;
	autofree char *excerpt = xstrdup(r->excerpt ? r->excerpt : "");
	size_t len = strlen(excerpt);

	while (len && excerpt[len - 1] == '\n')
		excerpt[--len] = 0;
	human_line_result(out, style, &r->result);
	if (len && len <= EXCERPT_INLINE && !strchr(excerpt, '\n') &&
		fits(style, &r->result, excerpt)) {
		buf_append_str(out, EXCERPT_GAP);
		term_append_line(out, excerpt);
		len = 0;
	}
	buf_append_char(out, '\n');
	term_append_block(out, excerpt, len, HUMAN_INDENT "   ", mode);
}

static bool is_used(const struct event_counts *c)
{
	return c->finished || c->not_run;
}

static size_t count_used_columns(const struct event *event)
{
	size_t n = 0;

	for (size_t i = 0; i < event->end.n_columns; i++)
		n += is_used(&event->end.column_counts[i]);
	return n;
}

static void write_columns(
	struct buf *out, const struct human_style *style, const struct event *event)
{
	for (size_t i = 0; i < event->end.n_columns; i++) {
		const char *label = event->end.columns[i]->label;

		if (!is_used(&event->end.column_counts[i]))
			continue;
		buf_append_str(out, HUMAN_INDENT);
		term_paint(out, style->color, "36", label);
		buf_printf(out, "%*s  ", (int)(style->column_width - strlen(label)), "");
		human_line_counts(out, style, &event->end.column_counts[i]);
		buf_append_char(out, '\n');
	}
}

static void write_differences(
	struct buf *out, const struct human_style *style, const struct event *event)
{
	for (size_t i = 0; i < event->end.n_differences; i++) {
		const struct difference *d = &event->end.differences[i];
		autofree char *what = compare_describe(d);
		autofree char *text = xasprintf("%s  %s%s%s  %s%s%s", d->group, d->suite,
			*d->test ? " " : "", d->test, what, d->cause ? "\n" : "",
			d->cause ? d->cause : "");

		human_line_text(out, style, "1;33", "Differs", text);
	}
}

static int write_results(struct human_summary *s, struct buf *out,
	const struct human_style *style, int fd, struct err *e)
{
	if (s->len)
		qsort(s->v, s->len, sizeof *s->v, by_index);
	for (size_t i = 0; i < s->len; i++) {
		const struct human_remembered *r = &s->v[i];

		write_remembered(out, style, r);
		if (r->output_len &&
			spill_read(&s->outputs, r->output_at, r->output_len, out, e) < 0)
			return -1;
		if (out->len > WRITE_AT && report_write(fd, out, e) < 0)
			return -1;
	}
	return 0;
}

int human_summary_write(struct human_summary *s, struct buf *out,
	const struct human_style *style, const struct event *event, int64_t elapsed_ms,
	int fd, struct err *e)
{
	const struct event_counts *c = event->end.counts;
	bool bad = c->failed || c->timed_out || c->crashed || c->lost || c->not_run ||
		   event->end.exit_code;

	if (event->end.cancelled) {
		autofree char *text = xasprintf("%s: %zu of %zu tests not run",
			event->end.cancelled, c->not_run, c->total);

		human_line_text(out, style, "1;31", "Cancelled", text);
	}
	if (c->total == 0)
		return 0;
	for (unsigned i = 0; i < HUMAN_LABEL_WIDTH; i++)
		buf_append_str(out, style->unicode ? "─" : "-");
	buf_append_char(out, '\n');
	human_line_label(out, style, bad ? "1;31" : "1;32", "Summary");
	buf_printf(out, "[%8.3fs] ", (double)elapsed_ms / 1000);
	if (c->finished < c->total)
		buf_printf(out, "%zu/", c->finished);
	buf_printf(out, "%zu %s run: ", c->total, c->total == 1 ? "test" : "tests");
	human_line_counts(out, style, c);
	buf_append_char(out, '\n');
	if (count_used_columns(event) > 1)
		write_columns(out, style, event);
	if (write_results(s, out, style, fd, e) < 0)
		return -1;
	write_differences(out, style, event);
	return 0;
}
