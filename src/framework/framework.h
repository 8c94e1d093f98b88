/*
 * A framework knows how the cases of a suite are listed, how one is run, and what its end
 * means. One file and one line in framework.c's table make a new one. Nothing here runs
 * anything.
 */
#ifndef XTEST_FRAMEWORK_FRAMEWORK_H
#define XTEST_FRAMEWORK_FRAMEWORK_H

#include "base/elf.h"
#include "base/err.h"
#include "base/strv.h"
#include "model/outcome.h"
#include "model/suite.h"

struct framework {
	const char *name; /* as in "framework": NAME and `framework(NAME)` */
	const char *help; /* one line */

	/* How sure it is that this program uses it: 0 not at all, 100 certain. Reads only
	 * what elf.h gives. */
	int (*bid)(const struct elf *elf);

	/* Whether the arguments the build system gave are all this framework's own, so
	 * that more of them may follow without changing what these mean. NULL: only a
	 * command without arguments is split into cases. */
	bool (*accepts_args)(const struct suite *suite);
	/* Appends what makes the program list its cases; NULL when it cannot list. Ask
	 * framework_splits() first. */
	void (*list_argv)(const struct suite *suite, struct strv *argv);
	void (*list_env)(const struct suite *suite, struct strv *env); /* may be NULL */
	/* Reads what the listing printed (noise tolerated) and adds the cases. An exit
	 * status other than 0 is passed in (128 + n after signal n): some list all and
	 * then fail. A listing without a case, or one that is known to be cut short,
	 * leaves the suite as its one case (libtest: no case at all; ERR_LIST when it
	 * failed as well). Setting suite->listed is the caller's, after the last listing.
	 */
	int (*parse_list)(struct suite *suite, const char *out, size_t len,
		int exit_status, struct err *e);

	/* A second listing, of what is ignored unless asked for (hidden, skipped); run
	 * after parse_list(). NULL when the first one says it. */
	void (*ignored_argv)(const struct suite *suite, struct strv *argv);
	void (*parse_ignored)(
		struct suite *suite, const char *out, size_t len, int exit_status);

	/* Appends what makes the program run this one case (after suite->command); env
	 * likewise. A case named "" is the suite as it stands: nothing is appended. */
	void (*case_argv)(const struct suite *suite, const struct test_case *test,
		struct strv *argv);
	void (*case_env)(const struct suite *suite, const struct test_case *test,
		struct strv *env); /* may be NULL */

	/* What this end means. Sees expected failure, skip codes and regular expressions
	 * last: framework_judge() applies those over it, the same for every framework. */
	void (*judge)(const struct suite *suite, const struct test_case *test,
		const struct outcome *outcome, struct judgement *j);
};

extern const struct framework framework_plain, framework_tap, framework_libtest,
	framework_gtest, framework_catch2, framework_doctest, framework_glib,
	framework_cmocka, framework_check;

/* All frameworks, NULL at the end; plain is last. */
extern const struct framework *const framework_table[];
const struct framework *framework_find(const char *name);
/* The suite's own (suite->framework), else by the build system's protocol and the ELF
 * file, else plain. `elf` may be NULL for scripts. Never NULL. */
const struct framework *framework_detect(
	const struct suite *suite, const struct elf *elf);
/* Whether the suite may be listed and run case by case and mean the same: the framework
 * can list, the build system's arguments are known to it, and nothing is said about the
 * program as a whole (expected failure, output expressions, fixture). If not, the suite
 * is one case named "". */
bool framework_splits(const struct framework *f, const struct suite *suite);
/* The verdict: the framework's, then the suite's regular expressions, skip code and
 * expected failure over it. What could not be started or was lost is never turned into an
 * expected failure; a leak turns a pass into LEAK. */
void framework_judge(const struct framework *f, const struct suite *suite,
	const struct test_case *test, const struct outcome *outcome, struct judgement *j);

#endif
