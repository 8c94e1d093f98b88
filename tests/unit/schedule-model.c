/* A thousand random schedules over places that come, die and are made anew: no limit is
 * ever exceeded, and every case ends exactly once, for a reason that holds. */
#include "tests/unit/fake-place.h"

#include "tests/tap.h"
#include "tests/unit/schedule-rules.h"

#include <stdio.h>
#include <unistd.h>

enum {
	RUNS = 1000,
	COLUMNS = 2,
	GROUPS = 2,
	PLACES_MAX = 4,
	SUITES_MAX = 12,
	ITEMS_MAX = 64,
	STEPS_MAX = 20000,
};

/* What the model knows of one item of the plan. */
struct item {
	unsigned started, ended, final;
	unsigned fails; /* so many of its tries fail */
	unsigned tries; /* processes with a verdict of their own */
	bool ran;       /* this attempt had a process */
	enum verdict verdict;
	bool killer;      /* takes its machine along, always */
	unsigned deaths;  /* machines that died under it */
	bool caught;      /* it was the only one on a machine that a guest ended */
	const void *held; /* the place it is on */
	const struct place *place; /* where it ran last, and which machine that was */
	unsigned made;
	size_t unit; /* the least of those that it is linked with */
};

struct model {
	uint64_t random;
	unsigned long seed;
	bool deaths, boots_fail; /* by chance */
	struct toolchain toolchain;
	struct target target;
	struct strv environment;
	struct launch launches[COLUMNS];
	struct event_column columns[COLUMNS];
	struct schedule_column spec[COLUMNS];
	struct place places[COLUMNS][PLACES_MAX], *pointers[COLUMNS][PLACES_MAX];
	struct suite_list suites;
	struct plan plan;
	struct item items[ITEMS_MAX];
	struct rules *rules; /* owned */
	struct schedule_group groups[GROUPS];
	unsigned jobs;
	int64_t memory_kib;
	size_t last_started; /* item */
	size_t steps;
	char wrong[256]; /* the first rule that was broken */
};

static unsigned draw(struct model *m, unsigned n)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 7;
	m->random ^= m->random << 17;
	return (unsigned)(m->random % n);
}

static void accuse(struct model *m, const char *what, size_t item)
{
	if (!*m->wrong)
		snprintf(m->wrong, sizeof m->wrong, "seed %lu, item %zu: %s", m->seed,
			item, what);
}

static void record(void *ctx, const struct event *event)
{
	struct model *m = ctx;
	const struct event_item *e = event->item.item;
	struct item *it;

	if (event->type != EVENT_CASE_START && event->type != EVENT_CASE_END)
		return;
	it = &m->items[e->index];
	if (event->type == EVENT_CASE_START) {
		m->last_started = e->index;
		if (it->started != it->ended)
			accuse(m, "started twice at once", e->index);
		if (it->final)
			accuse(m, "started after its verdict", e->index);
		if (e->attempt != ++it->started)
			accuse(m, "the attempts are not counted", e->index);
		return;
	}
	if (++it->ended != it->started || e->attempt != it->started)
		accuse(m, "ended and was not started", e->index);
	it->held = NULL;
	it->tries += it->ran && event->item.judgement->verdict != VERDICT_LOST;
	it->ran = false;
	if (event_is_retried(event))
		return;
	it->final++;
	it->verdict = event->item.judgement->verdict;
}

/* ---- what holds at each start */

static void check_limits(struct model *m, size_t index)
{
	unsigned group[GROUPS] = {0};
	int64_t memory = 0;

	for (size_t i = 0; i < m->plan.len; i++) {
		const struct rules *r = &m->rules[i];

		if (!m->items[i].held)
			continue;
		if (r->group >= 0)
			group[r->group] +=
				MIN(r->threads, m->groups[r->group].max_threads);
		if (!m->spec[m->plan.items[i].column].own_memory)
			memory += MIN(r->memory_kib, m->memory_kib);
	}
	for (size_t i = 0; i < GROUPS; i++)
		if (group[i] > m->groups[i].max_threads)
			accuse(m, "more than its group has threads", index);
	if (memory > m->memory_kib)
		accuse(m, "more than there is memory", index);
}

