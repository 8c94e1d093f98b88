/*
 * Columns and counts of a run as its events tell them, for those who end a run that has
 * no end of its own, or make one run of several.
 */
#ifndef XTEST_ENGINE_TALLY_H
#define XTEST_ENGINE_TALLY_H

#include "model/event.h"

struct tally;

struct tally *tally_new(void);
void tally_free(struct tally *t);
/* Takes columns and totals of EVENT_PLAN (added to what is there) and results of
 * EVENT_CASE_END. */
void tally_add_event(struct tally *t, const struct event *event);
/* The column of the same target and place, made when there is none: its label is that of
 * `column`, or one that says the place, too, when another column has it. */
const struct event_column *tally_column(
	struct tally *t, const struct event_column *column);
/* `n` more cases are planned in the column. */
void tally_expect(struct tally *t, const struct event_column *column, size_t n);
/* Fills an EVENT_PLAN or EVENT_RUN_END of what was added; what it points to is borrowed
 * until the next call. Cases without a result are not run; `cancelled` (borrowed, may be
 * NULL) says why. */
void tally_plan(struct tally *t, size_t suites, struct event *event);
void tally_end(struct tally *t, const char *cancelled, struct event *event);

#endif
