#include "engine/schedule.h"

#include "base/fs.h"
#include "engine/blame.h"
#include "engine/pool.h"

#include <signal.h>

enum { TICK_MS = 100, MAX_RESTARTS = 3 };

/* A case on its way. */
struct running {
	struct schedule *schedule;
	struct plan_item *plan;
	struct pool_place *place;
	struct pool_claim claim; /* what it has of the place */
	const struct framework *framework;
	struct task task;
	struct event_item item;
	int64_t next_slow_ms;
	bool pristine; /* nothing had run in its place before */
	bool used;
	bool fallen; /* ended with its place: what that means is not decided yet */
};

/* What became of a case so far. */
struct history {
	unsigned attempts;
	bool suspect;                   /* a machine died under it */
	const struct pool_place *place; /* where it ran last; NULL: nowhere */
	unsigned made;                  /* which of the machines that were there */
};

struct schedule {
	struct plan *plan;
	const struct schedule_options *o;
	struct schedule_result *r;
	struct pool pool;
	struct unit_list units;
	struct history *history; /* one per item of the plan */
	struct running *slots;   /* one per process that may run at once */
	unsigned n_slots, busy, processors;
	bool serial_running;
	size_t first_waiting; /* nothing waits before it */
	unsigned signals_seen;
	bool stop; /* start nothing more */
};

void schedule_result_release(struct schedule_result *r)
{
	free(r->column_counts);
	free(r->cancelled);
	*r = (struct schedule_result){0};
}

static void send_item(struct schedule *s, enum event_type type,
	const struct event_item *item, const struct outcome *outcome,
	const struct judgement *judgement)
{
	struct event event = {
		.type = type,
		.item = {.item = item, .outcome = outcome, .judgement = judgement},
	};

	event.item.elapsed_ms = now_ms() - s->o->emit->start_ms - item->started_ms;
	emit_send(s->o->emit, &event);
}

static void cancel(struct schedule *s, char *why)
{
	s->stop = true;
	if (s->r->cancelled)
		free(why);
	else
		s->r->cancelled = why;
}

/* The one place where a case becomes DONE. */
static void finish(struct schedule *s, struct plan_item *p, const struct event_item *item,
	const struct outcome *outcome, struct judgement *j)
{
	p->state = PLAN_DONE;
	p->verdict = j->verdict;
	pool_end_unit(unit_find(&s->units, item->index));
	event_counts_add(&s->r->counts, j->verdict);
	event_counts_add(&s->r->column_counts[p->column], j->verdict);
	send_item(s, EVENT_CASE_END, item, outcome, j);
	if (s->o->max_fail &&
		s->r->counts.failed + s->r->counts.timed_out + s->r->counts.crashed >=
			s->o->max_fail)
		cancel(s, xasprintf("%zu tests failed", s->o->max_fail));
	judgement_release(j);
}

static struct history *history_of(struct schedule *s, const struct plan_item *p)
{
	return &s->history[p - s->plan->items];
}

/* The next attempt at a case. */
static struct event_item make_item(
	struct schedule *s, const struct plan_item *p, unsigned slot)
{
	unsigned attempt = history_of(s, p)->attempts + 1;

	return (struct event_item){
		.index = (size_t)(p - s->plan->items),
		.suite = p->suite,
		.test = p->test,
		.column = s->o->columns[p->column].launch->column,
		.attempt = attempt,
		.attempts = attempt,
		.slot = slot,
		.started_ms = now_ms() - s->o->emit->start_ms,
	};
}

/* An end without a process: a fixture failed, a file is missing, the place is gone. Takes
 * `reason`. */
static void finish_unstarted(
	struct schedule *s, struct plan_item *p, enum verdict verdict, char *reason)
{
	struct outcome outcome = {
		.kind = verdict == VERDICT_LOST ? END_LOST : END_NOT_STARTED,
		.detail = reason,
	};
	struct judgement j = {.verdict = verdict, .reason = xstrdup(reason)};
	struct event_item item = make_item(s, p, 0);

