#include "report/human-status.h"

enum { TAIL_LINES = 8, TAIL_BYTES = 4096 };

/* Where the last lines begin. */
static size_t tail_of(const struct buf *text)
{
	size_t at = text->len, lines = 0;

	while (at && text->len - at < TAIL_BYTES) {
		if (text->data[at - 1] == '\n' && at < text->len && ++lines == TAIL_LINES)
			break;
		at--;
	}
	return at;
}

static void write_tail(struct buf *out, const struct human_style *style, const char *name,
	const struct buf *text)
{
	size_t at = text ? tail_of(text) : 0;
	autofree char *head = NULL;

	if (!text || !text->len)
		return;
	head = xasprintf(
		"%s%s %s", name, at ? ", its end" : "", style->unicode ? "───" : "---");
	buf_append_str(out, "  ");
	term_paint(out, style->color, "1;34", head);
	buf_append_char(out, '\n');
	term_append_block(out, text->data + at, text->len - at, "    ", style->bytes);
}

static void write_case(
	struct buf *out, const struct human_style *style, const struct event_running *r)
{
	const struct event_item *item = r->item;
	autorelease(buf) struct buf reason = BUF_INIT;
	struct human_result line = {
		.label = "RUNNING",
		.sgr = "1;34",
		.wall_us = r->elapsed_ms * 1000,
		.running = true,
		.column = item->column->label,
		.suite = item->suite->id,
		.test = item->test->name,
		.stress = item->stress,
	};

	buf_append_str(&reason, r->state);
	if (r->pid)
		buf_printf(&reason, ", process %u", r->pid);
	if (item->attempts > 1)
		buf_printf(&reason, ", attempt %u of %u", item->attempt, item->attempts);
	line.reason = buf_str(&reason);
	human_line_result(out, style, &line);
	buf_append_char(out, '\n');
	write_tail(out, style, "stdout", r->out);
	write_tail(out, style, "stderr", r->err);
}

void human_status_write(
	struct buf *out, const struct human_style *style, const struct event *event)
{
	const struct event_counts *c = event->status.counts;
	autorelease(buf) struct buf text = BUF_INIT;

	buf_printf(&text, "%zu of %zu finished, %zu %s", c->finished, c->total,
		event->status.n_running, event->status.n_running == 1 ? "runs" : "run");
	if (event->status.delayed)
		buf_printf(&text, ", %zu %s for another attempt", event->status.delayed,
			event->status.delayed == 1 ? "waits" : "wait");
	human_line_text(out, style, "1;34", "Status", buf_str(&text));
	for (size_t i = 0; i < event->status.n_running; i++)
		write_case(out, style, &event->status.running[i]);
}
