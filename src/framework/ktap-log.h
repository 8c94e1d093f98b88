/*
 * Finds KTAP in a log that has much else in it: what kunit prints on a kernel's console,
 * and what kselftest prints around its programs. Lines in, a tree of results out.
 *
 * Shapes: Documentation/dev-tools/ktap.rst of the kernel ("KTAP version 1", nested by
 * indentation, "# Subtest:"), TAP 13 and 14, and
 * tools/testing/selftests/kselftest/runner.sh
 * ("# selftests: net: tls", what the program printed behind "# ").
 */
#ifndef XTEST_FRAMEWORK_KTAP_LOG_H
#define XTEST_FRAMEWORK_KTAP_LOG_H

#include "base/buf.h"
#include "model/console-line.h"
#include "model/outcome.h"

/* A test, a suite of them, or (at the top) a document. */
struct ktap_node {
	char *name;               /* owned; NULL where the log ends before its result */
	bool ended;               /* its result was read */
	enum verdict verdict;     /* once ended; CRASH by ktap_log_crash() */
	char *why;                /* owned: what stands behind the result; may be NULL */
	struct buf output;        /* other lines while it ran, bounded */
	char *console;            /* owned; NULL: put in by who knows more */
	unsigned long number;     /* of its result; where there is none, the next */
	uint64_t line;            /* of its result, or where it was last heard of */
	int64_t start_us, end_us; /* by the kernel's stamps; -1: not known */
	bool has_plan;
	size_t planned; /* results that should be inside */
	struct ktap_node **kids;
	size_t len, cap;
};

struct ktap_log;

/* `bare`: results count even where nothing announced a document (TAP 12). */
struct ktap_log *ktap_log_new(bool bare);
void ktap_log_free(struct ktap_log *log);
/* True when the line was a result. */
bool ktap_log_take(struct ktap_log *log, const struct console_line *line);
/* What runs now by the last document; NULL when none is open, or all its results were
 * read. Borrowed until ktap_log_free(). */
struct ktap_node *ktap_log_running(struct ktap_log *log);
/* The machine is gone: ends what runs now as a crash, and its document. The node as
 * above, or NULL. */
struct ktap_node *ktap_log_crash(struct ktap_log *log, const char *why);
/* All documents, as kids of one node. Borrowed. */
const struct ktap_node *ktap_log_documents(const struct ktap_log *log);

#endif
