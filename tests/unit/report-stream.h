/*
 * Made-up runs for the tests of reporters: every kind of event and of verdict, with fixed
 * times.
 */
#ifndef XTEST_TESTS_REPORT_STREAM_H
#define XTEST_TESTS_REPORT_STREAM_H

#include "model/compare.h"
#include "model/event.h"

typedef void stream_sink(void *ctx, const struct event *event);

static const struct event_column stream_host = {
	"host", "x86_64", "local", NULL, 2, NULL, "6.1.0-30-amd64"};
static const struct event_column stream_user = {"aarch64", "aarch64", "user",
	"qemu-aarch64 7.2.22", 2, "qemu-aarch64 7.2.22", "6.1.0-30-amd64"};
static const struct event_column stream_system = {"aarch64@system", "aarch64", "system",
	"qemu-system-aarch64 7.2.22, TCG, Linux 6.1.0-30-arm64", 1,
	"qemu-system-aarch64 7.2.22", "6.1.0-30-arm64"};

/* One attempt of one case as the tables below write it. */
struct stream_case {
	size_t index;
	const struct event_column *column;
	const char *suite; /* after the "::" */
	const char *test;
	unsigned attempt, attempts;
	enum verdict verdict;
	enum end_kind end;
	int code;
	const char *detail;
	const char *reason, *excerpt;
	const char *out, *err;
	const char *console;
	size_t out_len; /* 0: strlen(out) */
	uint64_t dropped;
	unsigned leaked;
	int64_t wall_ms;
	const struct point *points;
	size_t n_points;
	bool live; /* prints while it runs */
	bool slow;
	const char *board;
	enum display_output success_output, failure_output;
	bool ends_suite, junit_success;
};

static const struct point stream_bad_points[] = {
	{(char *)"opens", VERDICT_PASS, NULL},
	{(char *)"reads # of lines", VERDICT_FAIL, (char *)"got 3, expected 4"},
	{(char *)"seeks", VERDICT_SKIP, (char *)"no such device"},
	{(char *)"closes <twice> & \"once\"", VERDICT_FAIL, NULL},
};

static const struct point stream_good_points[] = {
	{(char *)"add", VERDICT_PASS, NULL},
	{(char *)"sub", VERDICT_PASS, NULL},
};

/* Escape sequences, a progress display, NUL, bytes that are no UTF-8, no newline at the
 * end. */
static const char stream_noise[] =
	"\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2J\x1b[H]]>\n 10%\r 50%\r100% "
	"done\r\nnul \0 bell \a\n"
	"\xff\xfe caf\xc3\xa9 \xc2\x9b"
	"31m ]]> \xef\xbf\xbf\nno end";

