/*
 * Paths that come over the wire: walked one component at a time, never through a symbolic
 * link, never upwards.
 */
#ifndef XTEST_RUNNER_PATH_H
#define XTEST_RUNNER_PATH_H

#include <stdbool.h>

/* Whether it may name a tree: one component that does not begin with a dot. */
bool path_is_name(const char *name);
/* Opens the directory of the last component of a relative path and sets *name to that
 * component. With `make`, missing directories are made. The caller's descriptor, or
 * negative errno (-EINVAL for "..", "//", an absolute path). */
int path_open_parent(int dir_fd, const char *path, bool make, const char **name);

#endif
