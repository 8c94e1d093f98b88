/* What a record says in its first and last line, without the lines between. */
#ifndef XTEST_ENGINE_RUN_SUMMARY_H
#define XTEST_ENGINE_RUN_SUMMARY_H

#include "base/err.h"
#include "model/event.h"

struct run_summary {
	char *command_line, *rerun_of; /* owned; rerun_of may be NULL */
	int64_t wall_clock_ms, elapsed_ms;
	bool ended; /* the rest is known */
	struct event_counts counts;
	int exit_code;
};

int run_summary_read(struct run_summary *s, const char *path, struct err *e) MUST_CHECK;
void run_summary_release(struct run_summary *s);

#endif
