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

/* Command lines for what was booted; owned. */
struct ssh_booted {
	char *attach; /* carries bytes to the runner and back */
	char *end;    /* ends it, and all it runs */
};
void ssh_booted_release(struct ssh_booted *b);

/* Finds a directory, puts the runner there unless it is there already, waits until no
 * other run has the board, and starts the runner unless it runs for us already. -1:
 * ERR_INFRA, or ERR_SETUP for what is wrong here. */
int ssh_boot_run(struct ssh_client *c, const struct ssh_boot *boot,
	struct ssh_booted *booted, struct err *e) MUST_CHECK;

#endif
