/*
 * The end of the human report: how many of what, per column too, and every result that
 * was no plain pass once more, with the lines that say why.
 */
#ifndef XTEST_REPORT_HUMAN_SUMMARY_H
#define XTEST_REPORT_HUMAN_SUMMARY_H

#include "report/human-line.h"

struct human_remembered {
	size_t index; /* in the plan: the order they are listed in */
	struct human_result result;
	char *column, *suite, *test, *reason; /* owned; `result` points to them */
	char *label;                          /* owned */
	char *excerpt;                        /* owned; NULL when none */
};

struct human_summary {
	struct human_remembered *v; /* owned */
	size_t len, cap;
};

void human_summary_release(struct human_summary *s);
/* Remembers a final result that was no plain pass and no skip. */
void human_summary_add(struct human_summary *s, const struct human_result *result,
	const struct event *event);
/* Appends the summary for an EVENT_RUN_END; `elapsed_ms` is the time the cases took. */
void human_summary_write(struct human_summary *s, struct buf *out,
	const struct human_style *style, const struct event *event, int64_t elapsed_ms);

#endif
