#include "engine/schedule-private.h"

#include <signal.h>

enum { TICK_MS = 100 };

void schedule_result_release(struct schedule_result *r)
{
	free(r->column_counts);
	free(r->cancelled);
	*r = (struct schedule_result){0};
}

void schedule_cancel(struct schedule *s, char *why)
{
	s->stop = true;
	if (s->r->cancelled)
		free(why);
	else
		s->r->cancelled = why;
}

struct past *schedule_past(struct schedule *s, const struct plan_item *p)
{
	return &s->past[p - s->plan->items];
}

/* First signal: the same one to every test, then a grace time. Second: all are killed; a
 * machine is, with all that runs in it, because it may have stopped listening. */
static void heed_interrupt(struct schedule *s)
{
	if (!interrupt_check(s->o->interrupt) ||
		s->signals_seen == s->o->interrupt->count)
		return;
	s->signals_seen = s->o->interrupt->count;
	schedule_cancel(
		s, xasprintf("interrupted by signal %d (SIG%s)", s->o->interrupt->signal,
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
			schedule_send_item(s, EVENT_CASE_SLOW, &r->item, NULL, NULL);
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
	s.past = xcalloc(plan->len, sizeof *s.past);
	unit_list_init(&s.units, plan);
	pool_init(&s.pool, options->columns, options->n_columns);
	for (;;) {
		heed_interrupt(&s);
		schedule_tend_places(&s);
		started = schedule_fill_slots(&s);
		schedule_renew_places(
			&s, !started && !s.busy && !pool_is_coming(&s.pool));
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
	free(s.past);
	unit_list_release(&s.units);
	pool_release(&s.pool);
}
