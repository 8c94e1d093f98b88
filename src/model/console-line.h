/*
 * What a console sends, as clean lines: terminal control, NULs and carriage returns are
 * gone, a line has an end, and what a kernel or a logger puts in front of each line
 * (level, time, caller) is told apart from the text.
 */
#ifndef XTEST_MODEL_CONSOLE_LINE_H
#define XTEST_MODEL_CONSOLE_LINE_H

#include "base/util.h"

enum {
	CONSOLE_LINE_MAX = 1024, /* bytes kept of a line; the rest is dropped */
};

/* One line, borrowed for the length of the call. */
struct console_line {
	const char *whole; /* with what stands before the text; NUL-terminated */
	size_t whole_len;
	const char *text; /* points into `whole`, behind the prefix; blanks at its start
			     are the text's own */
	size_t len;
	bool stamped;  /* the prefix has a kernel's time stamp */
	bool mid_line; /* … in the middle of the line, behind what another program left
			  unfinished there */
	int64_t stamp_us; /* that time */
	uint64_t number;  /* from 1, as an editor counts */
};

/* Cuts bytes into lines. Zero-initialise; nothing to release. The bytes may be split
 * anywhere. */
struct console_line_reader {
	char text[CONSOLE_LINE_MAX + 1];
	size_t len;
	uint64_t number; /* lines told so far */
	uint8_t state;
	bool started; /* bytes came since the last newline */
	bool pending_return;
};

typedef void console_line_fn(void *ctx, const struct console_line *line);

/* Calls `take` for each line that has ended. */
void console_line_feed(struct console_line_reader *r, const void *data, size_t len,
	console_line_fn *take, void *ctx);
/* Tells an unfinished last line, if there is one. */
void console_line_end(struct console_line_reader *r, console_line_fn *take, void *ctx);

#endif
