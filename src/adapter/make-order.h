/*
 * In which order the tests of one directory have to run.
 */
#ifndef XTEST_ADAPTER_MAKE_ORDER_H
#define XTEST_ADAPTER_MAKE_ORDER_H

#include "adapter/make-ask.h"

/* Fills `depends` of the `n` suites of a directory, which stand in the order of TESTS and
 * have their ids. The serial harness, plain makefiles and .NOTPARALLEL run one after the
 * other; in the parallel harness a rule `b.log: a.log` puts one test after another (GNU
 * Automake manual, "Parallel Test Harness"). */
void make_order_set(const struct make_dir *dir, struct suite *tests, size_t n);

#endif
