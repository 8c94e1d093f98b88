/*
 * A job that its host has stopped stands outside of time: none of its limits comes
 * nearer, and what it took is told without the time it stood.
 */
#ifndef XTEST_RUNNER_PAUSE_H
#define XTEST_RUNNER_PAUSE_H

#include "runner/runner.h"

/* The job was sent the signal: SIGSTOP stops its clocks, any other starts them again. */
void pause_heed(struct job *j, int signal);

#endif