static void check_beside(struct model *m, const struct plan_item *p, size_t index)
{
	unsigned processors = 0, count = 0;

	for (size_t i = 0; i < m->plan.len; i++) {
		const struct plan_item *other = &m->plan.items[i];

		if (!m->items[i].held)
			continue;
		count++;
		processors += MIN(m->rules[i].threads, m->jobs);
		if (i == index)
			continue;
		if (p->suite->serial || other->suite->serial)
			accuse(m, "ran beside a serial one", index);
		if (strv_shares(&p->suite->locks, &other->suite->locks))
			accuse(m, "shares a lock with one that runs", index);
	}
	if (count > m->jobs || processors > m->jobs)
		accuse(m, "more than --jobs", index);
}

/* On this machine, not on one that was there before it. */
static bool ran_there(const struct model *m, size_t item, const struct place *place)
{
	return m->items[item].place == place && m->items[item].made == place->made;
}

static void check_place(struct model *m, struct place *place, size_t index)
{
	const struct plan_item *p = &m->plan.items[index];
	const struct schedule_column *column = &m->spec[p->column];
	int64_t has_kib = (int64_t)(place->welcome.memory_bytes / 1024 / 8 * 7);
	int64_t memory = 0;
	unsigned used = 0;

	if (place->state != PLACE_UP)
		accuse(m, "started where nothing is up", index);
	for (size_t i = 0; i < m->plan.len; i++) {
		if (m->items[i].held != place)
			continue;
		used += MIN(m->rules[i].threads, column->slots);
		memory += MIN(m->rules[i].memory_kib, has_kib);
		if (i != index && (m->items[i].deaths || m->items[index].deaths))
			accuse(m, "a suspect was not alone", index);
		if (i != index && column->renewable &&
			column->fresh == CONFIG_FRESH_SUITE &&
			m->items[i].unit != m->items[index].unit &&
			m->plan.items[i].suite != p->suite)
			accuse(m, "two suites on a place that is fresh for each", index);
	}
	if (used > column->slots)
		accuse(m, "more than the place has slots", index);
	if (column->own_memory && memory > has_kib)
		accuse(m, "more than the place has memory", index);
	if (column->renewable && place->served && m->items[index].deaths)
		accuse(m, "the place is not fresh for a suspect", index);
	for (size_t i = 0; column->renewable && i < m->plan.len; i++)
		if (i != index && ran_there(m, i, place) &&
			column->fresh == CONFIG_FRESH_CASE &&
			m->items[i].unit != m->items[index].unit)
			accuse(m, "the place is not fresh", index);
	for (size_t i = 0; column->renewable && i < p->n_needs; i++)
		if (!ran_there(m, p->needs[i], place))
			accuse(m, "its fixture is elsewhere", index);
}

static void submitted(struct fake *f, struct place *place, struct task *task UNUSED)
{
	struct model *m = f->ctx;
	size_t index = m->last_started;
	const struct plan_item *p = &m->plan.items[index];
	struct place *first = m->places[p->column];

	m->items[index].held = m->items[index].place = place;
	m->items[index].made = place->made;
	m->items[index].ran = true;
	if (place < first || place >= first + m->spec[p->column].n_places)
		accuse(m, "started in another column", index);
	for (size_t i = 0; i < p->n_after; i++)
		if (!m->items[p->after[i]].final)
			accuse(m, "did not wait for what it depends on", index);
	check_beside(m, p, index);
	check_limits(m, index);
	check_place(m, place, index);
}

/* ---- time */

static void die(struct model *m, struct place *place, bool by_guest)
{
	for (size_t i = 0; i < m->plan.len; i++) {
		if (m->items[i].held != place)
			continue;
		m->items[i].held = NULL;
		m->items[i].deaths++;
		m->items[i].caught |= by_guest && place->n_tasks == 1;
	}
	fake_die(place, by_guest, "it died");
}

