/* What the death of a machine means for the cases on it, with scripted machines. */
#include "engine/blame.h"

#include "tests/tap.h"
#include "tests/unit/fake-place.h"
#include "tests/unit/schedule-rules.h"

enum { CASES_MAX = 20, PLACES_MAX = 3 };

/* What a case does to its machine, attempt by attempt: '.' passes, 'P' makes the kernel
 * panic, 'Q' is there when QEMU is killed, 'N' cannot be started. The last letter holds
 * for all that follow. */
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
	unsigned boots_fail; /* so many of the next machines do not boot */
	bool together;       /* nothing ends before all slots of a machine are taken */
	unsigned interrupt_at, again_at; /* steps at which Ctrl-C comes; 0: never */
	unsigned steps;
	char *console; /* of the last crash */
};

static void bed_release(struct bed *b)
{
	plan_release(&b->plan);
	suite_list_release(&b->suites);
	schedule_result_release(&b->result);
	strv_release(&b->told);
	strv_release(&b->environment);
	free(b->console);
}

static void record(void *ctx, const struct event *event)
{
	struct bed *b = ctx;
	const struct event_item *item = event->item.item;

	if (event->type == EVENT_NOTE)
		strv_pushf(&b->told, "note %s", event->note.text);
	if (event->type == EVENT_CASE_START)
		strv_pushf(&b->told, "start %s %u", item->test->name, item->attempt);
	if (event->type != EVENT_CASE_END)
		return;
	strv_pushf(&b->told, "end %s %u/%u %s%s", item->test->name, item->attempt,
		item->attempts, verdict_name(event->item.judgement->verdict),
		event_is_retried(event) ? " retried" : "");
	if (event->item.judgement->verdict != VERDICT_CRASH)
		return;
	free(b->console);
	b->console = xasprintf("%s|%s", event->item.judgement->reason,
		event->item.outcome->console ? event->item.outcome->console : "");
}

static char fate(const struct bed *b, const struct task *task)
{
	return fake_letter(
		b->scripts[strtoul(strv_env_find(&task->env, "XTEST_CASE"), NULL, 10)],
		task);
}

static void step_place(struct bed *b, struct place *p)
{
	struct task *task = NULL;

	if (p->state == PLACE_COMING && b->boots_fail) {
		b->boots_fail--;
		fake_die(p, false, "it does not boot");
		return;
	}
	if (p->state == PLACE_COMING)
		p->state = PLACE_UP;
	if (p->state != PLACE_UP || !p->n_tasks || p->deaf)
		return;
	/* A death comes while others run beside it. */
	for (size_t i = 0; i < p->n_tasks; i++)
		if (!task || fate(b, p->tasks[i]) != '.')
			task = p->tasks[i];
	if (fate(b, task) == 'P')
		fake_die(p, true, "kernel panic: oh no");
	else if (fate(b, task) == 'Q')
		fake_die(p, false, "QEMU was killed by signal 9 (SIGKILL)");
	else if (fate(b, task) == 'N')
		fake_refuse(p, task);
	else
		fake_end(p, task, 0);
}

static void step(struct fake *f, struct place *const *places, size_t n)
{
	struct bed *b = f->ctx;

	if (++b->steps == b->interrupt_at || b->steps == b->again_at) {
		b->interrupt.signal = 2;
		b->interrupt.count++;
		return;
	}
	for (size_t i = 0; i < n; i++)
		step_place(b, places[i]);
}

static void bed_init(struct bed *b, size_t n_places, unsigned slots)
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
	for (size_t i = 0; i < n_places; i++)
		b->pointers[i] = &b->places[i];
	b->column = (struct schedule_column){
		.places = b->pointers,
		.n_places = n_places,
		.slots = slots,
		.renewable = true,
		.fresh = CONFIG_FRESH_RUN,
		.launch = &b->launch,
	};
	b->options = (struct schedule_options){
		.columns = &b->column,
		.n_columns = 1,
		.jobs = (unsigned)n_places * slots,
		.emit = &b->emit,
		.interrupt = &b->interrupt,
	};
}

/* `n` cases that pass, but for those in `scripts`: "4P 7.". */
static void run(struct bed *b, size_t n, const char *scripts)
{
	autorelease(strv) struct strv words = STRV_INIT;
	autofree struct rules *rules = NULL;

	strv_split(&words, scripts, " ");
	fake_scripts(b->scripts, n, &words);
	fake_plan(suite_list_add(&b->suites), n, &b->plan);
	fake = (struct fake){.step = step, .ctx = b};
	b->options.rules = rules =
		schedule_rules_make(&b->column, 1, &b->plan, b->options.jobs);
	schedule_run(&b->plan, &b->options, &b->result);
}

static bool was_told(const struct bed *b, const char *what)
{
	for (size_t i = 0; i < b->told.len; i++)
		if (starts_with(b->told.v[i], what))
			return true;
	printf("# nobody said: %s\n", what);
	return false;
}

