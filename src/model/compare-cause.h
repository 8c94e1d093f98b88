/* Why a case may do worse in one place than in another, by what it printed there. */
#ifndef XTEST_MODEL_COMPARE_CAUSE_H
#define XTEST_MODEL_COMPARE_CAUSE_H

#include "model/compare.h"

/* The cause with the line that tells it, or NULL when nothing does; the caller's. */
char *compare_cause_find(const struct compare_result *result);

#endif
