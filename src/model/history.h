/*
 * What earlier runs took: for each case on each place its last few durations and peaks of
 * memory, kept in the file `history` of the project's state directory. For order,
 * balanced shares and memory slots; a case that is not known there has run nowhere yet.
 *
 * The file is text: a first line with the version, then one line for each case, sorted,
 * fields apart by tabs: target, place, suite, case (bytes below 0x21, DEL and backslash
 * as \xHH), the time of the latest result (seconds since 1970), durations (microseconds,
 * the latest first, apart by commas) and memory (KiB, the same).
 */
#ifndef XTEST_MODEL_HISTORY_H
#define XTEST_MODEL_HISTORY_H

#include "base/err.h"
#include "model/event.h"

enum {
	HISTORY_KEPT = 5,      /* results of a case that are remembered */
	HISTORY_CASES = 50000, /* cases; those that ran last are kept */
};

struct history;

/* An empty one. */
struct history *history_new(void);
/* Reads DIR/history; a missing file is an empty history, and so is a damaged one. Never
 * NULL. `state_dir` is struct project's. */
struct history *history_load(const char *state_dir);
void history_free(struct history *h);
/* Why the file was not read, or NULL. Borrowed. */
const char *history_fault(const struct history *h);

/* Median of the kept durations in microseconds; -1: not known. `test_case` is "" for a
 * suite that is its one case, `place` the column's place. */
int64_t history_duration_us(const struct history *h, const char *target,
	const char *place, const char *suite, const char *test_case);
/* The most memory any of the kept results had resident, in KiB; -1: not known. */
int64_t history_rss_kib(const struct history *h, const char *target, const char *place,
	const char *suite, const char *test_case);

/* One more result. `when_s` is wall-clock time; kib 0: not known. */
void history_add(struct history *h, const char *target, const char *place,
	const char *suite, const char *test_case, int64_t when_s, int64_t us,
	int64_t kib);
/* The result of an EVENT_CASE_END, unless it is not final, or says nothing of the case's
 * own cost: nothing was started, or its place was lost. */
void history_add_event(struct history *h, const struct event *event, int64_t when_s);
/* Puts the results of `h` (which began empty) before those in the directory's file:
 * read, merged and replaced as a whole under a lock, so that runs at the same time keep
 * each other's. *fault (the caller's) is set when the file was damaged and began anew,
 * NULL otherwise. -1 when it could not be written. */
int history_save(const struct history *h, const char *state_dir, char **fault,
	struct err *e) MUST_CHECK;

#endif
