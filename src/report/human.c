#include "report/human-output.h"
#include "report/human-status.h"
#include "report/human-summary.h"
#include "report/progress.h"
#include "report/reporter.h"

struct human {
	struct report_options options;
	struct human_style style;
	struct human_summary summary;
	struct progress *progress; /* NULL: none is drawn */
	struct buf text;           /* what the event at hand prints */
	struct buf out;
	struct display of_run; /* what the run's configuration says */
	size_t *slow;          /* owned: indices of cases that were told as slow */
	size_t n_slow, cap_slow;
	int64_t plan_ms;
	/* Live output: whether it ended within a line, whose it is, and the bytes of a
	 * character or escape sequence that are waiting for the rest. */
	bool in_line;
	size_t live_index;
	int live_stream;
	struct buf pending;
};

static void *human_open(const struct report_options *options, struct err *e UNUSED)
{
	struct human *h = xcalloc(1, sizeof *h);

	h->options = *options;
	human_summary_init(&h->summary);
	h->style.color = options->color;
	h->style.unicode = options->unicode;
	h->style.bytes = !options->is_terminal ? TERM_BYTES_RAW
			 : options->color      ? TERM_BYTES_COLOR
					       : TERM_BYTES_PLAIN;
	if (options->progress && options->is_terminal) {
		struct progress_options p = {
			options->fd, options->columns, options->color, options->unicode};

		h->progress = progress_new(&p);
	}
	return h;
}

static void flush_pending(struct human *h)
{
	term_append(&h->text, buf_str(&h->pending), h->pending.len, h->style.bytes);
	buf_clear(&h->pending);
}

/* Ends the line that live output has left open. */
static void begin_lines(struct human *h)
{
	flush_pending(h);
	if (h->in_line)
		buf_append_char(&h->text, '\n');
	h->in_line = false;
}

/* Everything one event changes on the screen goes out in one write, inside a
 * synchronized update (DEC private mode 2026) where the terminal knows it, so that
 * nothing flickers. */
static int flush(struct human *h, bool redraw, int64_t now_ms, struct err *e)
{
	if (!h->text.len && !redraw)
		return 0;
	if (!h->progress)
		return report_write(h->options.fd, &h->text, e);
	buf_append_str(&h->out, "\x1b[?2026h");
	progress_erase(h->progress, &h->out);
	buf_append(&h->out, buf_str(&h->text), h->text.len);
	buf_clear(&h->text);
	if (!h->in_line)
		progress_draw(h->progress, &h->out, now_ms);
	buf_append_str(&h->out, "\x1b[?2026l");
	return report_write(h->options.fd, &h->out, e);
}

static void step_end(struct human *h, const struct event *event)
{
	autofree char *text = NULL;

	if (!event->step.summary || !event->step.verb)
		return;
	text = xasprintf(
		"%s  %.1fs", event->step.summary, (double)event->step.elapsed_ms / 1000);
	human_line_text(&h->text, &h->style, "1;32", event->step.verb, text);
}

static void step_line(struct human *h, const struct event *event)
{
	if (!event->step.line)
		return;
	term_append_block(&h->text, event->step.line, event->step.line_len, HUMAN_INDENT,
		h->style.bytes);
}

static void place(struct human *h, const struct event_column *column)
{
	bool here = !column->detail && streq(column->place, "local");
	const char *where = column->detail ? column->detail : column->place;
	autofree char *text = xasprintf("%s %s %s, %u %s", column->label,
		here ? "on" : "in", here ? "this machine" : where, column->slots,
		column->slots == 1 ? "slot" : "slots");

	human_line_text(&h->text, &h->style, "1;32", "Placed", text);
}

static void plan(struct human *h, const struct event *event)
{
	autorelease(buf) struct buf text = BUF_INIT;
	bool first = true;

	h->plan_ms = event->time_ms;
	buf_printf(&text, "%zu %s", event->plan.total,
		event->plan.total == 1 ? "test" : "tests");
	if (event->plan.suites != event->plan.total)
		buf_printf(&text, " in %zu %s", event->plan.suites,
			event->plan.suites == 1 ? "suite" : "suites");
	for (size_t i = 0; i < event->plan.n_columns; i++) {
		const char *label = event->plan.columns[i]->label;

		if (event->plan.column_totals[i] == 0)
			continue;
		buf_printf(&text, "%s%zu %s", first ? ": " : ", ",
			event->plan.column_totals[i], label);
		first = false;
		h->style.column_width =
			MAX(h->style.column_width, (unsigned)strlen(label));
	}
	if (event->plan.filtered_out)
		buf_printf(&text, "; %zu filtered out", event->plan.filtered_out);
	human_line_text(&h->text, &h->style, "1;32", "Running", buf_str(&text));
}