static const struct stream_case stream_cases[] = {
	{0, &stream_host, "gen-table", "", 1, 1, .wall_ms = 21},
	{1, &stream_user, "test_cast", "", 1, 1, .wall_ms = 84},
	{2, &stream_user, "test_parse", "", 1, 1, VERDICT_FAIL, END_EXIT, 1, NULL,
		"exit status 1", "test_parse.c:118: expected 3, got 4",
		"parsing 7 documents\n\nok so far\n",
		"test_parse.c:118: expected 3, got 4\n", .wall_ms = 113},
	{3, &stream_user, "test_file", "", 1, 1, VERDICT_FAIL, END_EXIT, 0, NULL,
		"2 of 4 points failed",
		"not ok 2 - reads # of lines\nnot ok 4 - closes <twice> & \"once\"\n",
		"1..4\nok 1 - opens\nnot ok 2 - reads # of lines\nok 3 - seeks # SKIP no "
		"such device\n"
		"not ok 4 - closes <twice> & \"once\"\n",
		.wall_ms = 31, .points = stream_bad_points,
		.n_points = ARRAY_LEN(stream_bad_points)},
	{4, &stream_user, "unit", "Vec/Push.Grows/0 <&\"> #1 \x1b[31m", 1, 1,
		.wall_ms = 12},
	{5, &stream_user, "unit", "Vec.Shrinks", 1, 1, VERDICT_SKIP, END_EXIT, 77, NULL,
		"exit status 77", .out = "needs more memory\n", .wall_ms = 9},
	{6, &stream_user, "noisy", "", 1, 1, VERDICT_TIMEOUT, END_TIMEOUT, 0,
		"no end after 2s", "no end after 2s", .out = stream_noise,
		.out_len = sizeof stream_noise - 1, .dropped = 4096, .wall_ms = 2003},
	{7, &stream_user, "test_null", "", 1, 1, VERDICT_CRASH, END_SIGNAL, 11, NULL,
		"signal 11 (SIGSEGV), core dumped", .wall_ms = 40},
	{8, &stream_user, "daemon", "", 1, 1, VERDICT_LEAK, END_EXIT, 0, NULL,
		"left 2 processes behind", .out = "started\n", .leaked = 2,
		.wall_ms = 55},
	{9, &stream_user, "net", "retries", 1, 3, VERDICT_FAIL, END_EXIT, 1, NULL,
		"exit status 1", .err = "connection refused\n", .wall_ms = 61},
	{9, &stream_user, "net", "retries", 2, 3, VERDICT_FLAKY, END_EXIT, 0, NULL,
		"passed at attempt 2", .wall_ms = 63},
	{10, &stream_system, "test_cast", "", 1, 1, VERDICT_LOST, END_LOST, 0,
		"kernel panic - not syncing", "lost: kernel panic - not syncing",
		.wall_ms = 900},
	{11, &stream_user, "script.sh", "", 1, 1, VERDICT_FAIL, END_NOT_STARTED, 0,
		"/src/tests/script.sh: no such file",
		"could not be started: /src/tests/script.sh: no such file", .wall_ms = 0},
	{12, &stream_system, "long", "", 1, 1, .wall_ms = 61250, .live = true,
		.slow = true},
	{13, &stream_user, "net", "never", 1, 2, VERDICT_FAIL, END_EXIT, 2, NULL,
		"exit status 2", .wall_ms = 70},
	{13, &stream_user, "net", "never", 2, 2, VERDICT_FAIL, END_EXIT, 2, NULL,
		"exit status 2", .err = "still refused\n", .wall_ms = 72},
	{14, &stream_user, "test_math", "", 1, 1, .out = "1..2\nok 1 - add\nok 2 - sub\n",
		.wall_ms = 5, .junit_success = true, .success_output = DISPLAY_NEVER,
		.points = stream_good_points, .n_points = ARRAY_LEN(stream_good_points)},
	{15, &stream_system, "module", "load", 1, 1, VERDICT_CRASH, END_MACHINE, 0,
		"Kernel panic - not syncing: Fatal exception",
		"the machine died: Kernel panic - not syncing: Fatal exception",
		.out = "loading\n",
		.console = "BUG: kernel NULL pointer dereference, address: 0\n"
			   "Kernel panic - not syncing: Fatal exception\n",
		.wall_ms = 800},
	{16, &stream_user, "test_wait", "", 1, 1, VERDICT_FAIL, END_EXIT, 1, NULL,
		"exit status 1",
		.err = "qemu: Unsupported syscall: 441\nepoll_pwait2 failed\n",
		.wall_ms = 15, .failure_output = DISPLAY_IMMEDIATE, .ends_suite = true},
	{17, &stream_system, "test_wait", "", 1, 1, .wall_ms = 14, .board = "pi4"},
	{18, &stream_system, "test_mem", "", 1, 2, VERDICT_LOST, END_LOST, 0,
		"QEMU was killed by signal 9 (SIGKILL)",
		"lost: QEMU was killed by signal 9 (SIGKILL)", .wall_ms = 20},
	{18, &stream_system, "test_mem", "", 2, 2, .wall_ms = 22},
};

struct stream {
	stream_sink *sink;
	void *ctx;
	int64_t now_ms;
	const struct event_column *columns[3];
	size_t column_totals[3];
	struct event_counts counts, column_counts[3];
	struct compare *compare;
};

static void stream_send(struct stream *s, struct event event)
{
	event.time_ms = s->now_ms;
	s->sink(s->ctx, &event);
}

static void stream_start(struct stream *s, size_t total)
{
	stream_send(s, (struct event){.type = EVENT_RUN_START,
			       .run = {"20260101-120000-1f2e", "0.1.0", "json-c",
				       "xtest --target aarch64 'a b'", 1767268800000,
				       "20251231-235959-0001"}});
	s->counts.total = total;
	s->compare = compare_new();
	s->columns[0] = &stream_host;
	s->columns[1] = &stream_user;
	s->columns[2] = &stream_system;
}

