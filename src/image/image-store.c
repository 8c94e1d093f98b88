#include "image/image-store.h"

#include "base/fs.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { STORE_VERSION = 1, LOCK_POLL_MS = 100 };

char *image_cache_dir(struct err *e)
{
	const char *own = getenv("XTEST_CACHE_DIR"), *xdg = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	autofree char *dir = NULL;

	if (own && own[0])
		dir = fs_normalize(own, NULL);
	else if (xdg && xdg[0] == '/')
		dir = fs_join(xdg, "xtest");
	else if (home && home[0])
		dir = fs_join(home, ".cache/xtest");
	else
		return err_null(e, ERR_SETUP,
			"no directory to keep images in: set XTEST_CACHE_DIR or HOME");
	if (fs_mkdir_p(dir, e) < 0)
		return NULL;
	return take_ptr(dir);
}

char *image_store_dir(struct err *e)
{
	autofree char *cache = image_cache_dir(e);
	autofree char *store = cache ? fs_join(cache, "images") : NULL;

	if (!store || fs_mkdir_p(store, e) < 0)
		return NULL;
	return take_ptr(store);
}

/* ---- one image */

void image_release(struct image *image)
{
	free(image->key);
	free(image->dir);
	free(image->kernel);
	free(image->initramfs);
	free(image->kernel_release);
	*image = (struct image){0};
}

static bool has_size(const char *path, const struct json *size)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       st.st_size == json_int(size, -1);
}

/* image.json of a directory; NULL when it is damaged or of another version. */
static struct json *load_note(const char *dir)
{
	autofree char *path = fs_join(dir, "image.json");
	struct json *root;
	struct err ignored;

	if (!fs_exists(path))
		return NULL;
	root = json_load(path, &ignored);
	if (root && json_int(json_find(root, "version"), 0) != STORE_VERSION) {
		json_free(root);
		return NULL;
	}
	return root;
}

static bool read_image(
	const char *store, const char *key, const struct json *note, struct image *image)
{
	*image = (struct image){
		.key = xstrdup(key),
		.dir = fs_join(store, key),
		.kernel_release = xstrdup(json_find_string(note, "kernel-release", "")),
		.unpacked_bytes = (uint64_t)json_int(json_find(note, "unpacked"), 0),
	};
	image->kernel = fs_join(image->dir, "kernel");
	image->initramfs = fs_join(image->dir, "initramfs");
	if (note && has_size(image->kernel, json_find(note, "kernel-size")) &&
		has_size(image->initramfs, json_find(note, "initramfs-size")))
		return true;
	image_release(image);
	return false;
}

bool image_store_find(const char *store, const char *key, struct image *image)
{
	autofree char *dir = fs_join(store, key);
	autorelease_json struct json *note = load_note(dir);

	return note && read_image(store, key, note, image);
}

/* ---- keeping */

static void write_note(const struct image_draft *draft, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	w.pretty = true;
	jsonw_open(&w, NULL, '{');
	jsonw_int(&w, "version", STORE_VERSION);
	jsonw_string(&w, "recipe", draft->recipe);
	jsonw_string(&w, "kernel-release", draft->kernel_release);
	jsonw_int(&w, "kernel-size", (int64_t)draft->kernel_len);
	jsonw_int(&w, "initramfs-size", (int64_t)draft->initramfs_len);
	jsonw_int(&w, "unpacked", (int64_t)draft->unpacked_bytes);
	jsonw_open(&w, "ingredients", '[');
	for (size_t i = 0; i < draft->ingredients->len; i++) {
		const struct image_ingredient *in = &draft->ingredients->v[i];

		jsonw_open(&w, NULL, '{');
		jsonw_string(&w, "kind", in->kind);
		jsonw_string(&w, "what", in->what);
		jsonw_string(&w, "digest", in->digest);
		jsonw_close(&w, '}');
	}
	jsonw_close(&w, ']');
	jsonw_close(&w, '}');
	buf_append_char(out, '\n');
}

