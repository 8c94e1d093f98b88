/*
 * Digests of files, remembered by path, size, inode and times as git does for its index:
 * a file is read again only when it may have changed.
 */
#ifndef XTEST_BASE_STAMPS_H
#define XTEST_BASE_STAMPS_H

#include "base/err.h"
#include "base/json.h"

struct stamps;

/* Reads a file into 64 hexadecimal digits: hash_file() or hash_file_quick(). */
typedef int stamps_hash(const char *path, char *hex, struct err *e);

/* Empty, and kept nowhere. Never NULL. */
struct stamps *stamps_new(stamps_hash *hash);
void stamps_free(struct stamps *s);
/* Digest of the file, in hexadecimal. Borrowed until the stamps are freed; NULL when the
 * file cannot be read. */
const char *stamps_digest(struct stamps *s, const char *path, struct err *e);
/* Something was read since the stamps were made or read in. */
bool stamps_changed(const struct stamps *s);
/* As an object of somebody's JSON. What does not look like it is passed over. */
void stamps_read(struct stamps *s, const struct json *object);
void stamps_write(
	const struct stamps *s, struct jsonw *w, const char *key, bool drop_unused);

/* Of SHA-256, with a file of their own; a missing or damaged one is an empty memory.
 * Never NULL. */
struct stamps *stamps_open(const char *path);
/* Writes the file when something has changed, without what was not asked for once there
 * are many, and frees. That it cannot be written is no error: the next run reads again.
 */
void stamps_close(struct stamps *s, const char *path);

#endif
