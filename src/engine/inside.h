/*
 * One program on a place with this process's own streams: what somebody types goes in,
 * what it prints comes out, until it ends.
 */
#ifndef XTEST_ENGINE_INSIDE_H
#define XTEST_ENGINE_INSIDE_H

#include "engine/interrupt.h"
#include "engine/place.h"

/* Runs the task, whose callbacks and streams are set here: with a terminal of its own
 * when standard input and output are one, and this one then passes on every key. Returns
 * the exit status as a shell tells it (128 + a signal's number); -1 with ERR_SETUP when
 * the program could not be started, ERR_INFRA when the place was lost. */
int inside_run(struct place *place, struct task *task, struct interrupt *interrupt,
	struct err *e) MUST_CHECK;
/* True when inside_run() would give it a terminal. */
bool inside_has_terminal(void);

#endif
