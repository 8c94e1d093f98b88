/*
 * The lines the human report is made of: a label of twelve columns, and for a result its
 * time, its column and its name.
 */
#ifndef XTEST_REPORT_HUMAN_LINE_H
#define XTEST_REPORT_HUMAN_LINE_H

#include "model/event.h"
#include "report/term.h"

enum { HUMAN_LABEL_WIDTH = 12 };
/* Where the text after a label begins. */
#define HUMAN_INDENT "             "

struct human_style {
	bool color, unicode;
	enum term_bytes bytes; /* for what tests print */
	unsigned column_width; /* of the widest column label */
	unsigned columns;      /* of the terminal; 0: lines may have any length */
};

/* A result as it is printed: at once, and again in the summary. */
struct human_result {
	const char *label; /* "PASS", "TRY 1 FAIL" */
	const char *sgr;
	int64_t wall_us;
	bool running;                      /* still: the time is what has gone so far */
	const char *column, *suite, *test; /* test is "" when there is only the suite */
	unsigned stress;                   /* round of a stress run, from 1; 0: none */
	const char *reason;                /* NULL when there is nothing to add */
};

/* "    Building " */
void human_line_label(struct buf *out, const struct human_style *style, const char *sgr,
	const char *label);
/* A label and a text of one or more lines. */
void human_line_text(struct buf *out, const struct human_style *style, const char *sgr,
	const char *label, const char *text);
/* All but the newline. */
void human_line_result(
	struct buf *out, const struct human_style *style, const struct human_result *r);
/* "24 passed (1 flaky), 1 failed"; zeros are left out but for the first. */
void human_line_counts(
	struct buf *out, const struct human_style *style, const struct event_counts *c);

/* SGR code of a verdict's label. */
const char *human_line_sgr(enum verdict v);

#endif
