/* Starts a program that speaks to us over one end of a socket pair, and ends it again. */
#ifndef XTEST_TRANSPORT_CHILD_H
#define XTEST_TRANSPORT_CHILD_H

#include "transport/transport.h"

/* Runs `program --fd 3` in a session of its own, so that a terminal's Ctrl-C reaches only
 * xtest, which then decides. Fills in_fd, out_fd and pid. */
int child_open(const char *program, struct link *link, struct err *e) MUST_CHECK;
/* Closes the descriptors, waits up to two seconds for the program's own end, then kills
 * it. */
void child_close(struct link *link, char **why);

/* True when the child has ended within the time; *status as of waitpid(). */
bool child_reap_within(pid_t pid, int64_t limit_ms, int *status);

#endif
