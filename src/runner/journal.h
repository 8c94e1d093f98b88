/*
 * What a board writes to its disk: the ends of the jobs of one session that the host has
 * not acknowledged yet, so that the runner after this one can tell them. A file of frames
 * (wire.h): a HELLO with the session, then one EXITED per job; what a crash has torn does
 * not check, and is not there. It never holds output, and stays small: what is
 * acknowledged leaves it.
 */
#ifndef XTEST_RUNNER_JOURNAL_H
#define XTEST_RUNNER_JOURNAL_H

#include "wire/link.h"

#include <sys/types.h>

struct journal {
	int fd;            /* -1: nothing is kept */
	off_t head, end;   /* of its first frame, of the last */
	off_t tidied;      /* where it ended when it was last made small */
	off_t safe;        /* so far it is on the disk */
	int64_t unsafe_ms; /* since when the rest is not; 0: all is */
	uint64_t session;  /* 0: of none */
	uint32_t last;     /* sequence of the last end in it */
	uint32_t recalled; /* of the last RECALLED that was sent; 0: none */
};

/* Opens the file (made when it is not there, never through a link). A journal without a
 * file keeps nothing and does no harm. */
void journal_open(struct journal *j, const char *path);
void journal_close(struct journal *j);
/* Whether what is in it is of that session. */
bool journal_is_of(const struct journal *j, uint64_t session);
/* Forgets what is in it; from now on it is of that session (0: of none). */
void journal_begin(struct journal *j, uint64_t session);
/* A job has ended: its EXITED, just sent, has that sequence. */
void journal_add(struct journal *j, uint32_t sequence, uint32_t job,
	const struct wire_exited *exited);
/* Tells the host, which has seen up to `last_seen` of what the runner before sent, all
 * ends that it may not know, and goes on as the journal of the same session. */
void journal_recall(struct journal *j, struct link *link, uint32_t last_seen);
/* Lets go what is acknowledged, and sees to it that what is not reaches the disk.
 * Milliseconds until it wants to be called again, -1 = never. */
int64_t journal_tick(struct journal *j, const struct link *link, int64_t now_ms);

#endif