static void stream_step(struct stream *s)
{
	struct event e = {.type = EVENT_STEP_START,
		.step = {.verb = "Building",
			.summary = "json-c for aarch64-linux-gnu with cmake",
			.fraction = -1}};
	static const char line[] = "[ 45%] Building C object "
				   "CMakeFiles/json-c.dir/a_long_name_of_a_file.c.o";

	stream_send(s, e);
	s->now_ms += 2100;
	e.type = EVENT_STEP_LINE;
	e.step.line = line;
	e.step.line_len = sizeof line - 1;
	e.step.fraction = 0.45;
	stream_send(s, e);
	s->now_ms += 100;
	e.type = EVENT_STEP_OUTPUT;
	e.step.line = "warning: \x1b[35msomething\x1b[0m\n  is \xff odd\n";
	e.step.line_len = strlen(e.step.line);
	stream_send(s, e);
	s->now_ms += 4000;
	e = (struct event){.type = EVENT_STEP_END,
		.step = {.verb = "Built",
			.summary = "json-c for aarch64-linux-gnu with cmake",
			.elapsed_ms = 6200,
			.fraction = -1}};
	stream_send(s, e);
}

/* A script of every kind and fate. */
static void stream_scripts(struct stream *s, const char *phase, const char *reason)
{
	struct buf out = BUF_INIT, err = BUF_INIT;
	struct event e = {.type = EVENT_SCRIPT_START,
		.script = {.phase = phase,
			.name = "db <1>",
			.command = "sh -c 'start & echo PORT=1'"}};

	stream_send(s, e);
	buf_append_str(&out, "started \x1b[1mbold\x1b[0m\n");
	if (reason)
		buf_append_str(&err, "no port\xff is free\n");
	e.type = EVENT_SCRIPT_END;
	e.script.reason = reason;
	e.script.elapsed_ms = 1500;
	e.script.out = &out;
	e.script.err = &err;
	stream_send(s, e);
	buf_release(&out);
	buf_release(&err);
}

static void stream_plan(struct stream *s, size_t suites, size_t filtered_out)
{
	stream_send(s, (struct event){.type = EVENT_PLAN,
			       .plan = {s->columns, 3, s->column_totals, s->counts.total,
				       suites, filtered_out}});
}

static void stream_fill(
	const struct stream_case *c, struct outcome *o, struct judgement *j)
{
	*o = (struct outcome){.kind = c->end,
		.code = c->code,
		.core_dumped = c->end == END_SIGNAL,
		.detail = xstrdup_null(c->detail),
		.wall_us = c->wall_ms * 1000,
		.user_us = c->wall_ms * 700,
		.sys_us = c->wall_ms * 90,
		.max_rss_kib = 2048,
		.leaked = c->leaked,
		.leaked_names = c->leaked ? xstrdup("sleep, daemon") : NULL,
		.out_dropped = c->dropped};
	*j = (struct judgement){.verdict = c->verdict,
		.reason = xstrdup_null(c->reason),
		.excerpt = xstrdup_null(c->excerpt)};
	if (c->out)
		buf_append(&o->out, c->out, c->out_len ? c->out_len : strlen(c->out));
	if (c->err)
		buf_append_str(&o->err, c->err);
	o->console = xstrdup_null(c->console);
	for (size_t i = 0; i < c->n_points; i++)
		judgement_add_point(
			j, c->points[i].name, c->points[i].verdict, c->points[i].reason);
}

static void stream_while_running(
	struct stream *s, const struct stream_case *c, const struct event_item *item)
{
	const struct event_item *const running[] = {item};
	struct event e = {.type = EVENT_CASE_OUTPUT, .item = {.item = item, .stream = 1}};

	s->now_ms += c->wall_ms / 2;
	if (c->live) {
		e.item.data = "working \xe2\x82";
		e.item.len = strlen(e.item.data);
		stream_send(s, e);
		e.item.data = "\xac \xff\n";
		e.item.len = strlen(e.item.data);
		stream_send(s, e);
	}
	if (c->slow)
		stream_send(
			s, (struct event){.type = EVENT_CASE_SLOW,
				   .item = {.item = item, .elapsed_ms = c->wall_ms / 2}});
	stream_send(
		s, (struct event){.type = EVENT_TICK, .tick = {&s->counts, running, 1}});
	s->now_ms += c->wall_ms - c->wall_ms / 2;
}

