#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int fs_read_file(const char *path, struct buf *out, struct err *e)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, errno, "open %s", path);
	for (;;) {
		char *at = buf_reserve(out, 65536);
		ssize_t n = read(fd, at, 65536);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "read %s", path);
		out->len += (size_t)n;
		out->data[out->len] = '\0';
		if (n == 0)
			return 0;
	}
}

int fs_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		/* Another program that shares the descriptor may have made it
		 * non-blocking. */
		if (n < 0 && errno == EAGAIN) {
			poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
			continue;
		}
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int fs_write_file(
	const char *path, const void *data, size_t len, mode_t mode, struct err *e)
{
	autofree char *temp = xasprintf("%s.XXXXXX", path);
	autoclose int fd = mkostemp(temp, O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, errno, "create a file beside %s", path);
	if (fs_write_all(fd, data, len) < 0 || fchmod(fd, mode) < 0 ||
		close(take_fd(fd)) < 0 || rename(temp, path) < 0) {
		int errnum = errno;

		unlink(temp);
		return err_sys(e, errnum, "write %s", path);
	}
	return 0;
}

int fs_write_if_changed(
	const char *path, const void *data, size_t len, mode_t mode, struct err *e)
{
	autorelease(buf) struct buf old = BUF_INIT;
	struct err ignored;

	if (fs_read_file(path, &old, &ignored) == 0 && old.len == len &&
		(!len || memcmp(old.data, data, len) == 0))
		return 0;
	return fs_write_file(path, data, len, mode, e);
}

int fs_mkdir_p(const char *path, struct err *e)
{
	autofree char *copy = xstrdup(path);

	for (char *p = copy + 1; *copy; p++) {
		char c = *p;
		int errnum;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		errnum = mkdir(copy, 0777) < 0 ? errno : 0;
		if (errnum && errnum != EEXIST && !fs_is_dir(copy))
			return err_sys(e, errnum, "make directory %s", path);
		*p = c;
		if (c == '\0')
			break;
	}
	if (!fs_is_dir(path))
		return err_sys(e, ENOTDIR, "make directory %s", path);
	return 0;
}

static int remove_entry(
	const char *path, const struct stat *st UNUSED, int type, struct FTW *ftw UNUSED)
{
	if (type == FTW_DNR && chmod(path, 0700) == 0)
		return nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

static int open_up(
	const char *path, const struct stat *st, int type, struct FTW *ftw UNUSED)
{
	if ((type == FTW_D || type == FTW_DNR) && (st->st_mode & 0700) != 0700)
		chmod(path, 0700);
	return 0;
}

int fs_remove_tree(const char *path, struct err *e)
{
	struct stat st;

	if (lstat(path, &st) < 0 && errno == ENOENT)
		return 0;
	if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0)
		return 0;
	/* A test may leave directories nobody may enter. */
	nftw(path, open_up, 16, FTW_PHYS | FTW_MOUNT);
	if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0)
		return err_sys(e, errno, "remove %s", path);
	return 0;
}

int fs_chown_tree(const char *path, uid_t uid, gid_t gid, struct err *e)
{
	autorelease(strv) struct strv names = STRV_INIT;
	struct stat st;

	if (lstat(path, &st) < 0)
		return err_sys(e, errno, "look at %s", path);
	if ((st.st_uid != uid || st.st_gid != gid) && lchown(path, uid, gid) < 0)
		return err_sys(e, errno, "give %s to another user", path);
	if (!S_ISDIR(st.st_mode))
		return 0;
	if (fs_list_dir(path, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.len; i++) {
		autofree char *entry = fs_join(path, names.v[i]);

		if (fs_chown_tree(entry, uid, gid, e) < 0)
			return -1;
	}
	return 0;
}

char *fs_temp_dir(const char *prefix, struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	autofree char *path =
		xasprintf("%s/%s.XXXXXX", tmp && *tmp ? tmp : "/tmp", prefix);

	if (!mkdtemp(path))
		return err_sys_null(e, errno, "make a temporary directory %s", path);
	return take_ptr(path);
}

int fs_copy_file(const char *from, const char *to, struct err *e)
{
	autoclose int in = open(from, O_RDONLY | O_CLOEXEC);
	autoclose int out = -1;
	struct stat st;
	ssize_t n;

	if (in < 0 || fstat(in, &st) < 0)
		return err_sys(e, errno, "open %s", from);
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, st.st_mode & 0777);
	if (out < 0)
		return err_sys(e, errno, "create %s", to);
	for (;;) {
		char block[65536];

		n = read(in, block, sizeof block);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (fs_write_all(out, block, (size_t)n) < 0)
			return err_sys(e, errno, "write %s", to);
	}
	if (n < 0)
		return err_sys(e, errno, "read %s", from);
	if (fchmod(out, st.st_mode & 07777) < 0 || close(take_fd(out)) < 0)
		return err_sys(e, errno, "write %s", to);
	return 0;
}

