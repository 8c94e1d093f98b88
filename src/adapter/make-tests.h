/*
 * From make's answer to suites, by the rules of Automake's test harnesses (GNU Automake
 * manual, "Support for test suites"): where a test file is looked for, what is put in
 * front of it, which end is expected.
 */
#ifndef XTEST_ADAPTER_MAKE_TESTS_H
#define XTEST_ADAPTER_MAKE_TESTS_H

#include "adapter/make-ask.h"

struct make_tree {
	const char *adapter; /* its name */
	const char *top;     /* absolute: the topmost directory of the copy */
	const char *package; /* project name where no makefile says PACKAGE */
	const struct strv *env, *overrides; /* as for make_ask_tests() */
};

/* Asks for the tests of a built tree and appends them. A test that is nowhere, and that
 * no rule makes, is a suite whose required file is missing. *n (may be NULL) is how many
 * TESTS entries there were. */
int make_tests_find(const struct build_request *request, const struct make_tree *tree,
	struct suite_list *suites, size_t *n, struct err *e) MUST_CHECK;

/* The `check` (else `test`) target as one suite, for trees whose tests only its recipe
 * knows: make runs as a program of this machine and the target's programs below it
 * through binfmt_misc. Appends nothing when there is no such target. */
int make_tests_whole(const struct build_request *request, const struct make_tree *tree,
	struct suite_list *suites, struct err *e) MUST_CHECK;

/* What every adapter of this family does at its end: platforms, files, the list's own
 * check. */
int make_tests_finish(const struct build_request *request, const struct make_tree *tree,
	struct suite_list *suites, struct err *e) MUST_CHECK;

/* Fills one suite from a directory's answer: name, command, environment, expectation.
 * `test` is the word in TESTS, `inherited` the environment make was given. */
void make_tests_fill(struct suite *suite, const struct make_dir *dir, const char *test,
	const struct strv *inherited);

#endif
