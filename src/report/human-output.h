/* What a case printed, as the human report shows it below its line: why it failed, its
 * bad points, its streams, and what the machine's console said. */
#ifndef XTEST_REPORT_HUMAN_OUTPUT_H
#define XTEST_REPORT_HUMAN_OUTPUT_H

#include "report/human-line.h"

/* Appends all of it for an EVENT_CASE_END. `streams`: also what it printed itself. */
void human_output_append(struct buf *out, const struct human_style *style,
	const struct event *event, bool streams);
/* One stream under its name, with `highlight` (lines that stand in it; NULL: none)
 * painted. */
void human_output_stream(struct buf *out, const struct human_style *style,
	const char *name, const struct buf *data, uint64_t dropped,
	const char *highlight);
/* What the case left behind, and what it used when `verbose`. */
void human_output_usage(struct buf *out, const struct outcome *o, bool verbose);

#endif
