#include "runner/tmpdir.h"

#include "runner/remove.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "/xtest-job-"

static int make_named(const char *path, char **out)
{
	char *copy = strdup(path);
	int err;

	if (!copy)
		return -ENOMEM;
	if (mkdir(copy, 0700) == 0) {
		*out = copy;
		return 0;
	}
	err = -errno;
	free(copy);
	return err;
}

static int make_own(char **out)
{
	const char *base = getenv("TMPDIR");
	char *path;
	int err;

	if (asprintf(&path, "%s" NAME "XXXXXX", base && base[0] == '/' ? base : "/tmp") <
		0)
		return -ENOMEM;
	if (mkdtemp(path)) {
		*out = path;
		return 0;
	}
	err = -errno;
	free(path);
	return err;
}

int tmpdir_take(struct tmpdirs *t, const char *path, char **out)
{
	if (path[0])
		return make_named(path, out);
	while (t->count) {
		*out = t->spare[--t->count];
		/* A cleaner of old files may have taken it meanwhile. */
		if (access(*out, W_OK | X_OK) == 0)
			return 0;
		free(*out);
	}
	return make_own(out);
}

static bool is_empty(int fd)
{
	DIR *dir = fdopendir(fd);
	struct dirent *e;
	int entries = 0;

	if (!dir) {
		close(fd);
		return false;
	}
	while (entries <= 2 && (e = readdir(dir)))
		entries++;
	closedir(dir);
	return entries == 2;
}

/* As good as new: empty, ours, and for nobody else. */
static bool is_new(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid() || st.st_gid != getegid() ||
		(st.st_mode & 07777) != 0700) {
		close(fd);
		return false;
	}
	return is_empty(fd);
}

static bool is_own_choice(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && strncmp(slash, NAME, strlen(NAME)) == 0;
}

void tmpdir_put(struct tmpdirs *t, char *path)
{
	if (!path)
		return;
	if (t->count < TMPDIR_SPARE_MAX && is_own_choice(path) && is_new(path)) {
		t->spare[t->count++] = path;
		return;
	}
	remove_tree(path);
	free(path);
}

void tmpdir_release(struct tmpdirs *t)
{
	while (t->count) {
		char *path = t->spare[--t->count];

		remove_tree(path);
		free(path);
	}
}
