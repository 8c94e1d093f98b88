/*
 * What is asked of a board before anything is sent there, and what its answer means. The
 * board has a POSIX shell and nothing else that could be relied on; its answer is not
 * trusted. Knows no connection.
 */
#ifndef XTEST_TRANSPORT_SSH_BOARD_H
#define XTEST_TRANSPORT_SSH_BOARD_H

#include "base/buf.h"
#include "base/err.h"

struct target;

/* Why a directory is or is not one to work in. */
enum ssh_dir_state {
	SSH_DIR_GOOD,
	SSH_DIR_MISSING, /* its parent is not there, or it could not be made */
	SSH_DIR_LINK,    /* somebody has put a link there */
	SSH_DIR_OWNER,   /* somebody else's */
	SSH_DIR_OPEN,    /* ours, and others may enter it */
	SSH_DIR_NOEXEC,  /* nothing can be run there */
	SSH_DIR_FULL,
	SSH_DIR_ODD, /* its name has characters a shell would not leave alone */
	SSH_DIR_N_STATES,
};

enum { SSH_DIRS_MAX = 4, SSH_NONCE_SIZE = 17 };

struct ssh_dir {
	enum ssh_dir_state state;
	uint64_t free_kib, used_kib; /* used: what we have there already */
	char *path;                  /* owned: the directory that is ours */
};

struct ssh_board {
	char *machine; /* uname -m; owned */
	struct ssh_dir dirs[SSH_DIRS_MAX];
	size_t n_dirs;
	uint64_t runner_bytes;  /* of the runner that is there; 0: none */
	char runner_digest[65]; /* "" when the board cannot tell */
	bool gunzip;            /* it has that */
};
void ssh_board_release(struct ssh_board *b);

/* What is to be there. */
struct ssh_board_need {
	const char *nonce;  /* hexadecimal: marks the lines that are the answer */
	const char *runner; /* file name of the runner, without slashes */
	uint64_t need_kib;
};

/* The question: a script for `sh -s`. */
void ssh_board_script(const struct ssh_board_need *need, struct buf *script);
/* Reads the answer; what else a login says is passed over. ERR_INFRA when it is none, or
 * not one the script can have given. *b is zero-initialised by the caller, and released
 * by it either way. */
int ssh_board_parse(const char *text, size_t len, const char *nonce, struct ssh_board *b,
	struct err *e) MUST_CHECK;
/* The directory to work in. NULL: there is none (ERR_INFRA, with what is wrong with each
 * and the figures). Borrowed. */
const struct ssh_dir *ssh_board_choose(
	const struct ssh_board *b, uint64_t need_kib, struct err *e);
/* ERR_INFRA when the board cannot run the target's programs. */
int ssh_board_check_machine(
	const struct ssh_board *b, const struct target *target, struct err *e) MUST_CHECK;

/* A script that puts an uploaded file in its place: checks size and digest, makes it
 * executable, removes runners of other builds. Says "NONCE good", or "NONCE bad WHY". */
void ssh_board_install_script(const struct ssh_board_need *need, const char *dir,
	const char *upload, uint64_t bytes, const char *digest, struct buf *script);
/* 0 when it says good, else what it says. */
int ssh_board_installed(
	const char *text, size_t len, const char *nonce, struct err *e) MUST_CHECK;

/* What `runner --board` says of the lock. */
enum ssh_lock {
	SSH_LOCK_OURS,
	SSH_LOCK_HELD, /* *owner and *seconds tell by whom and how long */
};

/* -1 (ERR_INFRA): it says that it cannot, or nothing that is understood. *owner is the
 * caller's. */
int ssh_board_read_lock(const char *text, size_t len, enum ssh_lock *lock, char **owner,
	uint64_t *seconds, struct err *e) MUST_CHECK;

#endif
