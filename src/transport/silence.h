/*
 * When a machine that does not answer is given up. A machine on a busy host may be silent
 * because it is not given the CPU; one that had its share, or had nothing to do, or has
 * been stopped, is dead.
 */
#ifndef XTEST_TRANSPORT_SILENCE_H
#define XTEST_TRANSPORT_SILENCE_H

#include "base/util.h"

#include <sys/types.h>

enum {
	SILENCE_LIMIT_MS = 3000,    /* of a machine that could have answered */
	SILENCE_STARVED_MS = 30000, /* of one that could not */
};

/* What was seen since the silence began. */
struct silence {
	int64_t silence_ms;
	char state;           /* of QEMU's process: proc_pid_stat(5) */
	int64_t qemu_cpu_ms;  /* CPU time it was given */
	int64_t host_idle_ms; /* CPU time nobody on this host wanted, all CPUs together */
};

/* Why the machine is dead, or NULL as long as it may still answer. A constant text that
 * follows "the machine has not answered for … s". *starved: it was not given the CPU, so
 * nothing it ran is to blame. */
const char *silence_judge(const struct silence *s, bool *starved);

/* Counters of the process and of the host, to be subtracted. */
struct silence_sample {
	char state; /* '?': it could not be read */
	int64_t qemu_cpu_ms, host_idle_ms;
};
void silence_look(pid_t pid, struct silence_sample *sample);

#endif
