/*
 * CTest's regular expressions (KWSys' RegularExpression, documented in CMake's
 * string(REGEX)) rewritten for PCRE2.
 */
#ifndef XTEST_FRAMEWORK_CTEST_REGEX_H
#define XTEST_FRAMEWORK_CTEST_REGEX_H

#include "base/buf.h"

/* Appends the expression as PCRE2 writes it. Never fails: what is malformed stays so. */
void ctest_regex_translate(const char *text, struct buf *out);

#endif
