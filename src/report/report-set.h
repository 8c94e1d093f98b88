/*
 * All reporters of a run behind one call: opens what --report asked for, hands every
 * event to each, and keeps one reporter's failure from stopping the others.
 *
 * A specification is "NAME" or "NAME=FILE"; FILE "-" is standard output. Without FILE the
 * machine formats go to standard output. There is always a human report unless one is
 * named with a place of its own ("human=FILE"): it goes to standard output, because it is
 * what the program is run for and belongs into `xtest | less`; when another report has
 * standard output, to standard error.
 *
 * JSON lines and TAP are written as they happen. JUnit is written as a whole at the end:
 * to a temporary name beside FILE and renamed, so that nobody reads half of it. What is
 * no regular file (a FIFO, /dev/null) is written in place.
 *
 * The caller ignores SIGPIPE, so that a closed pipe is an error of that reporter and not
 * the end of the program.
 */
#ifndef XTEST_REPORT_REPORT_SET_H
#define XTEST_REPORT_REPORT_SET_H

#include "base/strv.h"
#include "report/reporter.h"

enum report_color {
	REPORT_COLOR_AUTO, /* on a terminal, unless NO_COLOR or TERM=dumb says no */
	REPORT_COLOR_ALWAYS,
	REPORT_COLOR_NEVER,
};

struct report_set_options {
	const struct strv *specs; /* NULL or empty: human alone */
	enum report_color color;
	bool no_progress; /* no bar, not even on a terminal */
	bool answers; /* standard output is for the verb's answer: the human report goes
			 to standard error */
	bool no_capture;
	bool verbose;
	struct display display; /* what the command line says of it */
};

struct report_set;

/* NULL with an error: ERR_USAGE for an unknown name or one place taken twice, ERR_OUTPUT
 * when a file cannot be made. Missing directories of FILE are made. */
struct report_set *report_set_open(
	const struct report_set_options *options, struct err *e);
/* One report more, as of `specs`, before the first event that it is to see. */
int report_set_add(struct report_set *set, const struct report_set_options *options,
	const char *spec, struct err *e) MUST_CHECK;
/* Hands an event to all. Failures are kept until report_set_close(). */
void report_set_event(struct report_set *set, const struct event *event);
/* Finishes all and frees the set; also right without an EVENT_RUN_END. Returns -1
 * (ERR_OUTPUT, naming the report) when any of them lost anything since it was opened. */
int report_set_close(struct report_set *set, struct err *e) MUST_CHECK;

#endif