/* One task of the place comes to its end, in one way or another. */
static void progress(struct model *m, struct place *place)
{
	struct task *task = place->tasks[draw(m, (unsigned)place->n_tasks)];
	struct item *it = NULL;

	for (size_t i = 0; i < m->plan.len; i++) {
		const struct plan_item *p = &m->plan.items[i];

		if (m->items[i].held == place &&
			streq(strv_env_find(&task->env, "XTEST_SUITE"), p->suite->id) &&
			streq(strv_env_find(&task->env, "XTEST_CASE"), p->test->name))
			it = &m->items[i];
	}
	if (it->killer && m->spec[m->plan.items[it - m->items].column].renewable)
		die(m, place, true);
	else if (m->deaths && draw(m, 20) == 0)
		die(m, place, draw(m, 2));
	else
		fake_end(place, task, it->tries < it->fails);
}

static void step(struct fake *f, struct place *const *places, size_t n)
{
	struct model *m = f->ctx;
	struct place *place = places[draw(m, (unsigned)n)];

	if (++m->steps > STEPS_MAX) {
		fprintf(stderr, "# seed %lu does not come to an end\n", m->seed);
		abort();
	}
	/* Whoever waits for another attempt needs time to pass. */
	if (!place->n_tasks && !draw(m, 8))
		usleep(100);
	if (place->state == PLACE_COMING) {
		if (m->boots_fail && draw(m, 2))
			fake_die(place, false, "it does not boot");
		else
			place->state = PLACE_UP;
	} else if (place->state == PLACE_UP && place->n_tasks) {
		progress(m, place);
	}
}

/* ---- making one */

static void make_suites(struct model *m, size_t column)
{
	size_t n = 1 + draw(m, SUITES_MAX / COLUMNS), first = m->suites.len;

	for (size_t i = 0; i < n; i++) {
		struct suite *s = suite_list_add(&m->suites);
		size_t cases = 1 + draw(m, 4);

		s->id = xasprintf("suite-%zu", m->suites.len);
		s->name = xstrdup(s->id);
		s->cwd = xstrdup("/");
		s->framework = xstrdup("plain");
		s->platform = column ? PLATFORM_TARGET : PLATFORM_HOST;
		s->processors = draw(m, 4) ? 1 : 1 + draw(m, 4);
		s->serial = !draw(m, 10);
		s->cost = draw(m, 3);
		strv_push(&s->command, "/bin/true");
		if (!draw(m, 4))
			strv_pushf(&s->locks, "lock-%u", draw(m, 2));
		if (i && !draw(m, 6))
			strv_push(&s->depends,
				m->suites.v[first + draw(m, (unsigned)i)].id);
		if (!draw(m, 5))
			strv_pushf(&s->fixtures_setup, "fixture-%zu-%zu", column, i);
		if (i && !draw(m, 4))
			strv_pushf(&s->fixtures_required, "fixture-%zu-%u", column,
				draw(m, (unsigned)i));
		for (size_t k = 0; k < cases; k++) {
			autofree char *name = xasprintf("case-%zu", k);

			suite_add_case(s, name);
		}
	}
}

static void make_column(struct model *m, size_t i)
{
	static const enum config_fresh fresh[] = {
		CONFIG_FRESH_RUN, CONFIG_FRESH_SUITE, CONFIG_FRESH_CASE};

	m->columns[i] = (struct event_column){
		.label = i ? "far" : "here", .target = "t", .place = "fake"};
	m->launches[i] = (struct launch){
		.column = &m->columns[i],
		.toolchain = &m->toolchain,
		.environment = &m->environment,
		.run_id = "run",
		.workspace_root = "/",
		.timeout_factor = 1,
	};
	m->spec[i] = (struct schedule_column){
		.places = m->pointers[i],
		.n_places = i ? 1 + draw(m, PLACES_MAX) : 1,
		.slots = i ? 1 + draw(m, 3) : m->jobs,
		.renewable = i > 0,
		.own_memory = i > 0,
		.fresh = fresh[draw(m, 3)],
		.launch = &m->launches[i],
	};
	for (size_t k = 0; k < m->spec[i].n_places; k++) {
		m->pointers[i][k] = &m->places[i][k];
		m->places[i][k].state = i ? PLACE_COMING : PLACE_UP;
		m->places[i][k].welcome.memory_bytes = (1 + draw(m, 4)) * 1024 * 1024;
	}
}

