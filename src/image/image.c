#include "image/image.h"

#include "base/fs.h"
#include "base/stamps.h"
#include "image/image-deb.h"
#include "image/image-modules.h"
#include "image/image-packages.h"
#include "image/image-store.h"
#include "image/image-tree.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Counts up when the same ingredients give another image. */
enum { IMAGE_FORMAT = 1 };

/* All that one call has in hand. */
struct build {
	const struct image_request *request;
	char *store, *stamps_path;
	struct stamps *stamps;
	struct image_package_list packages;
	struct image_ingredient_list ingredients;
	char key[HASH_HEX_SIZE];
	/* the image */
	struct image_tree tree;
	struct image_kernel kernel;
};

static void tell(const struct build *b, const char *line, double fraction)
{
	if (b->request->progress)
		b->request->progress(b->request->ctx, line, fraction);
}

static int check_cancelled(const struct build *b, struct err *e)
{
	if (b->request->cancelled && b->request->cancelled(b->request->ctx))
		return err_set(e, ERR_TESTS_FAILED, "interrupted");
	return 0;
}

static int build_open(struct build *b, const struct image_request *request, struct err *e)
{
	*b = (struct build){.request = request, .store = image_store_dir(e)};
	if (!b->store)
		return -1;
	b->stamps_path = fs_join(b->store, "stamps.json");
	b->stamps = stamps_open(b->stamps_path);
	return 0;
}

static void build_close(struct build *b)
{
	if (b->stamps)
		stamps_close(b->stamps, b->stamps_path);
	image_package_list_release(&b->packages);
	image_ingredient_list_release(&b->ingredients);
	image_tree_release(&b->tree);
	image_kernel_release(&b->kernel);
	free(b->stamps_path);
	free(b->store);
}

/* ---- the key */

void image_ingredient_list_release(struct image_ingredient_list *list)
{
	for (size_t i = 0; i < list->len; i++) {
		free(list->v[i].kind);
		free(list->v[i].what);
		free(list->v[i].digest);
	}
	free(list->v);
	*list = (struct image_ingredient_list){0};
}

static void add_ingredient(
	struct build *b, const char *kind, const char *what, const char *digest)
{
	struct image_ingredient_list *list = &b->ingredients;
	size_t cap = list->len;

	list->v = xgrow(list->v, &cap, list->len + 1, sizeof(*list->v));
	list->v[list->len++] = (struct image_ingredient){
		.kind = xstrdup(kind),
		.what = xstrdup(what),
		.digest = xstrdup(digest),
	};
}

static int add_file_ingredient(
	struct build *b, const char *kind, const char *path, struct err *e)
{
	const char *digest;

	if (!path)
		return 0;
	digest = stamps_digest(b->stamps, path, e);
	if (!digest)
		return err_context(e, "%s of the image", kind);
	add_ingredient(b, kind, path, digest);
	return 0;
}

/* Kinds and digests alone: where a file lies and what a package is called is not in the
 * image. */
static void make_key(struct build *b)
{
	autorelease(buf) struct buf text = BUF_INIT;

	for (size_t i = 0; i < b->ingredients.len; i++)
		buf_printf(&text, "%s %s\n", b->ingredients.v[i].kind,
			b->ingredients.v[i].digest);
	hash_memory(text.data, text.len, b->key);
}

static int list_ingredients(struct build *b, struct err *e)
{
	const struct image_request *r = b->request;
	char format[16];

	image_ingredient_list_release(&b->ingredients);
	snprintf(format, sizeof(format), "%d", IMAGE_FORMAT);
	add_ingredient(b, "format", "how xtest writes images", format);
	add_ingredient(b, "recipe", r->recipe->file, r->recipe->digest);
	if (add_file_ingredient(b, "runner", r->runner_path, e) < 0 ||
		add_file_ingredient(b, "kernel", r->kernel, e) < 0 ||
		add_file_ingredient(b, "initramfs", r->initramfs, e) < 0)
		return -1;
	for (size_t i = 0; i < b->packages.len; i++) {
		const struct image_package *package = &b->packages.v[i];
		autofree char *what = xasprintf("%s %s", package->name, package->version);

		add_ingredient(b, "package", what, package->digest);
	}
	make_key(b);
	return 0;
}

/* Packages and key. With `offline` 1 when the packages are not known. */
static int resolve(struct build *b, bool offline, struct err *e)
{
	int status;

	image_package_list_release(&b->packages);
	status = image_packages_get(
		&b->packages, b->request, b->store, b->stamps, offline, e);
	return status ? status : list_ingredients(b, e);
}

