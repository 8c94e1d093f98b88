/*
 * The plan: which cases run on which column, and what each has to wait for. Made once,
 * before anything starts; the schedule works it off.
 */
#ifndef XTEST_MODEL_PLAN_H
#define XTEST_MODEL_PLAN_H

#include "base/err.h"
#include "model/event.h"
#include "model/suite.h"

enum plan_state { PLAN_WAITING, PLAN_RUNNING, PLAN_DONE };

struct plan_item {
	const struct suite *suite;    /* borrowed */
	const struct test_case *test; /* borrowed */
	size_t column;
	size_t *after; /* owned: items that must have ended before this one starts */
	size_t n_after;
	size_t *needs; /* owned: items that must have passed (fixtures), or this one fails
			  without running */
	size_t n_needs;
	const char *blocked; /* why it cannot run here, known before anything starts;
				NULL. Borrowed from the plan */
	enum plan_state state;
	enum verdict verdict; /* once DONE */
};

struct plan {
	struct plan_item *items; /* owned, in the order they should start */
	size_t len, cap;
	size_t filtered_out;
	struct strv blocks; /* the reasons of blocked items */
};

void plan_release(struct plan *p);
/* One more case. Suite, test and list must stay where they are as long as the plan lives.
 */
void plan_add(struct plan *p, const struct suite *suite, const struct test_case *test,
	size_t column);
bool plan_has_suite(const struct plan *p, const struct suite *suite, size_t column);
/* Sorts by cost (stable) and links what depends on what. ERR_METADATA when dependencies
 * go in a circle, naming it. */
int plan_link(struct plan *p, struct err *e) MUST_CHECK;

#endif
