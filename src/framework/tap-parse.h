/*
 * Reads the Test Anything Protocol, versions 12 to 14, and the kernel's KTAP, as
 * harnesses do: lines that are not TAP are ignored, and what breaks the protocol is
 * remembered.
 */
#ifndef XTEST_FRAMEWORK_TAP_PARSE_H
#define XTEST_FRAMEWORK_TAP_PARSE_H

#include "model/outcome.h"

enum tap_parse_flags {
	/* "not ok 3 # SKIP name" is a skip, and its name stands after the directive:
	 * cmocka before 1.1.6 writes that. */
	TAP_PARSE_CMOCKA = 1,
};

struct tap_parse {
	/* Points of the stream itself; those of subtests are summed up by their parent.
	 */
	size_t total, failed, skipped;
	bool has_plan;
	size_t planned;
	bool skip_all;  /* "1..0" */
	char *skip_why; /* owned; may be NULL */
	bool bailed_out;
	char *bail_why; /* owned; may be NULL */
	char *fault; /* owned: the first breach of the protocol, or NULL; a missing plan
			is not counted as one */
};

/* Zeroed *t on entry. Adds every point to *j: those of a subtest as "parent > child". */
void tap_parse(const char *data, size_t len, unsigned flags, struct tap_parse *t,
	struct judgement *j);
void tap_parse_release(struct tap_parse *t);

/* One line that is a point, taken apart. */
struct tap_parse_point {
	char *name; /* owned; "" when it has none */
	char *why;  /* owned: the directive's explanation; "" when there is none */
	bool has_number;
	unsigned long number;
	enum verdict verdict; /* PASS, FAIL or SKIP */
};

/* `line` begins behind its indentation. False, with *p zeroed, when it is no point. */
bool tap_parse_point_read(const char *line, unsigned flags, struct tap_parse_point *p);
void tap_parse_point_release(struct tap_parse_point *p);

#endif
