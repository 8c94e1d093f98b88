/* Looking at a column's place from inside, as one of its tests would: a shell, or a
 * command, in the build directory and with the environment of a test. */
#ifndef XTEST_ENGINE_WORKLOAD_LOOK_H
#define XTEST_ENGINE_WORKLOAD_LOOK_H

#include "engine/workload.h"

/* Runs the command (empty: a shell) in the column's place with this process's own
 * streams. Returns and fails as inside_run(). */
int workload_look(struct workload *w, const struct workload_column *c,
	struct place *place, const struct strv *command, struct err *e) MUST_CHECK;
/* The command line of QEMU that boots the column's machine by hand, its console on the
 * terminal; the caller's. ERR_USAGE where there is no machine. */
char *workload_look_command_line(
	struct workload *w, struct workload_column *c, struct err *e);

#endif