	send_item(s, EVENT_CASE_START, &item, NULL, NULL);
	finish(s, p, &item, &outcome, &j);
	outcome_release(&outcome);
}

/* ---- what the places tell */

static void leave_slot(struct running *r)
{
	struct schedule *s = r->schedule;

	s->busy--;
	s->processors -= MIN(r->plan->suite->processors, s->o->jobs);
	if (r->plan->suite->serial)
		s->serial_running = false;
	pool_leave(r->place, &r->claim);
	task_release(&r->task);
	r->used = false;
}

static void end_case(struct running *r)
{
	struct judgement j = {0};

	framework_judge(
		r->framework, r->plan->suite, r->plan->test, &r->task.outcome, &j);
	finish(r->schedule, r->plan, &r->item, &r->task.outcome, &j);
	leave_slot(r);
}

/* The case runs again: this attempt has no verdict of its own and does not count. */
static void end_attempt(struct running *r)
{
	struct schedule *s = r->schedule;
	struct plan_item *p = r->plan;
	struct judgement j = {0};

	r->item.attempts++;
	framework_judge(r->framework, p->suite, p->test, &r->task.outcome, &j);
	send_item(s, EVENT_CASE_END, &r->item, &r->task.outcome, &j);
	judgement_release(&j);
	p->state = PLAN_WAITING;
	history_of(s, p)->suspect = true;
	s->first_waiting = MIN(s->first_waiting, r->item.index);
	leave_slot(r);
}

static void on_end(void *ctx, struct task *task)
{
	struct running *r = ctx;

	r->fallen = task->outcome.kind == END_LOST &&
		    place_state(r->place->place) == PLACE_DOWN;
	if (r->fallen)
		return;
	r->place->deaths = 0;
	if (blame_is_ruin(&task->outcome,
		    r->claim.column->renewable && !r->schedule->stop,
		    r->pristine || r->plan->n_needs))
		end_attempt(r);
	else
		end_case(r);
}

static void on_output(
	void *ctx, struct task *task UNUSED, int stream, const char *data, size_t len)
{
	struct running *r = ctx;
	struct event event = {
		.type = EVENT_CASE_OUTPUT,
		.item = {.item = &r->item, .stream = stream, .data = data, .len = len},
	};

	emit_send(r->schedule->o->emit, &event);
}

/* ---- what may start */

static bool waits(const struct schedule *s, const struct plan_item *p)
{
	for (size_t i = 0; i < p->n_after; i++)
		if (s->plan->items[p->after[i]].state != PLAN_DONE)
			return true;
	return false;
}

static bool lock_is_taken(const struct schedule *s, const struct suite *suite)
{
	for (unsigned i = 0; suite->locks.len && i < s->n_slots; i++) {
		const struct running *r = &s->slots[i];

		for (size_t k = 0; r->used && k < suite->locks.len; k++)
			if (strv_has(&r->plan->suite->locks, suite->locks.v[k]))
				return true;
	}
	return false;
}

static struct pool_claim claim_of(struct schedule *s, const struct plan_item *p)
{
	return (struct pool_claim){
		.column = &s->o->columns[p->column],
		.suite = p->suite,
		.unit = s->o->columns[p->column].renewable
				? unit_find(&s->units, (size_t)(p - s->plan->items))
				: NULL,
		.alone = history_of(s, p)->suspect,
	};
}

/* Where the item may start now; NULL: nowhere yet. */
static struct pool_place *place_for(struct schedule *s, const struct plan_item *p)
{
	unsigned processors = MIN(p->suite->processors, s->o->jobs);
	struct pool_claim claim = claim_of(s, p);

	if (p->state != PLAN_WAITING || s->processors + processors > s->o->jobs ||
		!pool_has_room(&s->pool, claim.column) || (p->suite->serial && s->busy) ||
		waits(s, p) || lock_is_taken(s, p->suite))
		return NULL;
	return pool_find(&s->pool, &claim);
}

