/*
 * What a job may take of a machine that is ours: a control group (version 2) for each
 * place in the table of jobs, kept for the next job there. It bounds the number of
 * processes, knows which ones there are however they hide, and kills them all at once,
 * also those that are just being made: what a fork bomb cannot outrun. A test that leaves
 * its group, as root may, is still known by its mark (kin.h).
 *
 * Source: Documentation/admin-guide/cgroup-v2.rst; cgroup.kill is in Linux >= 5.14.
 */
#ifndef XTEST_RUNNER_CAGE_H
#define XTEST_RUNNER_CAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* All processes of a job. */
struct cage {
	uint32_t mark; /* see kin.h */
	int groups_fd; /* of cage_mount(), -1: there is the mark only */
	size_t slot;   /* number of the group */
	bool timed;    /* cage_cpu_ms() will be asked */
	bool entered;
	uint64_t before_us; /* time of the group before this job */
};

/* Mounts the hierarchy on `directory` and makes the group that all jobs are below.
 * Together they get three quarters of the threads the kernel allows, and all of the
 * memory but a reserve. Returns its descriptor, or -1: the kernel has no groups, or not
 * what is needed of them. */
int cage_mount(const char *directory);
/* What the job's first process writes "0" to, to move itself into the group, which is
 * made when it is missing. The caller's, or -1 when there is none. */
int cage_open(struct cage *c);
/* Calls `fn` (may be NULL) for every living process of the job. Returns how many. What
 * has left the group is looked for only when that is empty. */
size_t cage_each(const struct cage *c, void (*fn)(void *ctx, pid_t pid), void *ctx);
/* Whether no process of it lives. */
bool cage_is_empty(const struct cage *c);
/* SIGKILL to all of them. */
void cage_kill(const struct cage *c);
/* Their time on the processor, with that of those that have ended. */
uint64_t cage_cpu_ms(const struct cage *c);

#endif
