/*
 * One of several shards of the selected cases: `--partition METHOD:i/n`. Every case is in
 * exactly one of the n shards, whatever machine decides it: nothing but the names of the
 * cases (and for `balanced` their recorded durations) takes part, never the order in
 * which a build system tells them.
 *
 * slice, count and the rules of i and n are those of cargo-nextest 0.9.
 */
#ifndef XTEST_MODEL_PARTITION_H
#define XTEST_MODEL_PARTITION_H

#include "base/err.h"
#include "base/util.h"

enum partition_method {
	PARTITION_NONE,
	PARTITION_SLICE,    /* in turn, over all cases */
	PARTITION_HASH,     /* by suite and case: a case stays when others come or go */
	PARTITION_COUNT,    /* in turn, from the first shard on in each suite */
	PARTITION_BALANCED, /* equal sums of durations */
};

/* Where the numbers come from. */
enum partition_source {
	PARTITION_GIVEN,   /* METHOD:i/n */
	PARTITION_BAZEL,   /* TEST_SHARD_INDEX, TEST_TOTAL_SHARDS */
	PARTITION_GITLAB,  /* CI_NODE_INDEX, CI_NODE_TOTAL */
	PARTITION_NOWHERE, /* neither is set: it is 1/1 */
};

/* Zero-initialised: everything. */
struct partition {
	enum partition_method method;
	unsigned index, count; /* the index-th of count, from 1 on */
	enum partition_source source;
};

/* Reads "slice:2/5", or "slice:env", or "env", which is slice:env. `lookup` is getenv,
 * and asked for nothing else than the variables above. ERR_USAGE. */
int partition_parse(const char *text, char *(*lookup)(const char *name),
	struct partition *out, struct err *e) MUST_CHECK;
/* "slice", … */
const char *partition_method_name(enum partition_method method);

/* A case to be placed; strings are borrowed. Suite, test and host together are unique. */
struct partition_case {
	const char *suite;   /* its id */
	const char *test;    /* "" for a suite as a whole */
	bool host;           /* built for the host */
	bool ignored;        /* placed beside the others, as if these were not there */
	int64_t duration_us; /* -1: not known */
	bool chosen;         /* answer: it is in the shard */
};

/* Sets `chosen` of every case; their order, before and after, does not matter. Returns
 * how many durations `balanced` had not: these count as the median of the others, and
 * when there are none it is done as `slice`. 0 for other methods. */
size_t partition_choose(
	const struct partition *p, struct partition_case *cases, size_t len);

#endif
