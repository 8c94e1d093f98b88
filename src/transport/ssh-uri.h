/* "ssh://[user@]host[:port]", as --on and the configuration name a board. */
#ifndef XTEST_TRANSPORT_SSH_URI_H
#define XTEST_TRANSPORT_SSH_URI_H

#include "base/err.h"

struct ssh_uri {
	char *user;    /* NULL: not said */
	char *host;    /* without the brackets of an IPv6 address */
	unsigned port; /* 0: not said */
};

bool ssh_uri_is(const char *text);
/* Reads one, with the scheme or (as ProxyJump has it) without. ERR_USAGE says what is
 * wrong. *uri is zero-initialised by the caller, and released by it either way. */
int ssh_uri_parse(const char *text, struct ssh_uri *uri, struct err *e) MUST_CHECK;
void ssh_uri_release(struct ssh_uri *uri);

#endif
