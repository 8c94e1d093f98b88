#include "engine/pool.h"

#include "engine/schedule.h"

void pool_init(struct pool *p, const struct schedule_column *columns, size_t n_columns)
{
	size_t total = 0;

	for (size_t i = 0; i < n_columns; i++)
		total += columns[i].n_places;
	*p = (struct pool){
		.v = xcalloc(total, sizeof *p->v),
		.places = xcalloc(total, sizeof *p->places),
	};
	for (size_t i = 0; i < n_columns; i++)
		for (size_t k = 0; k < columns[i].n_places; k++) {
			p->places[p->len] = columns[i].places[k];
			p->v[p->len++] = (struct pool_place){
				.place = columns[i].places[k], .column = &columns[i]};
		}
}

void pool_release(struct pool *p)
{
	free(p->v);
	free(p->places);
	*p = (struct pool){0};
}

static bool is_up(const struct pool_place *place)
{
	return !place->gone && place_state(place->place) == PLACE_UP;
}

/* Cases at once there. */
static unsigned slots_there(const struct pool_place *place)
{
	const struct schedule_column *column = place->column;
	const struct wire_welcome *w =
		column->own_processors ? place_welcome(place->place) : NULL;

	return w ? MIN(MAX(1, w->cpus), column->slots) : column->slots;
}

static unsigned slots_of(const struct pool_place *place, const struct pool_claim *claim)
{
	return MIN(MAX(1, claim->threads), slots_there(place));
}

/* Of a place with memory of its own, what tests can have: the kernel and the runner need
 * some, too. 0: no matter. */
static int64_t memory_of(const struct pool_place *place)
{
	const struct wire_welcome *w =
		place->column->own_memory ? place_welcome(place->place) : NULL;

	return w ? (int64_t)(w->memory_bytes / 1024 / 8 * 7) : 0;
}

/* A case that is too large for any place has one for itself. */
static int64_t memory_for(const struct pool_place *place, const struct pool_claim *claim)
{
	return MIN(claim->memory_kib, memory_of(place));
}

/* The one place where it belongs; NULL: any. */
static const struct pool_place *home_of(const struct pool_claim *claim)
{
	return claim->unit && !claim->alone ? claim->unit->home : NULL;
}

/* It has its place for itself while it runs. */
static bool is_private(const struct pool_claim *claim)
{
	return claim->alone ||
	       (claim->column->renewable && claim->column->fresh == CONFIG_FRESH_CASE);
}

/* What the place has served leaves it good enough for the case. */
static bool is_clean_for(const struct pool_place *place, const struct pool_claim *claim)
{
	if (home_of(claim))
		return place == home_of(claim);
	if (!place->stain)
		return true;
	if (is_private(claim))
		return false;
	return !claim->column->renewable || claim->column->fresh != CONFIG_FRESH_SUITE ||
	       place->stain == claim->suite;
}

static bool can_take(const struct pool_place *place, const struct pool_claim *claim)
{
	return place->column == claim->column && is_up(place) && !place->reserved &&
	       !place->kept &&
	       place->used + slots_of(place, claim) <= slots_there(place) &&
	       place->memory_kib + memory_for(place, claim) <= memory_of(place) &&
	       is_clean_for(place, claim);
}

/* A used place before a pristine one (which somebody may need), then the emptier one. */
static bool is_better(const struct pool_place *a, const struct pool_place *b,
	const struct pool_claim *claim)
{
	bool keeps =
		claim->column->renewable && claim->column->fresh == CONFIG_FRESH_SUITE;

	if (keeps && !a->stain != !b->stain)
		return a->stain;
	return a->used < b->used;
}

struct pool_place *pool_find(struct pool *p, const struct pool_claim *claim)
{
	struct pool_place *best = NULL;

	for (size_t i = 0; i < p->len; i++)
		if (can_take(&p->v[i], claim) &&
			(!best || is_better(&p->v[i], best, claim)))
			best = &p->v[i];
	return best;
}