/* ---- the initramfs */

static void add_base(struct image_tree *tree)
{
	static const struct {
		const char *path;
		unsigned mode;
	} dirs[] = {{"dev", 0755}, {"etc", 0755}, {"home", 0755}, {"mnt", 0755},
		{"opt", 0755}, {"proc", 0555}, {"root", 0700}, {"run", 0755},
		{"sys", 0555}, {"tmp", 01777}, {"usr/bin", 0755}, {"usr/lib", 0755},
		{"usr/lib64", 0755}, {"usr/local/bin", 0755}, {"usr/sbin", 0755},
		{"var/lib", 0755}, {"var/log", 0755}, {"var/tmp", 01777},
		{"xtest/modules", 0755}};
	static const struct {
		const char *path, *text;
	} files[] = {
		{"etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"
			       "nobody:x:65534:65534:nobody:/nonexistent:/bin/sh\n"},
		{"etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"},
		{"etc/hosts", "127.0.0.1\tlocalhost xtest\n::1\tlocalhost xtest\n"},
		{"etc/hostname", "xtest\n"},
		{"etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"},
	};
	static const char *const links[][2] = {{"bin", "usr/bin"}, {"lib", "usr/lib"},
		{"lib64", "usr/lib64"}, {"sbin", "usr/sbin"}, {"var/run", "../run"}};
	struct image_node *node;

	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		image_tree_add_link(tree, links[i][0], links[i][1]);
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		image_tree_add(tree, dirs[i].path, S_IFDIR | dirs[i].mode);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		image_tree_add_file(
			tree, files[i].path, 0644, files[i].text, strlen(files[i].text));
	/* The kernel opens it for its first process. */
	node = image_tree_add(tree, "dev/console", S_IFCHR | 0600);
	node->major = 5;
	node->minor = 1;
}

static bool is_left_out(const char *path)
{
	static const char *const dirs[] = {"/boot", "/usr/share/bash-completion",
		"/usr/share/bug", "/usr/share/doc", "/usr/share/doc-base",
		"/usr/share/info", "/usr/share/lintian", "/usr/share/locale",
		"/usr/share/man", "/usr/share/menu"};
	autofree char *normal = fs_normalize(path, "/");

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		if (fs_is_within(normal, dirs[i]))
			return true;
	return false;
}

/* The content is in the package once, under the name that came first. */
static void add_hardlink(struct image_tree *tree, const struct image_deb_entry *entry)
{
	const struct image_node *same = image_tree_find(tree, entry->hardlink);
	autorelease(buf) struct buf data = BUF_INIT;

	if (!same)
		return;
	/* Adding moves the nodes. */
	buf_append(&data, same->data.data, same->data.len);
	image_tree_add_file(tree, entry->path, same->mode & 07777, data.data, data.len);
}

static int on_package_entry(void *ctx, const struct image_deb_entry *entry, struct err *e)
{
	struct image_tree *tree = ctx;
	struct image_node *node;

	if (is_left_out(entry->path))
		return 0;
	if (entry->hardlink) {
		add_hardlink(tree, entry);
		return 0;
	}
	if (S_ISLNK(entry->mode)) {
		image_tree_add_link(tree, entry->path, entry->link);
		return 0;
	}
	if (!S_ISREG(entry->mode) && !S_ISDIR(entry->mode))
		return 0;
	node = image_tree_add(tree, entry->path, entry->mode);
	if (!node || S_ISDIR(entry->mode))
		return 0;
	return image_deb_content(entry, &node->data, e);
}

static int unpack_packages(struct build *b, struct err *e)
{
	for (size_t i = 0; i < b->packages.len; i++) {
		const struct image_package *package = &b->packages.v[i];
		autofree char *line = xasprintf("unpacking %s", package->name);
		int status;

		if (check_cancelled(b, e) < 0)
			return -1;
		tell(b, line, (double)i / (double)b->packages.len);
		if (package->kernel)
			status = image_kernel_read(&b->kernel, package->path,
				&b->request->recipe->modules, e);
		else
			status = image_deb_each(
				package->path, on_package_entry, &b->tree, e);
		if (status < 0)
			return -1;
	}
	return 0;
}

