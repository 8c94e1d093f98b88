/*
 * Makes a directory or file appear at a path whose parents need not exist, without a
 * change to the real file system: the nearest parent that exists is covered by a private
 * tmpfs that shows its entries again, and the missing ones beside them (as bubblewrap
 * does). For a private mount namespace; needs Linux >= 5.2.
 */
#ifndef XTEST_RUNNER_BIND_H
#define XTEST_RUNNER_BIND_H

/* 0 or negative errno. Both paths absolute. */
int bind_at(const char *source, const char *target);

#endif