static struct human_result result_of(const struct event_item *item)
{
	return (struct human_result){
		.column = item->column->label,
		.suite = item->suite->id,
		.test = item->test->name,
		.stress = item->stress,
	};
}

static void case_start(struct human *h, const struct event_item *item)
{
	struct human_result r = result_of(item);

	if (!h->options.no_capture)
		return;
	r.label = "START";
	r.sgr = "1";
	human_line_result(&h->text, &h->style, &r);
	buf_append_char(&h->text, '\n');
}

/* Whether the case was told as slow; forgets it. */
static bool take_slow(struct human *h, size_t index)
{
	for (size_t i = 0; i < h->n_slow; i++)
		if (h->slow[i] == index) {
			h->slow[i] = h->slow[--h->n_slow];
			return true;
		}
	return false;
}

static void case_slow(struct human *h, const struct event *event)
{
	struct human_result r = result_of(event->item.item);

	take_slow(h, event->item.item->index);
	h->slow = xgrow(h->slow, &h->cap_slow, h->n_slow + 1, sizeof *h->slow);
	h->slow[h->n_slow++] = event->item.item->index;
	if (!display_shows_slow(&h->options.display, &h->of_run))
		return;
	r.label = "SLOW";
	r.sgr = "1;33";
	r.running = true;
	r.wall_us = event->item.elapsed_ms * 1000;
	human_line_result(&h->text, &h->style, &r);
	buf_append_char(&h->text, '\n');
}

static void case_output(struct human *h, const struct event *event)
{
	size_t whole;

	if (h->live_index != event->item.item->index ||
		h->live_stream != event->item.stream)
		flush_pending(h);
	h->live_index = event->item.item->index;
	h->live_stream = event->item.stream;
	buf_append(&h->pending, event->item.data, event->item.len);
	whole = h->style.bytes == TERM_BYTES_RAW
			? h->pending.len
			: term_whole(buf_str(&h->pending), h->pending.len);
	term_append(&h->text, buf_str(&h->pending), whole, h->style.bytes);
	buf_consume(&h->pending, whole);
	if (h->text.len)
		h->in_line = h->text.data[h->text.len - 1] != '\n';
}

/* Keeps a result for the end of the run. */
static int remember(struct human *h, const struct human_result *r,
	const struct event *event, const struct display_choice *c, struct err *e)
{
	autorelease(buf) struct buf output = BUF_INIT;

	if (c->final_output)
		human_output_append(&output, &h->style, event, !h->options.no_capture);
	return human_summary_add(&h->summary, r, event, &output, e);
}

static char *label_of(const struct event *event)
{
	const struct event_item *item = event->item.item;
	enum verdict v = event->item.judgement->verdict;

	if (event_is_retried(event))
		return xasprintf("TRY %u %s", item->attempt, verdict_label(v));
	return v == VERDICT_FLAKY
		       ? xasprintf("FLAKY %u/%u", item->attempt, item->attempts)
		       : xstrdup(verdict_label(v));
}

static int case_end(struct human *h, const struct event *event, struct err *e)
{
	const struct event_item *item = event->item.item;
	const struct outcome *o = event->item.outcome;
	const struct judgement *j = event->item.judgement;
	bool slow = take_slow(h, item->index);
	struct display_choice c =
		display_choose(&h->options.display, &h->of_run, event, slow);
	struct human_result r = result_of(item);
	autofree char *reason = NULL, *label = label_of(event);

	r.label = label;
	r.sgr = human_line_sgr(j->verdict);
	r.wall_us = o->wall_us;
	r.reason = j->reason;
	if (event_is_quarantined(item, j->verdict)) {
		r.sgr = "33";
		r.reason = reason = xasprintf("in quarantine: %s; %s", item->quarantine,
			j->reason ? j->reason : verdict_name(j->verdict));
	}
	if (c.line) {
		human_line_result(&h->text, &h->style, &r);
		buf_append_char(&h->text, '\n');
		human_output_usage(&h->text, o, h->options.verbose);
	}
	if (c.output)
		human_output_append(&h->text, &h->style, event, !h->options.no_capture);
	if (!c.final_line)
		return 0;
	if (slow && j->verdict == VERDICT_PASS)
		r.label = "SLOW";
	return remember(h, &r, event, &c, e);
}

