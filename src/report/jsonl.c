/* One JSON object a line for every event; docs/events.md is the description of each
 * field. */
#include "report/jsonl.h"

#include "base/json.h"
#include "model/compare.h"
#include "report/reporter.h"

struct jsonl {
	int fd;
	struct buf line;
};

static void *jsonl_open(const struct report_options *options, struct err *e UNUSED)
{
	struct jsonl *j = xcalloc(1, sizeof *j);

	j->fd = options->fd;
	return j;
}

static void append_base64(struct buf *out, const char *data, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *u = (const unsigned char *)data;

	for (size_t i = 0; i < len; i += 3) {
		unsigned rest = (unsigned)MIN(len - i, 3);
		unsigned v = (unsigned)u[i] << 16 | (rest > 1 ? u[i + 1] << 8 : 0) |
			     (rest > 2 ? u[i + 2] : 0);

		buf_append_char(out, digits[v >> 18]);
		buf_append_char(out, digits[v >> 12 & 63]);
		buf_append_char(out, rest > 1 ? digits[v >> 6 & 63] : '=');
		buf_append_char(out, rest > 2 ? digits[v & 63] : '=');
	}
}

static bool is_utf8(const char *data, size_t len)
{
	while (len) {
		size_t n = json_utf8_len(data, len);

		if (n == 0)
			return false;
		data += n;
		len -= n;
	}
	return true;
}

/* The text under `key`; when it is not UTF-8, the exact bytes under `key`_base64 too. */
static void write_bytes(struct jsonw *w, const char *key, const char *data, size_t len)
{
	autorelease(buf) struct buf exact = BUF_INIT;
	autofree char *exact_key = NULL;

	jsonw_bytes(w, key, data, len);
	if (is_utf8(data, len))
		return;
	exact_key = xasprintf("%s_base64", key);
	append_base64(&exact, data, len);
	jsonw_bytes(w, exact_key, exact.data, exact.len);
}

/* write_bytes() of a string; null when there is none. */
static void write_text(struct jsonw *w, const char *key, const char *text)
{
	if (text)
		write_bytes(w, key, text, strlen(text));
	else
		jsonw_null(w, key);
}

/* Output of a case: here, or its digest when the store has it. */
static void write_output(struct jsonw *w, const struct jsonl_store *store,
	const char *key, const struct buf *output)
{
	autofree char *digest_key = NULL;
	char digest[HASH_HEX_SIZE];

	if (!store || !store->keep(store->ctx, buf_str(output), output->len, digest)) {
		write_bytes(w, key, buf_str(output), output->len);
		return;
	}
	digest_key = xasprintf("%s_digest", key);
	jsonw_null(w, key);
	jsonw_string(w, digest_key, digest);
}

static void write_column(struct jsonw *w, const struct event_column *c)
{
	jsonw_string(w, "column", c->label);
	jsonw_string(w, "target", c->target);
	jsonw_string(w, "place", c->place);
	jsonw_string(w, "detail", c->detail);
	jsonw_int(w, "slots", c->slots);
	jsonw_string(w, "emulator", c->emulator);
	jsonw_string(w, "kernel", c->kernel);
}

static void write_item(struct jsonw *w, const struct event_item *item)
{
	jsonw_int(w, "index", (int64_t)item->index);
	write_text(w, "suite", item->suite->id);
	write_text(w, "case", item->test->name);
	jsonw_string(w, "column", item->column->label);
	jsonw_int(w, "attempt", item->attempt);
	if (item->stress)
		jsonw_int(w, "stress", item->stress);
	else
		jsonw_null(w, "stress");
}

static void write_counts(struct jsonw *w, const struct event_counts *c)
{
	const struct {
		const char *key;
		size_t n;
	} counts[] = {
		{"total", c->total},
		{"finished", c->finished},
		{"passed", c->passed},
		{"failed", c->failed},
		{"skipped", c->skipped},
		{"timed_out", c->timed_out},
		{"crashed", c->crashed},
		{"leaked", c->leaked},
		{"flaky", c->flaky},
		{"lost", c->lost},
		{"quarantined", c->quarantined},
		{"not_run", c->not_run},
		{"filtered_out", c->filtered_out},
	};

	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		jsonw_int(w, counts[i].key, (int64_t)counts[i].n);
}

static void run_start(struct jsonw *w, const struct event *event)
{
	jsonw_string(w, "format", JSONL_FORMAT);
	jsonw_int(w, "format_version", JSONL_VERSION);
	jsonw_string(w, "run", event->run.id);
	jsonw_string(w, "xtest_version", event->run.version);
	jsonw_string(w, "project", event->run.project);
	jsonw_string(w, "command_line", event->run.command_line);
	jsonw_int(w, "wall_clock_ms", event->run.wall_clock_ms);
	jsonw_string(w, "rerun_of", event->run.rerun_of);
	jsonw_string(w, "status_level",
		display_word(display_status_words, (int)event->run.status_level));
	jsonw_string(w, "final_status_level",
		display_word(display_final_words, (int)event->run.final_status_level));
}

