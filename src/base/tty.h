/*
 * The terminal this process was started on, given to a program that has a terminal
 * elsewhere: raw, and given back as it was however this process ends.
 */
#ifndef XTEST_BASE_TTY_H
#define XTEST_BASE_TTY_H

#include "base/err.h"

#include <termios.h>

struct tty {
	int fd;               /* borrowed */
	struct termios saved; /* how it was */
	int guard_fd;         /* owned */
	pid_t guard;          /* restores it when this process dies; 0: is not raw */
};

/* Every key goes on as it is, Ctrl-C too, until tty_restore(). */
int tty_make_raw(struct tty *t, int fd, struct err *e) MUST_CHECK;
/* Does nothing unless it is raw. */
void tty_restore(struct tty *t);
/* 0 and 0 when it does not say. */
void tty_size(int fd, unsigned *rows, unsigned *columns);

#endif
