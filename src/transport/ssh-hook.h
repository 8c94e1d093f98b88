/* What this machine does to a board: commands of the configuration, with a time limit. */
#ifndef XTEST_TRANSPORT_SSH_HOOK_H
#define XTEST_TRANSPORT_SSH_HOOK_H

#include "transport/transport.h"

struct config_hook;

/* Milliseconds it may take; 0: there is none. */
int64_t ssh_hook_limit_ms(const struct config_hook *hook);
/* Runs it, `what` is its key. Nothing when there is none. ERR_INFRA with the last line it
 * said. */
int ssh_hook_run(const struct board_config *board, const char *what,
	const struct config_hook *hook, struct err *e) MUST_CHECK;

#endif
