/*
 * What is kept of a run: its events and outputs as they come (engine/run-store), which
 * cases are outstanding (engine/rerun), and, once it is over, how long its cases took
 * (model/history). That something cannot be kept is told once and never makes a run fail.
 */
#ifndef XTEST_ENGINE_RECORD_H
#define XTEST_ENGINE_RECORD_H

#include "engine/emit.h"
#include "engine/project.h"
#include "engine/rerun.h"
#include "engine/run-store.h"
#include "engine/workload.h"
#include "model/plan.h"

struct record;

struct record_options {
	const struct project *project;
	const struct emit *emit; /* gets the notes */
	const char *run_id;
	bool off;      /* nothing is written but the history */
	bool is_guest; /* the project is not there, only an archive of it: nothing is
			  written unless a place for it is there or was named */
	struct rerun *rerun; /* what is known of the runs before; owned from now on */
};

/* Never NULL. Borrows the rest. */
struct record *record_new(const struct record_options *options);
/* Cases that did not pass, now or in a run before. */
size_t record_outstanding(const struct record *r);
/* Outstanding cases of the column that do not exist any more are outstanding no more. */
void record_forget(
	struct record *r, struct workload *w, const struct workload_column *column);
/* What is going to run; columns as the plan counts them. Before the first case. */
void record_plan(struct record *r, const struct plan *plan,
	const struct event_column *const *columns);
/* Takes one event of the run. */
void record_event(struct record *r, const struct event *event);
/* All cases have ended; EVENT_RUN_END may still come. */
void record_settle(struct record *r);
/* Frees, and removes records that are over the limits. */
void record_close(struct record *r);

/* The configuration's limits, or the usual ones. */
struct run_store_limits record_limits(const struct config *config);

#endif
