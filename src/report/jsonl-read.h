/*
 * Reads JSON lines (docs/events.md) back into the events they were made of, so that a
 * record, or a report of another machine, can be told again by every reporter.
 */
#ifndef XTEST_REPORT_JSONL_READ_H
#define XTEST_REPORT_JSONL_READ_H

#include "base/hash.h"
#include "model/event.h"

/* Where outputs are that the lines have only a digest of. */
struct jsonl_outputs {
	/* Appends the output; -1 when it is not there any more. */
	int (*get)(void *ctx, const char *digest, struct buf *out);
	void *ctx;
};

struct jsonl_read;

/* `outputs` NULL: there are none; an output that is not there is told in its place.
 * Borrowed. */
struct jsonl_read *jsonl_read_new(const struct jsonl_outputs *outputs);
void jsonl_read_free(struct jsonl_read *r);
/* One line, without its newline. Returns 1 and the event, which is borrowed until the
 * next call; 0 for a kind of event that is not known; -1 (ERR_SETUP) when the line is
 * none of the format's, or the first one is not `run-start` of a known version. Columns,
 * suites and cases stay where they are as long as the reader lives. */
int jsonl_read_line(struct jsonl_read *r, const char *line, size_t len,
	struct event *event, struct err *e) MUST_CHECK;

#endif
