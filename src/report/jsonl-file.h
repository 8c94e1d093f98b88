/* Files of JSON lines: records of runs, and reports. */
#ifndef XTEST_REPORT_JSONL_FILE_H
#define XTEST_REPORT_JSONL_FILE_H

#include "base/err.h"
#include "model/event.h"

struct jsonl_outputs;

/* What jsonl_file_read() saw. */
struct jsonl_seen {
	size_t events;
	bool ended; /* run-end was there: nothing is missing */
};

/* All events of a file; a half line at its end is passed over. `send` gets each. -1
 * (ERR_SETUP, naming file and line) when it cannot be read; what came before has been
 * sent. */
int jsonl_file_read(const char *path, const struct jsonl_outputs *outputs,
	void (*send)(void *ctx, const struct event *event), void *ctx,
	struct jsonl_seen *seen, struct err *e) MUST_CHECK;

#endif
