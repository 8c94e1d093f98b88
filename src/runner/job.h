/*
 * Jobs: a program is started, its output goes into the journal, its limits are kept, what
 * it leaves behind is found and killed, and its end is told exactly once.
 */
#ifndef XTEST_RUNNER_JOB_H
#define XTEST_RUNNER_JOB_H

#include "runner/runner.h"

/* Starts a job or says FAILED. -ENOBUFS when the journal has no room for either: ask
 * again later. */
int job_run(struct runner *r, uint32_t id, const struct wire_run *run);
/* A signal (x86 number) for a job of this session; unknown jobs are ignored, for they may
 * just have ended. */
void job_kill(struct runner *r, uint32_t id, const struct wire_kill *k);
/* Bytes for its standard input; -ENOBUFS when those before have not been read yet. */
int job_input(struct runner *r, uint32_t id, const struct wire_input *input);
/* Ends all jobs at once; with `mute`, without a word. */
void job_kill_all(struct runner *r, bool mute);
size_t job_count(const struct runner *r);

/* A process was reaped: true when it was a job's own. */
bool job_reaped(struct runner *r, pid_t pid, int status, const struct rusage *usage);
/* What to poll for: adds to `fds`, at most `max`; returns how many. `from` tells
 * job_polled() whose each is. */
struct job_poll {
	struct job *job;
	int stream; /* 0, 1, or 2 for standard input */
};
size_t job_poll(struct runner *r, struct pollfd *fds, struct job_poll *from, size_t max);
void job_polled(struct runner *r, const struct job_poll *from, short revents);
/* Limits, what is left behind, ends that wait for room. Returns ms until it wants to be
 * called again, -1 = never. */
int64_t job_tick(struct runner *r);

#endif
