/*
 * Works a plan off: one readable poll loop that starts what may start, moves bytes, and
 * tells what happened. It owns the order and the slots, and is the only place where an
 * outcome becomes a verdict.
 */
#ifndef XTEST_ENGINE_SCHEDULE_H
#define XTEST_ENGINE_SCHEDULE_H

#include "engine/emit.h"
#include "engine/interrupt.h"
#include "engine/launch.h"
#include "engine/place.h"
#include "engine/rules.h"
#include "model/plan.h"

/* Where the cases of one column run. */
struct schedule_column {
	struct place *const *places; /* none where the plan has nothing for the column */
	size_t n_places;
	unsigned slots; /* cases at once on each of them; within `jobs` over all */
	/* They are machines of their own: what runs there is none of `jobs`, and each
	 * takes as much at once as it has processors, within `slots`. */
	bool own_processors;
	const char *unreachable; /* why there are no places, although the plan has
				    something for the column: all of it is lost; NULL */
	bool own_memory;         /* each has memory of its own, and not this machine's */
	bool renewable; /* place_renew() gives it back as it was before the first case */
	enum config_fresh fresh; /* how often it is made anew; of no meaning to others */
	const struct launch *launch;
};

/* No more than so many threads' worth of its cases at the same time. */
struct schedule_group {
	const char *name;
	unsigned max_threads;
};

struct schedule_options {
	const struct rules *rules;           /* one per item of the plan */
	const struct schedule_group *groups; /* as rules.group counts them */
	size_t n_groups;
	const struct schedule_column *columns;
	size_t n_columns;
	unsigned jobs;      /* processes at once on this machine */
	int64_t memory_kib; /* what they may be expected to need together; 0: no matter */
	unsigned stress_count; /* run all of it so often; 0: once; UINT_MAX: for ever */
	int64_t stress_ms;     /* or again and again, for so long; 0: no */
	uint32_t seed;         /* of the retries' jitter */
	size_t max_fail;       /* stop starting after so many failures; 0: never */
	bool fail_at_once;     /* and end what runs, as a signal does */
	int64_t time_limit_ms; /* for all of it; then it ends as by a signal; 0: none */
	bool no_capture;       /* one at a time, output told as it comes */
	bool keep;             /* somebody will look at the place of the first failure */
	const struct emit *emit;
	struct interrupt *interrupt;
};

struct schedule_result {
	struct event_counts counts;
	struct event_counts *column_counts; /* owned; one per column */
	char *cancelled;                    /* why it ended early; NULL when it did not */
	/* With options.keep: where the first case that failed ran, else the last one, and
	 * the number of its column. NULL: that place is no more. Borrowed. */
	struct place *kept;
	size_t kept_column;
};

void schedule_result_release(struct schedule_result *r);

/* Runs every item of the plan to its end. Always gives a result: each item is finished or
 * counted as not run. */
void schedule_run(struct plan *plan, const struct schedule_options *options,
	struct schedule_result *result);

#endif
