#include "runner/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool path_is_name(const char *name)
{
	return name[0] && name[0] != '.' && !strchr(name, '/') &&
	       strlen(name) <= NAME_MAX;
}

static bool is_component(const char *s, size_t len)
{
	return len && len <= NAME_MAX && !(len == 1 && s[0] == '.') &&
	       !(len == 2 && s[0] == '.' && s[1] == '.');
}

static int open_step(int dir_fd, const char *name, bool make)
{
	int fd;

	if (make && mkdirat(dir_fd, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int path_open_parent(int dir_fd, const char *path, bool make, const char **name)
{
	char component[NAME_MAX + 1];
	int fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 3), next;

	if (fd < 0)
		return -errno;
	for (;;) {
		size_t len = strcspn(path, "/");

		if (!is_component(path, len)) {
			close(fd);
			return -EINVAL;
		}
		if (!path[len]) {
			*name = path;
			return fd;
		}
		memcpy(component, path, len);
		component[len] = '\0';
		next = open_step(fd, component, make);
		close(fd);
		if (next < 0)
			return next;
		fd = next;
		path += len + 1;
	}
}
