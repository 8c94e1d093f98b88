/* Attempts and order, over a scripted place: what is tried again and when, what is flaky,
 * and who starts first. */
#include "tests/unit/fake-place.h"

#include "tests/tap.h"
#include "tests/unit/schedule-rules.h"

#include <stdio.h>
#include <unistd.h>

enum { CASES_MAX = 8 };

struct bed {
	/* What each attempt comes to: '.' passes, 'F' fails, 'S' is skipped, 'P' panics;
	 * the last letter holds for all that follow. */
	const char *scripts[CASES_MAX];
	struct toolchain toolchain;
	struct target target;
	struct strv environment, told;
	struct event_column event;
	struct launch launch;
	struct place place, *pointer;
	struct suite suite;
	struct plan plan;
	struct schedule_column column;
	struct schedule_options options;
	struct rules *rules; /* owned */
	struct emit emit;
	struct interrupt interrupt;
	struct schedule_result result;
	size_t interrupt_at, steps; /* Ctrl-C comes then; 0: never */
	unsigned most;              /* at once */
};

static void bed_release(struct bed *b)
{
	plan_release(&b->plan);
	suite_release(&b->suite);
	schedule_result_release(&b->result);
	strv_release(&b->told);
	strv_release(&b->environment);
	free(b->rules);
}

static void record(void *ctx, const struct event *event)
{
	struct bed *b = ctx;
	const struct event_item *item = event->item.item;

	if (event->type == EVENT_CASE_START)
		strv_pushf(&b->told, "start %s", item->test->name);
	if (event->type == EVENT_CASE_END)
		strv_pushf(&b->told, "end %s %u/%u %s%s", item->test->name, item->attempt,
			item->attempts, verdict_name(event->item.judgement->verdict),
			event_is_retried(event) ? " retried" : "");
}

static const char *variable(const struct task *task, const char *name)
{
	return strv_env_find(&task->env, name);
}

static char fate(const struct bed *b, const struct task *task)
{
	return fake_letter(b->scripts[*variable(task, "XTEST_CASE") - 'a'], task);
}

static void step(struct fake *f, struct place *const *places UNUSED, size_t n UNUSED)
{
	struct bed *b = f->ctx;
	struct place *p = &b->place;

	if (++b->steps == b->interrupt_at) {
		b->interrupt.signal = 2;
		b->interrupt.count++;
		return;
	}
	b->most = MAX(b->most, (unsigned)p->n_tasks);
	if (p->state == PLACE_COMING)
		p->state = PLACE_UP;
	else if (!p->n_tasks)
		usleep(1000);
	else if (fate(b, p->tasks[0]) == 'P')
		fake_die(p, true, (char *)"kernel panic");
	else
		fake_end(p, p->tasks[0],
			fate(b, p->tasks[0]) == 'F'   ? 1
			: fate(b, p->tasks[0]) == 'S' ? 77
						      : 0);
}

/* A case for each of the words, named a, b, …, that goes as the word says. */
static void bed_init(struct bed *b, unsigned jobs, const char *const *scripts)
{
	*b = (struct bed){
		.event = {.label = "here", .target = "t", .place = "fake"},
		.interrupt = {.fd = -1},
		.place = {.state = PLACE_UP},
		.suite = {.id = xstrdup("s"),
			.name = xstrdup("s"),
			.cwd = xstrdup("/"),
			.framework = xstrdup("plain"),
			.skip_code = -1},
	};
	b->pointer = &b->place;
	b->emit = (struct emit){.send = record, .ctx = b, .start_ms = now_ms()};
	b->target.name = (char *)"t";
	b->toolchain.target = &b->target;
	b->launch = (struct launch){.column = &b->event,
		.toolchain = &b->toolchain,
		.environment = &b->environment,
		.run_id = "run",
		.workspace_root = "/",
		.timeout_factor = 1};
	b->column = (struct schedule_column){.places = &b->pointer,
		.n_places = 1,
		.slots = jobs,
		.launch = &b->launch};
	b->options = (struct schedule_options){.columns = &b->column,
		.n_columns = 1,
		.jobs = jobs,
		.emit = &b->emit,
		.interrupt = &b->interrupt};
	strv_push(&b->suite.command, "/bin/true");
	for (size_t i = 0; scripts[i]; i++) {
		const char name[] = {(char)('a' + i), 0};

		b->scripts[i] = scripts[i];
		suite_add_case(&b->suite, name);
	}
	for (size_t i = 0; i < b->suite.n_cases; i++)
		plan_add(&b->plan, &b->suite, &b->suite.cases[i], 0);
	b->rules = schedule_rules_make(&b->column, 1, &b->plan, jobs);
}

