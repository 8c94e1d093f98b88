#include "report/jsonl-read.h"

#include "base/json.h"
#include "model/compare.h"
#include "report/jsonl-value.h"
#include "report/jsonl.h"

#include <search.h>

/* A case between its start and its end. */
struct open_item {
	struct event_item item;
	struct test_case test;
	char *name;       /* owned */
	char *quarantine; /* owned */
	char *board;      /* owned */
};

/* A column or a suite under the name it is found by. */
struct named {
	char *key; /* owned */
	struct event_column column;
	struct suite suite;
	struct strv strings; /* what they point to */
};

struct jsonl_read {
	const struct jsonl_outputs *outputs;
	void *columns, *suites;  /* tsearch trees of struct named */
	struct open_item **open; /* owned, each */
	size_t n_open, cap_open;
	struct open_item *ended; /* the one whose end was told last */
	bool begun;
	/* what the latest event points to */
	struct json *line;
	struct strv strings;
	struct outcome outcome;
	struct judgement judgement;
	const struct event_column **column_list;
	size_t *column_totals;
	struct event_counts counts, *column_counts;
	struct difference *differences;
	struct compare_side *sides;
	struct buf bytes, more_bytes;
};

/* ---- what lives on */

static int compare_named(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->key, ((const struct named *)b)->key);
}

static void free_named(void *p)
{
	struct named *n = p;

	strv_release(&n->strings);
	free(n->key);
	free(n);
}

/* The one of this key; a new one, empty, when *made. Takes `key`. */
static struct named *named_get(void **tree, char *key, bool *made)
{
	struct named wanted = {.key = key}, *n;
	struct named **found = tfind(&wanted, tree, compare_named);

	*made = !found;
	if (found) {
		free(key);
		return *found;
	}
	n = xcalloc(1, sizeof *n);
	n->key = key;
	tsearch(n, tree, compare_named);
	return n;
}

/* A column is known by its label; the events that describe it come before its cases. */
static const struct event_column *read_column(
	struct jsonl_read *r, const struct json *object)
{
	const char *label = json_find_string(object, "column", "");
	bool made;
	struct named *n = named_get(&r->columns, xstrdup(label), &made);

	if (made || (json_find(object, "target") && !*n->column.target))
		n->column = (struct event_column){
			.label = n->key,
			.target = jsonl_value_word(&n->strings, object, "target"),
			.place = jsonl_value_word(&n->strings, object, "place"),
			.detail = jsonl_value_text(&n->strings, object, "detail"),
			.slots = jsonl_value_unsigned(object, "slots"),
			.emulator = jsonl_value_text(&n->strings, object, "emulator"),
			.kernel = jsonl_value_text(&n->strings, object, "kernel"),
		};
	return &n->column;
}

static char *own(struct named *n, const struct json *object, const char *key)
{
	jsonl_value_text(&n->strings, object, key);
	return json_kind(json_find(object, key)) == JSON_NULL
		       ? NULL
		       : n->strings.v[n->strings.len - 1];
}

/* A suite is the same one within a column. */
static const struct suite *read_suite(struct jsonl_read *r, const struct json *object)
{
	autofree char *id = jsonl_value_owned(object, "suite");
	bool made;
	struct named *n = named_get(&r->suites,
		xasprintf("%s\n%s", json_find_string(object, "column", ""), id ? id : ""),
		&made);

	if (!made && n->suite.package)
		return &n->suite;
	if (made)
		strv_push(&n->strings, id ? id : "");
	n->suite.id = n->strings.v[0];
	n->suite.name = own(n, object, "name");
	if (!n->suite.name)
		n->suite.name = n->suite.id;
	n->suite.package = own(n, object, "package");
	n->suite.framework = own(n, object, "framework");
	n->suite.adapter = own(n, object, "adapter");
	n->suite.platform = streq(json_find_string(object, "platform", ""), "host")
				    ? PLATFORM_HOST
				    : PLATFORM_TARGET;
	return &n->suite;
}

/* ---- cases */

static void free_item(struct open_item *o)
{
	if (o) {
		free(o->name);
		free(o->quarantine);
		free(o->board);
	}
	free(o);
}

