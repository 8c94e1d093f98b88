/*
 * Digests of files, remembered by path, size, inode and times as git does for its index:
 * a file is read again only when it may have changed.
 */
#ifndef XTEST_BASE_STAMPS_H
#define XTEST_BASE_STAMPS_H

#include "base/err.h"
#include "base/json.h"

struct stamps;

/* Reads the file; a missing or damaged one is an empty memory. Never NULL. `path` NULL:
 * nothing is kept. */
struct stamps *stamps_open(const char *path);
/* SHA-256 of the file, in hexadecimal. Borrowed until stamps_close(); NULL when the file
 * cannot be read. */
const char *stamps_digest(struct stamps *s, const char *path, struct err *e);
/* Writes it back when something was read, without what was not asked for once there are
 * many, and frees. That it cannot be written is no error: the next run reads again. */
void stamps_close(struct stamps *s);

#endif
