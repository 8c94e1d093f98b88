/*
 * The terminal this process was started on, with modes of its own: raw, for a program
 * that has a terminal elsewhere, or key by key. It is given back as it was however this
 * process ends.
 */
#ifndef XTEST_BASE_TTY_H
#define XTEST_BASE_TTY_H

#include "base/err.h"

#include <termios.h>

struct tty {
	int fd;               /* borrowed */
	struct termios saved; /* how it was */
	int guard_fd;         /* owned */
	pid_t guard;          /* restores it when this process dies; 0: it is as it was */
};

/* Every key goes on as it is, Ctrl-C too, until tty_restore(). */
int tty_make_raw(struct tty *t, int fd, struct err *e) MUST_CHECK;
/* Keys can be read one by one and without waiting, and are not shown; those that make
 * signals still do. Until tty_restore(). */
int tty_take_keys(struct tty *t, int fd, struct err *e) MUST_CHECK;
/* Does nothing unless it has other modes now. */
void tty_restore(struct tty *t);
/* 0 and 0 when it does not say. */
void tty_size(int fd, unsigned *rows, unsigned *columns);

#endif
