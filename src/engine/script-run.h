/* Runs one script of the run on this machine. What it leaves in the background lives on
 * until the run is over: a set-up script may start a server. */
#ifndef XTEST_ENGINE_SCRIPT_RUN_H
#define XTEST_ENGINE_SCRIPT_RUN_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"

#include <sys/types.h>

struct script_run_options {
	const struct strv *argv, *env; /* the whole environment */
	const char *cwd;
	int64_t timeout_ms;
	/* Asked about twenty times a second: the signal to end the script with, or 0. */
	int (*check)(void *ctx);
	void *ctx;
};

/* Zero-initialise. */
struct script_run {
	char *reason;        /* why it did not succeed; NULL: it did. Owned */
	struct buf out, err; /* owned; at most a megabyte of each */
	int64_t wall_ms;
	pid_t group; /* of its processes; 0: it was not started */
};

/* To its end; what it has left in its group goes on. */
void script_run(struct script_run *r, const struct script_run_options *o);
/* Ends what is left of its group: SIGTERM, and soon SIGKILL. */
void script_run_end_group(struct script_run *r);
void script_run_release(struct script_run *r);

#endif
