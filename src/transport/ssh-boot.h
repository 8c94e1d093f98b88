/* From a connection to a runner there: a place to work, the program itself, the lock. */
#ifndef XTEST_TRANSPORT_SSH_BOOT_H
#define XTEST_TRANSPORT_SSH_BOOT_H

#include "transport/ssh-client.h"
#include "transport/transport.h"

struct ssh_boot {
	const struct place_config *config;
	/* What goes on and how far it is (negative: unknown). */
	void (*doing)(void *ctx, const char *text, double fraction);
	void *ctx;
};

/* Finds a directory, puts the runner there unless it is there already, and makes the
 * command line that attaches to it (the caller's). NULL: ERR_INFRA, or ERR_SETUP for what
 * is wrong here. */
char *ssh_boot_run(struct ssh_client *c, const struct ssh_boot *boot, struct err *e);

#endif
