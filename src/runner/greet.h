/*
 * HELLO and WELCOME: which session it is, what of it is still known here, and what a host
 * should know of this machine.
 */
#ifndef XTEST_RUNNER_GREET_H
#define XTEST_RUNNER_GREET_H

#include "runner/runner.h"

/* A host has said HELLO: answers, and goes on where that session was, or begins it. */
void greet_hello(struct runner *r, const struct wire_hello *hello);

#endif
