/*
 * Reads the console of a machine as it comes and recognises when a kernel is in trouble:
 * panics, oopses, hung tasks, RCU stalls, OOM kills, unexpected resets. The patterns are
 * data (images/console.json; targets and projects add their own), docs/console.md says
 * how.
 */
#ifndef XTEST_MODEL_CONSOLE_H
#define XTEST_MODEL_CONSOLE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

enum console_severity {
	CONSOLE_INFO,  /* worth showing with a failure: an OOM kill, a warning */
	CONSOLE_OOPS,  /* the kernel is damaged and may go on */
	CONSOLE_FATAL, /* it will run nothing more: a panic, a reset */
};

struct console_table; /* compiled patterns */
struct console_line;
struct config;

/* The installed table (`path` NULL), and more rows from `more` (a JSON array of the same
 * shape; may be NULL). ERR_SETUP with file, line and column. */
struct console_table *console_table_load(
	const char *path, const struct json *more, struct err *e);
/* The same, with the rows of the project's configuration (may be NULL) and those of
 * images/TARGET.json ("console"; `target` may be NULL). */
struct console_table *console_table_load_for(
	const struct config *config, const char *target, struct err *e);
void console_table_free(struct console_table *t);

/* One thing the console said. Strings are borrowed until the next feed. */
struct console_finding {
	enum console_severity severity;
	const char *kind;  /* "panic", "oops", "hung-task", "oom", "reset", … */
	const char *title; /* the telling line, cleaned of time stamp and control bytes:
			      "Kernel panic - not syncing: sysrq triggered crash" */
	uint64_t line;     /* number of that line, from 1 */
};

struct console;

/* A scanner of one console. Its memory is bounded (under half a megabyte) whatever comes
 * in. `table` is borrowed and must outlive it. */
struct console *console_new(const struct console_table *table,
	void (*on_finding)(void *ctx, const struct console_finding *finding), void *ctx);
void console_free(struct console *c);
/* Bytes as they came: may split lines anywhere, may be no text at all. */
void console_feed(struct console *c, const void *data, size_t len);
/* Ends an unfinished last line. */
void console_end(struct console *c);
/* Instead of bytes: one line, for who reads the lines (model/console-line.h) as well. */
void console_take(struct console *c, const struct console_line *line);
/* The lines that say what happened: from the first finding since console_mark() to the
 * end of its report, cleaned, at most `max_lines`; without a finding the last lines. The
 * caller's. */
char *console_excerpt(const struct console *c, size_t max_lines);
/* What was said before belongs to the past (a case has ended, a machine was restored).
 * From now on the machine runs: whatever boots on this console has reset. */
void console_mark(struct console *c);
/* Forgets what was found, and nothing else. */
void console_clear(struct console *c);

#endif
