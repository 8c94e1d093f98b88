#include "report/progress.h"

#include "report/term.h"

#include <limits.h>

enum {
	BAR_MIN = 10,
	BAR_MAX = 40,
	BAR_LEAST_COLUMNS = 64, /* a narrower terminal needs its place for words */
	LABEL_WIDTH = 12,
	NAME_MIN_WIDTH = 12,
	NAME_MAX_WIDTH = 32,
	STEP_REDRAW_MS = 60, /* a build may print thousands of lines a second */
};

struct running {
	size_t index;
	int64_t started_ms;
	char *name; /* owned, clean */
};

struct progress {
	struct progress_options options;
	struct term_ruler ruler;
	bool drawn;
	unsigned drawn_columns; /* width of the terminal then */
	int64_t drawn_ms;

	size_t total, finished, bad;
	struct running *running; /* oldest first */
	size_t n_running, cap_running;

	char *step;      /* "Building"; NULL between steps */
	char *step_what; /* "json-c for aarch64…" */
	char *step_line; /* its latest output; may be NULL */
	double step_fraction;
	int64_t step_started_ms;
};

/* One line that is being put together. */
struct line {
	struct buf *out;
	const struct progress *p;
	unsigned left; /* columns */
};

struct progress *progress_new(const struct progress_options *options)
{
	struct progress *p = xcalloc(1, sizeof *p);

	p->options = *options;
	term_ruler_init(&p->ruler);
	return p;
}

static void end_step(struct progress *p)
{
	free(take_ptr(p->step));
	free(take_ptr(p->step_what));
	free(take_ptr(p->step_line));
}

void progress_free(struct progress *p)
{
	for (size_t i = 0; i < p->n_running; i++)
		free(p->running[i].name);
	free(p->running);
	end_step(p);
	term_ruler_release(&p->ruler);
	free(p);
}

static char *clean(const char *text, size_t len)
{
	autofree char *copy = xstrndup(text, len);
	struct buf b = BUF_INIT;

	term_append_line(&b, copy);
	return buf_take(&b);
}

static void case_started(struct progress *p, const struct event_item *item)
{
	const char *name = *item->test->name ? item->test->name : item->suite->name;

	p->running =
		xgrow(p->running, &p->cap_running, p->n_running + 1, sizeof *p->running);
	p->running[p->n_running++] = (struct running){
		item->index, item->started_ms, clean(name, strlen(name))};
}

static void case_ended(struct progress *p, const struct event *event)
{
	const struct event_item *item = event->item.item;
	enum verdict v = event->item.judgement->verdict;

	for (size_t i = 0; i < p->n_running; i++) {
		if (p->running[i].index != item->index)
			continue;
		free(p->running[i].name);
		memmove(&p->running[i], &p->running[i + 1],
			(p->n_running - i - 1) * sizeof *p->running);
		p->n_running--;
		break;
	}
	if (event_is_retried(event))
		return;
	p->finished++;
	p->bad += verdict_is_failure(v) || v == VERDICT_LOST;
}

static bool step_said(struct progress *p, const struct event *event)
{
	p->step_fraction = event->step.fraction;
	if (event->step.line) {
		free(p->step_line);
		p->step_line = clean(event->step.line, event->step.line_len);
	}
	return event->time_ms - p->drawn_ms >= STEP_REDRAW_MS;
}

bool progress_event(struct progress *p, const struct event *event)
{
	switch (event->type) {
	case EVENT_STEP_START:
		end_step(p);
		p->step = clean(event->step.verb, strlen(event->step.verb));
		p->step_what = clean(event->step.summary, strlen(event->step.summary));
		p->step_fraction = -1;
		p->step_started_ms = event->time_ms;
		return true;
	case EVENT_STEP_LINE:
		return p->step && step_said(p, event);
	case EVENT_STEP_END:
		end_step(p);
		return true;
	case EVENT_PLAN:
		p->total = event->plan.total;
		return true;
	case EVENT_CASE_START:
		case_started(p, event->item.item);
		return false; /* the next tick is soon enough */
	case EVENT_CASE_END:
		case_ended(p, event);
		return true;
	case EVENT_TICK:
		return true;
	case EVENT_RUN_END:
		p->total = 0;
		end_step(p);
		return true;
	default:
		return false;
	}
}

static unsigned width_now(const struct progress *p)
{
	return p->options.columns > 0 ? (unsigned)p->options.columns
				      : term_columns(p->options.fd);
}

void progress_erase(struct progress *p, struct buf *out)
{
	/* A terminal that has become narrower may have folded the line: then all below
	 * goes. Not always, because a cleared screen is something that some terminals
	 * keep a copy of in their history. */
	if (p->drawn)
		buf_append_str(
			out, width_now(p) < p->drawn_columns ? "\r\x1b[J" : "\r\x1b[K");
	p->drawn = false;
}

/* Adds as much of `text` as fits. */
static void put(struct line *l, const char *sgr, const char *text)
{
	unsigned used;
	size_t n = term_fit(&l->p->ruler, text, l->left, &used);
	autofree char *part = xstrndup(text, n);

	l->left -= used;
	if (n)
		term_paint(l->out, l->p->options.color && sgr, sgr ? sgr : "", part);
}

