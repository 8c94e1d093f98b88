/*
 * Makes a directory or file appear at a path whose parents need not exist, without a
 * change to the real file system: the nearest parent that exists is covered by a private
 * tmpfs that shows its entries again, and the missing ones beside them (as bubblewrap
 * does). For a private mount namespace; needs Linux >= 5.2.
 */
#ifndef XTEST_RUNNER_BIND_H
#define XTEST_RUNNER_BIND_H

#include <stdbool.h>

/* 0 or negative errno. Both paths absolute. With `all_private` nothing is covered: all
 * file systems are the machine's own, and what is missing is made there. */
int bind_at(const char *source, const char *target, bool all_private);

#endif