void pool_enter(struct pool_place *place, struct pool_claim *claim)
{
	place->running++;
	claim->threads = slots_of(place, claim);
	place->used += claim->threads;
	claim->memory_kib = memory_for(place, claim);
	place->memory_kib += claim->memory_kib;
	place->stain = claim->suite;
	place->reserved = is_private(claim);
	if (!claim->unit || claim->unit->home)
		return;
	claim->unit->home = place;
	place->homes++;
}

void pool_leave(struct pool_place *place, const struct pool_claim *claim)
{
	place->running--;
	place->used -= claim->threads;
	place->memory_kib -= claim->memory_kib;
	place->reserved = false;
}

void pool_end_unit(struct unit *unit)
{
	if (unit && --unit->left == 0 && unit->home)
		unit->home->homes--;
}

void pool_forget_homes(struct pool_place *place, struct unit_list *units)
{
	for (size_t i = 0; i < units->len && place->homes; i++) {
		if (units->v[i].home != place || !units->v[i].left)
			continue;
		units->v[i].home = NULL;
		place->homes--;
	}
}

bool pool_has_room(const struct pool *p, const struct schedule_column *column)
{
	for (size_t i = 0; i < p->len; i++)
		if (p->v[i].column == column && !p->v[i].reserved && !p->v[i].kept &&
			is_up(&p->v[i]) && p->v[i].used < slots_there(&p->v[i]))
			return true;
	return false;
}

bool pool_is_alive(const struct pool *p, const struct schedule_column *column)
{
	for (size_t i = 0; i < p->len; i++)
		if (p->v[i].column == column && !p->v[i].gone && !p->v[i].kept)
			return true;
	return false;
}

void pool_keep(struct pool *p, struct pool_place *place)
{
	if (place->homes || !is_up(place))
		return;
	place->kept = true;
	place->kept = pool_is_alive(p, place->column);
}

static bool is_coming(const struct pool_place *place)
{
	return !place->gone && place_state(place->place) == PLACE_COMING;
}

bool pool_is_coming(const struct pool *p)
{
	for (size_t i = 0; i < p->len; i++)
		if (is_coming(&p->v[i]))
			return true;
	return false;
}

static bool is_idle(const struct pool_place *place, const struct schedule_column *column)
{
	return place->column == column && place->stain && !place->running &&
	       !place->kept && is_up(place);
}

bool pool_is_idle(const struct pool *p, const struct schedule_column *column)
{
	for (size_t i = 0; i < p->len; i++)
		if (is_idle(&p->v[i], column))
			return true;
	return false;
}

bool pool_needs_renewal(const struct pool *p, const struct pool_claim *claim)
{
	if (home_of(claim))
		return false;
	if (is_private(claim))
		return true;
	for (size_t i = 0; i < p->len; i++)
		if (p->v[i].column == claim->column && p->v[i].stain && !p->v[i].kept &&
			is_up(&p->v[i]) && is_clean_for(&p->v[i], claim))
			return false;
	return true;
}

void pool_renew(struct pool *p, const struct schedule_column *column, size_t wanted,
	struct unit_list *units)
{
	size_t ready = 0;

	for (size_t i = 0; i < p->len; i++)
		ready += p->v[i].column == column &&
			 (is_coming(&p->v[i]) || (is_up(&p->v[i]) && !p->v[i].stain));
	for (size_t i = 0; i < p->len && ready < wanted; i++) {
		struct pool_place *place = &p->v[i];
		struct err ignored = {0};

		if (!is_idle(place, column) || (place->homes && !units))
			continue;
		if (units)
			pool_forget_homes(place, units);
		place->stain = NULL;
		place->made++;
		/* A failure leaves it down, and is seen there. */
		if (place_renew(place->place, &ignored) == 0)
			ready++;
	}
}

int pool_revive(struct pool_place *place, struct err *e)
{
	place->stain = NULL;
	place->kept = false;
	place->made++;
	return place_renew(place->place, e);
}
