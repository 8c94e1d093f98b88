/*
 * A saved log becomes suites, cases and verdicts: what the kernel's console says of
 * trouble, and the KTAP of kunit and kselftest in it, each trouble with the test it came
 * in.
 */
#ifndef XTEST_ENGINE_PARSE_LOG_H
#define XTEST_ENGINE_PARSE_LOG_H

#include "model/console.h"
#include "model/event.h"
#include "model/outcome.h"
#include "model/suite.h"

enum parse_log_format {
	PARSE_LOG_AUTO,    /* KTAP counts where a version line announces it */
	PARSE_LOG_CONSOLE, /* there is no KTAP */
	PARSE_LOG_KTAP,    /* results count everywhere */
};

struct emit;

struct parse_log_case {
	size_t suite, test; /* indices of its suite in the list, its case in the suite */
	struct outcome outcome;
	struct judgement judgement;
};

/* What was read, whole after parse_log_end(). */
struct parse_log {
	struct suite_list suites;
	struct parse_log_case *cases; /* owned, in the order of the log */
	size_t len, cap;
	struct strv notes; /* sentences: what is no verdict and worth knowing */
	struct parse_log_reader *reader;
};

/* `name` stands for the log in ids. `table` is borrowed until parse_log_release(). */
void parse_log_init(struct parse_log *p, const struct console_table *table,
	enum parse_log_format format, const char *name);
void parse_log_feed(struct parse_log *p, const void *data, size_t len);
void parse_log_end(struct parse_log *p);
/* Sends the events of a run in which all this happened, but the first (RUN_START).
 * Returns the exit code. */
int parse_log_tell(const struct parse_log *p, const struct emit *emit);
/* Inside another run, whose plan had `at` cases: sends the cases of its KTAP (not the
 * troubles of its kernel), as `column`'s, and counts them. */
void parse_log_tell_kernel(const struct parse_log *p, const struct emit *emit,
	const struct event_column *column, size_t at, struct event_counts *counts,
	struct event_counts *column_counts);
void parse_log_release(struct parse_log *p);

#endif
