#include "image/image.h"

#include "base/fs.h"
#include "base/json.h"
#include "image/image-store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes of what is removed. */
static uint64_t tree_size(const char *path)
{
	autorelease(strv) struct strv names = STRV_INIT;
	uint64_t size = 0;
	struct err ignored;
	struct stat st;

	if (lstat(path, &st) < 0)
		return 0;
	if (!S_ISDIR(st.st_mode))
		return (uint64_t)st.st_size;
	if (fs_list_dir(path, &names, &ignored) < 0)
		return 0;
	for (size_t i = 0; i < names.len; i++) {
		autofree char *below = fs_join(path, names.v[i]);

		size += tree_size(below);
	}
	return size;
}

static int drop(const char *path, uint64_t *bytes, struct err *e)
{
	uint64_t size = tree_size(path);

	if (fs_remove_tree(path, e) < 0)
		return -1;
	*bytes += size;
	return 0;
}

/* Of each recipe the newest image stays. */
static int drop_images(uint64_t *bytes, struct err *e)
{
	struct image_kept_list list;
	int status = image_kept_list_load(&list, e);

	for (size_t i = 1; !status && i < list.len; i++)
		if (streq(list.v[i].recipe, list.v[i - 1].recipe))
			status = drop(list.v[i].image.dir, bytes, e);
	image_kept_list_release(&list);
	return status;
}

/* Names of package files that an answer of apt has. */
static int read_resolved(const char *store, struct strv *files, struct err *e)
{
	autofree char *dir = fs_join(store, "resolved");
	autorelease(strv) struct strv names = STRV_INIT;

	if (!fs_is_dir(dir))
		return 0;
	if (fs_list_dir(dir, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.len; i++) {
		autofree char *path = fs_join(dir, names.v[i]);
		struct err ignored;
		autorelease_json struct json *root = json_load(path, &ignored);

		for (size_t k = 0; k < json_len(root); k++)
			strv_push(files, json_find_string(json_at(root, k), "file", ""));
	}
	return 0;
}

static int drop_packages(const char *store, uint64_t *bytes, struct err *e)
{
	autofree char *dir = fs_join(store, "packages");
	autorelease(strv) struct strv wanted = STRV_INIT, names = STRV_INIT;

	if (!fs_is_dir(dir))
		return 0;
	if (read_resolved(store, &wanted, e) < 0 || fs_list_dir(dir, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.len; i++) {
		autofree char *path = fs_join(dir, names.v[i]);

		if (!strv_has(&wanted, names.v[i]) && drop(path, bytes, e) < 0)
			return -1;
	}
	return 0;
}

static int drop_rest(const char *store, uint64_t *bytes, struct err *e)
{
	autorelease(strv) struct strv names = STRV_INIT;

	if (fs_list_dir(store, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.len; i++) {
		autofree char *path = fs_join(store, names.v[i]);
		bool rest = ends_with(names.v[i], ".part") || streq(names.v[i], "apt");

		if (rest && drop(path, bytes, e) < 0)
			return -1;
	}
	return 0;
}

/* Whoever builds is left in peace: every lock is taken, or nothing is done. `fds` has
 * room for as many as there are names. */
static int lock_all(
	const char *store, const struct strv *names, int *fds, size_t *n, struct err *e)
{
	for (size_t i = 0; i < names->len; i++) {
		autofree char *path = fs_join(store, names->v[i]);

		if (!ends_with(names->v[i], ".lock"))
			continue;
		fds[*n] = open(path, O_RDWR | O_CLOEXEC);
		if (fds[*n] < 0)
			return err_sys(e, errno, "open %s", path);
		if (flock(fds[(*n)++], LOCK_EX | LOCK_NB) < 0)
			return err_set(e, ERR_SETUP,
				"an image is being built (%s is locked); try again later",
				path);
	}
	return 0;
}

int image_prune(uint64_t *bytes, struct err *e)
{
	autofree char *store = image_store_dir(e);
	autorelease(strv) struct strv names = STRV_INIT;
	autofree int *fds = NULL;
	size_t n = 0;
	int status;

	if (!store || fs_list_dir(store, &names, e) < 0)
		return -1;
	fds = xcalloc(names.len + 1, sizeof(*fds));
	status = lock_all(store, &names, fds, &n, e);
	if (!status)
		status = drop_images(bytes, e);
	if (!status)
		status = drop_packages(store, bytes, e);
	if (!status)
		status = drop_rest(store, bytes, e);
	while (n)
		close(fds[--n]);
	return status;
}
