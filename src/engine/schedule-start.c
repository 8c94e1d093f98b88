#include "engine/schedule-private.h"

#include <limits.h>

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

static bool is_far(const struct schedule *s, const struct plan_item *p)
{
	return s->o->columns[p->column].own_processors;
}

unsigned schedule_threads(const struct schedule *s, const struct plan_item *p)
{
	if (is_far(s, p))
		return schedule_rules(s, p)->threads;
	return MIN(schedule_rules(s, p)->threads, s->o->jobs);
}

unsigned schedule_group_threads(const struct schedule *s, const struct plan_item *p)
{
	const struct rules *rules = schedule_rules(s, p);

	return rules->group < 0
		       ? 0
		       : MIN(rules->threads, s->o->groups[rules->group].max_threads);
}

/* What it takes of this machine's memory. One that is too large for it is alone there. */
static int64_t memory_of(const struct schedule *s, const struct plan_item *p)
{
	return s->o->columns[p->column].own_memory
		       ? 0
		       : MIN(schedule_rules(s, p)->memory_kib, s->o->memory_kib);
}

struct pool_claim schedule_claim_of(struct schedule *s, const struct plan_item *p)
{
	const struct schedule_column *column = &s->o->columns[p->column];

	return (struct pool_claim){
		.column = column,
		.suite = p->suite,
		.threads = schedule_threads(s, p),
		.memory_kib = schedule_rules(s, p)->memory_kib,
		.unit = column->renewable
				? unit_find(&s->units, (size_t)(p - s->plan->items))
				: NULL,
		.alone = schedule_past(s, p)->suspect,
	};
}

/* It need not wait for others or for its time. */
static bool is_ready(struct schedule *s, const struct plan_item *p, int64_t now)
{
	const struct rules *rules = schedule_rules(s, p);

	if (p->state != PLAN_WAITING || schedule_past(s, p)->not_before_ms > now)
		return false;
	if (rules->group >= 0 &&
		s->group_used[rules->group] + schedule_group_threads(s, p) >
			s->o->groups[rules->group].max_threads)
		return false;
	return !waits(s, p) && !lock_is_taken(s, p->suite);
}

/* This machine has room for it beside what runs. */
static bool has_room(const struct schedule *s, const struct plan_item *p)
{
	return (is_far(s, p) || s->processors + schedule_threads(s, p) <= s->o->jobs) &&
	       (!s->o->memory_kib ||
		       s->memory_kib + memory_of(s, p) <= s->o->memory_kib) &&
	       !(p->suite->serial && s->busy);
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
		const struct past *h = &s->past[p->needs[i]];

		if (h->place && (h->place->gone || h->place->made != h->made))
			return &s->plan->items[p->needs[i]];
	}
	return NULL;
}

/* Never NULL while fewer than max_slots are busy. */
static struct running *free_slot(struct schedule *s)
{
	for (unsigned i = 0; i < s->n_slots; i++)
		if (!s->slots[i].used)
			return &s->slots[i];
	return s->n_slots < s->max_slots ? &s->slots[s->n_slots++] : NULL;
}

/* The lowest slot of its group that nobody has. */
static unsigned group_slot(const struct schedule *s, const struct plan_item *p)
{
	int group = schedule_rules(s, p)->group;
	unsigned slot = 0;

	for (unsigned i = 0; group >= 0 && i < s->n_slots; i++) {
		const struct running *r = &s->slots[i];

		if (r->used && schedule_rules(s, r->plan)->group == group &&
			r->group_slot == slot) {
			slot++;
			i = -1u;
		}
	}
	return slot;
}

/* It takes its place among what runs. */
static void take_slot(struct running *r)
{
	struct schedule *s = r->schedule;
	const struct plan_item *p = r->plan;
	struct past *past = schedule_past(s, p);

	r->threads = is_far(s, p) ? 0 : schedule_threads(s, p);
	r->memory_kib = memory_of(s, p);
	s->busy++;
	s->processors += r->threads;
	s->memory_kib += r->memory_kib;
	s->serial_running |= p->suite->serial;
	if (schedule_rules(s, p)->group >= 0)
		s->group_used[schedule_rules(s, p)->group] +=
			schedule_group_threads(s, p);
	s->delayed -= past->not_before_ms != 0;
	past->not_before_ms = 0;
	past->attempts++;
	past->place = r->place;
	past->made = r->place->made;
	r->pristine = !r->place->stain;
	pool_enter(r->place, &r->claim);
}

