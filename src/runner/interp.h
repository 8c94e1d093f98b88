/*
 * The interpreter that binfmt_misc starts for a program of another architecture: a copy
 * of this very program in memory with the emulator and its arguments written behind its
 * end. So the sysroot survives a cleared environment, a cleaned /tmp and a removed build
 * tree, and binfmt_misc, which knows no arguments, gets them all the same.
 */
#ifndef XTEST_RUNNER_INTERP_H
#define XTEST_RUNNER_INTERP_H

#include "wire/wire.h"

/* A sealed, read-only descriptor of such a copy, or negative errno. */
int interp_make(const struct wire_emulator *emulator);
/* When this program is such a copy: executes the emulator and does not return. */
void interp_run_if_copy(int argc, char **argv);
/* Executes `argv` (argv[0] the program's, `path` its file) under the emulator. Returns
 * only on failure: -errno. */
int interp_exec(
	const struct wire_emulator *emulator, const char *path, char *const *argv);

#endif
