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

struct build_request {
	const char *source_dir; /* absolute: the project */
	const char *build_dir; /* absolute: ours, made by the caller, kept between runs */
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
	 * output. */
	void (*step)(void *ctx, const char *what);
	void (*line)(void *ctx, const char *line, size_t len);
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
	/* Configures when needed, builds, and appends the suites. Errors: ERR_BUILD with
	 * the whole output of the failed command printed through `line` before,
	 * ERR_METADATA when the build system's answer is not understood. A configure that
	 * fails leaves nothing that would make the next run skip it. */
	int (*build)(const struct build_request *request, struct suite_list *suites,
		struct err *e);
};

extern const struct adapter adapter_manifest, adapter_cmake, adapter_meson,
	adapter_autotools, adapter_make;

/* All adapters, NULL at the end. */
extern const struct adapter *const adapter_table[];
const struct adapter *adapter_find(const char *name);
/* Those that bid, best first, and what they saw: names and reasons, same order. The
 * caller tries them in this order: the first that configures wins. ERR_SETUP with the
 * list of what is recognised when none bids. */
int adapter_rank(const char *source_dir, const struct adapter *ranked[], size_t *n,
	struct strv *reasons, struct err *e) MUST_CHECK;

/* Runs one command of the build with the request's progress; on failure passes its whole
 * output to `line` and returns ERR_BUILD naming the command and how it ended. Shared by
 * the adapters. */
int adapter_run(const struct build_request *request, const struct strv *argv,
	const char *cwd, const struct strv *env, struct err *e) MUST_CHECK;

#endif
