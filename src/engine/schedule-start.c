#include "engine/schedule-private.h"

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

struct pool_claim schedule_claim_of(struct schedule *s, const struct plan_item *p)
{
	return (struct pool_claim){
		.column = &s->o->columns[p->column],
		.suite = p->suite,
		.unit = s->o->columns[p->column].renewable
				? unit_find(&s->units, (size_t)(p - s->plan->items))
				: NULL,
		.alone = schedule_past(s, p)->suspect,
	};
}

/* Where the item may start now; NULL: nowhere yet. */
static struct pool_place *place_for(struct schedule *s, const struct plan_item *p)
{
	unsigned processors = MIN(p->suite->processors, s->o->jobs);
	struct pool_claim claim = schedule_claim_of(s, p);

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
		const struct past *h = &s->past[p->needs[i]];

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
		schedule_finish_unstarted(s, p, VERDICT_FAIL,
			xasprintf(
				"not run: its fixture %s did not pass", need->suite->id));
		return;
	}
	need = gone_need(s, p);
	if (need) {
		schedule_finish_unstarted(s, p, VERDICT_LOST,
			xasprintf("not run: its fixture %s was on a machine that died",
				need->suite->id));
		return;
	}
	if (p->blocked) {
		schedule_finish_unstarted(s, p, VERDICT_LOST, xstrdup(p->blocked));
		return;
	}
	if (missing) {
		schedule_finish_unstarted(s, p, VERDICT_FAIL,
			xasprintf("not run: required file %s is missing", missing));
		return;
	}
	*r = (struct running){.schedule = s, .plan = p, .place = place, .used = true};
	r->claim = schedule_claim_of(s, p);
	r->framework = framework_find(p->suite->framework);
	r->item = schedule_make_item(s, p, (unsigned)(r - s->slots));
	r->next_slow_ms = s->o->slow_ms;
	launch_case(launch, p->suite, r->framework, p->test, r->item.attempt,
		r->item.slot, &r->task);
	r->task.on_end = schedule_on_end;
	r->task.on_output = s->o->no_capture ? schedule_on_output : NULL;
	r->task.ctx = r;
	p->state = PLAN_RUNNING;
	schedule_past(s, p)->attempts++;
	schedule_past(s, p)->place = place;
	schedule_past(s, p)->made = place->made;
	s->busy++;
	s->processors += MIN(p->suite->processors, s->o->jobs);
	s->serial_running |= p->suite->serial;
	r->pristine = !place->stain;
	pool_enter(place, &r->claim);
	schedule_send_item(s, EVENT_CASE_START, &r->item, NULL, NULL);
	place_submit(place->place, &r->task);
}

bool schedule_fill_slots(struct schedule *s)
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
