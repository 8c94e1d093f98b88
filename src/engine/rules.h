/*
 * What the command line, the configuration with its overrides, and the build system say
 * of one case on one column, settled once before anything starts: how often it is tried,
 * how long it may take, and what it needs to run beside others.
 */
#ifndef XTEST_ENGINE_RULES_H
#define XTEST_ENGINE_RULES_H

#include "engine/launch.h"
#include "model/config.h"
#include "model/history.h"
#include "model/plan.h"

/* Attempts after the first, and the time before each of them. */
struct rules_retries {
	unsigned count;
	bool exponential, jitter;
	int64_t delay_ms, max_delay_ms; /* 0: none, no bound */
};

struct rules {
	struct rules_retries retries;
	bool flaky_fails;    /* a pass after a failure is a failure */
	unsigned threads;    /* of --jobs; at least 1 */
	int group;           /* index in the configuration's groups; -1: none */
	int priority;        /* more starts earlier */
	int64_t memory_kib;  /* what it is expected to need; 0: not known */
	int64_t expected_us; /* what it is expected to take; -1: not known */
	int64_t wall_ms;     /* 0: no limit */
	int64_t slow_ms;     /* is told after each such period; 0: never */
	int64_t grace_ms, leak_ms;
	bool leak_fails;
	bool timeout_passes;     /* what a limit ended is a pass */
	int64_t idle_ms, cpu_ms; /* without output; of CPU time; 0: no limit */
	const struct config_quarantine *quarantine; /* NULL: its failure counts */
	struct strv hook; /* looks at it before a limit's end; borrowed; empty: nothing
			     does */
	int64_t hook_ms;  /* its own limit */
	enum display_output success_output, failure_output; /* as configured */
	bool junit_success, junit_failure;                  /* output that JUnit holds */
};

/* Where rules come from. */
struct rules_source {
	const struct config *config;
	const char *profile;           /* of it; NULL: the default one */
	const struct history *history; /* NULL: none */
	unsigned jobs;
	/* From the command line, over everything else. */
	int64_t timeout_ms, idle_ms, cpu_ms; /* 0: not given */
	int64_t retries;                     /* CONFIG_UNSET: not given */
	enum config_result flaky_result;     /* UNSET: not given */
	const struct strv *hook;             /* NULL: not given */
	/* The hook of tests on this machine when nobody says anything; NULL: none. */
	const struct strv *usual_hook;
};

/* The rules for a case; -1 when a filter of the configuration could not be evaluated.
 * `config` is whose groups `group` counts. */
int rules_find(const struct rules_source *source, const struct launch *launch,
	const struct suite *suite, const struct test_case *test, struct rules *out,
	struct err *e) MUST_CHECK;
/* For every item of the plan; `launches` are those of the columns. The caller's, NULL
 * when one of them failed. */
struct rules *rules_find_all(const struct rules_source *source,
	const struct launch *const *launches, const struct plan *plan, struct err *e);
/* Sets what they say of the process. */
void rules_apply(const struct rules *r, struct task *task);

/* A number of threads that may be a word of the configuration (CONFIG_NUM_CPUS, …). */
unsigned rules_count(int64_t n, unsigned jobs);
/* Milliseconds before the `retry`th attempt after the first (from 1). `random` is any
 * number, for the jitter: from half the delay to all of it. */
int64_t rules_delay_ms(const struct rules_retries *r, unsigned retry, uint32_t random);

#endif
