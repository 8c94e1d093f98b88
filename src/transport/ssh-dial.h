/* A stream to a host's port, for a connection to be made over: by TCP, or through a
 * command. */
#ifndef XTEST_TRANSPORT_SSH_DIAL_H
#define XTEST_TRANSPORT_SSH_DIAL_H

#include "base/err.h"

#include <sys/types.h>

/* Tries the addresses of the host one after another, `limit_ms` in all. The descriptor,
 * or -1 with ERR_INFRA and the words for what is usually the matter. */
int ssh_dial_tcp(const char *host, unsigned port, int64_t limit_ms, struct err *e);
/* Standard input and output of a shell command (ProxyCommand). *pid ends when the
 * descriptor is closed, or with this process. */
int ssh_dial_command(const char *command, pid_t *pid, struct err *e);

#endif
