/* What boards are to the schedule, with scripted ones: each runs as much at once as it
 * has processors for, whatever this machine has; what is lost with one runs again where
 * failures do; and a column that cannot be reached is told case by case. */
#include "tests/tap.h"
#include "tests/unit/fake-place.h"
#include "tests/unit/schedule-rules.h"

enum { CASES_MAX = 40, PLACES_MAX = 3 };

/* What a case does to its board, attempt by attempt: '.' passes, 'F' fails, 'P' makes the
 * kernel panic, 'L' is there when the board goes, 'R' when its runner begins anew. The
 * last letter holds for all that follow. */
struct bed {
	const char *scripts[CASES_MAX];
	struct toolchain toolchain;
	struct target target;
	struct strv environment, told;
	struct event_column event;
	struct launch launch;
	struct place places[PLACES_MAX], *pointers[PLACES_MAX];
	struct suite_list suites;
	struct plan plan;
	struct schedule_column column;
	struct schedule_options options;
	struct emit emit;
	struct interrupt interrupt;
	struct schedule_result result;
	size_t most[PLACES_MAX]; /* at once */
	bool dead[PLACES_MAX];   /* does not come up again */
	unsigned threads;        /* of each case */
};

static void bed_release(struct bed *b)
{
	plan_release(&b->plan);
	suite_list_release(&b->suites);
	schedule_result_release(&b->result);
	strv_release(&b->told);
	strv_release(&b->environment);
}

static void record(void *ctx, const struct event *event)
{
	struct bed *b = ctx;
	const struct event_item *item = event->item.item;

	if (event->type == EVENT_CASE_END)
		strv_pushf(&b->told, "end %s %u/%u %s%s: %s", item->test->name,
			item->attempt, item->attempts,
			verdict_name(event->item.judgement->verdict),
			event_is_retried(event) ? " retried" : "",
			event->item.judgement->reason ? event->item.judgement->reason
						      : "");
}

static char fate(const struct bed *b, const struct task *task)
{
	return fake_letter(
		b->scripts[strtoul(strv_env_find(&task->env, "XTEST_CASE"), NULL, 10)],
		task);
}

static void lose(struct place *p, struct task *task)
{
	task->outcome.kind = END_LOST;
	task->outcome.detail = xstrdup("the runner was restarted while it ran");
	fake_remove(p, task);
	task->on_end(task->ctx, task);
}

static void step_place(struct bed *b, size_t i)
{
	struct place *p = &b->places[i];
	struct task *task = NULL;
	char what;

	if (p->state == PLACE_COMING && b->dead[i])
		fake_die(p, false, (char *)"no route to the board");
	else if (p->state == PLACE_COMING)
		p->state = PLACE_UP;
	b->most[i] = MAX(b->most[i], p->n_tasks);
	if (p->state != PLACE_UP || !p->n_tasks)
		return;
	for (size_t k = 0; k < p->n_tasks; k++)
		if (!task || strchr("PLR", fate(b, p->tasks[k])))
			task = p->tasks[k];
	what = fate(b, task);
	if (what == 'P')
		fake_die(p, true, (char *)"kernel panic: oh no");
	else if (what == 'L')
		b->dead[i] = true, fake_die(p, false, (char *)"the link was cut");
	else if (what == 'R')
		lose(p, task);
	else
		fake_end(p, task, what == 'F');
}

static void step(struct fake *f, struct place *const *places UNUSED, size_t n)
{
	for (size_t i = 0; i < n; i++)
		step_place(f->ctx, i);
}

/* Boards with so many processors each. */
static void bed_init(struct bed *b, const char *cpus, unsigned jobs)
{
	*b = (struct bed){
		.event = {.label = "far", .target = "t", .place = "fake"},
		.interrupt = {.fd = -1},
	};
	b->emit = (struct emit){.send = record, .ctx = b, .start_ms = now_ms()};
	b->target.name = (char *)"t";
	b->toolchain.target = &b->target;
	b->launch = (struct launch){
		.column = &b->event,
		.toolchain = &b->toolchain,
		.environment = &b->environment,
		.run_id = "run",
		.workspace_root = "/",
		.timeout_factor = 1,
	};
	for (size_t i = 0; i < strlen(cpus); i++) {
		b->pointers[i] = &b->places[i];
		b->places[i].state = PLACE_UP;
		b->places[i].welcome.cpus = (uint32_t)(cpus[i] - '0');
	}
	b->column = (struct schedule_column){
		.places = b->pointers,
		.n_places = strlen(cpus),
		.slots = 8,
		.own_processors = true,
		.launch = &b->launch,
	};
	b->options = (struct schedule_options){
		.columns = &b->column,
		.n_columns = 1,
		.jobs = jobs,
		.emit = &b->emit,
		.interrupt = &b->interrupt,
	};
}