static void script_end(struct human *h, const struct event *event)
{
	bool is_setup = streq(event->script.phase, "setup");
	const char *reason = event->script.reason;
	autofree char *text = xasprintf("%s  %.1fs%s%s", event->script.name,
		(double)event->script.elapsed_ms / 1000, reason ? "  " : "",
		reason ? reason : "");

	human_line_text(&h->text, &h->style, reason ? "1;31" : "1;32",
		reason     ? is_setup ? "Setup fail" : "Down fail"
		: is_setup ? "Set up"
			   : "Torn down",
		text);
	if (!reason && !h->options.verbose)
		return;
	human_output_stream(&h->text, &h->style, "stdout", event->script.out, 0, NULL);
	human_output_stream(&h->text, &h->style, "stderr", event->script.err, 0, NULL);
}

static int run_end(struct human *h, const struct event *event, struct err *e)
{
	if (h->options.is_terminal)
		h->style.columns = h->options.columns > 0 ? (unsigned)h->options.columns
							  : term_columns(h->options.fd);
	/* What follows may be much, and is written as it is put together. */
	if (flush(h, true, event->time_ms, e) < 0)
		return -1;
	return human_summary_write(&h->summary, &h->text, &h->style, event,
		event->time_ms - h->plan_ms, h->options.fd, e);
}

static int human_event(void *state, const struct event *event, struct err *e)
{
	struct human *h = state;
	bool redraw = h->progress && progress_event(h->progress, event);
	int r = 0;

	if (event->type != EVENT_CASE_OUTPUT && event->type != EVENT_TICK &&
		(event->type != EVENT_CASE_START || h->options.no_capture))
		begin_lines(h);
	switch (event->type) {
	case EVENT_RUN_START:
		h->of_run.status_level = event->run.status_level;
		h->of_run.final_status_level = event->run.final_status_level;
		if (h->options.verbose)
			human_line_text(
				&h->text, &h->style, "1;32", "Run", event->run.id);
		break;
	case EVENT_NOTE:
		human_line_text(&h->text, &h->style, "1;33", "Note", event->note.text);
		break;
	case EVENT_STEP_START:
		/* With a progress line it is there, and goes when the step is done. */
		if (!h->progress)
			human_line_text(&h->text, &h->style, "1;32", event->step.verb,
				event->step.summary);
		break;
	case EVENT_STEP_LINE:
		if (h->options.verbose)
			step_line(h, event);
		break;
	case EVENT_STEP_OUTPUT:
		/* Line by line it has been shown already when verbose. */
		if (!h->options.verbose)
			step_line(h, event);
		break;
	case EVENT_STEP_END:
		step_end(h, event);
		break;
	case EVENT_SCRIPT_START:
		break;
	case EVENT_SCRIPT_END:
		script_end(h, event);
		break;
	case EVENT_PLACE:
		place(h, event->place.column);
		break;
	case EVENT_PLAN:
		plan(h, event);
		break;
	case EVENT_CASE_START:
		case_start(h, event->item.item);
		break;
	case EVENT_CASE_OUTPUT:
		case_output(h, event);
		break;
	case EVENT_CASE_SLOW:
		case_slow(h, event);
		break;
	case EVENT_CASE_END:
		r = case_end(h, event, e);
		break;
	case EVENT_STATUS:
		human_status_write(&h->text, &h->style, event);
		break;
	case EVENT_TICK:
		break;
	case EVENT_RUN_END:
		r = run_end(h, event, e);
		break;
	}
	return r < 0 ? -1 : flush(h, redraw, event->time_ms, e);
}

static int human_close(void *state, struct err *e)
{
	struct human *h = state;
	int r;

	begin_lines(h);
	if (h->progress)
		progress_erase(h->progress, &h->out);
	buf_append(&h->out, buf_str(&h->text), h->text.len);
	r = report_write(h->options.fd, &h->out, e);
	if (h->progress)
		progress_free(h->progress);
	human_summary_release(&h->summary);
	free(h->slow);
	buf_release(&h->text);
	buf_release(&h->out);
	buf_release(&h->pending);
	free(h);
	return r;
}

const struct reporter reporter_human = {
	.name = "human",
	.help = "lines for people, and a progress bar on a terminal",
	.open = human_open,
	.event = human_event,
	.close = human_close,
};
