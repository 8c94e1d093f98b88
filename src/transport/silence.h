/*
 * When a machine that does not answer is given up. One on a busy host may be silent
 * because it is not given the CPU: such time does not count. What counts is the time in
 * which it ran, or had nothing to do, and said nothing all the same.
 */
#ifndef XTEST_TRANSPORT_SILENCE_H
#define XTEST_TRANSPORT_SILENCE_H

#include "base/util.h"

#include <sys/types.h>

enum {
	SILENCE_LIMIT_MS = 2200,     /* of a machine that could have answered */
	SILENCE_STOPPED_MS = 1500,   /* of one that somebody has stopped */
	SILENCE_STARVED_MS = 300000, /* of one that could not answer */
	SILENCE_STEP_MS = 500, /* one look never stands for more: whoever looks has been
				  held up as well */
	SILENCE_THREADS_MAX = 32,
};

/* What is known of a silence. */
struct silence {
	int64_t silence_ms;  /* all of it */
	int64_t fair_ms;     /* what of it counts */
	char state;          /* of QEMU's process: proc_pid_stat(5) */
	int64_t qemu_cpu_ms; /* CPU time it was given meanwhile */
};

/* Why the machine is dead, or NULL as long as it may still answer. A constant text that
 * follows "the machine has not answered for … s". *starved: it was not given the CPU, so
 * nothing it ran is to blame. */
const char *silence_judge(const struct silence *s, bool *starved);

/* Counters of the process and of the host, to be subtracted. */
struct silence_sample {
	char state;   /* '?': it could not be read */
	bool blocked; /* one of its threads waits for a disk */
	int64_t qemu_cpu_ms;
	int64_t host_idle_ms; /* CPU time nobody on this host wanted, all CPUs together */
	int64_t host_stolen_ms; /* CPU time another machine had instead of this one */
	/* For how long each thread has waited for a CPU; none where the kernel does not
	 * say. */
	size_t n_threads;
	struct silence_thread {
		pid_t tid;
		int64_t waited_ms;
	} threads[SILENCE_THREADS_MAX];
};
void silence_look(pid_t pid, struct silence_sample *sample);
/* How much of the `step_ms` between two samples was the machine's own: it ran, or slept.
 */
int64_t silence_fair_ms(const struct silence_sample *before,
	const struct silence_sample *after, int64_t step_ms);

#endif
