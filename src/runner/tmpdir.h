/*
 * The private temporary directories of jobs. Making and removing one is a write to a disk
 * that others keep busy (milliseconds, where a whole job takes less), so one that a job
 * leaves empty is kept for the next.
 */
#ifndef XTEST_RUNNER_TMPDIR_H
#define XTEST_RUNNER_TMPDIR_H

#include <stddef.h>
#include <sys/types.h>

#define TMPDIR_SPARE_MAX 16

struct tmpdirs {
	char *spare[TMPDIR_SPARE_MAX];
	size_t count;
};

/* An empty directory that only its owner may enter: `path`, which must not exist, or one
 * of our own choice under TMPDIR when that is "". 0 and *out, which goes back with
 * tmpdir_put(), or negative errno. */
int tmpdir_take(struct tmpdirs *t, const char *path, char **out);
/* Removes it with all that is in it, or keeps it. Takes the path over; NULL is nothing.
 */
void tmpdir_put(struct tmpdirs *t, char *path);
/* Removes what was kept. */
void tmpdir_release(struct tmpdirs *t);

#endif
