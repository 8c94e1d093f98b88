/*
 * Removes a directory with all that is in it, never following a link out of it, and also
 * when tests have taken the permissions away.
 */
#ifndef XTEST_RUNNER_REMOVE_H
#define XTEST_RUNNER_REMOVE_H

/* 0 or the first negative errno; what can be removed is removed. A path that does not
 * exist is no error. */
int remove_tree(const char *path);

#endif
