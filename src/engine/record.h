/*
 * What is kept of a run once it is over: how long its cases took (model/history).
 * That something cannot be kept is told once and never makes a run fail.
 */
#ifndef XTEST_ENGINE_RECORD_H
#define XTEST_ENGINE_RECORD_H

#include "engine/emit.h"
#include "engine/project.h"

struct record;

/* Never NULL. Borrows project and emit, which gets the notes. */
struct record *record_new(const struct project *project, const struct emit *emit);
/* Takes one event of the run. */
void record_event(struct record *r, const struct event *event);
/* All cases have ended; EVENT_RUN_END may still come. */
void record_settle(struct record *r);
void record_free(struct record *r);

#endif
