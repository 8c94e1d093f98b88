#include "base/fs.h"
#include "engine/archive-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct archive_place {
	char *dest;
	char *parent; /* name of the directory parent_fd is open on; NULL: none */
	int dest_fd, parent_fd;
	bool made;  /* by archive_place_open() */
	bool fresh; /* it was empty: what is in it is ours */
	bool overwrite;
};

struct archive_place *archive_place_open(const char *dest, bool overwrite, struct err *e)
{
	struct archive_place *p = xcalloc(1, sizeof *p);
	autorelease(strv) struct strv there = STRV_INIT;

	p->dest = fs_normalize(dest, NULL);
	p->dest_fd = p->parent_fd = -1;
	p->overwrite = overwrite;
	p->made = !fs_exists(dest);
	if (fs_mkdir_p(dest, e) < 0)
		goto fail;
	p->dest_fd = open(dest, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->dest_fd < 0) {
		err_sys(e, errno, "open %s", dest);
		goto fail;
	}
	if (fs_list_dir(dest, &there, e) < 0)
		goto fail;
	p->fresh = there.len == 0;
	if (!p->fresh && !overwrite) {
		err_set(e, ERR_SETUP,
			"%s is not empty; give an empty or new directory, or "
			"--extract-overwrite",
			dest);
		goto fail;
	}
	return p;
fail:
	archive_place_close(p);
	return NULL;
}

void archive_place_close(struct archive_place *p)
{
	if (!p)
		return;
	if (p->parent_fd >= 0)
		close(p->parent_fd);
	if (p->dest_fd >= 0)
		close(p->dest_fd);
	free(p->parent);
	free(p->dest);
	free(p);
}

/* Opens the directory `name` in `at`, and makes it. A link is no directory. */
static int enter(int at, const char *name)
{
	int fd, flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

	fd = openat(at, name, flags);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	if (mkdirat(at, name, 0755) < 0 && errno != EEXIST)
		return -1;
	return openat(at, name, flags);
}

/* p->parent_fd becomes the directory `path` below dest. Names were checked: no "..", no
 * empty component. Each step is one component from an open directory, so that nothing
 * that happens to the tree meanwhile can lead outside. */
static int open_parent(struct archive_place *p, const char *path)
{
	autofree char *copy = xstrdup(path);
	autoclose int fd = -1;
	char *rest = copy, *name;

	if (p->parent && streq(p->parent, path))
		return 0;
	fd = fcntl(p->dest_fd, F_DUPFD_CLOEXEC, 0);
	while (fd >= 0 && (name = strsep(&rest, "/"))) {
		int next = enter(fd, name);

		close(fd);
		fd = next;
	}
	if (fd < 0)
		return -1;
	if (p->parent_fd >= 0)
		close(p->parent_fd);
	p->parent_fd = take_fd(fd);
	free(p->parent);
	p->parent = xstrdup(path);
	return 0;
}

/* Makes way for something that is no directory. */
static int clear_name(struct archive_place *p, const char *name)
{
	if (!p->overwrite || unlinkat(p->parent_fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	return -1;
}

static int place_file(
	struct archive_place *p, const struct archive_item *item, const char *name)
{
	int fd = openat(p->parent_fd, name,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	/* The mode is the manifest's whatever the umask. */
	if (fd >= 0 && fchmod(fd, item->mode) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int archive_place_item(
	struct archive_place *p, const struct archive_item *item, int *fd, struct err *e)
{
	autofree char *parent = fs_dirname(item->name);
	const char *name = fs_basename(item->name);
	autoclose int made = -1;

	if (open_parent(p, parent) < 0)
		return err_sys(e, errno, "open the directory %s/%s", p->dest, parent);
	switch (item->kind) {
	case ARCHIVE_DIR:
		made = enter(p->parent_fd, name);
		if (made >= 0 && fchmod(made, item->mode) == 0)
			return 0;
		break;
	case ARCHIVE_LINK:
		if (clear_name(p, name) == 0 &&
			symlinkat(item->link, p->parent_fd, name) == 0)
			return 0;
		break;
	case ARCHIVE_FILE:
		if (clear_name(p, name) == 0)
			made = place_file(p, item, name);
		if (made < 0)
			break;
		*fd = take_fd(made);
		return 0;
	}
	return err_sys(e, errno, "create %s/%s", p->dest, item->name);
}

void archive_place_undo(struct archive_place *p)
{
	autorelease(strv) struct strv names = STRV_INIT;
	struct err ignored;

	if (!p->fresh)
		return;
	if (fs_list_dir(p->dest, &names, &ignored) < 0)
		return;
	for (size_t i = 0; i < names.len; i++) {
		autofree char *path = fs_join(p->dest, names.v[i]);

		/* Nothing better can be done about a failure than to leave it. */
		if (fs_remove_tree(path, &ignored) < 0)
			return;
	}
	if (p->made)
		rmdir(p->dest);
}
