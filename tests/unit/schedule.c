/* The schedule over a real runner on this machine, with shell commands as tests. */
#include "engine/schedule.h"

#include "base/fs.h"

#include "tests/tap.h"
#include "tests/unit/schedule-rules.h"

#include <signal.h>

/* A place, suites, and a record of what was told: "start a", "end a pass", … */
struct bed {
	struct target_list known;
	struct toolchain toolchain;
	struct event_column column;
	struct strv environment, told;
	struct launch launch;
	struct place *place;
	struct interrupt interrupt;
	struct emit emit;
	struct suite_list suites;
	struct plan plan;
	struct schedule_result result;
	unsigned running, most;
};

static void record(void *ctx, const struct event *event)
{
	struct bed *b = ctx;

	if (event->type == EVENT_CASE_START) {
		strv_pushf(&b->told, "start %s", event->item.item->suite->id);
		b->running++;
		b->most = MAX(b->most, b->running);
	} else if (event->type == EVENT_CASE_END) {
		strv_pushf(&b->told, "end %s %s", event->item.item->suite->id,
			verdict_name(event->item.judgement->verdict));
		b->running--;
	}
}

static int bed_init(struct bed *b, struct err *e)
{
	struct place_config config = {.uri = "local"};
	autofree char *runner = NULL;
	const struct target *host;

	*b = (struct bed){.column = {.label = "here", .target = "here", .place = "local"},
		.interrupt = {.fd = -1}};
	b->emit = (struct emit){.send = record, .ctx = b, .start_ms = now_ms()};
	if (target_list_load(&b->known, NULL, e) < 0)
		return -1;
	host = target_list_host(&b->known);
	runner = target_runner_path(host, e);
	b->toolchain.target = config.target = host;
	config.runner_path = runner;
	b->place = runner ? place_open(&b->column, &config, NULL, e) : NULL;
	launch_environment(&b->environment);
	b->launch = (struct launch){
		.column = &b->column,
		.toolchain = &b->toolchain,
		.environment = &b->environment,
		.run_id = "run",
		.workspace_root = "/",
		.timeout_factor = 1,
		.grace_ms = 1000,
		.leak_ms = 100,
	};
	return b->place ? 0 : -1;
}

static void bed_release(struct bed *b)
{
	place_cleanup(&b->place);
	plan_release(&b->plan);
	suite_list_release(&b->suites);
	schedule_result_release(&b->result);
	strv_release(&b->environment);
	strv_release(&b->told);
	target_list_release(&b->known);
}

static struct suite *add(struct bed *b, const char *id, const char *script)
{
	struct suite *s = suite_list_add(&b->suites);

	s->id = xstrdup(id);
	s->name = xstrdup(id);
	s->cwd = xstrdup("/");
	s->framework = xstrdup("plain");
	s->processors = 1;
	strv_push_array(
		&s->command, (const char *const[]){"/bin/sh", "-c", script, NULL});
	suite_add_case(s, "");
	return s;
}

static void run(struct bed *b, unsigned jobs, size_t max_fail)
{
	/* A second column the plan has nothing for. */
	const struct schedule_column columns[] = {
		{.places = &b->place, .n_places = 1, .slots = jobs, .launch = &b->launch},
		{.launch = &b->launch},
	};
	struct schedule_options o = {
		.columns = columns,
		.n_columns = 2,
		.jobs = jobs,
		.max_fail = max_fail,
		.emit = &b->emit,
		.interrupt = &b->interrupt,
	};
	autofree struct rules *rules = NULL;
	struct err e = {0};

	for (size_t i = 0; i < b->suites.len; i++)
		plan_add(&b->plan, &b->suites.v[i], &b->suites.v[i].cases[0], 0);
	is_int(plan_link(&b->plan, &e), 0, "the plan is linked");
	o.rules = rules = schedule_rules_make(columns, 2, &b->plan, jobs);
	schedule_run(&b->plan, &o, &b->result);
}

static bool was_told(const struct bed *b, const char *what)
{
	return strv_has(&b->told, what);
}

static size_t index_of(const struct bed *b, const char *what)
{
	for (size_t i = 0; i < b->told.len; i++)
		if (streq(b->told.v[i], what))
			return i;
	return SIZE_MAX;
}

