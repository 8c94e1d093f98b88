/*
 * What differs between results of the same cases: two places of one target, two runs, two
 * targets. Fed with final results in any order; says for each case whose verdict is not
 * the same on all sides what each side says, and, where the output tells, why.
 */
#ifndef XTEST_MODEL_COMPARE_H
#define XTEST_MODEL_COMPARE_H

#include "model/event.h"

struct compare;

/* One final result. Borrowed for the call. */
struct compare_result {
	size_t index;      /* of the case in its run: the order of the answer */
	const char *group; /* compared within it: the target */
	const char *suite, *test;
	const char *side;  /* what the others are compared with: the column's label */
	const char *place; /* "user", "system", …: decides what a line of output means */
	enum verdict verdict;
	const char *reason;            /* may be NULL */
	const struct outcome *outcome; /* may be NULL: then no cause is found */
};

struct compare_side {
	const char *side, *place;
	enum verdict verdict;
	const char *reason; /* NULL when there is none */
};

/* One case with at least two verdicts. The strings belong to the comparison. */
struct difference {
	size_t index; /* of the first side */
	const char *group, *suite, *test;
	const struct compare_side *sides;
	size_t n_sides;
	const char *cause; /* a sentence without its end; NULL when it cannot be told */
};

struct compare *compare_new(void);
void compare_free(struct compare *c);
void compare_add(struct compare *c, const struct compare_result *result);
/* The result of an EVENT_CASE_END; one that is not final is passed over. */
void compare_add_event(struct compare *c, const struct event *event);
/* All differences in the order of the cases. Borrowed until the next call of anything. */
const struct difference *compare_differences(struct compare *c, size_t *n);

/* "user: fail, exit status 1; system: pass"; the caller's. */
char *compare_describe(const struct difference *d);

#endif
