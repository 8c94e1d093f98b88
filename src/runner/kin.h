/*
 * Which processes belong to a job. A test may fork, call setsid, close its streams and
 * clear its environment; what it cannot easily shed is a resource limit. RLIMIT_LOCKS has
 * had no effect since Linux 2.4.25, so each job gets its own value of it, which every
 * descendant inherits and which prlimit(2) and /proc/PID/limits show. Another runner on
 * the machine may give the same value, so only descendants of this process count.
 */
#ifndef XTEST_RUNNER_KIN_H
#define XTEST_RUNNER_KIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The mark to count down from for jobs: below the one this process runs under (the hard
 * limit), and another one in each runner. 0 when the limit cannot be used. */
uint32_t kin_first_mark(void);
/* Sets the mark of the calling process. Safe after vfork(). 0 or negative errno. */
int kin_set_mark(uint32_t mark);
/* True unless the calling process certainly has no child other than the `count` given
 * ones. */
bool kin_has_others(const pid_t *known, size_t count);
/* Calls `fn` for every living process with the mark, but the calling one; zombies are
 * left out. Returns how many. */
size_t kin_each(uint32_t mark, void (*fn)(void *ctx, pid_t pid), void *ctx);
/* Sends a signal to every process with the mark. Returns how many there were. */
size_t kin_signal(uint32_t mark, int signal);
/* User and system time of the processes with the mark, with that of their reaped
 * children, in ms. */
uint64_t kin_cpu_ms(uint32_t mark);
/* "name(pid)" into `out`, "" when the process is gone. The name is that of the program,
 * also of one that an emulator runs. */
void kin_name(pid_t pid, char *out, size_t size);

#endif
