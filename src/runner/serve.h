/*
 * The runner's side of the link: reads requests, answers them, and serves jobs until the
 * host says BYE, the link ends or a signal asks to leave.
 */
#ifndef XTEST_RUNNER_SERVE_H
#define XTEST_RUNNER_SERVE_H

#include "runner/runner.h"

struct board;

struct serve_options {
	int in_fd, out_fd;
	const char *work; /* directory of store and trees, or NULL */
	/* The whole machine is ours, and the link is its port: where that ends, a host
	 * comes back later, to this machine or to a copy of it. A signal ends us at once,
	 * with 128 and its number, for somebody wants the machine to end. */
	bool machine;
	struct board *board; /* the link comes and goes (board.h); NULL: it is in_fd */
	int mounts_fd;       /* mount namespace of the jobs, -1: ours */
	int cages_fd;        /* of cage_mount(), -1: none */
};

/* Returns the exit status of the program. */
int serve(const struct serve_options *options);
/* Feature bits this build has. */
uint32_t serve_features(void);
const char *serve_build_id(void);

#endif
