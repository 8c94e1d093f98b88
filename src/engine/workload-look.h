/* Looking at a column's place from inside, as one of its tests would. */
#ifndef XTEST_ENGINE_WORKLOAD_LOOK_H
#define XTEST_ENGINE_WORKLOAD_LOOK_H

#include "engine/workload.h"

/* Fills a zeroed task with the command (empty: a shell), in the build directory and with
 * the environment of a test. `terminal`: somebody sits there. */
void workload_look_task(const struct workload *w, const struct workload_column *c,
	const struct strv *command, bool terminal, struct task *task);
/* The command line of QEMU that boots the column's machine by hand, its console on the
 * terminal; the caller's. ERR_USAGE where there is no machine. */
char *workload_look_command_line(
	struct workload *w, struct workload_column *c, struct err *e);

#endif
