/*
 * Text for a terminal: foreign bytes made harmless, colours, and how many columns text
 * takes. What a test prints, and what a test is called, reaches a person only through
 * this.
 */
#ifndef XTEST_REPORT_TERM_H
#define XTEST_REPORT_TERM_H

#include "base/buf.h"

#include <locale.h>

/* What becomes of bytes that are not text. */
enum term_bytes {
	TERM_BYTES_RAW,   /* all stays as it is: a pipe or a file */
	TERM_BYTES_COLOR, /* colours (SGR) stay; other controls and what is not UTF-8 are
			     shown as \x1b */
	TERM_BYTES_PLAIN, /* the same, and colours are dropped */
};

/* Appends `data`. '\n' and tabs stay. */
void term_append(struct buf *out, const char *data, size_t len, enum term_bytes mode);
/* Appends every line of `data` with `indent` before it and a newline after it; on a
 * terminal a line rewritten with carriage returns shows its last state, and colours end
 * with the text. */
void term_append_block(struct buf *out, const char *data, size_t len, const char *indent,
	enum term_bytes mode);
/* Appends a name or message as one harmless line in every mode: a newline becomes a
 * blank. */
void term_append_line(struct buf *out, const char *text);

/* Appends `text` between SGR codes ("1;32"); without them when `color` is false. */
void term_paint(struct buf *out, bool color, const char *sgr, const char *text);

/* The length of `data` up to an escape sequence or character that its end cuts off; equal
 * to `len` when nothing is cut. For text that comes in pieces. */
size_t term_whole(const char *data, size_t len);

/* Knows how wide characters are, whatever the locale of the process. */
struct term_ruler {
	locale_t utf8; /* (locale_t)0: unknown; then every character that is not ASCII is
			  taken for a wide one */
};

void term_ruler_init(struct term_ruler *r);
void term_ruler_release(struct term_ruler *r);
/* How many bytes of `text` (clean, one line, no colours) fit into `columns`; *used gets
 * the columns they take. Never splits a character. */
size_t term_fit(
	const struct term_ruler *r, const char *text, unsigned columns, unsigned *used);
unsigned term_width(const struct term_ruler *r, const char *text);

/* Columns of the terminal behind `fd` (TIOCGWINSZ), 80 when it does not say. */
unsigned term_columns(int fd);

#endif
