/*
 * A reporter turns the event stream into something to read. One file and one line in
 * report.c's table make a new one.
 */
#ifndef XTEST_REPORT_REPORTER_H
#define XTEST_REPORT_REPORTER_H

#include "base/err.h"
#include "model/event.h"

/* What every reporter is told when it is opened. */
struct report_options {
	int fd; /* where to write; not owned */
	bool is_terminal;
	bool color;
	bool progress; /* draw a bar with the running cases (human only; needs a terminal)
			*/
	bool unicode;  /* line-drawing characters may be used */
	bool no_capture; /* output was shown live already */
	bool verbose;
	struct display display; /* what the command line says of it */
	int columns; /* width to use; 0: ask the terminal, again after every resize */
};

struct reporter {
	const char *name; /* as in --report NAME */
	const char *help; /* one line */
	/* Returns the state handed to the others, or NULL with an error (kind
	 * ERR_OUTPUT). */
	void *(*open)(const struct report_options *options, struct err *e);
	/* Takes one event. -1 (kind ERR_OUTPUT) when writing failed. */
	int (*event)(void *state, const struct event *event, struct err *e);
	/* Writes what is left and frees the state; called exactly once, also after an
	 * error or an interrupt. */
	int (*close)(void *state, struct err *e);
};

extern const struct reporter reporter_human, reporter_jsonl, reporter_junit,
	reporter_libtest_json, reporter_libtest_json_plus, reporter_tap, reporter_trace;

/* All reporters, NULL at the end. */
extern const struct reporter *const report_table[];
const struct reporter *report_find(const char *name);
/* Writes all of `text` and empties it. -1 (kind ERR_OUTPUT) when that failed. */
int report_write(int fd, struct buf *text, struct err *e) MUST_CHECK;

#endif