static size_t count_told(const struct bed *b, const char *what)
{
	size_t n = 0;

	for (size_t i = 0; i < b->told.len; i++)
		n += strstr(b->told.v[i], what) != NULL;
	return n;
}

static void test_blame(void)
{
	static const struct demise guest = {.by_guest = true};
	static const struct demise accident = {.by_guest = false};
	static const struct demise starved = {.by_host = true};
	static const struct {
		const char *name;
		struct blame_facts facts;
		enum blame want;
	} table[] = {
		{"the only one, and the guest did it",
			{.demise = &guest,
				.renewable = true,
				.running = 1,
				.alone = false},
			BLAME_CASE},
		{"one of several",
			{.demise = &guest,
				.renewable = true,
				.running = 2,
				.alone = false},
			BLAME_SUSPECT},
		{"the only one, and QEMU died",
			{.demise = &accident,
				.renewable = true,
				.running = 1,
				.alone = false},
			BLAME_SUSPECT},
		{"the only one, and nobody knows why",
			{.demise = NULL, .renewable = true, .running = 1, .alone = false},
			BLAME_SUSPECT},
		{"again, and the guest did it",
			{.demise = &guest,
				.renewable = true,
				.running = 1,
				.alone = true},
			BLAME_CASE},
		{"again, and QEMU died",
			{.demise = &accident,
				.renewable = true,
				.running = 1,
				.alone = true},
			BLAME_CASE},
		{"the only one, and the host was too busy",
			{.demise = &starved,
				.renewable = true,
				.running = 1,
				.alone = false},
			BLAME_SUSPECT},
		{"again, and the host was too busy",
			{.demise = &starved,
				.renewable = true,
				.running = 1,
				.alone = true},
			BLAME_NOBODY},
		{"again, and nobody knows why",
			{.demise = NULL, .renewable = true, .running = 1, .alone = true},
			BLAME_CASE},
		{"there is no other place like it",
			{.demise = &guest,
				.renewable = false,
				.running = 1,
				.alone = false},
			BLAME_NOBODY},
		{"alone on a board", {.demise = &guest, .board = true, .running = 1},
			BLAME_CASE},
		{"one of several on a board",
			{.demise = &guest, .board = true, .running = 2}, BLAME_NOBODY},
		{"alone on a board that only went away",
			{.demise = &accident, .board = true, .running = 1}, BLAME_NOBODY},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		is_int(blame_find(&table[i].facts), table[i].want, table[i].name);
}

static void test_panic_alone(void)
{
	autorelease(bed) struct bed b;

	bed_init(&b, 1, 1);
	run(&b, 20, "4P");
	is_int((long long)b.result.counts.passed, 19, "a panic costs the others nothing");
	ok(was_told(&b, "end 4 1/1 crash"), "the one that ran is a crash at once");
	is_str(b.console, "ended its machine: kernel panic: oh no|[    1.0] Kernel panic",
		"with the reason and the console");
	is_int(b.places[0].made, 1, "one more machine was made");
	is_int((long long)count_told(&b, "note"), 0, "the verdict says it all");
}

static void test_panic_among_others(void)
{
	autorelease(bed) struct bed b;

	bed_init(&b, 1, 3);
	run(&b, 8, "1P");
	is_int((long long)b.result.counts.passed, 7, "the innocent pass");
	ok(was_told(&b, "end 1 1/2 lost retried") &&
			was_told(&b, "end 0 1/2 lost retried"),
		"the first attempts of those that ran together do not count");
	ok(was_told(&b, "end 1 2/2 crash") && was_told(&b, "end 0 2/2 pass"),
		"alone it shows who it was");
	ok(was_told(&b, "note far: kernel panic: oh no; 3 tests were running there, and "
			"each runs again, alone in a fresh machine"),
		"which is said");
	is_int((long long)b.result.counts.finished, 8, "each counts once");
}

static void test_killed_qemu(void)
{
	autorelease(bed) struct bed b;
	autorelease(bed) struct bed twice;

	bed_init(&b, 1, 1);
	run(&b, 5, "2Q.");
	is_int((long long)b.result.counts.passed, 5, "a machine may die once by itself");
	ok(was_told(&b, "end 2 1/2 lost retried") && was_told(&b, "end 2 2/2 pass"),
		"what ran there runs again");
	ok(was_told(&b, "note far: QEMU was killed by signal 9 (SIGKILL); suite 2 runs "
			"again, alone in a fresh machine"),
		"which is said");
	bed_init(&twice, 1, 1);
	run(&twice, 5, "2Q");
	ok(was_told(&twice, "end 2 2/2 crash"), "twice under one case is a crash");
	is_int((long long)twice.result.counts.passed, 4, "of that case only");
}

/* A test has removed what others need: they get it back with a fresh machine. */
static void test_ruin(void)
{
	autorelease(bed) struct bed b;
	autorelease(bed) struct bed never;
	autorelease(bed) struct bed fresh;

	bed_init(&b, 1, 2);
	run(&b, 6, "2N. 3N. 4N.");
	is_int((long long)b.result.counts.passed, 6,
		"what could not be started is, later");
	ok(was_told(&b, "end 2 1/2 lost retried") && was_told(&b, "end 2 2/2 pass"),
		"as another attempt, in a fresh machine");
	is_int(b.places[0].renewed, 3, "which each of them has for itself");

	bed_init(&never, 1, 1);
	run(&never, 3, "1N");
	ok(was_told(&never, "end 1 2/2 lost") && never.result.counts.passed == 2,
		"what a fresh machine cannot start either is lost");
	bed_init(&fresh, 1, 1);
	fresh.column.fresh = CONFIG_FRESH_CASE;
	run(&fresh, 3, "1N");
	ok(was_told(&fresh, "end 1 1/1 lost"), "at once where it was fresh");
}

static void test_broken_machine(void)
{
	autorelease(bed) struct bed b;
	autorelease(bed) struct bed some;
	autorelease(bed) struct bed killers;

	bed_init(&b, 1, 1);
	b.boots_fail = 100;
	run(&b, 3, "");
	is_int((long long)b.result.counts.lost, 3, "without a machine all is lost");
	ok(was_told(&b, "end 0 1/1 lost"), "for good");
	is_int(b.places[0].made, 3, "after three more tries");
	bed_init(&some, 1, 1);
	some.boots_fail = 3;
	run(&some, 3, "");
	is_int((long long)some.result.counts.passed, 3, "the last try may succeed");
	bed_init(&killers, 1, 1);
	run(&killers, 14, "1P 2P 3P 4P 5P 6P 8Q. 9Q. 10Q. 11Q. 12Q.");
	is_int((long long)killers.result.counts.crashed, 6,
		"what is blamed on cases does not count against the machine");
	is_int((long long)killers.result.counts.lost, 0, "nothing is lost by it");
}

/* The second machine never boots: the first takes all. */
static void test_one_of_two(void)
{
	autorelease(bed) struct bed b;

	bed_init(&b, 2, 1);
	b.places[0].state = PLACE_UP;
	b.boots_fail = 100;
	run(&b, 10, "");
	is_int((long long)b.result.counts.passed, 10,
		"the cases of a place that is given up go to the others");
	ok(was_told(&b, "note far: one of its places is given up: it does not boot"),
		"which is said");
}

static void test_fresh(void)
{
	static const struct {
		const char *name;
		enum config_fresh fresh;
		size_t places;
		unsigned jobs, renewed;
	} table[] = {
		{"for the run: never", CONFIG_FRESH_RUN, 1, 1, 0},
		{"for each suite: not within one", CONFIG_FRESH_SUITE, 1, 1, 0},
		{"for each case: between two of them", CONFIG_FRESH_CASE, 1, 1, 9},
		{"with one to spare, it is made ready meanwhile", CONFIG_FRESH_CASE, 2, 1,
			8},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autorelease(bed) struct bed b;

		bed_init(&b, table[i].places, 2);
		b.column.fresh = table[i].fresh;
		b.options.jobs = table[i].jobs;
		run(&b, 10, "");
		is_int(b.places[0].renewed + b.places[1].renewed, table[i].renewed,
			table[i].name);
		is_int((long long)b.result.counts.passed, 10, "all pass");
	}
}

static void test_interrupt(void)
{
	autorelease(bed) struct bed b;

	bed_init(&b, 1, 1);
	b.interrupt_at = 4;
	run(&b, 10, "");
	ok(b.result.cancelled != NULL, "Ctrl-C ends the run");
	is_int((long long)(b.result.counts.finished + b.result.counts.not_run), 10,
		"each case has ended or did not run");
	is_int((long long)count_told(&b, "start"), (long long)count_told(&b, "end "),
		"what was started has ended");
}

/* A machine that does not listen any more. */
static void test_interrupt_again(void)
{
	autorelease(bed) struct bed b;

	bed_init(&b, 1, 2);
	b.places[0].state = PLACE_UP;
	b.places[0].deaf = true;
	b.interrupt_at = 4;
	b.again_at = 6;
	run(&b, 10, "");
	is_int(b.steps, 6, "a second Ctrl-C takes a machine down that does not listen");
	ok(was_told(&b, "end 0 1/1 lost") && was_told(&b, "end 1 1/1 lost"),
		"what ran there is lost");
	is_int(b.places[0].made, 0, "and no machine is made for it");
}

int main(void)
{
	test_blame();
	test_panic_alone();
	test_panic_among_others();
	test_killed_qemu();
	test_ruin();
	test_broken_machine();
	test_one_of_two();
	test_fresh();
	test_interrupt();
	test_interrupt_again();
	return tap_done();
}