static struct open_item *find_item(struct jsonl_read *r, size_t index, unsigned attempt)
{
	for (size_t i = r->n_open; i > 0; i--)
		if (r->open[i - 1]->item.index == index &&
			r->open[i - 1]->item.attempt == attempt)
			return r->open[i - 1];
	return NULL;
}

static struct open_item *add_item(struct jsonl_read *r, const struct json *object)
{
	struct open_item *o = xcalloc(1, sizeof *o);

	o->name = jsonl_value_owned(object, "case");
	if (!o->name)
		o->name = xstrdup("");
	o->test.name = o->name;
	o->board = jsonl_value_owned(object, "board");
	o->item = (struct event_item){
		.index = jsonl_value_size(object, "index"),
		.suite = read_suite(r, object),
		.test = &o->test,
		.column = read_column(r, object),
		.attempt = jsonl_value_unsigned(object, "attempt"),
		.attempts = jsonl_value_unsigned(object, "attempts"),
		.stress = jsonl_value_unsigned(object, "stress"),
		.slot = jsonl_value_unsigned(object, "slot"),
		.board = o->board,
		.started_ms = json_int(json_find(object, "started_ms"),
			jsonl_value_int(object, "time_ms")),
	};
	r->open = xgrow(r->open, &r->cap_open, r->n_open + 1, sizeof *r->open);
	r->open[r->n_open++] = o;
	return o;
}

static struct open_item *get_item(struct jsonl_read *r, const struct json *object)
{
	struct open_item *o = find_item(r, jsonl_value_size(object, "index"),
		jsonl_value_unsigned(object, "attempt"));

	return o ? o : add_item(r, object);
}

/* Told of once more, in the event of its end. */
static void close_item(struct jsonl_read *r, struct open_item *o)
{
	for (size_t i = 0; i < r->n_open; i++)
		if (r->open[i] == o) {
			r->open[i] = r->open[--r->n_open];
			break;
		}
	r->ended = o;
}

static void read_points(struct jsonl_read *r, const struct json *points)
{
	for (size_t i = 0; i < json_len(points); i++) {
		const struct json *point = json_at(points, i);
		autofree char *name = jsonl_value_owned(point, "name");
		autofree char *reason = jsonl_value_owned(point, "reason");

		judgement_add_point(&r->judgement, name ? name : "",
			jsonl_value_verdict(point), reason);
	}
}

static void read_output(
	struct jsonl_read *r, const struct json *object, const char *key, struct buf *out)
{
	autofree char *digest_key = xasprintf("%s_digest", key);
	const char *digest = json_find_string(object, digest_key, NULL);

	if (!digest) {
		jsonl_value_bytes(object, key, out);
		return;
	}
	if (r->outputs && r->outputs->get(r->outputs->ctx, digest, out) == 0)
		return;
	buf_clear(out);
	buf_printf(out, "[this output is no longer kept: %s]\n", digest);
}

static int find_word(const struct json *object, const char *key, const char *const *words)
{
	return display_find(words, json_find_string(object, key, NULL));
}