/* The fixture this item needs and which did not pass, or NULL. */
static const struct plan_item *failed_need(
	const struct schedule *s, const struct plan_item *p)
{
	for (size_t i = 0; i < p->n_needs; i++) {
		const struct plan_item *need = &s->plan->items[p->needs[i]];

		if (need->verdict != VERDICT_PASS && need->verdict != VERDICT_LEAK &&
			need->verdict != VERDICT_FLAKY)
			return need;
	}
	return NULL;
}

/* The fixture this item needs and which went with its machine, or NULL. */
static const struct plan_item *gone_need(struct schedule *s, const struct plan_item *p)
{
	for (size_t i = 0; i < p->n_needs && s->o->columns[p->column].renewable; i++) {
		const struct history *h = &s->history[p->needs[i]];

		if (h->place && (h->place->gone || h->place->made != h->made))
			return &s->plan->items[p->needs[i]];
	}
	return NULL;
}

static struct running *free_slot(struct schedule *s)
{
	for (unsigned i = 0; i < s->n_slots; i++)
		if (!s->slots[i].used)
			return &s->slots[i];
	return NULL;
}

static void start(struct schedule *s, struct plan_item *p, struct pool_place *place)
{
	const struct launch *launch = s->o->columns[p->column].launch;
	struct running *r = free_slot(s);
	const struct plan_item *need = failed_need(s, p);
	const char *missing = launch_missing_file(launch, p->suite);

	if (need) {
		finish_unstarted(s, p, VERDICT_FAIL,
			xasprintf(
				"not run: its fixture %s did not pass", need->suite->id));
		return;
	}
	need = gone_need(s, p);
	if (need) {
		finish_unstarted(s, p, VERDICT_LOST,
			xasprintf("not run: its fixture %s was on a machine that died",
				need->suite->id));
		return;
	}
	if (p->blocked) {
		finish_unstarted(s, p, VERDICT_LOST, xstrdup(p->blocked));
		return;
	}
	if (missing) {
		finish_unstarted(s, p, VERDICT_FAIL,
			xasprintf("not run: required file %s is missing", missing));
		return;
	}
	*r = (struct running){.schedule = s, .plan = p, .place = place, .used = true};
	r->claim = claim_of(s, p);
	r->framework = framework_find(p->suite->framework);
	r->item = make_item(s, p, (unsigned)(r - s->slots));
	r->next_slow_ms = s->o->slow_ms;
	launch_case(launch, p->suite, r->framework, p->test, r->item.attempt,
		r->item.slot, &r->task);
	r->task.on_end = on_end;
	r->task.on_output = s->o->no_capture ? on_output : NULL;
	r->task.ctx = r;
	p->state = PLAN_RUNNING;
	history_of(s, p)->attempts++;
	history_of(s, p)->place = place;
	history_of(s, p)->made = place->made;
	s->busy++;
	s->processors += MIN(p->suite->processors, s->o->jobs);
	s->serial_running |= p->suite->serial;
	r->pristine = !place->stain;
	pool_enter(place, &r->claim);
	send_item(s, EVENT_CASE_START, &r->item, NULL, NULL);
	place_submit(place->place, &r->task);
}

/* Starts everything that may start now; false when there was nothing. */
static bool fill_slots(struct schedule *s)
{
	bool any = false;

	while (s->first_waiting < s->plan->len &&
		s->plan->items[s->first_waiting].state != PLAN_WAITING)
		s->first_waiting++;
	for (size_t i = s->first_waiting; i < s->plan->len; i++) {
		struct pool_place *place;

		if (s->stop || s->busy == s->n_slots || s->processors >= s->o->jobs ||
			s->serial_running)
			break;
		place = place_for(s, &s->plan->items[i]);
		if (place)
			start(s, &s->plan->items[i], place);
		any |= place != NULL;
	}
	return any;
}

/* How many of the column wait for a place that must be made anew first; no more than it
 * has places. */
static size_t count_wanted(struct schedule *s, const struct schedule_column *column)
{
	size_t wanted = 0;

	for (size_t i = s->first_waiting; i < s->plan->len && wanted < column->n_places;
		i++) {
		const struct plan_item *p = &s->plan->items[i];
		struct pool_claim claim = claim_of(s, p);

		wanted += claim.column == column && p->state == PLAN_WAITING &&
			  pool_needs_renewal(&s->pool, &claim);
	}
	return wanted;
}

