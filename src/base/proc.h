/*
 * Runs the programs of the host (build systems, compilers, package tools) to their end.
 * Tests are not run here but by the runner. Each child gets a process group of its own,
 * dies with this process, and nothing it leaves in its group outlives the call.
 */
#ifndef XTEST_BASE_PROC_H
#define XTEST_BASE_PROC_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"

#include <signal.h>
#include <sys/types.h>

struct proc_options {
	const char *cwd;        /* NULL: this process's */
	const struct strv *env; /* whole environment; NULL: this process's */
	int64_t timeout_ms;     /* 0: none */
	bool merge_stderr; /* stderr goes where stdout goes; otherwise it is collected
			      apart */
	bool pass_stderr;  /* stderr is this process's own */
	size_t max_output_bytes; /* 0: 256 MiB a stream; beyond it the child is killed and
				    the call fails */
	/* Called for every complete line of stdout (and of stderr when merged) while the
	 * child runs; may be NULL. */
	void (*on_line)(void *ctx, const char *line, size_t len);
	void *ctx;
	/* Asked about ten times a second; returning true ends the child and the call
	 * (kind ERR_TESTS_FAILED, message "interrupted"). May be NULL. */
	bool (*cancelled)(void *ctx);
};

struct proc_result {
	int exit_code; /* 0–255, or -1 when a signal ended it */
	int signal;    /* 0 when it exited */
	bool timed_out;
	struct buf out; /* owned */
	struct buf err; /* owned; empty when merged or passed through */
};

void proc_result_release(struct proc_result *r);

/* Runs argv[0] (searched in PATH) to its end. Returns -1 only when it could not be
 * started or waited for; how it ended is in *r, which must be zero-initialised and is
 * released by the caller either way. */
int proc_run(const struct strv *argv, const struct proc_options *options,
	struct proc_result *r, struct err *e) MUST_CHECK;
/* True when it exited with status 0. */
bool proc_succeeded(const struct proc_result *r);
/* "exit status 3", "signal 11 (SIGSEGV)", "no end after 5000 ms": into a caller's buffer,
 * which is returned. */
const char *proc_describe(const struct proc_result *r, char *text, size_t size);
/* The usual short case: words ending with NULL, output of a success as a string without
 * trailing newlines; NULL on any failure. */
char *proc_capture(const char *const *argv);
/* This process's environment as a vector of copies. */
void proc_environ(struct strv *env);
/* The same without what a make above this process exports for its own children. */
void proc_environ_outside_make(struct strv *env);

/* In a child between fork and exec: it ends with its parent, `parent` (at once if that is
 * gone already), and starts with no signal blocked and SIGPIPE as usual. */
void proc_child_begin(pid_t parent);
/* In such a child: standard input is empty, what it says goes there. */
void proc_child_streams(int out_fd, int err_fd);

/* This process sleeps most of the time, and others wait for what it does then: the kernel
 * may let it run as soon as it wakes, instead of after the time slice of whoever has the
 * processor (sched_setattr(2): a short slice, which children do not inherit; Linux 6.12
 * and later). Its share of the processor stays what it was, and exec() changes nothing.
 */
void proc_be_prompt(void);

#endif
