/*
 * Starts one program the quick way: the child shares our memory until it executes (as
 * with vfork), so a start costs the same however large the runner is. Whatever goes wrong
 * before the program runs comes back as step and errno.
 */
#ifndef XTEST_RUNNER_SPAWN_H
#define XTEST_RUNNER_SPAWN_H

#include "wire/wire.h"

#include <sys/types.h>

struct spawn {
	char *const *argv; /* with the prefix */
	char *const *env;
	const char *program; /* what the prefix is to run: must be executable itself; NULL
				without a prefix */
	const char *cwd;
	int stdio[3]; /* -1: as ours */
	bool new_session;
	bool terminal; /* the first stream becomes the session's */
	bool hold;     /* see hold.h */
	bool die_with_us;
	bool watched;  /* others of its user may look at it */
	int mounts_fd; /* mount namespace to enter; its root becomes the directory. -1:
			  ours */
	int cage_fd;   /* of cage_open(), -1: none */
	uint32_t mark;
	struct wire_bytes rlimits;
	bool set_ids;
	uid_t uid;
	gid_t gid;
};

/* 0 and *pid, or a negative errno and *step (enum wire_step). */
int spawn_start(const struct spawn *s, pid_t *pid, uint32_t *step);

/* What a step (enum wire_step) is, with a name to follow: "execute". Static. */
const char *spawn_step_name(uint32_t step);

#endif