static void step(struct jsonw *w, const struct event *event)
{
	jsonw_string(w, "verb", event->step.verb);
	jsonw_string(w, "summary", event->step.summary);
	if (event->type == EVENT_STEP_LINE || event->type == EVENT_STEP_OUTPUT)
		write_bytes(w, "line", event->step.line, event->step.line_len);
	if (event->type == EVENT_STEP_LINE) {
		if (event->step.fraction >= 0)
			jsonw_fixed(w, "fraction", event->step.fraction, 3);
		else
			jsonw_null(w, "fraction");
	}
	if (event->type == EVENT_STEP_END)
		jsonw_int(w, "elapsed_ms", event->step.elapsed_ms);
}

static void plan(struct jsonw *w, const struct event *event)
{
	jsonw_int(w, "total", (int64_t)event->plan.total);
	jsonw_int(w, "suites", (int64_t)event->plan.suites);
	jsonw_int(w, "filtered_out", (int64_t)event->plan.filtered_out);
	jsonw_open(w, "columns", '[');
	for (size_t i = 0; i < event->plan.n_columns; i++) {
		jsonw_open(w, NULL, '{');
		write_column(w, event->plan.columns[i]);
		jsonw_int(w, "total", (int64_t)event->plan.column_totals[i]);
		jsonw_close(w, '}');
	}
	jsonw_close(w, ']');
}

static void case_start(struct jsonw *w, const struct event_item *item)
{
	write_item(w, item);
	jsonw_int(w, "attempts", item->attempts);
	jsonw_int(w, "slot", item->slot);
	jsonw_string(w, "board", item->board);
	jsonw_int(w, "started_ms", item->started_ms);
	jsonw_string(w, "package", item->suite->package);
	write_text(w, "name", item->suite->name);
	jsonw_string(w, "platform", platform_name(item->suite->platform));
	jsonw_string(w, "framework", item->suite->framework);
	jsonw_string(w, "adapter", item->suite->adapter);
}

const char *jsonl_end_name(enum end_kind kind)
{
	static const char *const names[] = {
		[END_EXIT] = "exit",
		[END_SIGNAL] = "signal",
		[END_TIMEOUT] = "timeout",
		[END_NOT_STARTED] = "not-started",
		[END_LOST] = "lost",
		[END_MACHINE] = "machine",
	};

	return names[kind];
}

static void write_outcome(
	struct jsonw *w, const struct outcome *o, const struct jsonl_store *store)
{
	jsonw_string(w, "end", jsonl_end_name(o->kind));
	jsonw_int(w, "code", o->code);
	jsonw_bool(w, "core_dumped", o->core_dumped);
	write_text(w, "detail", o->detail);
	jsonw_int(w, "wall_us", o->wall_us);
	jsonw_int(w, "user_us", o->user_us);
	jsonw_int(w, "sys_us", o->sys_us);
	jsonw_int(w, "max_rss_kib", o->max_rss_kib);
	jsonw_int(w, "leaked", o->leaked);
	write_text(w, "leaked_names", o->leaked_names);
	write_output(w, store, "stdout", &o->out);
	jsonw_int(w, "stdout_dropped", (int64_t)o->out_dropped);
	write_output(w, store, "stderr", &o->err);
	jsonw_int(w, "stderr_dropped", (int64_t)o->err_dropped);
	write_text(w, "console", o->console);
}

static void case_end(
	struct jsonw *w, const struct event *event, const struct jsonl_store *store)
{
	const struct event_item *item = event->item.item;
	const struct judgement *j = event->item.judgement;

	write_item(w, item);
	jsonw_string(w, "board", item->board);
	jsonw_string(w, "verdict", verdict_name(j->verdict));
	jsonw_bool(w, "final", !event_is_retried(event));
	jsonw_bool(w, "ends_suite", item->ends_suite);
	write_text(w, "quarantine", item->quarantine);
	jsonw_string(w, "success_output",
		display_word(display_output_words, (int)item->success_output));
	jsonw_string(w, "failure_output",
		display_word(display_output_words, (int)item->failure_output));
	jsonw_bool(w, "junit_success", item->junit_success);
	jsonw_bool(w, "junit_failure", item->junit_failure);
	write_text(w, "reason", j->reason);
	write_text(w, "excerpt", j->excerpt);
	jsonw_open(w, "points", '[');
	for (size_t i = 0; i < j->n_points; i++) {
		jsonw_open(w, NULL, '{');
		write_text(w, "name", j->points[i].name);
		jsonw_string(w, "verdict", verdict_name(j->points[i].verdict));
		write_text(w, "reason", j->points[i].reason);
		jsonw_close(w, '}');
	}
	jsonw_close(w, ']');
	write_outcome(w, event->item.outcome, store);
}

