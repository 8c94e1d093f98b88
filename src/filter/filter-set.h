/*
 * What one invocation selects: the union of its -E expressions, and the union of its name
 * FILTERs, without what --skip names, within the default filter.
 */
#ifndef XTEST_FILTER_FILTER_SET_H
#define XTEST_FILTER_FILTER_SET_H

#include "filter/filter.h"

/* Zero-initialise. An empty set selects everything. */
struct filter_set {
	struct filter **expressions; /* owned */
	size_t len, cap;
	struct strv names; /* a case matches that contains one: in its name, or in the id
			    * "package::suite case" */
	struct strv skips; /* the same, and not to be run */
	bool exact; /* names and skips are whole: a case name, a suite id, or the id of
		     * a case */
	const struct filter *default_filter; /* borrowed; NULL: all() */
	bool ignore_default;
	const char
		*side; /* "target" or "host": nothing of the other; NULL: both. Borrowed
			*/
};

void filter_set_release(struct filter_set *set);
/* Parses one -E (ERR_FILTER when it is faulty). */
int filter_set_add(struct filter_set *set, const char *expression,
	enum filter_context context, struct err *e) MUST_CHECK;
/* filter_uses() of any expression, or the default filter. */
bool filter_set_uses(const struct filter_set *set, const char *predicate);
/* filter_check() of every expression. */
int filter_set_check(const struct filter_set *set, const struct filter_names *names,
	struct err *e) MUST_CHECK;

/* Which part of the set kept a case out. */
enum filter_set_reason {
	FILTER_SET_MATCHES,
	FILTER_SET_NAME,       /* no FILTER names it, or a --skip does */
	FILTER_SET_EXPRESSION, /* no -E selects it */
	FILTER_SET_DEFAULT,    /* the default filter leaves it out */
};

/* The set's answers, as filter_eval_suite() and filter_eval_case() give them. The
 * subject's default_filter is not used; the set's is. `reason` may be NULL, and is set
 * unless the answer is FILTER_ERROR. */
enum filter_answer filter_set_suite(const struct filter_set *set,
	const struct filter_subject *subject, enum filter_set_reason *reason,
	struct err *e);
enum filter_answer filter_set_case(const struct filter_set *set,
	const struct filter_subject *subject, enum filter_set_reason *reason,
	struct err *e);

#endif
