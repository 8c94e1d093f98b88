/*
 * Tests that run and are reported, and whose failures do not count: each entry of the
 * configuration has a reason, and a day after which it is an error.
 */
#ifndef XTEST_MODEL_QUARANTINE_H
#define XTEST_MODEL_QUARANTINE_H

#include "model/config.h"

/* ERR_SETUP with the place of the first entry that has expired. `today` is "2026-12-31";
 * an entry holds to the end of its day. */
int quarantine_check(const struct config *c, const char *today, struct err *e) MUST_CHECK;
/* Today as that takes it, where this machine is. */
void quarantine_today(char out[11]);
/* The first entry that matches the case (all its names are set), or NULL; -1 when a
 * filter could not be evaluated. Borrowed from the configuration. */
int quarantine_find(const struct config *c, const struct filter_subject *subject,
	const struct config_quarantine **out, struct err *e) MUST_CHECK;
/* "xtest.json:12" of an entry; the caller's. */
char *quarantine_place(const struct config *c, const struct config_quarantine *q);
/* NULL, or what is wrong with a day. */
const char *quarantine_check_day(const char *day);

#endif