/* Idle places are made anew for those that none of the used ones is good for, even when
 * nothing more may start just now: they are ready when something may. What somebody will
 * still need on one is given up only when nothing else goes on. */
static void renew_places(struct schedule *s, bool stuck)
{
	for (size_t i = 0; i < s->o->n_columns && !s->stop; i++) {
		const struct schedule_column *column = &s->o->columns[i];

		if (column->renewable && pool_is_idle(&s->pool, column))
			pool_renew(&s->pool, column, count_wanted(s, column),
				stuck ? &s->units : NULL);
	}
}

/* ---- when things go wrong */

static void give_column_up(struct schedule *s, size_t column, const char *why)
{
	for (size_t i = 0; i < s->plan->len; i++) {
		struct plan_item *p = &s->plan->items[i];

		if (p->column == column && p->state == PLAN_WAITING)
			finish_unstarted(s, p, VERDICT_LOST, xstrdup(why));
	}
}

static void tell_suspects(struct schedule *s, const struct pool_place *place,
	const struct running *one, const char *why)
{
	autofree char *name = event_item_name(&one->item);
	autofree char *text = blame_note(
		place->column->launch->column->label, why, place->running, name);

	emit_note(s->o->emit, text);
}

/* Decides what the death of the place means for the cases that were on it. Returns
 * whether a case was to blame. */
static bool bury(struct schedule *s, struct pool_place *place, const char *why)
{
	struct blame_facts facts = {
		.demise = place_demise(place->place),
		.renewable = place->column->renewable && !s->stop,
		.running = place->running,
	};
	bool blamed = false, told = false;

	for (unsigned i = 0; i < s->n_slots; i++) {
		struct running *r = &s->slots[i];
		enum blame blame;

		if (!r->used || !r->fallen || r->place != place)
			continue;
		facts.alone = r->claim.alone;
		blame = blame_find(&facts);
		/* Alone it would not have what it needs. */
		if (blame == BLAME_SUSPECT && r->plan->n_needs)
			blame = BLAME_NOBODY;
		r->task.outcome.wall_us =
			(now_ms() - s->o->emit->start_ms - r->item.started_ms) * 1000;
		if (blame == BLAME_SUSPECT && !told)
			tell_suspects(s, place, r, why);
		told |= blame == BLAME_SUSPECT;
		if (blame == BLAME_CASE)
			blame_accuse(&r->task.outcome, facts.demise, why);
		blamed |= blame == BLAME_CASE;
		if (blame == BLAME_SUSPECT)
			end_attempt(r);
		else
			end_case(r);
	}
	return blamed;
}

/* Its cases go to the others of the column; without others they are lost. */
static void give_place_up(struct schedule *s, struct pool_place *place, const char *why)
{
	autofree char *text = NULL;

	place->gone = true;
	if (!pool_is_alive(&s->pool, place->column)) {
		give_column_up(s, (size_t)(place->column - s->o->columns), why);
		return;
	}
	text = xasprintf("%s: one of its places is given up: %s",
		place->column->launch->column->label, why);
	if (!s->stop)
		emit_note(s->o->emit, text);
}

/* A place that died is started again. One that dies again and again though no case is to
 * blame is given up. */
static void tend_places(struct schedule *s)
{
	for (size_t i = 0; i < s->pool.len; i++) {
		struct pool_place *place = &s->pool.v[i];
		autofree char *why = NULL;
		struct err e = {0};
		size_t running = place->running;

		if (place->gone || place_state(place->place) != PLACE_DOWN)
			continue;
		why = xstrdup(place_why_down(place->place));
		pool_forget_homes(place, &s->units);
		place->deaths += !bury(s, place, why);
		if (s->stop || place->deaths > MAX_RESTARTS) {
			give_place_up(s, place, why);
			continue;
		}
		/* What a machine took along has been told. */
		if (!running || !place->column->renewable)
			emit_note(s->o->emit, why);
		if (pool_revive(place, &e) < 0)
			give_place_up(s, place, e.msg);
	}
}

