#include "runner/remove.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 256

static int remove_at(int dir_fd, const char *name, int depth);

static int empty_directory(int fd, int depth)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	int first = 0, err;

	if (!dir) {
		err = -errno;
		close(fd);
		return err;
	}
	while ((entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		err = remove_at(dirfd(dir), entry->d_name, depth + 1);
		first = first ? first : err;
	}
	closedir(dir);
	return first;
}

static int open_directory(int dir_fd, const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dir_fd, name, flags);
	int path_fd;

	if (fd >= 0 || errno != EACCES)
		return fd;
	/* The path descriptor makes sure that it is a directory whose mode is changed,
	 * not the aim of a link. */
	path_fd = openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (path_fd < 0)
		return -1;
	if (fchmodat(dir_fd, name, 0700, 0) == 0)
		fd = openat(dir_fd, name, flags);
	close(path_fd);
	return fd;
}

static int remove_at(int dir_fd, const char *name, int depth)
{
	int err = 0, fd;

	if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM && errno != EACCES)
		return -errno;
	/* Most are empty. */
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) == 0)
		return 0;
	if (depth > DEPTH_MAX)
		return -ELOOP;
	fd = open_directory(dir_fd, name);
	if (fd < 0)
		return -errno;
	/* Without write permission its entries cannot go. */
	fchmod(fd, 0700);
	err = empty_directory(fd, depth);
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && !err)
		err = -errno;
	return err;
}

int remove_tree(const char *path)
{
	return remove_at(AT_FDCWD, path, 0);
}
