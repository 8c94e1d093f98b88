/*
 * An adapter knows one build system: whether a source tree is its own, how to configure
 * and build it for a target, and what tests it then has. One file and one line in
 * adapter.c's table make a new one. Adapters write only below the build directory they
 * are given.
 */
#ifndef XTEST_ADAPTER_ADAPTER_H
#define XTEST_ADAPTER_ADAPTER_H

#include "base/err.h"
#include "base/json.h"
#include "base/strv.h"
#include "model/suite.h"

struct toolchain;
struct target;
struct config;
struct proc_result;

struct build_request {
	const char *source_dir; /* absolute: the project */
	const char *build_dir;  /* absolute: ours, made by the caller, kept between runs;
				   one  for each pair of adapter and target */
	const struct target *target;
	const struct toolchain *toolchain; /* model/toolchain.h */
	bool cross;                        /* the target is not this machine */
	/* Command that runs a target program on this machine, for configure checks,
	 * generators and test properties that want one: {"…/xtest", "exec", "--target",
	 * "aarch64", "--"}; empty when not cross. */
	const struct strv *exec_wrapper;
	const struct strv *args; /* what the user gave for the build system's configure
				    step; may be empty */
	const struct config *config; /* the project's xtest.json; may be NULL */
	unsigned jobs;               /* parallel build jobs */
	bool verbose;

	/* Progress: a new step begins ("configure", "build"), and its latest line of
	 * output. Each may be NULL. */
	void (*step)(void *ctx, const char *what);
	void (*line)(void *ctx, const char *line, size_t len);
	/* What a failed command printed, whole; may be NULL. */
	void (*output)(void *ctx, const char *data, size_t len);
	/* The user has the programs built in `dir` instead of `build_dir`: archives take
	 * them from there. May be NULL. */
	void (*built_in)(void *ctx, const char *dir);
	/* True when the user wants out; given to proc_run(). */
	bool (*cancelled)(void *ctx);
	void *ctx;
};

struct adapter {
	const char *name; /* as in "adapter": NAME */
	const char *help; /* one line: what it recognises */
	/* How sure it is that it builds this tree, 0 for not at all; *why (the caller's,
	 * may stay NULL) says by what: "CMakeLists.txt". Looks, runs nothing. */
	int (*bid)(const char *source_dir, char **why);
	/* Configures when an input of it changed since the last time it succeeded. NULL
	 * when there is nothing to configure. One that fails (ERR_BUILD, its output given
	 * to `output`) leaves nothing that would make the next run skip it, and the
	 * caller may go on to the next adapter in rank. */
	int (*configure)(const struct build_request *request, struct err *e);
	/* Builds what the tests need, and appends the suites. Errors: ERR_BUILD as above,
	 * ERR_METADATA when the build system's answer is not understood. */
	int (*build)(const struct build_request *request, struct suite_list *suites,
		struct err *e);
};

extern const struct adapter adapter_manifest, adapter_cargo, adapter_cmake, adapter_meson,
	adapter_autotools, adapter_make;

enum { ADAPTER_MAX = 16 };

/* All adapters, NULL at the end. */
extern const struct adapter *const adapter_table[];
const struct adapter *adapter_find(const char *name);
/* Those that bid, best first (equal bids: in the table's order), and what they saw: names
 * and reasons, same order. The caller tries them in this order: the first that configures
 * wins. ERR_SETUP with the list of what is recognised when none bids. */
int adapter_rank(const char *source_dir, const struct adapter *ranked[ADAPTER_MAX],
	size_t *n, struct strv *reasons, struct err *e) MUST_CHECK;

/* What follows is shared by the adapters. */

/* The program that reads that file is not there; ERR_SETUP with Debian's packages. */
int adapter_misses(const char *program, const char *file, const char *packages,
	struct err *e) MUST_CHECK;

/* Runs one command of the build with the request's progress; on failure passes its whole
 * output to `output` and returns ERR_BUILD naming the command and how it ended. `cwd` may
 * be NULL. `env` are assignments over this process's environment, or NULL; what a make
 * above xtest exports for its children (MAKEFLAGS, …) is never passed on. */
int adapter_run(const struct build_request *request, const struct strv *argv,
	const char *cwd, const struct strv *env, struct err *e) MUST_CHECK;
/* The same for a command that answers a question: its standard output is appended to
 * *out, nothing is shown. */
int adapter_capture(const struct build_request *request, const struct strv *argv,
	const char *cwd, const struct strv *env, struct buf *out,
	struct err *e) MUST_CHECK;

/* The same for one whose end and both streams are the caller's to judge, who shows what
 * it likes: each line of the standard output goes to `line` (may be NULL) with the
 * request's ctx. *r is released by the caller. */
int adapter_ask(const struct build_request *request, const struct strv *argv,
	const char *cwd, const struct strv *env,
	void (*line)(void *ctx, const char *line, size_t len), struct proc_result *r,
	struct err *e) MUST_CHECK;

/* The configure stamp: a file in the build directory that holds the digest of everything
 * the last successful configure depended on. Remove it before configuring, write it when
 * that succeeded. */
bool adapter_stamp_holds(const struct build_request *request, const char *digest);
int adapter_stamp_write(const struct build_request *request, const char *digest,
	struct err *e) MUST_CHECK;
/* The digest of a configure command, of the cross file it is given, and of the variables
 * every build system takes compiler flags from; `hex` holds HASH_HEX_SIZE. */
void adapter_stamp_digest(
	const struct strv *argv, const struct buf *cross_file, char *hex);
int adapter_stamp_remove(const struct build_request *request, struct err *e) MUST_CHECK;

/* The toolchain's system root when it has the C library's headers where a system has
 * them, so that it can be all the compiler sees (--sysroot); else NULL: Debian's
 * /usr/aarch64-linux-gnu holds libraries beside the compiler's own, no more. Borrowed. */
const char *adapter_whole_sysroot(const struct toolchain *toolchain);

/* Sets the id of every suite from package and name, with a number where two are equal,
 * and turns the names in `depends` into ids. */
void adapter_ids_assign(struct suite_list *suites);

/* Appends the suites of *from, which is empty then. Adapters collect their own list, work
 * on it as a whole, and hand it over at the end: the caller's may hold others' suites. */
void adapter_move_suites(struct suite_list *from, struct suite_list *to);

/* Decides for every suite without a platform_reason which side it belongs to, and sets
 * platform, platform_reason and binary. The ELF machine of the program decides when the
 * program is of this project. A script of the project and a program of the system (an
 * interpreter, cmake -E, …) follow the built ELF files among their arguments and
 * environment; without any, a script is the target's and a program of the system given
 * none of the project's scripts is the host's. Not cross: everything is the target's. */
int adapter_platform_decide(struct suite_list *suites,
	const struct build_request *request, struct err *e) MUST_CHECK;
/* Marks suites that are one selection of cases each, made by the build system (a binary
 * under several names with different arguments, as gtest_discover_tests() makes them):
 * the one case is listed, and nobody needs to ask the binary. Needs `binary`. */
void adapter_platform_mark_selections(struct suite_list *suites);

/* Appends the existing paths in the source or build directory that the suite's command,
 * arguments (also NAME=PATH) and environment name, absolute. */
void adapter_files_named(const struct suite *suite, const struct build_request *request,
	struct strv *paths);
/* Adds the programs and libraries of the build to the files of every suite that is no ELF
 * program and names none: a script that may start any of them. What else a suite reads is
 * seen from its command, environment and working directory. */
void adapter_files_add_artifacts(struct suite_list *suites,
	const struct build_request *request, const struct strv *artifacts);
#endif