static void case_end(struct jsonl_read *r, const struct json *object, struct event *event)
{
	struct open_item *o = get_item(r, object);

	r->judgement.verdict = jsonl_value_verdict(object);
	r->judgement.reason = jsonl_value_owned(object, "reason");
	r->judgement.excerpt = jsonl_value_owned(object, "excerpt");
	read_points(r, json_find(object, "points"));
	r->outcome = (struct outcome){
		.kind = jsonl_value_end(object),
		.code = (int)jsonl_value_int(object, "code"),
		.core_dumped = json_boolean(json_find(object, "core_dumped"), false),
		.detail = jsonl_value_owned(object, "detail"),
		.wall_us = jsonl_value_int(object, "wall_us"),
		.user_us = jsonl_value_int(object, "user_us"),
		.sys_us = jsonl_value_int(object, "sys_us"),
		.max_rss_kib = jsonl_value_int(object, "max_rss_kib"),
		.leaked = jsonl_value_unsigned(object, "leaked"),
		.leaked_names = jsonl_value_owned(object, "leaked_names"),
		.out_dropped = jsonl_value_size(object, "stdout_dropped"),
		.err_dropped = jsonl_value_size(object, "stderr_dropped"),
		.console = jsonl_value_owned(object, "console"),
	};
	read_output(r, object, "stdout", &r->outcome.out);
	read_output(r, object, "stderr", &r->outcome.err);
	event->item.item = &o->item;
	event->item.outcome = &r->outcome;
	event->item.judgement = &r->judgement;
	o->item.ends_suite = json_boolean(json_find(object, "ends_suite"), false);
	free(o->quarantine);
	o->item.quarantine = o->quarantine = jsonl_value_owned(object, "quarantine");
	o->item.success_output = (enum display_output)find_word(
		object, "success_output", display_output_words);
	o->item.failure_output = (enum display_output)find_word(
		object, "failure_output", display_output_words);
	o->item.junit_success = json_boolean(json_find(object, "junit_success"), false);
	o->item.junit_failure = json_boolean(json_find(object, "junit_failure"), true);
	if (json_find(object, "attempts"))
		o->item.attempts = jsonl_value_unsigned(object, "attempts");
	/* That another attempt follows may be known only at the end. */
	if (!json_boolean(json_find(object, "final"), true))
		o->item.attempts = MAX(o->item.attempts, o->item.attempt + 1);
	else if (event_is_retried(event))
		o->item.attempts = o->item.attempt;
	close_item(r, o);
}

/* ---- the other events */

static void run_start(
	struct jsonl_read *r, const struct json *object, struct event *event)
{
	event->run.id = jsonl_value_word(&r->strings, object, "run");
	event->run.version = jsonl_value_word(&r->strings, object, "xtest_version");
	event->run.project = jsonl_value_word(&r->strings, object, "project");
	event->run.command_line = jsonl_value_word(&r->strings, object, "command_line");
	event->run.rerun_of = jsonl_value_text(&r->strings, object, "rerun_of");
	event->run.wall_clock_ms = jsonl_value_int(object, "wall_clock_ms");
	event->run.status_level = (enum display_status)find_word(
		object, "status_level", display_status_words);
	event->run.final_status_level = (enum display_final)find_word(
		object, "final_status_level", display_final_words);
}

static void step(struct jsonl_read *r, const struct json *object, struct event *event)
{
	event->step.verb = jsonl_value_word(&r->strings, object, "verb");
	event->step.summary = jsonl_value_word(&r->strings, object, "summary");
	event->step.elapsed_ms = jsonl_value_int(object, "elapsed_ms");
	event->step.fraction = json_double(json_find(object, "fraction"), -1);
	if (jsonl_value_bytes(object, "line", &r->bytes)) {
		event->step.line = buf_str(&r->bytes);
		event->step.line_len = r->bytes.len;
	}
}

static void read_counts(const struct json *object, struct event_counts *c)
{
	*c = (struct event_counts){
		.total = jsonl_value_size(object, "total"),
		.finished = jsonl_value_size(object, "finished"),
		.passed = jsonl_value_size(object, "passed"),
		.failed = jsonl_value_size(object, "failed"),
		.skipped = jsonl_value_size(object, "skipped"),
		.timed_out = jsonl_value_size(object, "timed_out"),
		.crashed = jsonl_value_size(object, "crashed"),
		.leaked = jsonl_value_size(object, "leaked"),
		.flaky = jsonl_value_size(object, "flaky"),
		.lost = jsonl_value_size(object, "lost"),
		.quarantined = jsonl_value_size(object, "quarantined"),
		.not_run = jsonl_value_size(object, "not_run"),
		.filtered_out = jsonl_value_size(object, "filtered_out"),
	};
}

