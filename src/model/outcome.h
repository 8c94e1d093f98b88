/*
 * How a case ended: first the bare facts (struct outcome), then what they mean (struct
 * judgement, filled by the framework). The verdict words are the ones a user reads.
 */
#ifndef XTEST_MODEL_OUTCOME_H
#define XTEST_MODEL_OUTCOME_H

#include "base/buf.h"
#include "base/util.h"

enum verdict {
	VERDICT_PASS,
	VERDICT_FAIL,
	VERDICT_SKIP,
	VERDICT_TIMEOUT,
	VERDICT_CRASH,
	VERDICT_LEAK,
	VERDICT_FLAKY,
	VERDICT_LOST, /* infrastructure: the case has no verdict of its own */
};

enum end_kind {
	END_EXIT,    /* code is the exit status */
	END_SIGNAL,  /* code is the signal number of the target's ABI as the host names it
		      */
	END_TIMEOUT, /* a time limit of ours ended it; `detail` says which */
	END_NOT_STARTED, /* no process of the test ever ran; `detail` says why */
	END_LOST,        /* the place went away; `detail` says how */
	END_MACHINE, /* the case took the machine it ran on with it; `detail` says how */
};

struct outcome {
	enum end_kind kind;
	int code;
	bool core_dumped;
	char *detail; /* owned; NULL when there is nothing to add */
	int64_t wall_us, user_us, sys_us;
	int64_t max_rss_kib;
	unsigned leaked;                   /* processes it left behind */
	char *leaked_names;                /* owned: "sleep, daemon"; NULL when none */
	struct buf out, err;               /* what it printed; bytes */
	uint64_t out_dropped, err_dropped; /* bytes beyond the output bound */
	char *console; /* owned: what the machine's console said meanwhile; NULL when
			  nothing worth showing */
};

/* One point inside a case: a TAP line, a cmocka test. */
struct point {
	char *name;
	enum verdict verdict; /* PASS, FAIL or SKIP */
	char *reason;         /* directive or diagnostic text; NULL when none */
};

struct judgement {
	enum verdict verdict;
	char *reason;  /* a few words: "exit status 1", "SIGSEGV", "3 of 7 points failed";
			  NULL for a plain pass */
	char *excerpt; /* the line or few lines of output that say why; NULL when nothing
			  stands out */
	bool hard;     /* a failure that no expected failure covers: the test itself is
			  broken (exit status 99, damaged TAP) */
	struct point *points;
	size_t n_points;
};

void outcome_release(struct outcome *o);
void judgement_release(struct judgement *j);
struct point *judgement_add_point(
	struct judgement *j, const char *name, enum verdict v, const char *reason);
/* Sets verdict and reason (formatted; replaces an older one). */
void judgement_set(struct judgement *j, enum verdict v, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* All of it in one line: "test_parse.c:118: expected 3, got 4 (exit status 1)", the
 * reason alone, "SIGSEGV: the line that stands out"; the caller's, NULL for a plain pass.
 */
char *judgement_message(const struct judgement *j);

const char *verdict_name(enum verdict v);  /* "pass", "fail", … as in JSON */
const char *verdict_label(enum verdict v); /* "PASS", "FAIL", … as on the terminal */
bool verdict_is_failure(enum verdict v);   /* fail, timeout, crash; not leak, not lost */
/* "exit status 3", "signal 11 (SIGSEGV)", "no end after 2 s"; the caller's. */
char *outcome_describe(const struct outcome *o);

#endif
