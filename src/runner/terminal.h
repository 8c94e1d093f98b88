/*
 * A terminal of a job's own: a pseudo terminal whose other end the runner reads and
 * writes as it does pipes.
 */
#ifndef XTEST_RUNNER_TERMINAL_H
#define XTEST_RUNNER_TERMINAL_H

#include "runner/runner.h"

/* Opens one: our end becomes the job's input and its stream 1, the other end stdio[0…2].
 * Linux 4.13 and later. */
int terminal_open(struct job *j, const struct wire_run *run, int stdio[3]);
/* Tells the size to whom it belongs; nothing when one of them is 0. */
void terminal_resize(int fd, uint32_t rows, uint32_t columns);

#endif
