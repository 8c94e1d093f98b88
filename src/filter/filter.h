/*
 * Filtersets: the language that selects tests, as in `-E 'package(json) and not
 * test(/slow/)'`.
 *
 * Its core is that of cargo-nextest 0.9 (operators, precedence, matchers, escapes and
 * blanks were compared with the program itself); `tag`, `target`, `place` and `framework`
 * are added. A set is parsed once, checked against the names that exist, and evaluated in
 * three values, so that a suite in which nothing can match is never started only to be
 * listed.
 */
#ifndef XTEST_FILTER_FILTER_H
#define XTEST_FILTER_FILTER_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"

/* Where an expression stands decides which predicates it may use. */
enum filter_context {
	FILTER_COMMAND_LINE, /* everything */
	FILTER_OVERRIDE,     /* in the configuration: no group(), which depends on it */
	FILTER_ARCHIVE,      /* decides on whole suites: no test(), group(), place() */
	FILTER_DEFAULT,      /* the default filter: no group(), no default() */
};

struct filter; /* immutable after parsing; may be shared by threads */

/* Parses an expression. NULL with ERR_FILTER and every faulty place marked under the
 * text. */
struct filter *filter_parse(const char *text, enum filter_context context, struct err *e);
void filter_free(struct filter *f);

/* True when a predicate of this name stands in it: what it needs to be answered is
 * perhaps costly to find out. */
bool filter_uses(const struct filter *f, const char *predicate);

/* The canonical expression: parsing it gives the same set. Appended to `out`. */
void filter_print(const struct filter *f, struct buf *out);
/* The tree as "(and (test ~ foo) (not (kind = lib)))". Appended to `out`. */
void filter_print_tree(const struct filter *f, struct buf *out);
/* The predicates there are, a line each, with their implicit matchers. Appended to `out`.
 */
void filter_print_predicates(struct buf *out);

enum filter_platform { FILTER_PLATFORM_UNKNOWN, FILTER_HOST, FILTER_TARGET };

/* What an expression is asked about. All strings are borrowed. For filter_eval_suite()
 * NULL is "not known yet"; for filter_eval_case() it is the empty name. */
struct filter_subject {
	const char *test;      /* case name */
	const char *binary;    /* suite name */
	const char *binary_id; /* suite id, "package::suite" */
	const char *package;
	const char *kind; /* "test", "lib", "bin", "example", "bench", "proc-macro" */
	enum filter_platform platform;
	const char *target;      /* "aarch64"; "host" for a suite of the host */
	const char *place;       /* "local", "user", "system" or a board's name */
	const char *framework;   /* "plain", "gtest", … */
	const char *group;       /* test group, "@global" without one */
	const char *const *tags; /* labels; ends with NULL */
	/* The names for which deps(NAME) and rdeps(NAME) hold; end with NULL. In both:
	 * the suite's own names, and the libraries it is linked with, because those have
	 * no tests of their own that could be meant. In the first also what depends on
	 * the suite, in the second what the suite depends on. */
	const char *const *deps;
	const char *const *rdeps;
	const struct filter *default_filter; /* what default() means; NULL: all() */
};

enum filter_answer { FILTER_ERROR = -1, FILTER_NO, FILTER_YES, FILTER_DEPENDS };

/* Can any case of this suite match? FILTER_DEPENDS when that takes a case name or
 * something else that is not known. FILTER_ERROR (ERR_FILTER) when an expression hit its
 * match limit. */
enum filter_answer filter_eval_suite(
	const struct filter *f, const struct filter_subject *subject, struct err *e);
/* Does this case match? FILTER_YES, FILTER_NO or FILTER_ERROR. */
enum filter_answer filter_eval_case(
	const struct filter *f, const struct filter_subject *subject, struct err *e);

/* The names that exist. Each array ends with NULL; NULL leaves its predicate unchecked.
 */
struct filter_names {
	const char *const *packages;
	const char *const *binaries;
	const char *const *binary_ids;
	const char *const *targets;
	const char *const *places;
	const char *const *frameworks;
	const char *const *groups;
	const char *const *tags;
	const char *const *deps; /* for deps() and rdeps() */
};

/* Refuses predicates that match no name there is (ERR_FILTER, all of them marked). */
int filter_check(const struct filter *f, const struct filter_names *names,
	struct err *e) MUST_CHECK;

#endif
