/*
 * One case under a debugger, in a machine: QEMU's gdb stub, gdb-multiarch, and the case
 * stopped at its main before anything of it has run. The stub sees the whole virtual CPU
 * and not one process, so the program is held where it was loaded until the breakpoint
 * is set there.
 */
#ifndef XTEST_ENGINE_DEBUG_H
#define XTEST_ENGINE_DEBUG_H

#include "engine/workload.h"

struct debug {
	char *dir; /* of the sockets and of the debugger's commands; owned */
	char *gdb; /* QEMU's -gdb argument, for workload_machine_options.gdb; owned */
};

/* Makes the directory; ERR_SETUP when gdb-multiarch is missing. */
int debug_open(struct debug *d, struct err *e) MUST_CHECK;
void debug_close(struct debug *d);
/* Runs the plan's one case: the debugger is started on the terminal; without one its
 * command is printed and waited for. Returns the exit code: 0 when the case ended with
 * exit status 0. ERR_USAGE when the plan has not exactly one case, or it is not in a
 * machine; ERR_SETUP when its program is no ELF file. */
int debug_run(struct debug *d, struct workload *w, const struct plan *plan,
	struct err *e) MUST_CHECK;

#endif
