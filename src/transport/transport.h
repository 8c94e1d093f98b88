/*
 * A transport reaches a runner: it starts or finds one and gives two descriptors to talk
 * over. It moves bytes and knows no message. One file and one line in transport.c's table
 * make a new one.
 */
#ifndef XTEST_TRANSPORT_TRANSPORT_H
#define XTEST_TRANSPORT_TRANSPORT_H

#include "base/err.h"
#include "base/strv.h"

#include <sys/types.h>

struct target;
struct toolchain;

/* Where to, as the user or the configuration said it. */
struct place_config {
	const char *uri; /* "local", "user", "system", "ssh://…", or a board's name */
	const struct target *target;
	const struct toolchain *toolchain;
	const char *runner_path; /* the runner program for the machine the place is */
};

/* An open way to a runner. */
struct link {
	int in_fd, out_fd; /* owned; the same number when one descriptor carries both
			      ways; non-blocking */
	pid_t pid; /* of a local process that is the runner or carries the bytes; 0 when
		      there is none */
	char *detail; /* "qemu-aarch64 7.2.22": for the report; owned */
	void *state;  /* the transport's own */
};

struct transport {
	const char *name; /* "local", "user", "system", "ssh" */
	const char *help;
	/* True when `uri` is its kind of place. */
	bool (*claims)(const char *uri);
	int (*open)(const struct place_config *config, struct link *link, struct err *e);
	/* Ends what open() began, kindly first; nothing of it outlives the call. Says in
	 * *why (the caller's string, may stay NULL) how the far side ended when that was
	 * not by itself. */
	void (*close)(struct link *link, char **why);
};

extern const struct transport transport_local, transport_user;
extern const struct transport *const transport_table[];
const struct transport *transport_find(const char *uri);

#endif