static void differences(struct jsonw *w, const struct event *event)
{
	jsonw_open(w, "differences", '[');
	for (size_t i = 0; i < event->end.n_differences; i++) {
		const struct difference *d = &event->end.differences[i];

		jsonw_open(w, NULL, '{');
		jsonw_string(w, "target", d->group);
		write_text(w, "suite", d->suite);
		write_text(w, "case", d->test);
		jsonw_open(w, "verdicts", '[');
		for (size_t k = 0; k < d->n_sides; k++) {
			jsonw_open(w, NULL, '{');
			jsonw_string(w, "column", d->sides[k].side);
			jsonw_string(w, "place", d->sides[k].place);
			jsonw_string(w, "verdict", verdict_name(d->sides[k].verdict));
			write_text(w, "reason", d->sides[k].reason);
			jsonw_close(w, '}');
		}
		jsonw_close(w, ']');
		write_text(w, "cause", d->cause);
		jsonw_close(w, '}');
	}
	jsonw_close(w, ']');
}

static void run_end(struct jsonw *w, const struct event *event)
{
	write_counts(w, event->end.counts);
	jsonw_open(w, "columns", '[');
	for (size_t i = 0; i < event->end.n_columns; i++) {
		jsonw_open(w, NULL, '{');
		jsonw_string(w, "column", event->end.columns[i]->label);
		write_counts(w, &event->end.column_counts[i]);
		jsonw_close(w, '}');
	}
	jsonw_close(w, ']');
	differences(w, event);
	jsonw_int(w, "exit_code", event->end.exit_code);
	jsonw_string(w, "cancelled", event->end.cancelled);
}

static void script(struct jsonw *w, const struct event *event)
{
	jsonw_string(w, "phase", event->script.phase);
	jsonw_string(w, "name", event->script.name);
	jsonw_string(w, "command", event->script.command);
	if (event->type == EVENT_SCRIPT_START)
		return;
	jsonw_bool(w, "passed", !event->script.reason);
	write_text(w, "reason", event->script.reason);
	jsonw_int(w, "elapsed_ms", event->script.elapsed_ms);
	write_bytes(w, "stdout", buf_str(event->script.out), event->script.out->len);
	write_bytes(w, "stderr", buf_str(event->script.err), event->script.err->len);
}

static void write_event(
	struct jsonw *w, const struct event *event, const struct jsonl_store *store)
{
	switch (event->type) {
	case EVENT_RUN_START:
		run_start(w, event);
		break;
	case EVENT_NOTE:
		jsonw_string(w, "text", event->note.text);
		break;
	case EVENT_STEP_START:
	case EVENT_STEP_LINE:
	case EVENT_STEP_OUTPUT:
	case EVENT_STEP_END:
		step(w, event);
		break;
	case EVENT_SCRIPT_START:
	case EVENT_SCRIPT_END:
		script(w, event);
		break;
	case EVENT_PLACE:
		write_column(w, event->place.column);
		break;
	case EVENT_PLAN:
		plan(w, event);
		break;
	case EVENT_CASE_START:
		case_start(w, event->item.item);
		break;
	case EVENT_CASE_OUTPUT:
		write_item(w, event->item.item);
		jsonw_int(w, "stream", event->item.stream);
		write_bytes(w, "data", event->item.data, event->item.len);
		break;
	case EVENT_CASE_SLOW:
		write_item(w, event->item.item);
		jsonw_int(w, "elapsed_ms", event->item.elapsed_ms);
		break;
	case EVENT_CASE_END:
		case_end(w, event, store);
		break;
	case EVENT_STATUS:
	case EVENT_TICK:
		break;
	case EVENT_RUN_END:
		run_end(w, event);
		break;
	}
}

void jsonl_print(
	struct buf *out, const struct event *event, const struct jsonl_store *store)
{
	struct jsonw w;

	/* A tick only says that time has passed. */
	if (event->type == EVENT_TICK || event->type == EVENT_STATUS)
		return;
	jsonw_init(&w, out);
	jsonw_open(&w, NULL, '{');
	jsonw_string(&w, "event", event_type_name(event->type));
	jsonw_int(&w, "time_ms", event->time_ms);
	write_event(&w, event, store);
	jsonw_close(&w, '}');
	buf_append_char(out, '\n');
}

static int jsonl_event(void *state, const struct event *event, struct err *e)
{
	struct jsonl *j = state;

	jsonl_print(&j->line, event, NULL);
	return j->line.len ? report_write(j->fd, &j->line, e) : 0;
}

static int jsonl_close(void *state, struct err *e UNUSED)
{
	struct jsonl *j = state;

	buf_release(&j->line);
	free(j);
	return 0;
}

const struct reporter reporter_jsonl = {
	.name = "jsonl",
	.help = "one JSON object a line for every event, as it happens",
	.open = jsonl_open,
	.event = jsonl_event,
	.close = jsonl_close,
};
