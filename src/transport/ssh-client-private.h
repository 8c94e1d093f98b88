/* What the files that use libssh share. */
#ifndef XTEST_TRANSPORT_SSH_CLIENT_PRIVATE_H
#define XTEST_TRANSPORT_SSH_CLIENT_PRIVATE_H

#include "transport/ssh-client.h"
#include "transport/ssh-config.h"

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>

struct ssh_client {
	ssh_session session;
	struct ssh_settings settings;
	struct ssh_client_options options;
	char *name;
	struct ssh_counter_struct heard, said;
	pid_t carrier; /* of a jump or a ProxyCommand; 0: none */
};

/* ssh-auth.c: makes itself known to the server. ERR_INFRA with the ways that were tried.
 */
int ssh_auth_run(struct ssh_client *c, struct err *e) MUST_CHECK;
/* ssh-client-run.c: carries bytes between an open channel and a descriptor. */
int ssh_client_pump(struct ssh_client *c, ssh_channel channel, int fd, struct buf *words,
	struct err *e) MUST_CHECK;
/* The connection failed while `what`. Returns -1. */
int ssh_client_fault(struct ssh_client *c, const char *what, struct err *e);

#endif
