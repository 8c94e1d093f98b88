/*
 * What ran where and when, as Chrome's trace event format (an array of objects), which
 * ui.perfetto.dev and chrome://tracing open: a process for every column, a track in it
 * for every slot, and one for what xtest itself does before. Times are microseconds.
 * Written as it happens; the format allows an array without its end, but close() ends it.
 */
#include "base/json.h"
#include "base/strv.h"
#include "report/reporter.h"

/* Of this program's own track; columns count from 1. */
enum { OWN_PID = 0, OWN_TID = 0 };

struct trace {
	int fd;
	struct buf text;
	bool any;
	struct strv columns; /* labels; the index + 1 is the pid */
	struct strv tracks;  /* "PID TID" of those that have their name */
	int64_t step_ms;     /* when the step began; -1: none has */
};

static void *trace_open(const struct report_options *options, struct err *e UNUSED)
{
	struct trace *t = xcalloc(1, sizeof *t);

	*t = (struct trace){.fd = options->fd, .step_ms = -1};
	return t;
}

static struct jsonw begin(
	struct trace *t, const char *name, const char *phase, size_t pid, size_t tid)
{
	struct jsonw w;

	buf_append_str(&t->text, t->any ? ",\n" : "[\n");
	t->any = true;
	jsonw_init(&w, &t->text);
	jsonw_open(&w, NULL, '{');
	jsonw_string(&w, "name", name);
	jsonw_string(&w, "ph", phase);
	jsonw_int(&w, "pid", (int64_t)pid);
	jsonw_int(&w, "tid", (int64_t)tid);
	return w;
}

static void name_it(
	struct trace *t, const char *what, size_t pid, size_t tid, const char *name)
{
	struct jsonw w = begin(t, what, "M", pid, tid);

	jsonw_open(&w, "args", '{');
	jsonw_string(&w, "name", name);
	jsonw_close(&w, '}');
	jsonw_close(&w, '}');
}

static void name_track(struct trace *t, size_t pid, size_t tid, const char *name)
{
	autofree char *key = xasprintf("%zu %zu", pid, tid);

	if (strv_has(&t->tracks, key))
		return;
	strv_push(&t->tracks, key);
	name_it(t, "thread_name", pid, tid, name);
}

/* The process of the column, with its name when it is new. */
static size_t column_pid(struct trace *t, const struct event_column *column)
{
	autofree char *name = NULL;
	size_t i = 0;

	while (i < t->columns.len && !streq(t->columns.v[i], column->label))
		i++;
	if (i < t->columns.len)
		return i + 1;
	strv_push(&t->columns, column->label);
	name = xasprintf("%s (%s)", column->label,
		column->detail ? column->detail : column->place);
	name_it(t, "process_name", i + 1, 0, name);
	return i + 1;
}

static void run_start(struct trace *t, const struct event *event)
{
	autofree char *name = xasprintf("xtest: %s", event->run.project);

	name_it(t, "process_name", OWN_PID, OWN_TID, name);
	name_track(t, OWN_PID, OWN_TID, "steps");
}

static void step_end(struct trace *t, const struct event *event)
{
	autofree char *name = xasprintf("%s %s", event->step.verb, event->step.summary);
	int64_t begin_ms =
		t->step_ms >= 0 ? t->step_ms : event->time_ms - event->step.elapsed_ms;
	struct jsonw w = begin(t, name, "X", OWN_PID, OWN_TID);

	jsonw_string(&w, "cat", "step");
	jsonw_int(&w, "ts", begin_ms * 1000);
	jsonw_int(&w, "dur", (event->time_ms - begin_ms) * 1000);
	jsonw_close(&w, '}');
	t->step_ms = -1;
}

static void instant(struct trace *t, const char *name, int64_t time_ms, const char *scope,
	size_t pid, size_t tid)
{
	struct jsonw w = begin(t, name, "i", pid, tid);

	jsonw_int(&w, "ts", time_ms * 1000);
	jsonw_string(&w, "s", scope);
	jsonw_close(&w, '}');
}

static size_t item_tid(struct trace *t, const struct event_item *item, size_t pid)
{
	autofree char *name = xasprintf("slot %u", item->slot);

	name_track(t, pid, item->slot + 1, name);
	return item->slot + 1;
}

static void case_end(struct trace *t, const struct event *event)
{
	const struct event_item *item = event->item.item;
	const struct outcome *o = event->item.outcome;
	const struct judgement *j = event->item.judgement;
	autofree char *name = event_item_name(item);
	size_t pid = column_pid(t, item->column), tid = item_tid(t, item, pid);
	struct jsonw w = begin(t, name, "X", pid, tid);

	jsonw_string(&w, "cat", verdict_name(j->verdict));
	jsonw_int(&w, "ts", item->started_ms * 1000);
	jsonw_int(&w, "dur", o->wall_us);
	jsonw_open(&w, "args", '{');
	jsonw_string(&w, "verdict", verdict_name(j->verdict));
	jsonw_bool(&w, "final", !event_is_retried(event));
	jsonw_string(&w, "reason", j->reason);
	jsonw_int(&w, "attempt", item->attempt);
	if (item->board)
		jsonw_string(&w, "board", item->board);
	jsonw_int(&w, "user_us", o->user_us);
	jsonw_int(&w, "sys_us", o->sys_us);
	jsonw_int(&w, "max_rss_kib", o->max_rss_kib);
	jsonw_close(&w, '}');
	jsonw_close(&w, '}');
}

static void case_slow(struct trace *t, const struct event *event)
{
	const struct event_item *item = event->item.item;
	size_t pid = column_pid(t, item->column);

	instant(t, "slow", event->time_ms, "t", pid, item_tid(t, item, pid));
}

static int trace_event(void *state, const struct event *event, struct err *e)
{
	struct trace *t = state;

	switch (event->type) {
	case EVENT_RUN_START:
		run_start(t, event);
		break;
	case EVENT_NOTE:
		instant(t, event->note.text, event->time_ms, "g", OWN_PID, OWN_TID);
		break;
	case EVENT_STEP_START:
		t->step_ms = event->time_ms;
		break;
	case EVENT_STEP_END:
		step_end(t, event);
		break;
	case EVENT_PLACE:
		column_pid(t, event->place.column);
		break;
	case EVENT_CASE_SLOW:
		case_slow(t, event);
		break;
	case EVENT_CASE_END:
		case_end(t, event);
		break;
	case EVENT_RUN_END:
		instant(t, event->end.cancelled ? event->end.cancelled : "end",
			event->time_ms, "g", OWN_PID, OWN_TID);
		break;
	default:
		break;
	}
	return t->text.len ? report_write(t->fd, &t->text, e) : 0;
}

static int trace_close(void *state, struct err *e)
{
	struct trace *t = state;
	int r;

	buf_append_str(&t->text, t->any ? "\n]\n" : "[]\n");
	r = report_write(t->fd, &t->text, e);
	buf_release(&t->text);
	strv_release(&t->columns);
	strv_release(&t->tracks);
	free(t);
	return r;
}

const struct reporter reporter_trace = {
	.name = "trace",
	.help = "what ran where and when, for ui.perfetto.dev or chrome://tracing",
	.open = trace_open,
	.event = trace_event,
	.close = trace_close,
};
