/*
 * The private view of a job's world: a user and mount namespace with its own binfmt_misc,
 * in which programs of the target's architecture start by themselves, and in which an
 * archive's tree stands at the path it came from. Needs no privilege (user namespaces;
 * binfmt_misc per user namespace is in Linux >= 6.7).
 */
#ifndef XTEST_RUNNER_VIEW_H
#define XTEST_RUNNER_VIEW_H

#include "wire/wire.h"

/* Moves the calling process, which must have one thread only, into the view. Fills
 * entered->done and the errnos; why not, in words, goes to `binfmt_why` and `binds_why`
 * (`size` bytes each, "" when it worked or was not asked for). */
void view_enter(const struct wire_enter *enter, struct wire_entered *entered,
	char *binfmt_why, char *binds_why, size_t size);
/* The same in a machine, where all is private already: only the binds, in the mount
 * namespace `mounts_fd` (-1: ours). Emulators are refused. */
void view_bind(const struct wire_enter *enter, int mounts_fd,
	struct wire_entered *entered, char *binfmt_why, char *binds_why, size_t size);
/* Feeds and reseeds the kernel's random generator. 0 or negative errno. */
int view_add_entropy(const uint8_t *data, size_t len);

#endif
