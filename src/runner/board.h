/*
 * The runner on a board: it is started once for a run, detaches from who started it, and
 * outlives every connection; `--attach` carries one to its socket. It is the lock of its
 * directory, too: as long as it lives, nobody else's starts there, and it lives no longer
 * than its host is heard of once in the time of its lease.
 */
#ifndef XTEST_RUNNER_BOARD_H
#define XTEST_RUNNER_BOARD_H

#include "runner/journal.h"
#include "runner/runner.h"

/* Exit status of `--board` and `--end` when somebody else has the board (EX_TEMPFAIL). */
#define BOARD_HELD 75

/* Names in the directory. The blobs and trees are in the last one. */
#define BOARD_LOCK "lock"
#define BOARD_SOCKET "socket"
#define BOARD_JOURNAL "journal"
#define BOARD_WORK "work"

struct board {
	int listen_fd;
	uint32_t lease_ms;
	struct journal journal;
};

/* ---- the programs; each returns its exit status, and says one line on stdout */

/* --board DIR --owner TEXT --lease SECONDS: makes the directory (0700; refused when it is
 * a link or somebody else's) and starts a runner there: "ready PID" and 0, also when a
 * runner of the same owner lives there. "held SECONDS OWNER" and BOARD_HELD when it is
 * another's. */
int board_main(const char *dir, const char *owner, const char *lease_s);
/* --end DIR OWNER: ends that owner's runner and its jobs, if it lives: "ended". */
int board_end_main(const char *dir, const char *owner);
/* --attach DIR: carries bytes between stdin and stdout and the runner there until either
 * side ends. */
int board_attach_main(const char *dir);
/* --digest FILE...: lines as sha256sum writes them. */
int board_digest_main(char **files);

/* Opens the directory and goes into it. 0, or a negative errno: -EPERM when it is not
 * ours alone. With `make` it is made when it is not there. */
int board_enter(const char *dir, bool make);

/* ---- for serve(); without a board they do nothing */

/* To be polled for a new connection; -1: none. */
int board_listen_fd(const struct runner *r);
/* Somebody connects: takes the place of who was there, unless it is another user. */
void board_accept(struct runner *r);
/* The connection has ended. */
void board_detach(struct runner *r);
/* The connection has said HELLO: from now on it is answered. */
void board_hear(struct runner *r);
/* A job's end was sent. */
void board_keep(struct runner *r, uint32_t job, const struct wire_exited *exited);
/* Milliseconds until it wants to be called again, -1 = never. */
int64_t board_tick(struct runner *r);

#endif
