/*
 * Holds a program before its first instruction, where a debugger can still set its
 * breakpoints: it is loaded, and stopped as by SIGSTOP. SIGCONT lets it go on.
 */
#ifndef XTEST_RUNNER_HOLD_H
#define XTEST_RUNNER_HOLD_H

#include <stdint.h>
#include <sys/types.h>

/* In the child, just before it executes. */
void hold_me(void);
/* In the parent, once the child has executed: waits for it to be loaded, leaves it
 * stopped and tells where its entry point is (AT_ENTRY, getauxval(3); 0 when /proc does
 * not say). A child that ended instead is reaped by whoever waits for it. */
void hold_catch(pid_t pid, uint64_t *entry);

#endif
