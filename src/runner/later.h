/*
 * What may wait a moment: that a job has started, what it prints, that a request has
 * arrived. Nobody acts on these before the job has ended, and each of them alone would
 * take a processor from a test, here and on the host. They go with the next message that
 * somebody waits for, or after LATER_MS, or when they have become many.
 */
#ifndef XTEST_RUNNER_LATER_H
#define XTEST_RUNNER_LATER_H

#include "runner/runner.h"

/* How long the host may not hear of them. */
#define LATER_MS 50

/* link_send() of a message that may wait. */
int later_send(struct runner *r, unsigned int type, uint32_t job, const void *structure);
/* Milliseconds for which there is nothing to write but what may wait; 0: write now, if
 * there is anything. */
int64_t later_left(struct runner *r);
/* Everything may be written: what was to be said with it is said. */
void later_flush(struct runner *r);

#endif
