/* A board's console: a command of the configuration prints it, and it is read as a
 * machine's is. */
#ifndef XTEST_TRANSPORT_SSH_CONSOLE_H
#define XTEST_TRANSPORT_SSH_CONSOLE_H

#include "transport/transport.h"

struct ssh_console;

/* NULL without an error (*e untouched) when the board has no command for it; with one,
 * ERR_SETUP. */
struct ssh_console *ssh_console_open(const struct board_config *board, struct err *e);
/* Ends the command. */
void ssh_console_close(struct ssh_console *c);
/* To be polled for reading; -1: there is nothing more to come. */
int ssh_console_fd(const struct ssh_console *c);
/* Reads what there is. True when the board's kernel has come to its end, and the rest of
 * its report had time to come: fills *demise. */
bool ssh_console_read(struct ssh_console *c, struct demise *demise);
/* What was said before is the past: the board has been reached. */
void ssh_console_mark(struct ssh_console *c);
/* What it said last; the caller's, NULL of NULL. */
char *ssh_console_excerpt(const struct ssh_console *c);

#endif