static int write_files(const char *dir, const struct image_draft *draft, struct err *e)
{
	autorelease(buf) struct buf note = BUF_INIT;
	autofree char *kernel = fs_join(dir, "kernel");
	autofree char *initramfs = fs_join(dir, "initramfs");
	autofree char *note_path = fs_join(dir, "image.json");

	write_note(draft, &note);
	if (fs_write_file(kernel, draft->kernel, draft->kernel_len, 0644, e) < 0 ||
		fs_write_file(
			initramfs, draft->initramfs, draft->initramfs_len, 0644, e) < 0)
		return -1;
	return fs_write_file(note_path, note.data, note.len, 0644, e);
}

int image_store_put(const char *store, const struct image_draft *draft, struct err *e)
{
	autofree char *dir = fs_join(store, draft->key);
	autofree char *part = xasprintf("%s.part", dir);
	struct err ignored;
	int status = -1;

	/* What a killed build has left, or an image somebody has damaged. */
	if (fs_remove_tree(part, e) < 0 || fs_remove_tree(dir, e) < 0 ||
		fs_mkdir_p(part, e) < 0)
		return -1;
	if (write_files(part, draft, e) == 0)
		status = rename(part, dir) < 0 ? err_sys(e, errno, "keep %s", dir) : 0;
	if (status < 0 && fs_remove_tree(part, &ignored) < 0)
		return -1;
	return status;
}

int image_store_lock(
	const char *store, const struct image_request *request, struct err *e)
{
	autofree char *path = xasprintf("%s/%s-%s.lock", store, request->recipe->suite,
		request->recipe->architecture);
	autoclose int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	bool told = false;

	if (fd < 0)
		return err_sys(e, errno, "open %s", path);
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		const struct timespec pause = {0, LOCK_POLL_MS * 1000000L};

		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(e, errno, "lock %s", path);
		if (request->cancelled && request->cancelled(request->ctx))
			return err_set(e, ERR_TESTS_FAILED, "interrupted");
		if (!told && request->progress)
			request->progress(request->ctx,
				"waiting for another xtest that builds it", -1);
		told = true;
		nanosleep(&pause, NULL);
	}
	return take_fd(fd);
}

/* ---- all images */

static int compare_kept(const void *a, const void *b)
{
	const struct image_kept *x = a, *y = b;
	int order = strcmp(x->recipe, y->recipe);

	if (order)
		return order;
	if (x->built_s != y->built_s)
		return x->built_s < y->built_s ? 1 : -1;
	return strcmp(x->image.key, y->image.key);
}

static void add_kept(
	struct image_kept_list *list, size_t *cap, const char *store, const char *key)
{
	autofree char *dir = fs_join(store, key);
	autorelease_json struct json *note = load_note(dir);
	struct image_kept kept = {0};
	struct stat st;

	if (!note || !read_image(store, key, note, &kept.image))
		return;
	kept.recipe = xstrdup(json_find_string(note, "recipe", ""));
	kept.size_bytes = (uint64_t)(json_int(json_find(note, "kernel-size"), 0) +
				     json_int(json_find(note, "initramfs-size"), 0));
	kept.built_s = stat(dir, &st) == 0 ? st.st_mtime : 0;
	list->v = xgrow(list->v, cap, list->len + 1, sizeof(*list->v));
	list->v[list->len++] = kept;
}

int image_kept_list_load(struct image_kept_list *list, struct err *e)
{
	autofree char *store = image_store_dir(e);
	autorelease(strv) struct strv names = STRV_INIT;
	size_t cap = 0;

	*list = (struct image_kept_list){0};
	if (!store || fs_list_dir(store, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.len; i++)
		if (strlen(names.v[i]) == HASH_HEX_SIZE - 1)
			add_kept(list, &cap, store, names.v[i]);
	if (list->len)
		qsort(list->v, list->len, sizeof(*list->v), compare_kept);
	return 0;
}

void image_kept_list_release(struct image_kept_list *list)
{
	for (size_t i = 0; i < list->len; i++) {
		image_release(&list->v[i].image);
		free(list->v[i].recipe);
	}
	free(list->v);
	*list = (struct image_kept_list){0};
}

int image_remove(const struct image_kept *kept, struct err *e)
{
	return fs_remove_tree(kept->image.dir, e);
}
