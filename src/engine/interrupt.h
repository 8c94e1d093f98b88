/* The user's wish to stop (Ctrl-C, TERM, HUP, QUIT), or to know what goes on (USR1, or a
 * key), as something a poll loop can see instead of something that kills. */
#ifndef XTEST_ENGINE_INTERRUPT_H
#define XTEST_ENGINE_INTERRUPT_H

#include "base/tty.h"
#include "base/util.h"

struct interrupt {
	int fd;         /* readable when a signal has come */
	int signal;     /* the last one; 0: none yet */
	unsigned count; /* how many have come */
	unsigned asked; /* how often somebody wanted to know what goes on */
	struct tty tty; /* see interrupt_heed_keys() */
	bool heeds_keys;
	/* Ctrl-Z stops this process in interrupt_check(). Before and after that, whoever
	 * has something running that must stop, too, is told. NULL: nobody. */
	void (*on_stop)(void *ctx, bool stop);
	void *ctx;
};

/* Holds the signals back in this process, from now on to its end: what comes before
 * interrupt_open() is found there, and what comes after interrupt_close() is too late to
 * change how it ends. Children must let them in again; proc_child_begin() does. */
void interrupt_hold(void);
void interrupt_open(struct interrupt *in); /* holds them, too */
void interrupt_close(struct interrupt *in);
/* Key t on the terminal of this process asks what goes on, until interrupt_leave_keys().
 * Does nothing where standard input or output is no terminal, or belongs to others now.
 */
void interrupt_heed_keys(struct interrupt *in);
/* The terminal is as it was. */
void interrupt_leave_keys(struct interrupt *in);
/* Takes what has come. True when the user has asked to stop at any time so far. */
bool interrupt_check(struct interrupt *in);

#endif
