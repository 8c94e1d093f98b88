#include "engine/schedule-private.h"

#include <limits.h>
#include <signal.h>

enum { TICK_MS = 100, LONG_US = 1000 * 1000 };

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

const struct rules *schedule_rules(const struct schedule *s, const struct plan_item *p)
{
	return &s->o->rules[p - s->plan->items];
}

struct past *schedule_past(struct schedule *s, const struct plan_item *p)
{
	return &s->past[p - s->plan->items];
}

/* The signal to every test, and after its grace time the end. */
static void end_all(struct schedule *s, int signal)
{
	schedule_end_hooks(s);
	for (unsigned i = 0; i < s->n_slots; i++) {
		struct running *r = &s->slots[i];

		if (r->used && !r->fallen)
			place_kill(r->place->place, &r->task, signal, r->task.grace_ms);
	}
}

/* All are killed; a machine is, with all that runs in it, because it may have stopped
 * listening. */
static void kill_all(struct schedule *s)
{
	schedule_end_hooks(s);
	for (unsigned i = 0; i < s->n_slots; i++) {
		struct running *r = &s->slots[i];

		if (!r->used || r->fallen)
			continue;
		if (r->claim.column->renewable)
			place_take_down(r->place->place, "interrupted");
		else
			place_kill(r->place->place, &r->task, SIGKILL, 0);
	}
}

/* First signal: the same one to every test, then a grace time. Second: all are killed. */
static void heed_interrupt(struct schedule *s)
{
	bool stopped = interrupt_check(s->o->interrupt);

	if (s->asked_seen != s->o->interrupt->asked) {
		s->asked_seen = s->o->interrupt->asked;
		schedule_tell_status(s);
	}
	if (!stopped || s->signals_seen == s->o->interrupt->count)
		return;
	s->signals_seen = s->o->interrupt->count;
	schedule_cancel(
		s, xasprintf("interrupted by signal %d (SIG%s)", s->o->interrupt->signal,
			   sigabbrev_np(s->o->interrupt->signal)));
	if (s->signals_seen > 1)
		kill_all(s);
	else
		end_all(s, s->o->interrupt->signal);
}

/* As the runner's numbers are (docs/protocol.md): whatever they are on this machine. */
enum { STOP = 19, CONTINUE = 18 };

/* The time in which all stood still counts for nothing. */
static void set_clocks_on(struct schedule *s, int64_t stood_ms)
{
	s->start_ms += stood_ms;
	schedule_excuse_hooks(s, stood_ms);
	for (unsigned i = 0; i < s->n_slots; i++)
		if (s->slots[i].used)
			s->slots[i].item.started_ms += stood_ms;
	for (size_t i = 0; s->delayed && i < s->plan->len; i++)
		if (s->past[i].not_before_ms)
			s->past[i].not_before_ms += stood_ms;
}

/* Ctrl-Z: the tests stop, wherever they run, and so do all clocks. */
static void on_stop(void *ctx, bool stop)
{
	struct schedule *s = ctx;

	if (stop)
		s->stopped_ms = now_ms();
	else
		set_clocks_on(s, now_ms() - s->stopped_ms);
	for (size_t i = 0; !stop && i < s->pool.len; i++)
		place_excuse(s->pool.v[i].place);
	for (unsigned i = 0; i < s->n_slots; i++) {
		struct running *r = &s->slots[i];

		if (r->used && !r->fallen)
			place_kill(r->place->place, &r->task, stop ? STOP : CONTINUE, 0);
	}
}

/* Ends what runs when there were too many failures, or when the time is over. */
static void heed_limits(struct schedule *s)
{
	if (s->o->time_limit_ms && !s->stop &&
		now_ms() - s->start_ms >= s->o->time_limit_ms) {
		schedule_cancel(s, xasprintf("no end within %.1f s",
					   (double)s->o->time_limit_ms / 1000));
		s->end = true;
	}
	if (s->end)
		end_all(s, SIGTERM);
	s->end = false;
}

/* Its end after the time limit is told as such. */
static bool is_slow(const struct running *r, const struct rules *rules, int64_t now)
{
	return rules->slow_ms && now - r->item.started_ms >= r->next_slow_ms &&
	       (!rules->wall_ms || r->next_slow_ms < rules->wall_ms);
}

static void tell_slow(struct schedule *s)
{
	int64_t now = now_ms() - s->o->emit->start_ms;

	for (unsigned i = 0; i < s->n_slots; i++) {
		struct running *r = &s->slots[i];

		if (!r->used || !is_slow(r, schedule_rules(s, r->plan), now))
			continue;
		r->next_slow_ms += schedule_rules(s, r->plan)->slow_ms;
		schedule_send_item(s, EVENT_CASE_SLOW, &r->item, NULL, NULL);
	}
}

