#include "engine/blame.h"
#include "engine/schedule-private.h"

/* A board has been tried for minutes by then. */
enum { MAX_RESTARTS = 3, MAX_BOARD_RESTARTS = 1 };

/* How many of the column wait for a place that must be made anew first; no more than it
 * has places. */
static size_t count_wanted(struct schedule *s, const struct schedule_column *column)
{
	size_t wanted = 0;

	for (size_t i = s->first_waiting; i < s->plan->len && wanted < column->n_places;
		i++) {
		const struct plan_item *p = &s->plan->items[s->order[i]];
		struct pool_claim claim = schedule_claim_of(s, p);

		wanted += claim.column == column && p->state == PLAN_WAITING &&
			  pool_needs_renewal(&s->pool, &claim);
	}
	return wanted;
}

void schedule_renew_places(struct schedule *s, bool stuck)
{
	for (size_t i = 0; i < s->o->n_columns && !s->stop; i++) {
		const struct schedule_column *column = &s->o->columns[i];

		if (column->renewable && pool_is_idle(&s->pool, column))
			pool_renew(&s->pool, column, count_wanted(s, column),
				stuck ? &s->units : NULL);
	}
}

static void give_column_up(struct schedule *s, size_t column, const char *why)
{
	for (size_t i = 0; i < s->plan->len; i++) {
		struct plan_item *p = &s->plan->items[i];

		if (p->column == column && p->state == PLAN_WAITING)
			schedule_finish_unstarted(s, p, VERDICT_LOST, xstrdup(why));
	}
}

void schedule_give_up_unreachable(struct schedule *s)
{
	for (size_t i = 0; i < s->o->n_columns; i++)
		if (s->o->columns[i].unreachable)
			give_column_up(s, i, s->o->columns[i].unreachable);
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
		.board = place->column->own_processors,
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
			schedule_end_attempt(r);
		else
			schedule_end_case(r);
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

static void tell_news(struct schedule *s, struct place *place)
{
	char *news;

	while ((news = place_take_news(place))) {
		emit_note(s->o->emit, news);
		free(news);
	}
}

static unsigned max_restarts(const struct pool_place *place)
{
	return place->column->own_processors ? MAX_BOARD_RESTARTS : MAX_RESTARTS;
}

void schedule_tend_places(struct schedule *s)
{
	for (size_t i = 0; i < s->pool.len; i++) {
		struct pool_place *place = &s->pool.v[i];
		autofree char *why = NULL;
		struct err e = {0};
		size_t running = place->running;

		tell_news(s, place->place);
		if (place->gone || place_state(place->place) != PLACE_DOWN)
			continue;
		why = xstrdup(place_why_down(place->place));
		pool_forget_homes(place, &s->units);
		place->deaths += !bury(s, place, why);
		if (s->stop || place->deaths > max_restarts(place)) {
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
