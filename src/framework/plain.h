/*
 * The meaning of an exit status, which every framework starts from.
 */
#ifndef XTEST_FRAMEWORK_PLAIN_H
#define XTEST_FRAMEWORK_PLAIN_H

#include "model/outcome.h"

/* 0 passes, a signal is a crash, anything else fails. */
void plain_judge_status(const struct outcome *outcome, struct judgement *j);
/* The same, and 77 is a skip, 99 a hard error (Automake, "Scripts-based Testsuites"). */
void plain_judge_exit(const struct outcome *outcome, struct judgement *j);

#endif