static void tick(struct schedule *s)
{
	autofree const struct event_item **running =
		xcalloc(s->n_slots + 1, sizeof *running);
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

/* Sorting needs to see the schedule's items and rules. */
struct rank {
	const struct rules *rules;
	size_t index;
};

/* What is short, or not known, keeps the order of the build system from run to run. */
static int64_t length_of(const struct rules *r)
{
	return r->expected_us < LONG_US ? 0 : r->expected_us;
}

/* By priority, then the longest first, so that none of them runs alone at the end. */
static int by_rules(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;
	int64_t x_us = length_of(x->rules), y_us = length_of(y->rules);

	if (x->rules->priority != y->rules->priority)
		return x->rules->priority > y->rules->priority ? -1 : 1;
	if (x_us != y_us)
		return x_us > y_us ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static void sort(struct schedule *s)
{
	autofree struct rank *ranks = xcalloc(s->plan->len, sizeof *ranks);

	for (size_t i = 0; i < s->plan->len; i++)
		ranks[i] = (struct rank){&s->o->rules[i], i};
	if (s->plan->len)
		qsort(ranks, s->plan->len, sizeof *ranks, by_rules);
	for (size_t i = 0; i < s->plan->len; i++) {
		s->order[i] = ranks[i].index;
		s->rank[ranks[i].index] = i;
	}
}

static bool is_open_ended(const struct schedule_options *o)
{
	return o->stress_ms || o->stress_count == UINT_MAX;
}

/* Of a stress run that goes on for some time, each is planned when it begins. */
static unsigned rounds_planned(const struct schedule_options *o)
{
	return is_open_ended(o) ? 1 : MAX(1, o->stress_count);
}

static void add_total(struct schedule *s, unsigned rounds)
{
	s->r->counts.total += rounds * s->plan->len;
	for (size_t i = 0; i < s->plan->len; i++)
		s->r->column_counts[s->plan->items[i].column].total += rounds;
}

static bool has_next_round(const struct schedule *s)
{
	if (s->stop)
		return false;
	return s->o->stress_ms ? now_ms() - s->start_ms < s->o->stress_ms
			       : s->round + 1 < s->o->stress_count;
}

/* All of it once more, on places that are as the last round has left them. */
static void begin_round(struct schedule *s)
{
	s->round++;
	for (size_t i = 0; i < s->plan->len; i++) {
		s->plan->items[i].state = PLAN_WAITING;
		free(s->past[i].reason);
		s->past[i] = (struct past){0};
	}
	s->first_waiting = s->delayed = 0;
	unit_list_release(&s->units);
	unit_list_init(&s->units, s->plan);
	if (is_open_ended(s->o))
		add_total(s, 1);
	schedule_give_up_unreachable(s);
}

/* At most, on the places that have processors of their own. */
static unsigned count_far_slots(struct schedule *s)
{
	unsigned slots = 0;

	for (size_t i = 0; i < s->o->n_columns; i++) {
		const struct schedule_column *column = &s->o->columns[i];

		s->far |= column->own_processors;
		if (column->own_processors)
			slots += (unsigned)column->n_places * column->slots;
	}
	return slots;
}

static void open_schedule(struct schedule *s)
{
	struct schedule_result *r = s->r;
	size_t n = s->plan->len;

	r->counts.filtered_out = s->plan->filtered_out;
	r->column_counts = xcalloc(s->o->n_columns, sizeof *r->column_counts);
	add_total(s, rounds_planned(s->o));
	s->max_slots = s->o->no_capture ? 1 : s->o->jobs + count_far_slots(s);
	s->slots = xcalloc(s->max_slots, sizeof *s->slots);
	s->past = xcalloc(n, sizeof *s->past);
	s->order = xcalloc(n, sizeof *s->order);
	s->rank = xcalloc(n, sizeof *s->rank);
	s->group_used = xcalloc(s->o->n_groups, sizeof *s->group_used);
	sort(s);
	unit_list_init(&s->units, s->plan);
	pool_init(&s->pool, s->o->columns, s->o->n_columns);
	schedule_give_up_unreachable(s);
}

static void count_not_run(struct event_counts *c)
{
	c->not_run = c->total - c->finished;
}

static void close_schedule(struct schedule *s)
{
	const struct pool_place *kept = s->kept.place;

	if (kept && s->kept.made == kept->made && place_state(kept->place) == PLACE_UP) {
		s->r->kept = kept->place;
		s->r->kept_column = (size_t)(kept->column - s->o->columns);
	}
	for (size_t i = 0; i < s->plan->len; i++)
		free(s->past[i].reason);
	count_not_run(&s->r->counts);
	for (size_t i = 0; i < s->o->n_columns; i++)
		count_not_run(&s->r->column_counts[i]);
	free(s->slots);
	free(s->past);
	free(s->order);
	free(s->rank);
	free(s->group_used);
	unit_list_release(&s->units);
	pool_release(&s->pool);
}

/* Until the next tick, or the next attempt that waits for its time. */
static int64_t time_to_wait(struct schedule *s, int64_t next_tick)
{
	int64_t retry = schedule_next_retry(s);

	if (!s->busy && !pool_is_coming(&s->pool) && retry == INT64_MAX)
		return 0;
	return MAX(0, MIN(next_tick, retry) - now_ms());
}

void schedule_run(struct plan *plan, const struct schedule_options *options,
	struct schedule_result *result)
{
	struct schedule s = {
		.plan = plan,
		.o = options,
		.r = result,
		.random = options->seed | 1,
		.start_ms = now_ms(),
		.asked_seen = options->interrupt->asked,
	};
	int64_t next_tick = now_ms() + TICK_MS;
	bool started;

	open_schedule(&s);
	options->interrupt->on_stop = on_stop;
	options->interrupt->ctx = &s;
	for (;;) {
		heed_interrupt(&s);
		heed_limits(&s);
		schedule_tend_hooks(&s);
		schedule_tend_places(&s);
		started = schedule_fill_slots(&s);
		schedule_renew_places(&s, !started && !s.busy &&
						  !pool_is_coming(&s.pool) &&
						  schedule_next_retry(&s) == INT64_MAX);
		if (is_over(&s)) {
			if (!has_next_round(&s))
				break;
			begin_round(&s);
			continue;
		}
		place_wait(s.pool.places, s.pool.len, options->interrupt->fd,
			time_to_wait(&s, next_tick));
		if (now_ms() >= next_tick) {
			next_tick = now_ms() + TICK_MS;
			tick(&s);
		}
	}
	options->interrupt->on_stop = NULL;
	schedule_end_retries(&s);
	close_schedule(&s);
}
