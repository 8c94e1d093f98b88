#include "engine/schedule.h"

#include "base/fs.h"

#include <signal.h>

enum { TICK_MS = 100, MAX_RESTARTS = 3 };

/* A case on its way. */
struct running {
	struct schedule *schedule;
	struct plan_item *plan;
	const struct framework *framework;
	struct task task;
	struct event_item item;
	int64_t next_slow_ms;
	bool used;
};

struct schedule {
	struct plan *plan;
	const struct schedule_options *o;
	struct schedule_result *r;
	struct running *slots; /* one per process that may run at once */
	unsigned n_slots, busy, processors;
	bool serial_running;
	size_t first_waiting;  /* nothing waits before it */
	struct place **places; /* of all columns, to wait for */
	size_t n_places;
	unsigned *restarts; /* per column */
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
	event_counts_add(&s->r->counts, j->verdict);
	event_counts_add(&s->r->column_counts[p->column], j->verdict);
	send_item(s, EVENT_CASE_END, item, outcome, j);
	if (s->o->max_fail &&
		s->r->counts.failed + s->r->counts.timed_out + s->r->counts.crashed >=
			s->o->max_fail)
		cancel(s, xasprintf("%zu tests failed", s->o->max_fail));
	judgement_release(j);
}

static struct place *place_of(const struct schedule *s, const struct plan_item *p)
{
	return s->o->columns[p->column].places[0];
}

static struct event_item make_item(
	const struct schedule *s, const struct plan_item *p, unsigned slot)
{
	return (struct event_item){
		.index = (size_t)(p - s->plan->items),
		.suite = p->suite,
		.test = p->test,
		.column = place_column(place_of(s, p)),
		.attempt = 1,
		.attempts = 1,
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

static void on_end(void *ctx, struct task *task)
{
	struct running *r = ctx;
	struct schedule *s = r->schedule;
	struct judgement j = {0};

	framework_judge(r->framework, r->plan->suite, r->plan->test, &task->outcome, &j);
	s->busy--;
	s->processors -= MIN(r->plan->suite->processors, s->o->jobs);
	if (r->plan->suite->serial)
		s->serial_running = false;
	r->used = false;
	finish(s, r->plan, &r->item, &task->outcome, &j);
	task_release(task);
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

static bool may_start(const struct schedule *s, const struct plan_item *p)
{
	unsigned processors = MIN(p->suite->processors, s->o->jobs);

	return p->state == PLAN_WAITING && place_is_up(place_of(s, p)) &&
	       s->processors + processors <= s->o->jobs &&
	       !(p->suite->serial && s->busy) && !waits(s, p) &&
	       !lock_is_taken(s, p->suite);
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

static const char *missing_file(const struct launch *l, const struct suite *suite)
{
	for (size_t i = 0; i < suite->required_files.len; i++) {
		autofree char *file = launch_locate(l, suite->required_files.v[i]);

		if (!fs_exists(file))
			return suite->required_files.v[i];
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

static void start(struct schedule *s, struct plan_item *p)
{
	struct running *r = free_slot(s);
	const struct plan_item *need = failed_need(s, p);
	const char *missing = missing_file(s->o->columns[p->column].launch, p->suite);

	if (need) {
		finish_unstarted(s, p, VERDICT_FAIL,
			xasprintf(
				"not run: its fixture %s did not pass", need->suite->id));
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
	*r = (struct running){.schedule = s, .plan = p, .used = true};
	r->framework = framework_find(p->suite->framework);
	r->item = make_item(s, p, (unsigned)(r - s->slots));
	r->next_slow_ms = s->o->slow_ms;
	launch_case(s->o->columns[p->column].launch, p->suite, r->framework, p->test, 1,
		r->item.slot, &r->task);
	r->task.on_end = on_end;
	r->task.on_output = s->o->no_capture ? on_output : NULL;
	r->task.ctx = r;
	p->state = PLAN_RUNNING;
	s->busy++;
	s->processors += MIN(p->suite->processors, s->o->jobs);
	s->serial_running |= p->suite->serial;
	send_item(s, EVENT_CASE_START, &r->item, NULL, NULL);
	place_submit(place_of(s, p), &r->task);
}

/* Starts everything that may start now. */
static void fill_slots(struct schedule *s)
{
	while (s->first_waiting < s->plan->len &&
		s->plan->items[s->first_waiting].state != PLAN_WAITING)
		s->first_waiting++;
	for (size_t i = s->first_waiting; i < s->plan->len; i++) {
		if (s->stop || s->busy == s->n_slots || s->processors >= s->o->jobs ||
			s->serial_running)
			return;
		if (may_start(s, &s->plan->items[i]))
			start(s, &s->plan->items[i]);
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

/* A dead place is renewed; one that dies again and again takes its column with it. */
static void revive_places(struct schedule *s)
{
	for (size_t i = 0; i < s->o->n_columns; i++) {
		const struct schedule_column *c = &s->o->columns[i];
		autofree char *why = NULL;
		struct err e = {0};

		if (!c->n_places || place_state(c->places[0]) != PLACE_DOWN)
			continue;
		why = xstrdup(place_why_down(c->places[0]));
		if (s->stop || ++s->restarts[i] > MAX_RESTARTS) {
			give_column_up(s, i, why);
			continue;
		}
		emit_note(s->o->emit, why);
		if (place_renew(c->places[0], &e) < 0)
			give_column_up(s, i, e.msg);
	}
}

/* First signal: the same one to every test, then a grace time. Second: all are killed. */
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

		if (r->used)
			place_kill(place_of(s, r->plan), &r->task,
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

static bool is_coming(const struct schedule *s)
{
	for (size_t i = 0; i < s->n_places; i++)
		if (place_state(s->places[i]) == PLACE_COMING)
			return true;
	return false;
}

static void collect_places(struct schedule *s)
{
	for (size_t i = 0; i < s->o->n_columns; i++)
		s->n_places += s->o->columns[i].n_places;
	s->places = xcalloc(s->n_places + 1, sizeof(struct place *));
	s->n_places = 0;
	for (size_t i = 0; i < s->o->n_columns; i++)
		for (size_t k = 0; k < s->o->columns[i].n_places; k++)
			s->places[s->n_places++] = s->o->columns[i].places[k];
}

/* Nothing runs and nothing may start, though something waits: its column's place is gone
 * for good (told already), or the run was stopped. */
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

	result->counts.total = plan->len;
	result->counts.filtered_out = plan->filtered_out;
	result->column_counts =
		xcalloc(options->n_columns, sizeof *result->column_counts);
	for (size_t i = 0; i < plan->len; i++)
		result->column_counts[plan->items[i].column].total++;
	s.slots = xcalloc(s.n_slots, sizeof *s.slots);
	s.restarts = xcalloc(options->n_columns, sizeof *s.restarts);
	collect_places(&s);
	for (;;) {
		heed_interrupt(&s);
		revive_places(&s);
		fill_slots(&s);
		if (is_over(&s))
			break;
		place_wait(s.places, s.n_places, options->interrupt->fd,
			s.busy || is_coming(&s) ? MAX(0, next_tick - now_ms()) : 0);
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
	free(s.places);
	free(s.restarts);
}