static void launch(struct running *r)
{
	struct schedule *s = r->schedule;
	const struct plan_item *p = r->plan;
	const struct rules *rules = schedule_rules(s, p);
	const struct launch_turn turn = {
		.attempt = r->item.attempt,
		.attempts = r->item.attempts,
		.slot = r->item.slot,
		.group = rules->group < 0 ? NULL : s->o->groups[rules->group].name,
		.group_slot = r->group_slot,
		.stress = r->item.stress,
		.stress_total = !r->item.stress   ? 0
				: s->o->stress_ms ? UINT_MAX
						  : s->o->stress_count,
	};

	launch_case(s->o->columns[p->column].launch, p->suite, r->framework, p->test,
		&turn, &r->task);
	rules_apply(rules, &r->task);
	r->task.on_end = schedule_on_end;
	r->task.on_struck = schedule_on_struck;
	r->task.on_output = s->o->no_capture ? schedule_on_output : NULL;
	r->task.ctx = r;
}

/* Ends what cannot run, for a reason that is known before it starts. */
static bool is_hopeless(struct schedule *s, struct plan_item *p)
{
	const struct launch *launch = s->o->columns[p->column].launch;
	const struct plan_item *need = failed_need(s, p);
	const char *missing = launch_missing_file(launch, p->suite);

	if (need) {
		schedule_finish_unstarted(s, p, VERDICT_FAIL,
			xasprintf(
				"not run: its fixture %s did not pass", need->suite->id));
		return true;
	}
	need = gone_need(s, p);
	if (need) {
		schedule_finish_unstarted(s, p, VERDICT_LOST,
			xasprintf("not run: its fixture %s was on a machine that died",
				need->suite->id));
		return true;
	}
	if (p->blocked) {
		schedule_finish_unstarted(s, p, VERDICT_LOST, xstrdup(p->blocked));
		return true;
	}
	if (missing) {
		schedule_finish_unstarted(s, p, VERDICT_FAIL,
			xasprintf("not run: required file %s is missing", missing));
		return true;
	}
	return false;
}

static void start(struct schedule *s, struct plan_item *p, struct pool_place *place)
{
	struct running *r;

	if (is_hopeless(s, p))
		return;
	r = free_slot(s);
	*r = (struct running){.schedule = s, .plan = p, .place = place};
	r->claim = schedule_claim_of(s, p);
	r->framework = framework_find(p->suite->framework);
	r->item = schedule_make_item(s, p, (unsigned)(r - s->slots));
	r->item.board = place_board(place->place);
	r->next_slow_ms = schedule_rules(s, p)->slow_ms;
	r->group_slot = group_slot(s, p);
	r->used = true;
	p->state = PLAN_RUNNING;
	launch(r);
	take_slot(r);
	schedule_send_item(s, EVENT_CASE_START, &r->item, NULL, NULL);
	place_submit(place->place, &r->task);
}

/* Nothing whatever can start. */
static bool is_full(const struct schedule *s)
{
	return s->busy == s->max_slots || s->serial_running ||
	       (s->processors >= s->o->jobs && !s->far);
}

bool schedule_fill_slots(struct schedule *s)
{
	const struct plan_item *items = s->plan->items;
	int64_t now = now_ms();
	int least = INT_MIN; /* priority of what may still start */
	bool any = false;

	while (s->first_waiting < s->plan->len &&
		items[s->order[s->first_waiting]].state != PLAN_WAITING)
		s->first_waiting++;
	for (size_t i = s->first_waiting; i < s->plan->len; i++) {
		struct plan_item *p = &s->plan->items[s->order[i]];
		struct pool_claim claim;
		struct pool_place *place = NULL;

		if (s->stop || is_full(s) || schedule_rules(s, p)->priority < least)
			break;
		if (!is_ready(s, p, now))
			continue;
		/* Nothing of lower priority takes the room it waits for. */
		if (!has_room(s, p)) {
			least = schedule_rules(s, p)->priority;
			continue;
		}
		claim = schedule_claim_of(s, p);
		if (pool_has_room(&s->pool, claim.column))
			place = pool_find(&s->pool, &claim);
		if (place)
			start(s, p, place);
		any |= place != NULL;
	}
	return any;
}

int64_t schedule_next_retry(struct schedule *s)
{
	int64_t next = INT64_MAX, now = now_ms();

	for (size_t i = s->first_waiting; s->delayed && i < s->plan->len; i++) {
		const struct plan_item *p = &s->plan->items[s->order[i]];
		int64_t at = schedule_past(s, p)->not_before_ms;

		if (p->state == PLAN_WAITING && at > now)
			next = MIN(next, at);
	}
	return next;
}
