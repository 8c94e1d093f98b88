/*
 * The places of a run, column by column: which of them can take a case now, which is made
 * anew before it serves again, and which has been given up. It starts nothing itself and
 * knows no plan; the schedule asks.
 */
#ifndef XTEST_ENGINE_POOL_H
#define XTEST_ENGINE_POOL_H

#include "base/err.h"
#include "engine/place.h"
#include "engine/unit.h"
#include "model/suite.h"

struct schedule_column;

struct pool_place {
	struct place *place; /* borrowed */
	const struct schedule_column *column;
	unsigned running;          /* cases on it */
	unsigned used;             /* slots they take */
	int64_t memory_kib;        /* memory they are expected to take */
	const struct suite *stain; /* whose case it served last since it was made; NULL:
				      it is pristine */
	bool reserved;             /* a case has it for itself */
	unsigned homes;            /* units that are at home there and not at their end */
	unsigned made;             /* how often it was made anew */
	unsigned deaths;           /* in a row, with nobody to blame */
	bool gone;                 /* given up */
	bool kept;                 /* as it is, for somebody to look at */
};

struct pool {
	struct pool_place *v; /* owned; the places of a column stand together */
	size_t len;
	struct place **places; /* owned: the same, for place_wait() */
};

/* Columns and places are borrowed. */
void pool_init(struct pool *p, const struct schedule_column *columns, size_t n_columns);
void pool_release(struct pool *p);

/* What one case asks of its place. */
struct pool_claim {
	const struct schedule_column *column;
	const struct suite *suite;
	unsigned threads;   /* slots it takes; no more than its place has */
	int64_t memory_kib; /* memory it is expected to take; 0: not known */
	struct unit *unit;  /* it belongs where the others of its unit are; NULL: none */
	bool alone;         /* pristine, and with nothing beside it */
};

/* A place for the case, the one with most room; NULL when none can take it now. */
struct pool_place *pool_find(struct pool *p, const struct pool_claim *claim);
/* The case runs there now, and has the slots and the memory that `claim` then says; it no
 * longer does. */
void pool_enter(struct pool_place *place, struct pool_claim *claim);
void pool_leave(struct pool_place *place, const struct pool_claim *claim);
/* One case less of the unit (may be NULL). */
void pool_end_unit(struct unit *unit);
/* What was left behind there is gone, or will be. */
void pool_forget_homes(struct pool_place *place, struct unit_list *units);

/* Some place of the column has room for something. */
bool pool_has_room(const struct pool *p, const struct schedule_column *column);
/* Leaves the place as it is from now on, unless something still needs it. */
void pool_keep(struct pool *p, struct pool_place *place);
/* Some place of the column is not given up. */
bool pool_is_alive(const struct pool *p, const struct schedule_column *column);
/* Some place is on its way. */
bool pool_is_coming(const struct pool *p);

/* Whether the column has a place that was used and stands idle. */
bool pool_is_idle(const struct pool *p, const struct schedule_column *column);
/* No place of the column can ever take the case as it is: one must be made anew for it.
 */
bool pool_needs_renewal(const struct pool *p, const struct pool_claim *claim);
/* Makes idle places anew until `wanted` of the column are pristine or on their way: those
 * where nobody is at home, or any of them (`units` is given). What cannot be made anew is
 * down afterwards. */
void pool_renew(struct pool *p, const struct schedule_column *column, size_t wanted,
	struct unit_list *units);
/* Begins anew after a death. -1: it cannot be. */
int pool_revive(struct pool_place *place, struct err *e) MUST_CHECK;

#endif