/* `n` cases that pass, but for those in `scripts`: "4P 7.". */
static void run(struct bed *b, size_t n, const char *scripts, unsigned retries)
{
	autorelease(strv) struct strv words = STRV_INIT;
	autofree struct rules *rules = NULL;

	strv_split(&words, scripts, " ");
	fake_scripts(b->scripts, n, &words);
	fake_plan(suite_list_add(&b->suites), n, &b->plan);
	fake = (struct fake){.step = step, .ctx = b};
	b->options.rules = rules =
		schedule_rules_make(&b->column, 1, &b->plan, b->options.jobs);
	for (size_t i = 0; i < n; i++) {
		rules[i].retries.count = retries;
		rules[i].threads = MAX(1, b->threads);
	}
	schedule_run(&b->plan, &b->options, &b->result);
}

static bool was_told(const struct bed *b, const char *what)
{
	for (size_t i = 0; i < b->told.len; i++)
		if (streq(b->told.v[i], what))
			return true;
	printf("# nobody said: %s\n", what);
	for (size_t i = 0; i < b->told.len; i++)
		printf("#   %s\n", b->told.v[i]);
	return false;
}

static void test_slots(void)
{
	static const struct {
		const char *name, *cpus;
		unsigned jobs, slots, threads;
		size_t most[PLACES_MAX];
	} table[] = {
		{"each board its processors, not this machine's", "241", 1, 8, 1,
			{2, 4, 1}},
		{"within what was asked for, on each", "241", 9, 3, 1, {2, 3, 1}},
		{"a board that says nothing runs one", "02", 4, 8, 1, {1, 2}},
		{"a case of two threads", "241", 1, 8, 2, {1, 2, 1}},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autorelease(bed) struct bed b;
		autofree char *name = NULL;

		bed_init(&b, table[i].cpus, table[i].jobs);
		b.column.slots = table[i].slots;
		b.threads = table[i].threads;
		run(&b, CASES_MAX, "", 0);
		name = xasprintf("%s: %zu, %zu and %zu at once", table[i].name, b.most[0],
			b.most[1], b.most[2]);
		ok(memcmp(b.most, table[i].most, sizeof b.most) == 0, "%s", name);
		is_int((long long)b.result.counts.passed, CASES_MAX, "all run");
	}
}

static void test_lost(void)
{
	static const struct {
		const char *name, *cpus, *scripts, *told;
		unsigned retries;
	} table[] = {
		{"without retries it is lost", "1", "2R",
			"end 2 1/1 lost: lost: the runner was restarted while it ran", 0},
		{"with one it runs again, and is no flaky test", "1", "2R.",
			"end 2 2/2 pass: attempt 2, after one that was lost: the runner "
			"was restarted while it ran",
			1},
		{"on another board, when its own is gone", "11", "2L.",
			"end 2 2/2 pass: attempt 2, after one that was lost: the link "
			"was "
			"cut",
			1},
		{"which may find it to fail", "11", "2LF",
			"end 2 2/2 fail: exit status 1", 1},
		{"one that failed as well is flaky", "1", "2FR.",
			"end 2 3/3 flaky: flaky: attempt 3 passed, an earlier one did "
			"not "
			"(lost: the runner was restarted while it ran)",
			2},
		{"not for ever", "1", "2R",
			"end 2 3/3 lost: lost: the runner was restarted while it ran", 2},
		{"and not without a board", "1", "2L",
			"end 2 2/2 lost: no route to the "
			"board",
			1},
		{"a panic under one alone is its crash", "1", "2P",
			"end 2 1/1 crash: ended its machine: kernel panic: oh no", 0},
		{"under one of several it is nobody's", "4", "2P",
			"end 2 1/1 lost: lost: kernel panic: oh no", 0},
		{"who crashed is tried again beside others", "11", "2P.",
			"end 2 2/2 flaky: flaky: attempt 2 passed, an earlier one did "
			"not "
			"(ended its machine: kernel panic: oh no)",
			1},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autorelease(bed) struct bed b;

		bed_init(&b, table[i].cpus, 1);
		run(&b, 6, table[i].scripts, table[i].retries);
		ok(was_told(&b, table[i].told), "%s", table[i].name);
		is_int((long long)b.result.counts.finished, 6, "all have a verdict");
	}
}

static void test_unreachable(void)
{
	autorelease(bed) struct bed b;

	bed_init(&b, "", 1);
	b.column.unreachable = "pi is not to be had: refused";
	b.options.stress_count = 2;
	run(&b, 3, "", 0);
	is_int((long long)b.result.counts.lost, 6, "without a board all is lost");
	ok(was_told(&b, "end 1 1/1 lost: pi is not to be had: refused"),
		"with the cause");
	is_int(event_counts_exit_code(&b.result.counts, false), ERR_INFRA,
		"which is 107");
}

int main(void)
{
	test_slots();
	test_lost();
	test_unreachable();
	return tap_done();
}