static void plan(struct jsonl_read *r, const struct json *object, struct event *event)
{
	const struct json *columns = json_find(object, "columns");
	size_t n = json_len(columns);

	r->column_list = xcalloc(n, sizeof(const struct event_column *));
	r->column_totals = xcalloc(n, sizeof *r->column_totals);
	for (size_t i = 0; i < n; i++) {
		r->column_list[i] = read_column(r, json_at(columns, i));
		r->column_totals[i] = jsonl_value_size(json_at(columns, i), "total");
	}
	event->plan.columns = r->column_list;
	event->plan.n_columns = n;
	event->plan.column_totals = r->column_totals;
	event->plan.total = jsonl_value_size(object, "total");
	event->plan.suites = jsonl_value_size(object, "suites");
	event->plan.filtered_out = jsonl_value_size(object, "filtered_out");
}

/* `sides` has room for all sides of all differences. */
static void read_difference(struct jsonl_read *r, const struct json *object,
	struct difference *d, struct compare_side *sides)
{
	const struct json *verdicts = json_find(object, "verdicts");

	*d = (struct difference){
		.group = jsonl_value_word(&r->strings, object, "target"),
		.suite = jsonl_value_word(&r->strings, object, "suite"),
		.test = jsonl_value_word(&r->strings, object, "case"),
		.sides = sides,
		.n_sides = json_len(verdicts),
		.cause = jsonl_value_text(&r->strings, object, "cause"),
	};
	for (size_t i = 0; i < d->n_sides; i++) {
		const struct json *side = json_at(verdicts, i);

		sides[i] = (struct compare_side){
			.side = jsonl_value_word(&r->strings, side, "column"),
			.place = jsonl_value_word(&r->strings, side, "place"),
			.verdict = jsonl_value_verdict(side),
			.reason = jsonl_value_text(&r->strings, side, "reason"),
		};
	}
}

static void run_end(struct jsonl_read *r, const struct json *object, struct event *event)
{
	const struct json *columns = json_find(object, "columns");
	const struct json *differences = json_find(object, "differences");
	size_t n = json_len(columns), n_sides = 0;

	r->column_list = xcalloc(n, sizeof(const struct event_column *));
	r->column_counts = xcalloc(n, sizeof *r->column_counts);
	for (size_t i = 0; i < n; i++) {
		r->column_list[i] = read_column(r, json_at(columns, i));
		read_counts(json_at(columns, i), &r->column_counts[i]);
	}
	for (size_t i = 0; i < json_len(differences); i++)
		n_sides += json_len(json_find(json_at(differences, i), "verdicts"));
	r->differences = xcalloc(json_len(differences), sizeof *r->differences);
	r->sides = xcalloc(n_sides, sizeof *r->sides);
	n_sides = 0;
	for (size_t i = 0; i < json_len(differences); i++) {
		read_difference(r, json_at(differences, i), &r->differences[i],
			&r->sides[n_sides]);
		n_sides += r->differences[i].n_sides;
	}
	read_counts(object, &r->counts);
	event->end.counts = &r->counts;
	event->end.columns = r->column_list;
	event->end.column_counts = r->column_counts;
	event->end.n_columns = n;
	event->end.exit_code = (int)jsonl_value_int(object, "exit_code");
	event->end.cancelled = jsonl_value_text(&r->strings, object, "cancelled");
	event->end.differences = r->differences;
	event->end.n_differences = json_len(differences);
}

static void script(struct jsonl_read *r, const struct json *object, struct event *event)
{
	event->script.phase = jsonl_value_word(&r->strings, object, "phase");
	event->script.name = jsonl_value_word(&r->strings, object, "name");
	event->script.command = jsonl_value_word(&r->strings, object, "command");
	event->script.reason = jsonl_value_text(&r->strings, object, "reason");
	event->script.elapsed_ms = jsonl_value_int(object, "elapsed_ms");
	jsonl_value_bytes(object, "stdout", &r->bytes);
	jsonl_value_bytes(object, "stderr", &r->more_bytes);
	event->script.out = &r->bytes;
	event->script.err = &r->more_bytes;
}