static void add_modules(struct build *b)
{
	autorelease(buf) struct buf list = BUF_INIT;

	for (size_t i = 0; i < b->kernel.order.len; i++) {
		const struct image_module *module =
			image_kernel_find(&b->kernel, b->kernel.order.v[i]);
		autofree char *path = xasprintf("xtest/modules/%s.ko", module->name);

		image_tree_add_file(
			&b->tree, path, 0644, module->data.data, module->data.len);
		buf_printf(&list, "/%s\n", path);
	}
	/* With a kernel of the user's own the list is the user's as well. */
	if (!b->request->kernel)
		image_tree_add_file(
			&b->tree, "xtest/modules.list", 0644, list.data, list.len);
}

static int fill_tree(struct build *b, struct err *e)
{
	const struct strv *links = &b->request->recipe->links;
	autorelease(buf) struct buf runner = BUF_INIT;

	add_base(&b->tree);
	if (fs_read_file(b->request->runner_path, &runner, e) < 0)
		return -1;
	image_tree_add_file(&b->tree, "init", 0755, runner.data, runner.len);
	if (unpack_packages(b, e) < 0)
		return -1;
	add_modules(b);
	for (size_t i = 0; i + 1 < links->len; i += 2)
		image_tree_add_link(&b->tree, links->v[i], links->v[i + 1]);
	return 0;
}

/* The user's archive first: what a later one has again replaces it (the kernel's
 * buffer-format.rst; archives are padded to four bytes). */
static int write_initramfs(
	struct build *b, struct buf *out, uint64_t *unpacked_bytes, struct err *e)
{
	*unpacked_bytes = image_tree_size(&b->tree);
	if (b->request->initramfs) {
		if (fs_read_file(b->request->initramfs, out, e) < 0)
			return -1;
		*unpacked_bytes += image_tree_measure(out->data, out->len);
		while (out->len % 4)
			buf_append_char(out, '\0');
	}
	return image_tree_write(&b->tree, out, e);
}

static int make(struct build *b, struct err *e)
{
	autorelease(buf) struct buf initramfs = BUF_INIT;
	struct image_draft draft = {
		.key = b->key,
		.recipe = b->request->recipe->name,
		.ingredients = &b->ingredients,
	};

	if (fill_tree(b, e) < 0 ||
		write_initramfs(b, &initramfs, &draft.unpacked_bytes, e) < 0)
		return -1;
	if (b->request->kernel &&
		fs_read_file(b->request->kernel, &b->kernel.data, e) < 0)
		return -1;
	draft.kernel_release = b->kernel.release ? b->kernel.release : "";
	draft.kernel = b->kernel.data.data;
	draft.kernel_len = b->kernel.data.len;
	draft.initramfs = initramfs.data;
	draft.initramfs_len = initramfs.len;
	if (!draft.kernel_len)
		return err_set(e, ERR_SETUP, "%s is empty", b->request->kernel);
	return image_store_put(b->store, &draft, e);
}

/* ---- the whole */

static int build_locked(struct build *b, struct image *image, struct err *e)
{
	autoclose int lock_fd = image_store_lock(b->store, b->request, e);

	if (lock_fd < 0)
		return -1;
	if (b->request->update)
		image_packages_forget(b->request, b->store);
	if (resolve(b, false, e) < 0)
		return -1;
	/* Somebody else may have built it while this one waited. */
	if (image_store_find(b->store, b->key, image))
		return 0;
	if (make(b, e) < 0)
		return -1;
	if (!image_store_find(b->store, b->key, image))
		return err_set(e, ERR_SETUP, "%s/%s vanished while it was built",
			b->store, b->key);
	return 0;
}

int image_get(const struct image_request *request, struct image *image, struct err *e)
{
	struct build b;
	int status = build_open(&b, request, e);

	if (!status && !request->update) {
		status = resolve(&b, true, e);
		if (status == 0 && image_store_find(b.store, b.key, image))
			goto out;
	}
	if (status >= 0)
		status = build_locked(&b, image, e);
out:
	build_close(&b);
	return status;
}

int image_explain(const struct image_request *request, struct image_ingredient_list *list,
	char key[HASH_HEX_SIZE], struct err *e)
{
	struct build b;
	int status = build_open(&b, request, e);

	if (!status)
		status = resolve(&b, true, e);
	if (status > 0) {
		autoclose int lock_fd = image_store_lock(b.store, request, e);

		status = lock_fd < 0 ? -1 : resolve(&b, false, e);
	}
	if (!status) {
		*list = b.ingredients;
		b.ingredients = (struct image_ingredient_list){0};
		memcpy(key, b.key, sizeof(b.key));
	}
	build_close(&b);
	return status;
}
