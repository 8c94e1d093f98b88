/* The user's wish to stop (Ctrl-C, TERM, HUP, QUIT) as something a poll loop can see
 * instead of something that kills. */
#ifndef XTEST_ENGINE_INTERRUPT_H
#define XTEST_ENGINE_INTERRUPT_H

#include "base/util.h"

struct interrupt {
	int fd;         /* readable when a signal has come */
	int signal;     /* the last one; 0: none yet */
	unsigned count; /* how many have come */
};

/* Blocks the signals in this process (children must unblock them; base/proc.c and
 * transport/spawn.c do). */
void interrupt_open(struct interrupt *in);
void interrupt_close(struct interrupt *in);
/* Takes what has come. True when the user has asked to stop at any time so far. */
bool interrupt_check(struct interrupt *in);

#endif
