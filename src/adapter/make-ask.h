/*
 * What make itself says about the tests of a built tree. An additional makefile is read
 * after the project's own: its target builds what `make check` would build (without
 * running anything), writes the expanded variables of the test harness to a file, and
 * does the same in every SUBDIRS directory, in the order in which Automake visits them.
 */
#ifndef XTEST_ADAPTER_MAKE_ASK_H
#define XTEST_ADAPTER_MAKE_ASK_H

#include "adapter/adapter.h"

/* One directory with a makefile. */
struct make_dir {
	char *path;            /* absolute; owned */
	struct strv variables; /* "NAME=VALUE", those the makefile gives a value */
	struct strv environ;   /* what its recipes see; only when it has TESTS */
};

struct make_answer {
	struct make_dir *v; /* owned */
	size_t len, cap;
};

/* The name of the makefile that make reads in `dir` ("GNUmakefile", "makefile" or
 * "Makefile"), NULL when there is none. Static. */
const char *make_ask_makefile(const char *dir);

/* `top` is the directory of the topmost makefile; `env` the assignments over this
 * process's environment, `overrides` the NAME=VALUE arguments every make gets. Errors:
 * ERR_BUILD (a test program does not build), ERR_METADATA. */
int make_ask_tests(const struct build_request *request, const char *top,
	const struct strv *env, const struct strv *overrides, struct make_answer *answer,
	struct err *e) MUST_CHECK;
void make_answer_release(struct make_answer *answer);

/* Value of a variable in a directory, blanks around it cut off; "" when it has none.
 * Borrowed. */
const char *make_ask_value(const struct make_dir *dir, const char *name);

/* The command line of one make: program, jobs, overrides. */
void make_ask_argv(const struct build_request *request, const struct strv *overrides,
	struct strv *argv);
/* Environment assignments for everything this family of adapters runs: the toolchain's,
 * those for programs of the build machine, and git told to write nothing. */
void make_ask_env(const struct build_request *request, struct strv *env);

#endif
