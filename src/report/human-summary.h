/*
 * The end of the human report: how many of what, per column too, and the results that are
 * listed once more, with the lines that say why, or with all of their output.
 */
#ifndef XTEST_REPORT_HUMAN_SUMMARY_H
#define XTEST_REPORT_HUMAN_SUMMARY_H

#include "report/human-line.h"
#include "report/spill.h"

struct human_remembered {
	size_t index; /* in the plan: the order they are listed in */
	struct human_result result;
	char *column, *suite, *test, *reason; /* owned; `result` points to them */
	char *label;                          /* owned */
	char *excerpt;                        /* owned; NULL when none */
	bool bad;                             /* it comes behind those that are not */
	off_t output_at; /* what is shown of its output, in the spill */
	size_t output_len;
};

struct human_summary {
	struct human_remembered *v; /* owned */
	size_t len, cap;
	struct spill outputs;
};

void human_summary_init(struct human_summary *s);
void human_summary_release(struct human_summary *s);
/* Remembers a final result, and what is shown of its output below it (may be empty). -1:
 * ERR_OUTPUT, there is no room for it. */
int human_summary_add(struct human_summary *s, const struct human_result *result,
	const struct event *event, const struct buf *output, struct err *e) MUST_CHECK;
/* Appends the summary for an EVENT_RUN_END; `elapsed_ms` is the time the cases took. What
 * has become long goes to `fd` meanwhile. */
int human_summary_write(struct human_summary *s, struct buf *out,
	const struct human_style *style, const struct event *event, int64_t elapsed_ms,
	int fd, struct err *e) MUST_CHECK;

#endif
