/*
 * A connection to an SSH server: made, with the server's key checked and this side
 * authenticated, and then used to run commands there. Everything here blocks and belongs
 * into a process of its own (transport/ssh-helper), which can be ended at any time.
 * libssh underneath; the files ssh-client*.c and ssh-auth.c are those that know it.
 */
#ifndef XTEST_TRANSPORT_SSH_CLIENT_H
#define XTEST_TRANSPORT_SSH_CLIENT_H

#include "base/buf.h"
#include "base/err.h"
#include "transport/ssh-uri.h"

struct ssh_client;

struct ssh_client_options {
	const char *config; /* as of ssh_config_resolve() */
	bool accept_new;
	const char *jump;  /* over the configuration's ProxyJump; NULL: that */
	unsigned jumps;    /* that lie behind */
	int told_fd;       /* of the last of those, when there are any */
	int parent_fd;     /* hung up when nobody wants the connection any more */
	bool *unreachable; /* set when nothing answered there; may be NULL */
	/* One sentence for people. */
	void (*note)(void *ctx, const char *text);
	/* For so long (0: for ever) it may go on without an end of what it does. */
	void (*allow)(void *ctx, int64_t limit_ms, const char *what);
	void *ctx;
};

/* ERR_INFRA: not reached, not the right key, not let in; ERR_SETUP: what is wrong here.
 */
struct ssh_client *ssh_client_open(
	const struct ssh_uri *uri, const struct ssh_client_options *o, struct err *e);
void ssh_client_free(struct ssh_client *c);
/* The connection stands: what failed was something else. */
bool ssh_client_is_up(const struct ssh_client *c);
/* "user@host:port", as resolved. Borrowed. */
const char *ssh_client_name(const struct ssh_client *c);

/* A command of the remote login shell, with its input and what is kept of its output. */
struct ssh_command {
	const char *line;
	const void *input;
	size_t input_len;
	size_t output_max; /* of standard output; beyond it the command fails */
	/* How much of the input has left. May be NULL. */
	void (*progress)(void *ctx, size_t done);
	void *ctx;
	int64_t limit_ms; /* without a byte either way */

	struct buf out, err; /* owned; of the second only the beginning */
	int status; /* exit status; -1: it was killed, or the server did not say */
};
void ssh_command_release(struct ssh_command *c);

/* Runs it to its end. -1 (ERR_INFRA) when it could not be run, the connection broke, or
 * a bound was exceeded. */
int ssh_client_run(
	struct ssh_client *c, struct ssh_command *command, struct err *e) MUST_CHECK;
/* Runs a command and carries bytes between it and the descriptor, until one of them ends
 * it. What it said on its standard error is appended (bounded). 0: the descriptor ended
 * or the command did so by itself, *status as above; -1: the connection broke. */
int ssh_client_carry(struct ssh_client *c, const char *line, int fd, struct buf *words,
	int *status, struct err *e) MUST_CHECK;

#endif
