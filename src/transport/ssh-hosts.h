/*
 * Which key a host is known by: OpenSSH's known_hosts files (sshd(8), "SSH_KNOWN_HOSTS
 * FILE FORMAT"), with hashed names and marked lines. Knows no connection.
 */
#ifndef XTEST_TRANSPORT_SSH_HOSTS_H
#define XTEST_TRANSPORT_SSH_HOSTS_H

#include "base/err.h"
#include "base/strv.h"

struct ssh_host_key {
	const char *type;   /* "ssh-ed25519" */
	const char *base64; /* the key as these files have it */
};

enum ssh_trust {
	SSH_TRUST_KNOWN,
	SSH_TRUST_NEW,     /* nobody has said anything of the host */
	SSH_TRUST_CHANGED, /* it is known by another key, of this or another kind */
	SSH_TRUST_REVOKED, /* this key is not to be trusted */
};

/* What the files say of a host at a port. `where` is set to "FILE:LINE" of the line that
 * decided (the caller's string; NULL for NEW). Files that do not exist say nothing;
 * ERR_SETUP when one cannot be read. */
int ssh_hosts_judge(const struct strv *files, const char *host, unsigned port,
	const struct ssh_host_key *key, enum ssh_trust *trust, char **where,
	struct err *e) MUST_CHECK;
/* The types of the keys it is known by, so that one of them is asked for. */
int ssh_hosts_types(const struct strv *files, const char *host, unsigned port,
	struct strv *types, struct err *e) MUST_CHECK;
/* Notes the key down at the end of the file, which is made when it is missing. */
int ssh_hosts_add(const char *file, const char *host, unsigned port,
	const struct ssh_host_key *key, struct err *e) MUST_CHECK;
/* The name the files have: "host", or "[host]:port" beside port 22. The caller's. */
char *ssh_hosts_name(const char *host, unsigned port);

#endif
