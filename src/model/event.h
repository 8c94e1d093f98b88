/*
 * Everything a run tells anyone goes through one stream of these. Reporters, the record
 * of a run and the exit code see the same events in the same order; nothing else is told.
 * All pointers are borrowed for the length of the call.
 */
#ifndef XTEST_MODEL_EVENT_H
#define XTEST_MODEL_EVENT_H

#include "base/err.h"
#include "base/strv.h"
#include "model/display.h"
#include "model/outcome.h"
#include "model/suite.h"

struct difference;

enum event_type {
	EVENT_RUN_START,  /* .run: the first event */
	EVENT_NOTE,       /* .text: one sentence for the user, said once */
	EVENT_STEP_START, /* .step: a phase with a name begins ("Building json-c for
			     aarch64 with cmake") */
	EVENT_STEP_LINE,  /* .step.line: its latest line of output, for a progress display
			   */
	EVENT_STEP_OUTPUT, /* .step.line: what a failed command printed, whole: to be
			      shown */
	EVENT_STEP_END, /* .step: it is done; .step.summary is what stays on the screen */
	EVENT_SCRIPT_START, /* .script: a set-up or tear-down script begins */
	EVENT_SCRIPT_END,   /* .script, and what became of it */
	EVENT_PLACE,        /* .place: a place is ready */
	EVENT_PLAN,         /* .plan: what will run */
	EVENT_CASE_START,   /* .item */
	EVENT_CASE_OUTPUT,  /* .output: live bytes, only when nothing is captured */
	EVENT_CASE_SLOW,    /* .item, .elapsed_ms */
	EVENT_CASE_END,     /* .item, .outcome, .judgement */
	EVENT_STATUS,       /* .status: somebody has asked what goes on */
	EVENT_TICK, /* about ten times a second while cases run: redraw; .counts, .running
		     */
	EVENT_RUN_END, /* .counts, .exit_code, .text (why cancelled, or NULL): the last
			  event */
};

/* A column of the report: one (target, place), or the host. */
struct event_column {
	const char *label;  /* unique short name: "host", "aarch64", "aarch64@system" */
	const char *target; /* target name */
	const char *place;  /* "local", "user", … */
	const char *detail; /* "qemu-aarch64 7.2.22"; may be NULL */
	unsigned slots;
	const char *emulator; /* "qemu-aarch64 7.2.22"; NULL: none is known */
	const char *kernel;   /* of the first place, as uname -r says; NULL: not known */
};

/* One case on one column, one attempt. */
struct event_item {
	size_t index; /* in the plan: stable for the run */
	const struct suite *suite;
	const struct test_case
		*test; /* never NULL; name "" when the suite is its one case */
	const struct event_column *column;
	unsigned attempt, attempts; /* from 1 */
	unsigned slot;
	int64_t started_ms;     /* event time at its start */
	const char *quarantine; /* why its failure does not count; NULL: it does */
	bool ends_suite;        /* of its end: none of its suite is left on its column */
	unsigned stress;        /* round of a stress run, from 1; 0: there is only one */
	const char *board; /* which of the column's it runs on, by the name or address it
			      was asked for; NULL where there are no boards */
	enum display_output success_output, failure_output; /* where its output goes, as
							       the configuration says */
	bool junit_success, junit_failure; /* whether JUnit holds what it printed when it
					      passes, and when not */
};

/* A case that runs, for somebody who wants to know. */
struct event_running {
	const struct event_item *item;
	int64_t elapsed_ms;
	unsigned pid;                /* on its place; 0: not known */
	const char *state;           /* "running", "its place is away", … */
	const struct buf *out, *err; /* what it has said so far */
};

struct event_counts {
	size_t total; /* planned */
	size_t finished, passed, failed, skipped, timed_out, crashed, leaked, flaky, lost;
	size_t quarantined;  /* failures that do not count, of any kind */
	size_t not_run;      /* planned and never started: the run was cancelled */
	size_t filtered_out; /* known and not selected */
};

struct event {
	enum event_type type;
	int64_t time_ms; /* since the start of the run */
	union {
		struct {
			const char *id, *version, *project, *command_line;
			int64_t wall_clock_ms;
			const char *rerun_of;             /* run it goes on from; NULL */
			enum display_status status_level; /* as configured */
			enum display_final final_status_level;
		} run;
		struct {
			const char *text;
		} note;
		struct {
			const char *verb; /* "Building", "Built" */
			const char
				*summary; /* "json-c for aarch64-linux-gnu with cmake" */
			const char
				*line; /* bytes; NULL but in STEP_LINE and STEP_OUTPUT */
			size_t line_len;
			int64_t elapsed_ms;
			double fraction; /* 0–1, or negative when unknown */
		} step;
		struct {
			const char *phase; /* "setup", "teardown" */
			const char *name, *command;
			/* Of its end: */
			const char *reason; /* why it failed; NULL: it did not */
			int64_t elapsed_ms;
			const struct buf *out, *err;
		} script;
		struct {
			const struct event_column *column;
		} place;
		struct {
			const struct event_column *const *columns;
			size_t n_columns;
			const size_t *column_totals; /* cases per column, same order */
			size_t total, suites, filtered_out;
			bool open_ended; /* a stress run: all of it may come again */
		} plan;
		struct {
			const struct event_item *item;
			int64_t elapsed_ms;
			const struct outcome *outcome;
			const struct judgement *judgement;
			int stream; /* 1 or 2, in CASE_OUTPUT */
			const char *data;
			size_t len;
		} item;
		struct {
			const struct event_counts *counts;
			const struct event_running *running;
			size_t n_running;
			size_t delayed; /* attempts that wait for their time */
		} status;
		struct {
			const struct event_counts *counts;
			const struct event_item *const *running;
			size_t n_running;
		} tick;
		struct {
			const struct event_counts *counts;
			/* Per column, in the order of EVENT_PLAN. */
			const struct event_column *const *columns;
			const struct event_counts *column_counts;
			size_t n_columns;
			int exit_code;
			const char *cancelled; /* why the run ended early, or NULL */
			/* Cases whose verdict depends on the place (model/compare.h). */
			const struct difference *differences;
			size_t n_differences;
		} end;
	};
};

const char *event_type_name(enum event_type t); /* "case-end" as in JSON */
/* An EVENT_CASE_END after which another attempt follows: it does not count yet. */
bool event_is_retried(const struct event *event);
/* The item's failure does not count. */
bool event_is_quarantined(const struct event_item *item, enum verdict v);
void event_counts_add(
	struct event_counts *c, const struct event_item *item, enum verdict v);
/* Exit code of a run with these results. A missing verdict outranks a failure: whoever
 * sees ERR_TESTS_FAILED may trust that every test has its verdict; but a cancelled run
 * has failed. */
int event_counts_exit_code(const struct event_counts *c, bool cancelled);
/* The id of its suite, with "@stress-2" behind it in a stress run; the caller's. */
char *event_item_suite(const struct event_item *item);
/* "json-c::test_cast" or "pkg::suite case name": the name people use; the caller's. */
char *event_item_name(const struct event_item *item);

#endif