/* Starts and ends one attempt. */
static void stream_case(struct stream *s, const struct stream_case *c)
{
	autofree char *id = xasprintf("json-c::%s", c->suite);
	struct suite suite = {.id = id,
		.package = (char *)"json-c",
		.name = id + strlen("json-c::"),
		.adapter = (char *)"cmake",
		.framework = (char *)(c->n_points ? "tap" : "plain"),
		.platform = c->column == &stream_host ? PLATFORM_HOST : PLATFORM_TARGET};
	autofree char *name = xstrdup(c->test);
	struct test_case test = {.name = name};
	struct event_item item = {
		.index = c->index,
		.suite = &suite,
		.test = &test,
		.column = c->column,
		.attempt = c->attempt,
		.attempts = c->attempts,
		.started_ms = s->now_ms,
		.board = c->board,
		.success_output = c->success_output,
		.failure_output = c->failure_output,
		.ends_suite = c->ends_suite,
		.junit_success = c->junit_success,
		.junit_failure = true,
	};
	struct event e = {.type = EVENT_CASE_END};
	struct outcome outcome;
	struct judgement judgement;
	size_t column = c->column == &stream_host ? 0 : c->column == &stream_user ? 1 : 2;

	stream_send(s, (struct event){.type = EVENT_CASE_START, .item = {.item = &item}});
	stream_while_running(s, c, &item);
	stream_fill(c, &outcome, &judgement);
	e.item.item = &item;
	e.item.outcome = &outcome;
	e.item.judgement = &judgement;
	if (!event_is_retried(&e)) {
		event_counts_add(&s->counts, &item, c->verdict);
		event_counts_add(&s->column_counts[column], &item, c->verdict);
	}
	compare_add_event(s->compare, &e);
	stream_send(s, e);
	outcome_release(&outcome);
	judgement_release(&judgement);
}

static void stream_end(struct stream *s, int exit_code, const char *cancelled)
{
	size_t n;
	const struct difference *differences = compare_differences(s->compare, &n);

	s->counts.not_run = s->counts.total - s->counts.finished;
	for (size_t i = 0; i < 3; i++) {
		s->column_counts[i].total = s->column_totals[i];
		s->column_counts[i].not_run =
			s->column_totals[i] - s->column_counts[i].finished;
	}
	stream_send(s, (struct event){.type = EVENT_RUN_END,
			       .end = {&s->counts, s->columns, s->column_counts, 3,
				       exit_code, cancelled, differences, n}});
	compare_free(s->compare);
}

/* A whole run with every verdict. */
UNUSED static void stream_whole(stream_sink *sink, void *ctx)
{
	struct stream s = {.sink = sink, .ctx = ctx, .column_totals = {1, 13, 5}};

	stream_start(&s, 19);
	stream_send(&s,
		(struct event){.type = EVENT_NOTE,
			.note = {"both CMakeLists.txt and meson.build are "
				 "here: cmake is used\n(xtest.json can say otherwise)"}});
	stream_step(&s);
	stream_scripts(&s, "setup", "exit status 3");
	for (size_t i = 0; i < 3; i++)
		stream_send(
			&s, (struct event){.type = EVENT_PLACE, .place = {s.columns[i]}});
	stream_plan(&s, 16, 4);
	for (size_t i = 0; i < ARRAY_LEN(stream_cases); i++)
		stream_case(&s, &stream_cases[i]);
	stream_scripts(&s, "teardown", NULL);
	stream_end(&s, 107, NULL);
}

/* A run that is interrupted between two attempts of a case. */
UNUSED static void stream_interrupted(stream_sink *sink, void *ctx)
{
	struct stream s = {.sink = sink, .ctx = ctx, .column_totals = {1, 3, 0}};

	stream_start(&s, 4);
	stream_plan(&s, 4, 0);
	stream_case(&s, &stream_cases[1]);
	stream_case(&s, &stream_cases[9]);
	stream_end(&s, 100, "interrupted by SIGINT");
}

#endif