static void test_verdicts(void)
{
	autorelease(bed) struct bed b;
	struct err e = {0};
	struct suite *s;

	if (!ok(bed_init(&b, &e) == 0, "a runner on this machine"))
		return;
	add(&b, "pass", "true");
	add(&b, "fail", "exit 1");
	add(&b, "skip", "exit 77");
	add(&b, "crash", "kill -SEGV $$");
	add(&b, "hang", "sleep 60")->timeout_ms = 300;
	add(&b, "xfail", "exit 1")->expect_fail = true;
	add(&b, "xpass", "true")->expect_fail = true;
	s = add(&b, "gone", "");
	strv_clear(&s->command);
	strv_push(&s->command, "/nonexistent/program");
	s->expect_fail = true;
	strv_push(&add(&b, "file", "true")->required_files, "/nonexistent/file");
	run(&b, 2, 0);
	is_int((long long)b.result.counts.finished, 9, "all have ended");
	ok(was_told(&b, "end pass pass") && was_told(&b, "end fail fail") &&
			was_told(&b, "end skip skip"),
		"exit statuses");
	ok(was_told(&b, "end crash crash") && was_told(&b, "end hang timeout"),
		"a crash and a hang");
	ok(was_told(&b, "end xfail pass") && was_told(&b, "end xpass fail"),
		"expected failures");
	ok(was_told(&b, "end gone lost"),
		"what cannot be started is no expected failure");
	ok(was_told(&b, "end file fail"), "a missing required file");
	is_int(b.most, 2, "two at once and no more");
}

static void test_order(void)
{
	autorelease(bed) struct bed b;
	struct err e = {0};

	if (!ok(bed_init(&b, &e) == 0, "a runner on this machine"))
		return;
	strv_push(&add(&b, "uses", "true")->fixtures_required, "f");
	strv_push(&add(&b, "setup", "exit 1")->fixtures_setup, "f");
	strv_push(&add(&b, "after", "true")->depends, "setup");
	add(&b, "alone", "sleep 0.1")->serial = true;
	strv_push(&add(&b, "lock1", "sleep 0.1")->locks, "l");
	strv_push(&add(&b, "lock2", "sleep 0.1")->locks, "l");
	add(&b, "wide", "sleep 0.1")->processors = 4;
	run(&b, 3, 0);
	is_int((long long)b.result.counts.finished, 7, "all have ended");
	ok(was_told(&b, "end uses fail"),
		"who needs a fixture that failed fails without running");
	ok(index_of(&b, "end setup fail") < index_of(&b, "start after"),
		"a dependency has ended before");
	ok(was_told(&b, "end after pass"), "though it failed");
	is_int((long long)(index_of(&b, "end alone pass") - index_of(&b, "start alone")),
		1, "a serial test runs alone");
	is_int((long long)(index_of(&b, "end wide pass") - index_of(&b, "start wide")), 1,
		"so does one that takes all slots");
	ok(index_of(&b, "end lock1 pass") < index_of(&b, "start lock2") ||
			index_of(&b, "end lock2 pass") < index_of(&b, "start lock1"),
		"two with one lock never run together");
}

static void test_max_fail(void)
{
	autorelease(bed) struct bed b;
	struct err e = {0};

	if (!ok(bed_init(&b, &e) == 0, "a runner on this machine"))
		return;
	add(&b, "a", "exit 1");
	add(&b, "b", "true");
	add(&b, "c", "true");
	run(&b, 1, 1);
	is_int((long long)b.result.counts.not_run, 2,
		"nothing is started after the first failure");
	is_str(b.result.cancelled, "1 tests failed", "which is said");
}

/* The runner is the test's parent: a test that kills it takes its place down, and only
 * the running ones with it. */
static void test_dead_runner(void)
{
	autorelease(bed) struct bed b;
	struct err e = {0};

	if (!ok(bed_init(&b, &e) == 0, "a runner on this machine"))
		return;
	add(&b, "first", "true");
	add(&b, "killer", "kill -KILL $PPID; sleep 5");
	add(&b, "last", "true");
	run(&b, 1, 0);
	ok(was_told(&b, "end first pass"), "what has ended keeps its verdict");
	ok(was_told(&b, "end killer lost"), "what ran when the runner died is lost");
	ok(was_told(&b, "end last pass"), "the rest runs under a new runner");
	is_int((long long)b.result.counts.lost, 1, "one is lost");
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_verdicts();
	test_order();
	test_max_fail();
	test_dead_runner();
	return tap_done();
}
