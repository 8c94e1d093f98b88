/*
 * A growing byte buffer. Always NUL-terminated after the first append, so that text can
 * be used as a C string; `len` never counts that NUL and the bytes may contain others.
 */
#ifndef XTEST_BASE_BUF_H
#define XTEST_BASE_BUF_H

#include "base/util.h"

struct buf {
	char *data; /* owned; NULL while empty and never used */
	size_t len;
	size_t cap;
};

#define BUF_INIT                                                                         \
	{                                                                                \
		NULL, 0, 0                                                               \
	}

void buf_release(struct buf *b);
/* Forgets the content and keeps the memory. */
void buf_clear(struct buf *b);
void buf_append(struct buf *b, const void *data, size_t len);
void buf_append_str(struct buf *b, const char *s);
void buf_append_char(struct buf *b, char c);
/* The text as one field of a line: what could end it (control characters, blanks) and
 * backslashes are written as \xHH. */
void buf_append_field(struct buf *b, const char *s);
/* All of them, with a tab between each two. */
void buf_append_fields(struct buf *b, const char *const *fields, size_t n);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Room for `len` more bytes; returns where they go. Add to `len` what was really written.
 */
char *buf_reserve(struct buf *b, size_t len);
/* Drops the first `len` bytes and moves the rest to the front. */
void buf_consume(struct buf *b, size_t len);
void buf_truncate(struct buf *b, size_t len);
/* The content as a C string, "" when empty. Borrowed until the next change. */
const char *buf_str(const struct buf *b);
/* Hands the content over as a C string (never NULL) and leaves the buffer empty. */
char *buf_take(struct buf *b);

/* Walks the lines of memory. *line is set to the next line, *len to its length without
 * "\n" or "\r\n"; returns false after the last. *pos starts at 0. A last line without a
 * newline counts. */
bool buf_next_line(
	const char *data, size_t size, size_t *pos, const char **line, size_t *len);

#endif