bool fs_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

bool fs_is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool fs_is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool fs_is_executable(const char *path)
{
	return fs_is_file(path) && access(path, X_OK) == 0;
}

int fs_list_dir(const char *path, struct strv *names, struct err *e)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir)
		return err_sys(e, errno, "open directory %s", path);
	while ((entry = readdir(dir)))
		if (!streq(entry->d_name, ".") && !streq(entry->d_name, ".."))
			strv_push(names, entry->d_name);
	closedir(dir);
	strv_sort(names);
	return 0;
}

char *fs_join(const char *dir, const char *name)
{
	if (name[0] == '/' || !*dir)
		return xstrdup(name);
	return xasprintf("%s%s%s", dir, ends_with(dir, "/") ? "" : "/", name);
}

char *fs_dirname(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

const char *fs_basename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

char *fs_normalize(const char *path, const char *base)
{
	autofree char *cwd = path[0] == '/' || base ? NULL : getcwd(NULL, 0);
	autofree char *full = path[0] == '/' ? xstrdup(path)
					     : xasprintf("/%s/%s",
						       base  ? base
						       : cwd ? cwd
							     : "",
						       path);
	char *end = full; /* of what is done, in place */

	for (const char *part = full; *part;) {
		size_t len;

		part += strspn(part, "/");
		len = strcspn(part, "/");
		if (len == 2 && part[0] == '.' && part[1] == '.') {
			while (end > full && *--end != '/')
				;
		} else if (len && !(len == 1 && part[0] == '.')) {
			/* Never ahead of `part`: there was a slash before it. */
			*end++ = '/';
			memmove(end, part, len);
			end += len;
		}
		part += len;
	}
	if (end == full)
		*end++ = '/';
	*end = '\0';
	return take_ptr(full);
}

char *fs_real_path(const char *path, struct err *e)
{
	char *real = realpath(path, NULL);

	return real ? real : err_sys_null(e, errno, "resolve %s", path);
}

const char *fs_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	while (len > 1 && dir[len - 1] == '/')
		len--;
	if (len == 1 && dir[0] == '/')
		return path[0] == '/' ? path + 1 : NULL;
	if (strncmp(path, dir, len) != 0)
		return NULL;
	if (path[len] == '\0')
		return path + len;
	return path[len] == '/' ? path + len + 1 : NULL;
}

bool fs_is_within(const char *path, const char *dir)
{
	return fs_below(path, dir) != NULL;
}

char *fs_find_program(const char *name, const char *path_env)
{
	autorelease(strv) struct strv dirs = STRV_INIT;

	if (strchr(name, '/'))
		return fs_is_executable(name) ? xstrdup(name) : NULL;
	if (!path_env)
		path_env = getenv("PATH");
	strv_split(&dirs, path_env ? path_env : "/usr/local/bin:/usr/bin:/bin", ":");
	for (size_t i = 0; i < dirs.len; i++) {
		autofree char *candidate = fs_join(dirs.v[i], name);

		if (fs_is_executable(candidate))
			return take_ptr(candidate);
	}
	return NULL;
}

char *fs_self_path(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path);

	return n > 0 && n < (ssize_t)sizeof path ? xstrndup(path, (size_t)n)
						 : xstrdup("xtest");
}
