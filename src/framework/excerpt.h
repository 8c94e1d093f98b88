/*
 * The line or few lines of output that say why a test failed.
 */
#ifndef XTEST_FRAMEWORK_EXCERPT_H
#define XTEST_FRAMEWORK_EXCERPT_H

#include "model/outcome.h"

/* At most 600 bytes of UTF-8, lines joined by newlines, control characters and damaged
 * characters replaced; the caller's. NULL when it printed nothing. */
char *excerpt_find(const struct outcome *outcome);

#endif
