/*
 * What all listings have in common: lines with colours and blanks around them, cases
 * named twice, and cases that only a second listing names.
 */
#ifndef XTEST_FRAMEWORK_LISTING_H
#define XTEST_FRAMEWORK_LISTING_H

#include "model/suite.h"

/* The line without escape sequences and trailing blanks; the caller's. */
char *listing_clean(const char *line, size_t len);
/* Ends a first listing: drops cases named before. Without any case, or when `expected`
 * (0: not known) is another number than were added, the suite as a whole is its one case.
 */
void listing_finish(struct suite *suite, size_t expected);
/* Ends a second listing. A name the first listing has is ignored if `known_too`; a new
 * one is added and ignored. Nothing happens when the suite is not split. */
void listing_add_ignored(struct suite *suite, const struct strv *names, bool known_too);
/* The suite is one case as a whole. */
bool listing_is_whole(const struct suite *suite);
/* Whether every argument of the command begins with one of the prefixes (NULL at the
 * end). */
bool listing_args_are(const struct suite *suite, const char *const *prefixes);

#endif
