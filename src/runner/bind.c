#include "runner/bind.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 4
#endif
/* Tells our own covers from everything else, whatever lies between. */
#define COVER_MARK ".xtest-cover"

static int clone_mount(int dir_fd, const char *path)
{
	return (int)syscall(SYS_open_tree, dir_fd, path,
		OPEN_TREE_CLONE | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW | O_CLOEXEC);
}

static int attach(int tree_fd, int dir_fd, const char *path)
{
	if (syscall(SYS_move_mount, tree_fd, "", dir_fd, path, MOVE_MOUNT_F_EMPTY_PATH) <
		0)
		return -errno;
	return 0;
}

/* An empty file or directory to mount on. */
static int make_point(int dir_fd, const char *name, bool directory)
{
	int fd;

	if (directory)
		return mkdirat(dir_fd, name, 0755) < 0 && errno != EEXIST ? -errno : 0;
	fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	close(fd);
	return 0;
}

/* Shows one entry of the covered directory in the cover. An entry that went away
 * meanwhile is none. */
static int show_entry(int old_fd, int new_fd, const char *name, int ready_fd)
{
	char aim[PATH_MAX];
	struct stat st;
	ssize_t len;
	int tree_fd, err;

	if (fstatat(old_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (S_ISLNK(st.st_mode)) {
		len = readlinkat(old_fd, name, aim, sizeof(aim) - 1);
		if (len < 0)
			return 0;
		aim[len] = '\0';
		return symlinkat(aim, new_fd, name) < 0 ? -errno : 0;
	}
	tree_fd = ready_fd >= 0 ? fcntl(ready_fd, F_DUPFD_CLOEXEC, 3)
				: clone_mount(old_fd, name);
	if (tree_fd < 0)
		return errno == ENOENT ? 0 : -errno;
	err = make_point(new_fd, name, S_ISDIR(st.st_mode));
	if (!err)
		err = attach(tree_fd, new_fd, name);
	close(tree_fd);
	return err;
}

/* `point`, if not NULL, is the entry the cover itself is mounted on for now; point_fd is
 * what lies below. */
static int show_entries(int old_fd, int new_fd, const char *point, int point_fd)
{
	int list_fd = openat(old_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
	DIR *dir = list_fd < 0 ? NULL : fdopendir(list_fd);
	struct dirent *e;

	if (!dir)
		return -errno;
	while (!err && (e = readdir(dir))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		err = show_entry(old_fd, new_fd, e->d_name,
			point && strcmp(point, e->d_name) == 0 ? point_fd : -1);
	}
	closedir(dir);
	return err;
}

static int mount_cover(const char *where, const struct stat *like, int *fd)
{
	char options[32];
	int mark;

	snprintf(
		options, sizeof(options), "mode=%o", (unsigned int)like->st_mode & 07777);
	if (mount("xtest", where, "tmpfs", MS_NODEV | MS_NOSUID, options) < 0)
		return -errno;
	*fd = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0)
		return -errno;
	mark = openat(*fd, COVER_MARK, O_WRONLY | O_CREAT | O_CLOEXEC, 0);
	if (mark < 0)
		return -errno;
	close(mark);
	return 0;
}

static int cover_directory(const char *path)
{
	int old_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), new_fd = -1, err;
	struct stat st;

	if (old_fd < 0)
		return -errno;
	err = fstat(old_fd, &st) < 0 ? -errno : mount_cover(path, &st, &new_fd);
	if (!err)
		err = show_entries(old_fd, new_fd, NULL, -1);
	if (new_fd >= 0)
		close(new_fd);
	close(old_fd);
	return err;
}

/* The root cannot be covered: a new one is built on /tmp and becomes the root. */
static int cover_root(void)
{
	int old_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int point_fd = clone_mount(AT_FDCWD, "/tmp"), new_fd = -1, err;
	struct stat st;

	if (old_fd < 0 || point_fd < 0) {
		err = -errno;
		goto out;
	}
	err = fstat(old_fd, &st) < 0 ? -errno : mount_cover("/tmp", &st, &new_fd);
	if (!err)
		err = show_entries(old_fd, new_fd, "tmp", point_fd);
	if (!err && (fchdir(new_fd) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
			    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0))
		err = -errno;
out:
	if (new_fd >= 0)
		close(new_fd);
	if (point_fd >= 0)
		close(point_fd);
	if (old_fd >= 0)
		close(old_fd);
	return err;
}

static bool is_cover(const char *path)
{
	char mark[PATH_MAX + sizeof(COVER_MARK) + 1];
	struct statfs fs;

	snprintf(mark, sizeof(mark), "%s/%s", path, COVER_MARK);
	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == 0x01021994ul &&
	       access(mark, F_OK) == 0;
}

/* Cuts `path` down to its deepest part that exists as a directory. Returns its length. */
static size_t existing_part(char *path)
{
	struct stat st;
	char *slash;

	while ((slash = strrchr(path, '/')) && slash > path) {
		*slash = '\0';
		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			return strlen(path);
	}
	path[0] = '/';
	path[1] = '\0';
	return 1;
}

/* Makes the directories of `path` after its first `from` bytes, but not the last
 * component. */
static int make_parents(char *path, size_t from)
{
	for (char *p = path + from; (p = strchr(p + 1, '/'));) {
		int err;

		*p = '\0';
		err = make_point(AT_FDCWD, path, true);
		*p = '/';
		if (err)
			return err;
	}
	return 0;
}

/* Whether the directory lies in a cover: then what is made there stays private. */
static bool is_private(const char *directory)
{
	char part[PATH_MAX];
	struct statfs fs;

	snprintf(part, sizeof(part), "%s", directory);
	for (;;) {
		if (statfs(part, &fs) < 0 || (unsigned long)fs.f_type != 0x01021994ul)
			return false;
		if (is_cover(part))
			return true;
		if (strcmp(part, "/") == 0)
			return false;
		existing_part(part);
	}
}

static int make_target(const char *target, bool directory, bool all_private)
{
	char part[PATH_MAX], path[PATH_MAX];
	struct stat st;
	size_t from;
	int err = 0;

	if (stat(target, &st) == 0)
		return S_ISDIR(st.st_mode) == directory ? 0
		       : directory                      ? -ENOTDIR
							: -EISDIR;
	if (strlen(target) >= sizeof(path))
		return -ENAMETOOLONG;
	memcpy(path, target, strlen(target) + 1);
	memcpy(part, target, strlen(target) + 1);
	from = existing_part(part);
	if (!all_private && !is_private(part))
		err = strcmp(part, "/") == 0 ? cover_root() : cover_directory(part);
	if (!err)
		err = make_parents(path, from == 1 ? 0 : from);
	return err ? err : make_point(AT_FDCWD, path, directory);
}

int bind_at(const char *source, const char *target, bool all_private)
{
	struct stat st;
	int tree_fd, err;

	if (source[0] != '/' || target[0] != '/')
		return -EINVAL;
	if (stat(source, &st) < 0)
		return -errno;
	tree_fd = clone_mount(AT_FDCWD, source);
	if (tree_fd < 0)
		return -errno;
	err = make_target(target, S_ISDIR(st.st_mode), all_private);
	if (!err)
		err = attach(tree_fd, AT_FDCWD, target);
	close(tree_fd);
	return err;
}
