/*
 * The memory of the journal: the state of the link and every message the host has not
 * acknowledged. In a file it outlives the process, so that a runner started again after a
 * crash or a reboot knows what it had not delivered.
 */
#ifndef XTEST_RUNNER_JOURNAL_H
#define XTEST_RUNNER_JOURNAL_H

#include "wire/link.h"

/* What lies at the start of the memory. */
struct journal {
	uint32_t magic, version;
	uint64_t session;
	struct link link;
};

/* Maps the journal: anonymous memory when `path` is NULL, else the file, made when it is
 * not there (0600, never through a symbolic link). *known tells whether it held a
 * session. NULL with errno set. */
struct journal *journal_open(const char *path, bool *known);
void journal_close(struct journal *j);
/* Forgets everything and starts `session`. */
void journal_start(struct journal *j, uint64_t session);

#endif