/* Over what the suites say: each setting for some. */
static void make_rules(struct model *m)
{
	m->memory_kib = draw(m, 3) ? 1 + draw(m, 1000) : 0;
	for (size_t i = 0; i < GROUPS; i++)
		m->groups[i] = (struct schedule_group){"group", 1 + draw(m, 3)};
	m->rules = schedule_rules_make(m->spec, COLUMNS, &m->plan, m->jobs);
	for (size_t i = 0; i < m->plan.len; i++) {
		struct rules *r = &m->rules[i];

		if (!draw(m, 4))
			r->threads = 1 + draw(m, 5);
		if (!draw(m, 3))
			r->group = (int)draw(m, GROUPS);
		if (!draw(m, 3))
			r->priority = (int)draw(m, 5) - 2;
		if (!draw(m, 2))
			r->memory_kib = 1 + draw(m, 2000);
		if (!draw(m, 2))
			r->expected_us = draw(m, 5);
		if (!draw(m, 3))
			r->retries = (struct rules_retries){.count = 1 + draw(m, 2),
				.exponential = draw(m, 2),
				.jitter = draw(m, 2),
				.delay_ms = draw(m, 2)};
		m->items[i].fails = draw(m, 6) ? 0 : 1 + draw(m, 3);
	}
}

static void model_init(struct model *m, unsigned long seed)
{
	*m = (struct model){.random = seed * 0x9e3779b97f4a7c15 + 1, .seed = seed};
	m->deaths = draw(m, 2);
	m->boots_fail = !draw(m, 3);
	m->jobs = 1 + draw(m, 4);
	m->target.name = (char *)"t";
	m->toolchain.target = &m->target;
	for (size_t i = 0; i < COLUMNS; i++) {
		make_column(m, i);
		make_suites(m, i);
	}
	for (size_t i = 0; i < m->suites.len; i++)
		for (size_t k = 0; k < m->suites.v[i].n_cases; k++)
			plan_add(&m->plan, &m->suites.v[i], &m->suites.v[i].cases[k],
				m->suites.v[i].platform == PLATFORM_TARGET);
	for (size_t i = 0; i < m->plan.len; i++)
		m->items[i].killer = !draw(m, 12);
}

static void model_release(struct model *m)
{
	free(m->rules);
	plan_release(&m->plan);
	suite_list_release(&m->suites);
}

/* The units as the test sees them: the least index of all that hang together. */
static void find_units(struct model *m)
{
	bool changed = true;

	for (size_t i = 0; i < m->plan.len; i++)
		m->items[i].unit = i;
	while (changed) {
		changed = false;
		for (size_t i = 0; i < m->plan.len; i++)
			for (size_t k = 0; k < m->plan.items[i].n_after; k++) {
				struct item *a = &m->items[i],
					    *b = &m->items[m->plan.items[i].after[k]];

				changed |= a->unit != b->unit;
				a->unit = b->unit = MIN(a->unit, b->unit);
			}
	}
}

/* ---- what holds at the end */

/* What the item needs did not pass, or was on a machine that died. */
static bool lacks_need(const struct model *m, size_t index)
{
	const struct plan_item *p = &m->plan.items[index];

	for (size_t i = 0; i < p->n_needs; i++) {
		const struct item *need = &m->items[p->needs[i]];

		if ((need->verdict != VERDICT_PASS && need->verdict != VERDICT_FLAKY) ||
			!ran_there(m, p->needs[i], need->place))
			return true;
	}
	return false;
}

static bool is_gone(const struct model *m, size_t column)
{
	for (size_t i = 0; i < m->spec[column].n_places; i++)
		if (m->places[column][i].state != PLACE_DOWN)
			return false;
	return true;
}