static void fill(struct jsonl_read *r, const struct json *object, struct event *event)
{
	switch (event->type) {
	case EVENT_RUN_START:
		run_start(r, object, event);
		break;
	case EVENT_NOTE:
		event->note.text = jsonl_value_word(&r->strings, object, "text");
		break;
	case EVENT_STEP_START:
	case EVENT_STEP_LINE:
	case EVENT_STEP_OUTPUT:
	case EVENT_STEP_END:
		step(r, object, event);
		break;
	case EVENT_SCRIPT_START:
	case EVENT_SCRIPT_END:
		script(r, object, event);
		break;
	case EVENT_PLACE:
		event->place.column = read_column(r, object);
		break;
	case EVENT_PLAN:
		plan(r, object, event);
		break;
	case EVENT_CASE_START:
		event->item.item = &add_item(r, object)->item;
		break;
	case EVENT_CASE_OUTPUT:
		event->item.item = &get_item(r, object)->item;
		event->item.stream = (int)jsonl_value_int(object, "stream");
		jsonl_value_bytes(object, "data", &r->bytes);
		event->item.data = buf_str(&r->bytes);
		event->item.len = r->bytes.len;
		break;
	case EVENT_CASE_SLOW:
		event->item.item = &get_item(r, object)->item;
		event->item.elapsed_ms = jsonl_value_int(object, "elapsed_ms");
		break;
	case EVENT_CASE_END:
		case_end(r, object, event);
		break;
	case EVENT_STATUS:
	case EVENT_TICK:
		break;
	case EVENT_RUN_END:
		run_end(r, object, event);
		break;
	}
}

/* ---- lines */

struct jsonl_read *jsonl_read_new(const struct jsonl_outputs *outputs)
{
	struct jsonl_read *r = xcalloc(1, sizeof *r);

	r->outputs = outputs;
	return r;
}

/* Forgets what the latest event pointed to. */
static void clear(struct jsonl_read *r)
{
	json_free(take_ptr(r->line));
	strv_clear(&r->strings);
	outcome_release(&r->outcome);
	judgement_release(&r->judgement);
	r->outcome = (struct outcome){0};
	r->judgement = (struct judgement){0};
	free(take_ptr(r->column_list));
	free(take_ptr(r->column_totals));
	free(take_ptr(r->column_counts));
	free(take_ptr(r->differences));
	free(take_ptr(r->sides));
	buf_clear(&r->bytes);
	buf_clear(&r->more_bytes);
	free_item(take_ptr(r->ended));
}

void jsonl_read_free(struct jsonl_read *r)
{
	if (!r)
		return;
	clear(r);
	for (size_t i = 0; i < r->n_open; i++)
		free_item(r->open[i]);
	free(r->open);
	strv_release(&r->strings);
	buf_release(&r->bytes);
	buf_release(&r->more_bytes);
	tdestroy(r->columns, free_named);
	tdestroy(r->suites, free_named);
	free(r);
}

/* Whether the first line says that the others can be understood. */
static int check_format(const struct json *object, struct err *e)
{
	int64_t version = json_int(json_find(object, "format_version"), -1);

	if (!streq(json_find_string(object, "event", ""), "run-start") ||
		!streq(json_find_string(object, "format", ""), JSONL_FORMAT))
		return err_set(e, ERR_SETUP,
			"this is no record of a run: its first line is no run-start of "
			"format " JSONL_FORMAT);
	if (version != JSONL_VERSION)
		return err_set(e, ERR_SETUP,
			"this record has format version %lld; this xtest reads %d",
			(long long)version, JSONL_VERSION);
	return 0;
}

static int find_type(const char *name)
{
	for (int t = EVENT_RUN_START; t <= EVENT_RUN_END; t++)
		if (streq(event_type_name((enum event_type)t), name))
			return t;
	return -1;
}

int jsonl_read_line(struct jsonl_read *r, const char *line, size_t len,
	struct event *event, struct err *e)
{
	int type;

	clear(r);
	r->line = json_parse(line, len, "the line", e);
	if (!r->line)
		return -1;
	if (!r->begun && check_format(r->line, e) < 0)
		return -1;
	r->begun = true;
	type = find_type(json_find_string(r->line, "event", ""));
	if (type < 0)
		return json_find(r->line, "event")
			       ? 0
			       : err_set(e, ERR_SETUP, "this line is no event");
	*event = (struct event){.type = (enum event_type)type,
		.time_ms = jsonl_value_int(r->line, "time_ms")};
	fill(r, r->line, event);
	return 1;
}
