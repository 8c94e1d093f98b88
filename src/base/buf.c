#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

void buf_release(struct buf *b)
{
	free(b->data);
	*b = (struct buf)BUF_INIT;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->data)
		b->data[0] = '\0';
}

char *buf_reserve(struct buf *b, size_t len)
{
	b->data = xgrow(b->data, &b->cap, b->len + len + 1, 1);
	b->data[b->len] = '\0';
	return b->data + b->len;
}

void buf_append(struct buf *b, const void *data, size_t len)
{
	char *at = buf_reserve(b, len);

	if (len)
		memcpy(at, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_append_str(struct buf *b, const char *s)
{
	buf_append(b, s, strlen(s));
}

void buf_append_char(struct buf *b, char c)
{
	buf_append(b, &c, 1);
}

void buf_append_field(struct buf *b, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c <= ' ' || c == 0x7f || c == '\\')
			buf_printf(b, "\\x%02x", c);
		else
			buf_append_char(b, *s);
	}
}

void buf_append_fields(struct buf *b, const char *const *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_append_char(b, '\t');
		buf_append_field(b, fields[i]);
	}
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n > 0) {
		vsnprintf(buf_reserve(b, (size_t)n), (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

void buf_consume(struct buf *b, size_t len)
{
	if (len >= b->len) {
		buf_clear(b);
		return;
	}
	memmove(b->data, b->data + len, b->len - len);
	b->len -= len;
	b->data[b->len] = '\0';
}

void buf_truncate(struct buf *b, size_t len)
{
	if (len < b->len) {
		b->len = len;
		b->data[len] = '\0';
	}
}

const char *buf_str(const struct buf *b)
{
	return b->data ? b->data : "";
}

char *buf_take(struct buf *b)
{
	char *s = b->data ? b->data : xstrdup("");

	*b = (struct buf)BUF_INIT;
	return s;
}

bool buf_next_line(
	const char *data, size_t size, size_t *pos, const char **line, size_t *len)
{
	const char *start, *newline;

	if (*pos >= size)
		return false;
	start = data + *pos;
	newline = memchr(start, '\n', size - *pos);
	*line = start;
	*len = newline ? (size_t)(newline - start) : size - *pos;
	*pos += *len + (newline ? 1 : 0);
	if (newline && *len && start[*len - 1] == '\r')
		--*len;
	return true;
}
