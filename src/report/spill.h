/*
 * A place for text that is written once and read back much later: a little of it stays in
 * memory, the rest is in an unnamed temporary file.
 */
#ifndef XTEST_REPORT_SPILL_H
#define XTEST_REPORT_SPILL_H

#include "base/buf.h"
#include "base/err.h"

#include <sys/types.h>

struct spill {
	struct buf tail; /* what is not in the file yet */
	off_t flushed;   /* bytes in the file */
	int fd;          /* -1: no file was needed so far */
};

void spill_init(struct spill *s);
void spill_release(struct spill *s);
/* Appends; *at gets the offset for spill_read(). -1: ERR_OUTPUT, the temporary directory
 * is full. */
int spill_append(struct spill *s, const void *data, size_t len, off_t *at,
	struct err *e) MUST_CHECK;
/* Appends `len` bytes from offset `at` to `out`. */
int spill_read(
	struct spill *s, off_t at, size_t len, struct buf *out, struct err *e) MUST_CHECK;

#endif
