/*
 * What ~/.ssh/config says of a host: the part of ssh_config(5) that reaching a board
 * needs. Read here and not by libssh, because that cannot tell what it found: ProxyJump
 * becomes a command of the shell there, and StrictHostKeyChecking is not to be asked.
 * What decides whether a host is trusted is either understood or refused, never passed
 * over.
 */
#ifndef XTEST_TRANSPORT_SSH_CONFIG_H
#define XTEST_TRANSPORT_SSH_CONFIG_H

#include "base/err.h"
#include "base/strv.h"
#include "transport/ssh-uri.h"

enum ssh_strict {
	SSH_STRICT_UNSET,
	SSH_STRICT_YES,        /* only hosts that are known ("yes", "ask") */
	SSH_STRICT_ACCEPT_NEW, /* one nobody knows is noted down */
};

struct ssh_settings {
	char *alias; /* as it was asked for */
	char *host,
		*user; /* where to, and as whom; never NULL after ssh_config_resolve() */
	unsigned port;
	char *key_alias;        /* HostKeyAlias; NULL: the host */
	struct strv identities; /* files, expanded; as they were said */
	bool identities_only;
	char *agent; /* IdentityAgent: a socket; "none"; NULL: $SSH_AUTH_SOCK */
	struct strv known_hosts; /* files, expanded; the first is the one written to */
	struct strv global_known_hosts; /* read only */
	enum ssh_strict strict;
	char *jump;    /* ProxyJump: "[user@]host[:port],…"; NULL: none */
	char *command; /* ProxyCommand, tokens expanded; NULL: none */
	int64_t connect_timeout_ms, alive_interval_ms; /* 0: not said */
	unsigned alive_count;
	char *kex, *host_key_algorithms, *ciphers, *macs; /* NULL: the library's own */
};

/* Where to look and who asks; NULL members are found out. For tests. */
struct ssh_surroundings {
	const char *home, *user; /* of the password file */
	const char *system_file; /* /etc/ssh/ssh_config */
};

/* `file`: --ssh-config, in the stead of both usual files ("none": no file at all); NULL:
 * $XTEST_SSH_CONFIG, else the usual ones. What the uri says goes before what the file
 * says. ERR_SETUP with file and line. *s is zero-initialised by the caller, and released
 * by it either way. */
int ssh_config_resolve(const struct ssh_uri *uri, const char *file,
	const struct ssh_surroundings *where, struct ssh_settings *s,
	struct err *e) MUST_CHECK;
void ssh_settings_release(struct ssh_settings *s);

#endif
