/*
 * The streams of a job: from its pipes into the journal, as far as there is room, within
 * its output bound; and from INPUT into its standard input.
 */
#ifndef XTEST_RUNNER_FLOW_H
#define XTEST_RUNNER_FLOW_H

#include "runner/runner.h"

/* True when the journal has room for output. */
bool flow_has_room(const struct runner *r);
/* Reads once from stream 0 or 1. Returns bytes read, 0 at its end (then closed), -EAGAIN,
 * -ENOBUFS without room. */
int flow_read(struct runner *r, struct job *j, int stream);
/* Sends the kept tails; -ENOBUFS to be called again. */
int flow_finish(struct runner *r, struct job *j);
/* Writes what waits for standard input, and closes it when that was all. */
void flow_feed(struct job *j);
void flow_release(struct job *j);
/* A standard input that ends at once: /dev/null, or a pipe nobody writes to where a test
 * has removed that from the machine. The caller's, or -1 and errno. */
int flow_open_nothing(void);

#endif