/* Adds `text`, with dots at its end when it has to be cut. */
static void put_cut(struct line *l, const char *sgr, const char *text)
{
	const char *dots = l->p->options.unicode ? "…" : "...";
	unsigned dots_width = l->p->options.unicode ? 1 : 3;
	unsigned used;

	if (term_width(&l->p->ruler, text) <= l->left || l->left <= dots_width) {
		put(l, sgr, text);
		return;
	}

	autofree char *part =
		xstrndup(text, term_fit(&l->p->ruler, text, l->left - dots_width, &used));

	put(l, sgr, part);
	put(l, sgr, dots);
}

static void put_bar(struct line *l, unsigned width)
{
	const struct progress *p = l->p;
	bool unicode = p->options.unicode;
	size_t total = MAX(p->total, 1), done = MIN(p->finished, total);
	size_t halves = done * 2 * width / total;
	const char *sgr = p->bad ? "31" : "32";
	struct buf full = BUF_INIT, rest = BUF_INIT;

	for (unsigned i = 0; i < width; i++) {
		if (i < halves / 2)
			buf_append_str(&full, unicode ? "━" : "#");
		else if (unicode && i == halves / 2 && halves % 2)
			buf_append_str(&full, "╸");
		else
			buf_append_str(&rest, unicode ? "━" : "-");
	}
	/* Without colours the rest would look done. */
	if (unicode && !p->options.color) {
		buf_clear(&rest);
		for (size_t i = (halves + 1) / 2; i < width; i++)
			buf_append_str(&rest, "─");
	}
	put(l, sgr, buf_str(&full));
	put(l, "2", buf_str(&rest));
	put(l, NULL, "  ");
	buf_release(&full);
	buf_release(&rest);
}

/* "test_cast 0.4s" in about `columns`: of a name that is too long the beginning. */
static char *running_text(const struct progress *p, const struct running *r,
	int64_t now_ms, unsigned columns)
{
	double seconds = (double)MAX(now_ms - r->started_ms, 0) / 1000;
	autofree char *time = xasprintf(" %.*fs", seconds < 60 ? 1 : 0, seconds);
	const char *dots = p->options.unicode ? "…" : "...";
	unsigned rest = (unsigned)strlen(time) + (p->options.unicode ? 1 : 3), used;
	unsigned room = MIN(columns > rest ? columns - rest : 0, NAME_MAX_WIDTH);
	size_t n = term_fit(&p->ruler, r->name, MAX(room, NAME_MIN_WIDTH), &used);

	return xasprintf("%.*s%s%s", (int)n, r->name, r->name[n] ? dots : "", time);
}

/* As many of the running cases as fit, the oldest first: what hangs is seen. */
static void put_running(struct line *l, int64_t now_ms)
{
	const struct progress *p = l->p;
	autofree char *head = xasprintf("%zu running: ", p->n_running);

	put(l, NULL, head);
	for (size_t i = 0; i < p->n_running; i++) {
		autofree char *more = xasprintf(", +%zu", p->n_running - i);
		bool last = i + 1 == p->n_running;
		unsigned rest = (i ? 2 : 0) + (last ? 0 : (unsigned)strlen(more));
		autofree char *text = running_text(
			p, &p->running[i], now_ms, l->left - MIN(rest, l->left));

		if (i && term_width(&p->ruler, text) + rest > l->left) {
			put(l, "2", more);
			return;
		}
		if (i)
			put(l, NULL, ", ");
		put_cut(l, NULL, text);
	}
}

static void compose_cases(struct line *l, int64_t now_ms, unsigned columns)
{
	const struct progress *p = l->p;
	autofree char *done = xasprintf("%zu/%zu", p->finished, p->total);
	autofree char *bad = xasprintf("  %zu failed", p->bad);

	put(l, NULL, "  ");
	if (columns >= BAR_LEAST_COLUMNS)
		put_bar(l, MIN(MAX(columns / 5, BAR_MIN), BAR_MAX));
	put(l, "1", done);
	if (p->bad)
		put(l, "31", bad);
	if (p->n_running) {
		put(l, NULL, "  ");
		put_running(l, now_ms);
	}
}

static void compose_step(struct line *l, int64_t now_ms)
{
	const struct progress *p = l->p;
	autofree char *label = xasprintf("%*s ", LABEL_WIDTH, p->step);
	autofree char *time =
		xasprintf("  %.0fs", (double)MAX(now_ms - p->step_started_ms, 0) / 1000);
	autofree char *share = xasprintf("  %.0f%%", p->step_fraction * 100);

	put(l, "1;32", label);
	put_cut(l, NULL, p->step_what);
	put(l, NULL, time);
	if (p->step_fraction >= 0)
		put(l, NULL, share);
	if (p->step_line && l->left > BAR_MIN) {
		put(l, NULL, "  ");
		put_cut(l, "2", p->step_line);
	}
}

void progress_draw(struct progress *p, struct buf *out, int64_t now_ms)
{
	unsigned columns = width_now(p);
	struct line l = {out, p, columns - 1};

	progress_erase(p, out);
	if (!(p->step && !p->n_running) && !p->total)
		return;
	/* A terminal may be narrower by now than it says. What does not fit must not go
	 * on in the next line (DEC private mode 7), where nobody would erase it. */
	buf_append_str(out, "\x1b[?7l");
	if (p->step && !p->n_running)
		compose_step(&l, now_ms);
	else
		compose_cases(&l, now_ms, columns);
	buf_append_str(out, "\r\x1b[?7h");
	p->drawn = true;
	p->drawn_columns = columns;
	p->drawn_ms = now_ms;
}
