/*
 * Durations as people write them: "250ms", "90s", "1m 30s", "2h", "1.5s".
 */
#ifndef XTEST_BASE_DURATION_H
#define XTEST_BASE_DURATION_H

#include "base/err.h"

/* Parses one or more numbers with units, blanks between them allowed: us, ms, s, m, h, d
 * and their longer names ("sec", "minutes"). A fraction is accepted, a sign is not, and a
 * bare number is refused, because its unit would be a guess. Up to about 290 years.
 * Returns 0 and the microseconds, or -1 (ERR_SETUP). */
int duration_parse(const char *text, int64_t *us, struct err *e) MUST_CHECK;

/* "1m 30s", "250ms", "0s": exact, and read back as the same value. The caller's. */
char *duration_format(int64_t us);

#endif
