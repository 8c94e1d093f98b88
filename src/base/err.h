/*
 * An error travels by value: the caller owns a `struct err` in its frame, passes it as
 * the last argument, and whoever finds out the facts fills it. Only cmd/main.c prints it
 * and turns its kind into the exit code. A failing test is not an error; it is an event.
 */
#ifndef XTEST_BASE_ERR_H
#define XTEST_BASE_ERR_H

#include "base/util.h"

/* What went wrong, as the exit code tells it (README.md, "Exit codes"). */
enum err_kind {
	ERR_NONE = 0,
	ERR_USAGE = 2,
	ERR_NO_TESTS = 4,
	ERR_OUTSTANDING = 5,
	ERR_VERSION = 92,
	ERR_FILTER = 94,
	ERR_FEATURE = 95,
	ERR_SETUP = 96,
	ERR_TESTS_FAILED = 100,
	ERR_BUILD = 101,
	ERR_METADATA = 102,
	ERR_ARCHIVE = 103,
	ERR_LIST = 104,
	ERR_SCRIPT = 105,
	ERR_INFRA = 107,
	ERR_OUTPUT = 110,
};

/* Zero-initialise with `struct err e = {0};`. Nothing to release. Untouched on success.
 */
struct err {
	enum err_kind kind;
	char msg[2048];
};

/* Fill *e and return -1, so that a function ends with `return err_set(e, ERR_SETUP,
 * "…");`. A message says what was wanted, what was found and what to do next; no final
 * full stop, no newline at the end. */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Kind ERR_SETUP, and ": " plus strerror(errnum) at the end. */
int err_sys(struct err *e, int errnum, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Puts "context: " before the message of an error that is being passed up. Returns -1. */
int err_context(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The same, for functions that return a pointer: `return err_null(e, …)`. */
#define err_null(...) (err_set(__VA_ARGS__), NULL)
#define err_sys_null(...) (err_sys(__VA_ARGS__), NULL)

#endif
