/*
 * The records of earlier runs in STATE_DIR/runs: a directory for each run, named by its
 * id, with
 *
 *   events.jsonl     the events (docs/events.md), locked as long as the run lives
 *   cases            which cases it stood for (engine/rerun)
 *   outputs/DIGEST   outputs too long for the lines
 *   size             the bytes of all that, once the run has ended
 *
 * and `outputs/`, through which runs share equal outputs: each lies there under its
 * digest, too, and is a hard link. So a run is whole by itself, its removal needs no
 * count, and what has one name left is in no run any more.
 */
#ifndef XTEST_ENGINE_RUN_STORE_H
#define XTEST_ENGINE_RUN_STORE_H

#include "base/buf.h"
#include "base/hash.h"
#include "base/strv.h"

#include <stdint.h>

struct run_store_limits {
	int64_t max_runs, max_age_us, max_bytes; /* a run in progress is never removed */
};

/* The ids, the oldest first. No directory: none. */
int run_store_list(const char *state_dir, struct strv *ids, struct err *e) MUST_CHECK;
/* The id that is meant: "latest", "-2" or "~2" (the one before the latest), a whole id,
 * or the beginning of one. The caller's; ERR_SETUP when there is none, or more than one.
 */
char *run_store_find(const char *state_dir, const char *name, struct err *e);
/* Path of a run's directory, or of a file in it (`name` not NULL). The caller's. */
char *run_store_path(const char *state_dir, const char *id, const char *name);
/* The run that writes this record is still there. */
bool run_store_is_running(const char *state_dir, const char *id);
/* Locks a record that is being written, until `fd` is closed. A file system without locks
 * makes it look as if it had ended. */
void run_store_lock(int fd);

/* Keeps an output for a run under its digest. */
int run_store_put(const char *state_dir, const char *id, const char *data, size_t len,
	char digest[HASH_HEX_SIZE], struct err *e) MUST_CHECK;
/* Appends the output. -1: it is not there, or not what it was. */
int run_store_get(
	const char *state_dir, const char *id, const char *digest, struct buf *out);

/* Bytes of a run; of one that has ended, it is remembered. */
int64_t run_store_size(const char *state_dir, const char *id);
/* Removes the oldest runs until all limits hold, and what they left behind. The ids are
 * appended to `removed`; `dry`: nothing is removed. */
int run_store_prune(const char *state_dir, const struct run_store_limits *limits,
	bool dry, struct strv *removed, struct err *e) MUST_CHECK;

#endif