#define BED(b, jobs, ...) bed_init(b, jobs, (const char *const[]){__VA_ARGS__, NULL})

static void run(struct bed *b)
{
	fake = (struct fake){.step = step, .ctx = b};
	b->options.rules = b->rules;
	schedule_run(&b->plan, &b->options, &b->result);
}

static void is_told(const struct bed *b, const char *want, const char *name)
{
	autofree char *all = strv_join(&b->told, ", ");

	is_str(all, want, name);
}

static void try_again(struct bed *b, unsigned count)
{
	for (size_t i = 0; i < b->plan.len; i++)
		b->rules[i].retries.count = count;
}

static void test_retries(void)
{
	static const struct {
		const char *script, *want;
		unsigned retries;
		bool flaky_fails;
	} table[] = {
		{"F", "start a, end a 1/1 fail", 0, false},
		{"F",
			"start a, end a 1/3 fail retried, start a, end a 2/3 fail "
			"retried, "
			"start a, end a 3/3 fail",
			2, false},
		{"F.", "start a, end a 1/3 fail retried, start a, end a 2/3 flaky", 2,
			false},
		{"F.", "start a, end a 1/3 fail retried, start a, end a 2/2 fail", 2,
			true},
		{"FS", "start a, end a 1/2 fail retried, start a, end a 2/2 flaky", 1,
			false},
		{".", "start a, end a 1/3 pass", 2, true},
		{"S", "start a, end a 1/3 skip", 2, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autorelease(bed) struct bed b;

		BED(&b, 1, table[i].script);
		try_again(&b, table[i].retries);
		b.rules[0].flaky_fails = table[i].flaky_fails;
		run(&b);
		is_told(&b, table[i].want, table[i].script);
		is_int((long long)b.result.counts.finished, 1, "one verdict");
	}
}

/* Others run while it waits, and a run that ends early still has its verdict. */
static void test_delay(void)
{
	autorelease(bed) struct bed b;
	autorelease(bed) struct bed cut;

	BED(&b, 1, "F.", ".", ".");
	b.rules[0].retries = (struct rules_retries){.count = 1, .delay_ms = 50};
	run(&b);
	is_told(&b,
		"start a, end a 1/2 fail retried, start b, end b 1/1 pass, start c, "
		"end c 1/1 pass, start a, end a 2/2 flaky",
		"who waits for another attempt has no slot");

	BED(&cut, 1, "F.");
	cut.rules[0].retries = (struct rules_retries){.count = 1, .delay_ms = 1000000};
	cut.interrupt_at = 3;
	run(&cut);
	is_told(&cut, "start a, end a 1/2 fail retried, start a, end a 2/2 fail",
		"when the run is cancelled meanwhile, it has failed");
	is_int((long long)cut.result.counts.failed, 1, "which counts");
}

/* A case that takes its machine along is no infrastructure: it has its retries. What was
 * only beside it has used none. */
static void test_machine(void)
{
	autorelease(bed) struct bed b;

	BED(&b, 1, "P.");
	b.column.renewable = true;
	try_again(&b, 1);
	run(&b);
	is_told(&b, "start a, end a 1/2 crash retried, start a, end a 2/2 flaky",
		"a crash of its machine is tried again");
	is_int(b.place.made, 1, "in another one");
}

/* Round after round; what is cut off has not run. */
static void test_stress(void)
{
	autorelease(bed) struct bed b;
	autorelease(bed) struct bed cut;

	BED(&b, 1, "F.", ".");
	try_again(&b, 1);
	b.options.stress_count = 2;
	run(&b);
	is_told(&b,
		"start a, end a 1/2 fail retried, start a, end a 2/2 flaky, start b, "
		"end b 1/2 pass, start a, end a 1/2 fail retried, start a, end a 2/2 "
		"flaky, start b, end b 1/2 pass",
		"each round is like the first");
	is_int((long long)b.result.counts.total, 4, "all rounds are planned");
	is_int((long long)b.result.counts.flaky, 2, "and count");

	BED(&cut, 1, ".", ".");
	cut.options.stress_count = 3;
	cut.interrupt_at = 3;
	run(&cut);
	is_int((long long)cut.result.counts.passed, 2, "the first round has ended");
	is_int((long long)cut.result.counts.lost, 1, "a test of the second is cut off");
	is_int((long long)cut.result.counts.not_run, 3, "and the rest has not run");
}

static void test_order(void)
{
	autorelease(bed) struct bed b;

	BED(&b, 1, ".", ".", ".", ".", ".", ".");
	b.rules[0].expected_us = 2000000;
	b.rules[1].expected_us = 3000000;
	b.rules[2].expected_us = 9000000;
	b.rules[2].priority = -1;
	b.rules[3].priority = 1;
	b.rules[3].expected_us = 1;
	b.rules[5].expected_us = 900000;
	run(&b);
	is_told(&b,
		"start d, end d 1/1 pass, start b, end b 1/1 pass, start a, end a 1/1 "
		"pass, start e, end e 1/1 pass, start f, end f 1/1 pass, start c, end c "
		"1/1 pass",
		"by priority, then what takes longest, then as they come");
}

/* It gets its room before those of lower priority take it again and again. */
static void test_wide(void)
{
	autorelease(bed) struct bed b;

	BED(&b, 2, ".", ".", ".", ".");
	b.rules[1].priority = b.rules[0].priority = 1;
	b.rules[1].threads = 2;
	run(&b);
	is_told(&b,
		"start a, end a 1/1 pass, start b, end b 1/1 pass, start c, start d, "
		"end c 1/1 pass, end d 1/1 pass",
		"what has priority is not starved by what is small");
}

static void submitted(struct fake *f, struct place *p UNUSED, struct task *task)
{
	struct bed *b = f->ctx;

	strv_pushf(&b->told, "%s of %s", variable(task, "XTEST_GROUP_SLOT"),
		variable(task, "XTEST_TEST_GROUP"));
}

static void test_groups(void)
{
	static const struct schedule_group group = {.name = "db", .max_threads = 2};
	autorelease(bed) struct bed b;

	BED(&b, 4, ".", ".", ".", ".");
	b.options.groups = &group;
	b.options.n_groups = 1;
	b.rules[0].group = b.rules[1].group = b.rules[2].group = 0;
	b.options.rules = b.rules;
	fake = (struct fake){.step = step, .submitted = submitted, .ctx = &b};
	schedule_run(&b.plan, &b.options, &b.result);
	is_told(&b,
		"start a, 0 of db, start b, 1 of db, start d, none of @global, end a 1/1 "
		"pass, start c, 0 of db, end d 1/1 pass, end c 1/1 pass, end b 1/1 pass",
		"a group has no more than its threads, and slots of its own");
}

static void test_memory(void)
{
	static const struct {
		const char *name;
		int64_t here_kib, there_mib;
		unsigned want;
	} table[] = {
		{"nothing is known of it", 0, 0, 3},
		{"of this machine", 2500, 0, 2},
		{"of this machine, and far too little", 10, 0, 1},
		{"of the place", 0, 2, 1},
		{"of the place, and enough", 0, 8, 3},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autorelease(bed) struct bed b;

		BED(&b, 3, ".", ".", ".", ".");
		for (size_t k = 0; k < b.plan.len; k++)
			b.rules[k].memory_kib = 1000;
		b.options.memory_kib = table[i].here_kib;
		b.column.own_memory = table[i].there_mib;
		b.place.welcome.memory_bytes = (uint64_t)table[i].there_mib << 20;
		run(&b);
		is_int(b.most, table[i].want, table[i].name);
		is_int((long long)b.result.counts.passed, 4, "  and all run");
	}
}

int main(void)
{
	test_retries();
	test_delay();
	test_machine();
	test_stress();
	test_order();
	test_wide();
	test_groups();
	test_memory();
	return tap_done();
}