static void check_item(struct model *m, size_t i)
{
	const struct item *it = &m->items[i];
	const struct plan_item *p = &m->plan.items[i];
	bool machine = m->spec[p->column].renewable;

	if (it->final != 1 || it->started != it->ended)
		accuse(m, "did not end exactly once", i);
	if (it->verdict == VERDICT_PASS && it->killer && machine)
		accuse(m, "it ended its machine and passes", i);
	if (it->verdict == VERDICT_CRASH && !it->caught && it->deaths < 2)
		accuse(m, "a crash it was not guilty of", i);
	if (p->n_needs && it->started > 1 + it->fails)
		accuse(m, "it ran again without its fixture", i);
	if (it->verdict == VERDICT_FAIL && lacks_need(m, i) && !it->tries)
		return;
	if (it->tries > m->rules[i].retries.count + 1)
		accuse(m, "tried too often", i);
	if (it->verdict == VERDICT_FAIL &&
		(it->tries <= m->rules[i].retries.count || it->fails < it->tries))
		accuse(m, "it was not tried as often as it may", i);
	if (it->verdict == VERDICT_PASS && (it->fails || it->tries != 1))
		accuse(m, "it failed before, and passes", i);
	if (it->verdict == VERDICT_FLAKY && (it->tries < 2 || it->tries <= it->fails))
		accuse(m, "it is called flaky and is not", i);
	if (it->verdict == VERDICT_LOST && machine && !is_gone(m, p->column) &&
		!lacks_need(m, i))
		accuse(m, "lost though there are machines", i);
	if (it->verdict == VERDICT_LOST && !machine && !it->deaths &&
		!is_gone(m, p->column))
		accuse(m, "lost though its runner lives", i);
	if (it->verdict != VERDICT_PASS && it->verdict != VERDICT_CRASH &&
		it->verdict != VERDICT_LOST && it->verdict != VERDICT_FAIL &&
		it->verdict != VERDICT_FLAKY)
		accuse(m, "a verdict from nowhere", i);
}

static void run_one(struct model *m)
{
	struct emit emit = {.send = record, .ctx = m, .start_ms = now_ms()};
	struct interrupt interrupt = {.fd = -1};
	struct schedule_options o = {
		.columns = m->spec,
		.n_columns = COLUMNS,
		.groups = m->groups,
		.n_groups = GROUPS,
		.seed = (uint32_t)m->seed,
		.jobs = m->jobs,
		.emit = &emit,
		.interrupt = &interrupt,
	};
	struct schedule_result result = {0};
	struct err e = {0};

	fake = (struct fake){.step = step, .submitted = submitted, .ctx = m};
	if (plan_link(&m->plan, &e) < 0)
		accuse(m, "the plan cannot be linked", 0);
	find_units(m);
	make_rules(m);
	o.rules = m->rules;
	o.memory_kib = m->memory_kib;
	schedule_run(&m->plan, &o, &result);
	for (size_t i = 0; i < m->plan.len; i++)
		check_item(m, i);
	if (result.counts.finished != m->plan.len || result.counts.not_run)
		accuse(m, "the counts are wrong", 0);
	schedule_result_release(&result);
}

int main(int argc, char **argv)
{
	unsigned long first = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
	unsigned long last = argc > 1 ? first : RUNS;
	static struct model m;
	size_t wrong = 0, crashed = 0, lost = 0, again = 0, renewed = 0, flaky = 0;

	for (unsigned long seed = first; seed <= last; seed++) {
		model_init(&m, seed);
		run_one(&m);
		for (size_t i = 0; i < m.plan.len; i++) {
			crashed += m.items[i].verdict == VERDICT_CRASH;
			lost += m.items[i].verdict == VERDICT_LOST;
			flaky += m.items[i].verdict == VERDICT_FLAKY;
			again += m.items[i].started > 1;
		}
		for (size_t i = 0; i < m.spec[1].n_places; i++)
			renewed += m.places[1][i].renewed;
		if (*m.wrong && wrong++ < 10)
			printf("# %s\n", m.wrong);
		model_release(&m);
	}
	printf("# %zu crashed, %zu lost, %zu flaky, %zu ran again, %zu machines made "
	       "anew\n",
		crashed, lost, flaky, again, renewed);
	is_int((long long)wrong, 0, "schedules that broke a rule");
	ok(crashed && lost && flaky && again && renewed,
		"all that can happen has happened");
	return tap_done();
}
