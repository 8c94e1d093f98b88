/*
 * Files and paths. Every descriptor is opened close-on-exec; every file that matters is
 * written to a temporary name beside its place and renamed, so that nobody ever sees half
 * of it.
 */
#ifndef XTEST_BASE_FS_H
#define XTEST_BASE_FS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"

#include <sys/types.h>

/* Appends the content of a file. */
int fs_read_file(const char *path, struct buf *out, struct err *e) MUST_CHECK;
/* Replaces the file as a whole, or leaves the old one untouched. */
int fs_write_file(const char *path, const void *data, size_t len, mode_t mode,
	struct err *e) MUST_CHECK;
/* Like fs_write_file(), but does nothing (and keeps the time stamp) when the content is
 * the same already. */
int fs_write_if_changed(const char *path, const void *data, size_t len, mode_t mode,
	struct err *e) MUST_CHECK;
/* Writes all bytes to a descriptor. Returns 0 or -1 with errno. */
int fs_write_all(int fd, const void *data, size_t len);

/* mkdir -p */
int fs_mkdir_p(const char *path, struct err *e) MUST_CHECK;
/* rm -rf, never following a link; a missing path is no error. */
int fs_remove_tree(const char *path, struct err *e) MUST_CHECK;
/* chown -R, never following a link. */
int fs_chown_tree(const char *path, uid_t uid, gid_t gid, struct err *e) MUST_CHECK;
/* A fresh private directory under $TMPDIR or /tmp; the caller's string, and the caller
 * removes the tree. */
char *fs_temp_dir(const char *prefix, struct err *e);
/* Copies a regular file with its permission bits. */
int fs_copy_file(const char *from, const char *to, struct err *e) MUST_CHECK;

bool fs_exists(const char *path);
bool fs_is_dir(const char *path);
bool fs_is_file(const char *path);
bool fs_is_executable(const char *path); /* a regular file this process may execute */

/* Names in a directory without "." and "..", sorted. A missing directory is an error. */
int fs_list_dir(const char *path, struct strv *names, struct err *e) MUST_CHECK;

/* Paths as text; all results are the caller's. */
char *fs_join(const char *dir, const char *name); /* `name` alone when it is absolute */
char *fs_dirname(const char *path);
const char *fs_basename(const char *path); /* borrowed: points into `path` */
/* Absolute, without ".", ".." and double slashes, links not resolved. Relative to `base`
 * (NULL: working directory). */
char *fs_normalize(const char *path, const char *base);
/* realpath(3); NULL with an error when the path does not exist. */
char *fs_real_path(const char *path, struct err *e);
/* True when the normalized absolute `path` is `dir` or below it. */
bool fs_is_within(const char *path, const char *dir);
/* The part of `path` below `dir` ("" for dir itself), or NULL when it is not within.
 * Borrowed from `path`. */
const char *fs_below(const char *path, const char *dir);

/* Looks a program up as execvp() would, in `path_env` (NULL: $PATH). A name with a slash
 * is checked as it is. The caller's; NULL when there is none. */
char *fs_find_program(const char *name, const char *path_env);
/* Absolute path of the running program (/proc/self/exe). The caller's. */
char *fs_self_path(void);

#endif
