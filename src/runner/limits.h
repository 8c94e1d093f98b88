/*
 * The limits of a job: whether one has struck, and how the job is ended then. The host
 * may want to be told before, and to look at the job while it is still there.
 */
#ifndef XTEST_RUNNER_LIMITS_H
#define XTEST_RUNNER_LIMITS_H

#include "runner/runner.h"

/* Between two looks at a job's processor time. */
#define LIMITS_LOOK_MS 100

/* To the group of a job that runs. */
void limits_signal(struct job *j, int signal);
/* The end of all its processes. */
void limits_kill(struct job *j);
/* A job that runs: ends it when it is time, by stages. */
void limits_check(struct runner *r, struct job *j, int64_t now);
/* The host has seen enough of a job that a limit struck. */
void limits_end_notice(struct job *j, int64_t now);
/* Makes *wait (ms from now on, -1 = for ever) no longer than until the next look at a job
 * that runs. */
void limits_plan(const struct job *j, int64_t now, int64_t *wait);
/* The same, for a time that is due. */
void limits_sooner(int64_t *wait, int64_t due, int64_t now);

#endif
