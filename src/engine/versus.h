/*
 * Two sides of recorded results, case by case: what the verdicts say, what took longer,
 * and what only one of them has. A side is a whole run, or one of its columns: then cases
 * of different targets and places are the same ones by suite and name.
 */
#ifndef XTEST_ENGINE_VERSUS_H
#define XTEST_ENGINE_VERSUS_H

#include "engine/recording.h"
#include "model/compare.h"

struct versus;

/* A case that took longer, or shorter, in B. */
struct versus_pace {
	const char *column; /* "" when the sides are columns themselves */
	const char *suite, *test;
	int64_t us[2];
};

struct versus_result {
	const struct difference *differences; /* of verdicts */
	size_t n_differences;
	const struct versus_pace *paces; /* the largest difference first */
	size_t n_paces;
	size_t both, only[2]; /* cases in both, in one of them */
	int64_t total_us[2];  /* of those in both */
	const char *sides[2]; /* names */
};

/* `columns`: each side is one column, and its label is of no meaning. */
struct versus *versus_new(bool columns);
void versus_free(struct versus *v);
/* Reads the first (0) or second (1) side. `column` is a label, a target or a place; NULL:
 * all. ERR_SETUP when the run has none such, or several. */
int versus_read(struct versus *v, int side, struct recording *recording, const char *name,
	const char *column, struct err *e) MUST_CHECK;
/* After both are read. Paces that differ by a factor of at least `factor_percent` / 100
 * and by at least `least_us`. Borrowed until the next call. */
struct versus_result versus_compare(
	struct versus *v, unsigned factor_percent, int64_t least_us);

#endif
