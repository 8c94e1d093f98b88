/*
 * The store of blobs by digest, and the work trees that are linked from it. Everything
 * lies under one directory that must be ours alone: `.store` with the blobs, and one
 * directory per tree. No name from the host is followed through a symbolic link or out of
 * that directory.
 */
#ifndef XTEST_RUNNER_STAGE_H
#define XTEST_RUNNER_STAGE_H

#include "runner/runner.h"

/* Feature bits that this build of the store has. */
uint32_t stage_features(void);
/* Opens the directory, making it (0700) when it is not there. NULL with errno: EPERM when
 * it belongs to another user or others may write to it. */
struct stage *stage_open(const char *work);
void stage_close(struct stage *s);
/* Its absolute path; "" for NULL. */
const char *stage_work(const struct stage *s);
/* HAVE, BLOB, TREE, READ, CLEAN. 0, -ENOBUFS (not taken), -EPROTO (no such request),
 * -EBADMSG. */
int stage_request(
	struct runner *r, const struct wire_header *h, const uint8_t *body, size_t len);
/* A large blob is being decoded: no request is taken. */
bool stage_is_busy(const struct stage *s);
/* A process was reaped: true when it was the one that decoded. */
bool stage_reaped(struct stage *s, pid_t pid, int status);
/* Another host: what the one before had begun is given up. */
void stage_forget(struct stage *s);
/* Tells about a decoded blob. Sends more of a file that is being read, as far as the
 * journal has room. True while there is more to send. */
bool stage_pump(struct runner *r);
/* Removes all trees; the blobs stay. Nothing for NULL. */
void stage_clear(struct stage *s);
/* Removes the directory with everything in it. */
void stage_remove(struct stage *s);

#endif
