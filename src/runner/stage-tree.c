#include "runner/stage-private.h"

#include "runner/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

/* A list is read into memory. */
#define LIST_MAX (32 << 20)

/* A file of its own with the blob's bytes. */
static int copy_blob(
	int blob_fd, int dir_fd, const char *name, const struct wire_entry *e)
{
	struct timespec times[2] = {
		{.tv_nsec = UTIME_NOW}, {.tv_sec = (time_t)e->mtime_s}};
	int fd = openat(dir_fd, name,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600),
	    err = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = sendfile(fd, blob_fd, NULL, 1 << 20);
	while (n > 0);
	if (n < 0 || fchmod(fd, e->mode & 0777) < 0 || futimens(fd, times) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* Mode and time belong to the file, not to the name: a blob no tree has linked yet takes
 * those of its first entry, and another entry that wants different ones gets a copy. */
static int link_blob(struct stage *s, int blob_fd, int dir_fd, const char *name,
	const struct wire_entry *e)
{
	struct timespec times[2] = {
		{.tv_nsec = UTIME_NOW}, {.tv_sec = (time_t)e->mtime_s}};
	char hex[STAGE_HEX_SIZE];
	struct stat st;

	if (e->copy)
		return copy_blob(blob_fd, dir_fd, name, e);
	if (fstat(blob_fd, &st) < 0)
		return -errno;
	if (st.st_nlink == 1 &&
		(fchmod(blob_fd, e->mode & 0777) < 0 || futimens(blob_fd, times) < 0))
		return -errno;
	if (st.st_nlink > 1 && ((st.st_mode & 07777) != (e->mode & 0777) ||
				       (uint64_t)st.st_mtime != e->mtime_s))
		return copy_blob(blob_fd, dir_fd, name, e);
	stage_hex(e->digest.data, hex);
	if (linkat(s->store_fd, hex, dir_fd, name, 0) == 0)
		return 0;
	/* A file system without hard links, or too many of them. */
	return errno == EPERM || errno == EMLINK ? copy_blob(blob_fd, dir_fd, name, e)
						 : -errno;
}

static int make_file(
	struct stage *s, int dir_fd, const char *name, const struct wire_entry *e)
{
	int blob_fd, err;

	if (e->digest.len != WIRE_DIGEST_SIZE)
		return -EBADMSG;
	blob_fd = stage_open_blob(s, e->digest.data);
	if (blob_fd < 0)
		return -errno;
	unlinkat(dir_fd, name, 0);
	err = link_blob(s, blob_fd, dir_fd, name, e);
	close(blob_fd);
	return err;
}

/* We must be able to put files into it, whatever the tests may do there. */
static int make_directory(int dir_fd, const char *name, uint32_t mode)
{
	mode = (mode & 0777) | 0700;
	if (mkdirat(dir_fd, name, mode) == 0)
		return fchmodat(dir_fd, name, mode, 0) < 0 ? -errno : 0;
	return errno == EEXIST ? 0 : -errno;
}

static int make_entry(struct stage *s, int tree_fd, const struct wire_entry *e)
{
	const char *name;
	int dir_fd = path_open_parent(tree_fd, e->path, true, &name), err = 0;

	if (dir_fd < 0)
		return dir_fd;
	switch (e->kind) {
	case WIRE_ENTRY_FILE:
		err = make_file(s, dir_fd, name, e);
		break;
	case WIRE_ENTRY_DIRECTORY:
		err = make_directory(dir_fd, name, e->mode);
		break;
	case WIRE_ENTRY_SYMLINK:
		unlinkat(dir_fd, name, 0);
		err = symlinkat(e->target, dir_fd, name) < 0 ? -errno : 0;
		break;
	default:
		err = -EBADMSG;
	}
	close(dir_fd);
	return err;
}

static void tree_failed(struct stage *s, int err, const char *path)
{
	if (s->tree_err)
		return;
	s->tree_err = err;
	snprintf(s->tree_text, sizeof(s->tree_text), "%.180s: %s", path, strerror(-err));
}

static int open_tree_directory(struct stage *s, const char *name)
{
	int fd;

	if (!path_is_name(name))
		return -EINVAL;
	if (mkdirat(s->work_fd, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(s->work_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

bool stage_read_list(
	const struct stage *s, const uint8_t *digest, struct wire_bytes *list)
{
	int fd = stage_open_blob(s, digest);
	struct stat st = {0};
	uint8_t *data = NULL;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size <= LIST_MAX)
		data = malloc((size_t)st.st_size + 1);
	if (data && read(fd, data, (size_t)st.st_size) != st.st_size) {
		free(data);
		data = NULL;
	}
	if (fd >= 0)
		close(fd);
	*list = (struct wire_bytes){data, (uint32_t)st.st_size};
	return data;
}

static void make_entries(struct stage *s, int tree_fd, const struct wire_tree *t,
	const struct wire_bytes *entries)
{
	struct wire_entry e;
	size_t at = 0;
	int more, err;

	while ((more = msg_next_record(&msg_entry, entries, &at, &e)) > 0) {
		if (!e.mtime_s)
			e.mtime_s = t->mtime_s;
		err = make_entry(s, tree_fd, &e);
		if (err)
			tree_failed(s, err, e.path);
	}
	if (more < 0)
		tree_failed(s, more, t->name);
}

static void make_listed(struct stage *s, int tree_fd, const struct wire_tree *t)
{
	struct wire_bytes list;

	if (t->list.len != WIRE_DIGEST_SIZE || !stage_read_list(s, t->list.data, &list)) {
		tree_failed(s, -ENOENT, "the list of the tree");
		return;
	}
	make_entries(s, tree_fd, t, &list);
	free((void *)(uintptr_t)list.data);
}

int stage_take_tree(struct runner *r, uint32_t request, const struct wire_tree *t)
{
	struct stage *s = r->stage;
	char path[PATH_MAX + 256];
	struct wire_result result = {.path = path, .text = s->tree_text};
	int tree_fd = open_tree_directory(s, t->name), err;

	if (tree_fd < 0)
		tree_failed(s, tree_fd, t->name);
	else
		make_entries(s, tree_fd, t, &t->entries);
	if (tree_fd >= 0 && t->list.len)
		make_listed(s, tree_fd, t);
	runner_close(&tree_fd);
	if (!t->last)
		return 0;
	snprintf(path, sizeof(path), "%s/%.200s", s->work, t->name);
	result.error = (uint32_t)-s->tree_err;
	err = link_send(&r->link, WIRE_STAGED, request, &result);
	s->tree_err = 0;
	s->tree_text[0] = '\0';
	return err;
}
