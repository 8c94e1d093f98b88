/* Versions as "1.2.3": numbers with dots between them. */
#ifndef XTEST_BASE_VERSION_H
#define XTEST_BASE_VERSION_H

#include "base/util.h"

/* Of this program. */
const char *version_own(void);
/* One to four numbers of up to nine digits. */
bool version_is_valid(const char *text);
/* Below, equal to or above 0, as strcmp(); a number that is missing is 0. Words behind
 * the numbers ("1.2-rc1") do not count. */
int version_compare(const char *a, const char *b);

#endif
