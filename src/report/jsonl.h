/*
 * Events as JSON lines (docs/events.md): the reporter's own format, also of the record of
 * a run, where long outputs lie beside it.
 */
#ifndef XTEST_REPORT_JSONL_H
#define XTEST_REPORT_JSONL_H

#include "base/hash.h"
#include "model/event.h"

#define JSONL_FORMAT "xtest-events"
enum { JSONL_VERSION = 1 };

/* Where outputs go instead of into the line. */
struct jsonl_store {
	/* Keeps the bytes and fills their digest; false: they belong into the line. */
	bool (*keep)(void *ctx, const char *data, size_t len, char digest[HASH_HEX_SIZE]);
	void *ctx;
};

/* Appends the event's line; nothing for EVENT_TICK. `store` NULL: everything is in the
 * line. */
void jsonl_print(
	struct buf *out, const struct event *event, const struct jsonl_store *store);
const char *jsonl_end_name(enum end_kind kind); /* "exit", "signal", … */

#endif
