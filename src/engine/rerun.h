/*
 * Which cases have passed and which are outstanding, over a run and all the runs it goes
 * on from. A run writes it into its record (`cases`) before its first case starts: what
 * it inherited, and its own cases as outstanding. The events of the record say the rest,
 * so that a run that was killed can be gone on from as well.
 */
#ifndef XTEST_ENGINE_RERUN_H
#define XTEST_ENGINE_RERUN_H

#include "base/buf.h"
#include "model/event.h"

struct rerun;

struct rerun *rerun_new(void);
void rerun_free(struct rerun *r);
/* What is known after a recorded run. NULL with an error when its record cannot be read.
 */
struct rerun *rerun_load(const char *state_dir, const char *id, struct err *e);
/* The latest run that came as far as its plan; ERR_SETUP when there is none. The
 * caller's.
 */
char *rerun_find_latest(const char *state_dir, struct err *e);

/* Passed (or skipped, leaked, flaky) when it ran last. */
bool rerun_has_passed(const struct rerun *r, const struct event_column *column,
	const struct suite *suite, const struct test_case *test);
/* It passes for that: it has failed in quarantine. */
bool rerun_is_pardoned(const struct rerun *r, const struct event_column *column,
	const struct suite *suite, const struct test_case *test);
/* The case is going to run: outstanding until it has passed. */
void rerun_expect(struct rerun *r, const struct event_column *column,
	const struct suite *suite, const struct test_case *test);
/* The result of an EVENT_CASE_END. */
void rerun_add_event(struct rerun *r, const struct event *event);
/* Cases that did not pass and are not known to be gone. */
size_t rerun_outstanding(const struct rerun *r);
/* Forgets outstanding cases of the column that are not there any more: their suite is not
 * among `suites` (those of the column), or has been listed without them. How many. */
size_t rerun_forget(struct rerun *r, const struct event_column *column,
	const struct suite *const *suites, size_t n_suites);

/* The file `cases`: appended to `out`. */
void rerun_print(const struct rerun *r, struct buf *out);

#endif
