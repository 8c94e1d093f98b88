#include "report/human-output.h"

#define INDENT "    "
#define SGR_WHY "1;31"

enum {
	POINTS_SHOWN = 50,
	LINES_AT_A_GLANCE = 12, /* below more of them one has to look for the reason */
};

static void heading(struct buf *out, const struct human_style *style, const char *name)
{
	autofree char *text = xasprintf("%s %s", name, style->unicode ? "───" : "---");

	buf_append_str(out, "  ");
	term_paint(out, style->color, "1;31", text);
	buf_append_char(out, '\n');
}

static bool points(
	struct buf *out, const struct human_style *style, const struct judgement *j)
{
	size_t bad = 0;

	for (size_t i = 0; i < j->n_points; i++) {
		const struct point *p = &j->points[i];
		autofree char *text = NULL;

		if (!verdict_is_failure(p->verdict))
			continue;
		if (bad++ == 0)
			heading(out, style, "points");
		if (bad > POINTS_SHOWN)
			continue;
		text = xasprintf("%s%s%s", p->name, p->reason ? ": " : "",
			p->reason ? p->reason : "");
		buf_append_str(out, INDENT);
		term_paint(out, style->color, human_line_sgr(p->verdict),
			verdict_label(p->verdict));
		buf_append_char(out, ' ');
		term_append_line(out, text);
		buf_append_char(out, '\n');
	}
	if (bad > POINTS_SHOWN)
		buf_printf(out, INDENT "and %zu more\n", bad - POINTS_SHOWN);
	return bad > 0;
}

/* Lines that say why, each painted. */
static void paint_lines(
	struct buf *out, const struct human_style *style, const char *text, size_t len)
{
	size_t pos = 0, n;
	const char *line;

	while (buf_next_line(text, len, &pos, &line, &n)) {
		autofree char *copy = xstrndup(line, n);
		autorelease(buf) struct buf clean = BUF_INIT;

		term_append_line(&clean, copy);
		buf_append_str(out, INDENT);
		term_paint(out, style->color, SGR_WHY, buf_str(&clean));
		buf_append_char(out, '\n');
	}
}

static size_t line_len(const struct buf *data, size_t at)
{
	const char *newline = memchr(data->data + at, '\n', data->len - at);

	return newline ? (size_t)(newline - data->data) - at : data->len - at;
}

/* Where the lines of `text` stand in the data, as whole lines. */
static bool find_lines(
	const struct buf *data, const char *text, size_t *start, size_t *end)
{
	size_t pos = 0, n;
	const char *line, *hit, *newline;

	if (!text || !buf_next_line(text, strlen(text), &pos, &line, &n) || !n ||
		!data->len)
		return false;
	hit = memmem(data->data, data->len, line, n);
	if (!hit)
		return false;
	newline = memrchr(data->data, '\n', (size_t)(hit - data->data));
	*start = newline ? (size_t)(newline + 1 - data->data) : 0;
	*end = *start;
	pos = 0;
	while (*end < data->len && buf_next_line(text, strlen(text), &pos, &line, &n) &&
		memmem(data->data + *end, line_len(data, *end), line, n))
		*end = MIN(*end + line_len(data, *end) + 1, data->len);
	return true;
}

void human_output_stream(struct buf *out, const struct human_style *style,
	const char *name, const struct buf *data, uint64_t dropped, const char *highlight)
{
	size_t start = 0, end = 0;

	if (!data->len && !dropped)
		return;
	heading(out, style, name);
	if (style->color && find_lines(data, highlight, &start, &end)) {
		term_append_block(out, data->data, start, INDENT, style->bytes);
		paint_lines(out, style, data->data + start, end - start);
	}
	if (data->len > end)
		term_append_block(
			out, data->data + end, data->len - end, INDENT, style->bytes);
	if (dropped)
		buf_printf(out, INDENT "[%llu more bytes were not kept]\n",
			(unsigned long long)dropped);
}

static bool is_short(const struct outcome *o)
{
	const struct buf *const streams[] = {&o->out, &o->err};
	size_t lines = 0;

	for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
		size_t pos = 0, n;
		const char *line;

		while (lines <= LINES_AT_A_GLANCE &&
			buf_next_line(streams[i]->data, streams[i]->len, &pos, &line, &n))
			lines++;
	}
	return lines <= LINES_AT_A_GLANCE;
}

/* Nothing better was found than the last line, which one sees anyway. */
static bool is_last_line(const struct buf *data, const char *text)
{
	size_t len = data->len, n = strlen(text);

	while (len && data->data[len - 1] == '\n')
		len--;
	return len >= n && memcmp(data->data + len - n, text, n) == 0;
}

void human_output_append(struct buf *out, const struct human_style *style,
	const struct event *event, bool streams)
{
	const struct outcome *o = event->item.outcome;
	const struct judgement *j = event->item.judgement;
	bool bad = verdict_is_failure(j->verdict) || j->verdict == VERDICT_LOST;
	const char *why = bad ? j->excerpt : NULL;
	size_t before = out->len;

	if (!(bad && points(out, style, j)) && why && streams && !is_short(o) &&
		!is_last_line(&o->out, why) && !is_last_line(&o->err, why))
		paint_lines(out, style, why, strlen(why));
	if (streams) {
		human_output_stream(out, style, "stdout", &o->out, o->out_dropped, why);
		human_output_stream(out, style, "stderr", &o->err, o->err_dropped, why);
	}
	if (o->console) {
		heading(out, style, "console");
		term_append_block(
			out, o->console, strlen(o->console), INDENT, style->bytes);
	}
	if (out->len > before)
		buf_append_char(out, '\n');
}

void human_output_usage(struct buf *out, const struct outcome *o, bool verbose)
{
	autofree char *text = NULL;

	if (verbose)
		buf_printf(out, INDENT "user %.3fs, system %.3fs, at most %lld KiB\n",
			(double)o->user_us / 1e6, (double)o->sys_us / 1e6,
			(long long)o->max_rss_kib);
	if (!o->leaked)
		return;
	text = o->leaked_names ? xasprintf("left behind and killed: %s", o->leaked_names)
			       : xasprintf("left %u %s behind, now killed", o->leaked,
					 o->leaked == 1 ? "process" : "processes");
	buf_append_str(out, INDENT);
	term_append_line(out, text);
	buf_append_char(out, '\n');
}