/* First signal: the same one to every test, then a grace time. Second: all are killed; a
 * machine is, with all that runs in it, because it may have stopped listening. */
static void heed_interrupt(struct schedule *s)
{
	if (!interrupt_check(s->o->interrupt) ||
		s->signals_seen == s->o->interrupt->count)
		return;
	s->signals_seen = s->o->interrupt->count;
	cancel(s, xasprintf("interrupted by signal %d (SIG%s)", s->o->interrupt->signal,
			  sigabbrev_np(s->o->interrupt->signal)));
	for (unsigned i = 0; i < s->n_slots; i++) {
		struct running *r = &s->slots[i];
		bool hard = s->signals_seen > 1;

		if (!r->used || r->fallen)
			continue;
		if (hard && r->claim.column->renewable)
			place_take_down(r->place->place, "interrupted");
		else
			place_kill(r->place->place, &r->task,
				hard ? SIGKILL : s->o->interrupt->signal,
				hard ? 0 : r->task.grace_ms);
	}
}

static void tell_slow(struct schedule *s)
{
	int64_t now = now_ms() - s->o->emit->start_ms;

	for (unsigned i = 0; s->o->slow_ms && i < s->n_slots; i++) {
		struct running *r = &s->slots[i];

		if (r->used && now - r->item.started_ms >= r->next_slow_ms) {
			r->next_slow_ms += s->o->slow_ms;
			send_item(s, EVENT_CASE_SLOW, &r->item, NULL, NULL);
		}
	}
}

static void tick(struct schedule *s)
{
	autofree const struct event_item **running = xcalloc(s->n_slots, sizeof *running);
	struct event event = {.type = EVENT_TICK,
		.tick = {.counts = &s->r->counts, .running = running}};

	for (unsigned i = 0; i < s->n_slots; i++)
		if (s->slots[i].used)
			running[event.tick.n_running++] = &s->slots[i].item;
	emit_send(s->o->emit, &event);
	tell_slow(s);
}

/* Nothing runs, and nothing waits or the run was stopped. */
static bool is_over(const struct schedule *s)
{
	return !s->busy && (s->stop || s->first_waiting >= s->plan->len);
}

void schedule_run(struct plan *plan, const struct schedule_options *options,
	struct schedule_result *result)
{
	struct schedule s = {
		.plan = plan,
		.o = options,
		.r = result,
		.n_slots = options->no_capture ? 1 : options->jobs,
	};
	int64_t next_tick = now_ms() + TICK_MS;
	bool started;

	result->counts.total = plan->len;
	result->counts.filtered_out = plan->filtered_out;
	result->column_counts =
		xcalloc(options->n_columns, sizeof *result->column_counts);
	for (size_t i = 0; i < plan->len; i++)
		result->column_counts[plan->items[i].column].total++;
	s.slots = xcalloc(s.n_slots, sizeof *s.slots);
	s.history = xcalloc(plan->len, sizeof *s.history);
	unit_list_init(&s.units, plan);
	pool_init(&s.pool, options->columns, options->n_columns);
	for (;;) {
		heed_interrupt(&s);
		tend_places(&s);
		started = fill_slots(&s);
		renew_places(&s, !started && !s.busy && !pool_is_coming(&s.pool));
		if (is_over(&s))
			break;
		place_wait(s.pool.places, s.pool.len, options->interrupt->fd,
			s.busy || pool_is_coming(&s.pool) ? MAX(0, next_tick - now_ms())
							  : 0);
		if (now_ms() >= next_tick) {
			next_tick = now_ms() + TICK_MS;
			tick(&s);
		}
	}
	for (size_t i = 0; i < plan->len; i++) {
		if (plan->items[i].state != PLAN_WAITING)
			continue;
		result->counts.not_run++;
		result->column_counts[plan->items[i].column].not_run++;
	}
	free(s.slots);
	free(s.history);
	unit_list_release(&s.units);
	pool_release(&s.pool);
}
