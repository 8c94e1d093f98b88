#include "image/image-packages.h"

#include "base/fs.h"
#include "base/json.h"

#include <stdio.h>
#include <unistd.h>

enum { RESOLVED_VERSION = 1 };

/* ---- lists */

static void package_release(struct image_package *package)
{
	free(package->name);
	free(package->version);
	free(package->path);
}

void image_package_list_release(struct image_package_list *list)
{
	for (size_t i = 0; i < list->len; i++)
		package_release(&list->v[i]);
	free(list->v);
	*list = (struct image_package_list){0};
}

struct image_package *image_package_list_add(
	struct image_package_list *list, const char *name)
{
	struct image_package *package;

	list->v = xgrow(list->v, &list->cap, list->len + 1, sizeof(*list->v));
	package = &list->v[list->len++];
	*package = (struct image_package){.name = xstrdup(name)};
	return package;
}

bool image_package_list_has(const struct image_package_list *list, const char *name)
{
	for (size_t i = 0; i < list->len; i++)
		if (streq(list->v[i].name, name))
			return true;
	return false;
}

static int compare_packages(const void *a, const void *b)
{
	const struct image_package *x = a, *y = b;

	return x->kernel != y->kernel ? y->kernel - x->kernel : strcmp(x->name, y->name);
}

void image_package_list_sort(struct image_package_list *list)
{
	if (list->len)
		qsort(list->v, list->len, sizeof(*list->v), compare_packages);
}

bool image_package_is_kernel(const char *name)
{
	const char *version = name + strlen("linux-image-");

	return starts_with(name, "linux-image-") && version[0] >= '0' &&
	       version[0] <= '9' && strchr(version, '.') && !ends_with(name, "-dbg");
}

/* ---- what apt said before */

/* The file that remembers what this question was answered with. */
static char *resolved_path(const struct image_request *request, const char *store)
{
	const struct image_recipe *recipe = request->recipe;
	autorelease(strv) struct strv words = STRV_INIT;
	autofree char *text = NULL;
	char hex[HASH_HEX_SIZE];

	strv_pushf(&words, "%d %s %s %s", RESOLVED_VERSION, recipe->suite,
		recipe->architecture, request->kernel ? "" : recipe->kernel_package);
	strv_push_all(&words, &recipe->packages);
	strv_push(&words, "");
	if (request->packages)
		strv_push_all(&words, request->packages);
	text = strv_join(&words, "\n");
	hash_memory(text, strlen(text), hex);
	return xasprintf("%s/resolved/%.16s.json", store, hex);
}

static int remember(
	const struct image_package_list *list, const char *path, struct err *e)
{
	autorelease(buf) struct buf out = BUF_INIT;
	autofree char *dir = fs_dirname(path);
	struct jsonw w;

	jsonw_init(&w, &out);
	w.pretty = true;
	jsonw_open(&w, NULL, '[');
	for (size_t i = 0; i < list->len; i++) {
		const struct image_package *package = &list->v[i];

		jsonw_open(&w, NULL, '{');
		jsonw_string(&w, "name", package->name);
		jsonw_string(&w, "version", package->version);
		jsonw_string(&w, "file", fs_basename(package->path));
		jsonw_string(&w, "sha256", package->digest);
		jsonw_int(&w, "size", (int64_t)package->size_bytes);
		jsonw_close(&w, '}');
	}
	jsonw_close(&w, ']');
	buf_append_char(&out, '\n');
	if (fs_mkdir_p(dir, e) < 0)
		return -1;
	return fs_write_file(path, out.data, out.len, 0644, e);
}

/* True when the answer is there and every file still is what it was. */
static bool recall(struct image_package_list *list, const char *path,
	const char *packages_dir, struct stamps *stamps)
{
	autorelease_json struct json *root = NULL;
	struct err ignored;

	if (!fs_exists(path))
		return false;
	root = json_load(path, &ignored);
	for (size_t i = 0; i < json_len(root); i++) {
		const struct json *entry = json_at(root, i);
		const char *name = json_find_string(entry, "name", "");
		const char *wanted = json_find_string(entry, "sha256", ""), *digest;
		struct image_package *package = image_package_list_add(list, name);

		package->version = xstrdup(json_find_string(entry, "version", ""));
		package->path =
			fs_join(packages_dir, json_find_string(entry, "file", ""));
		package->size_bytes = (uint64_t)json_int(json_find(entry, "size"), 0);
		package->kernel = image_package_is_kernel(name);
		digest = stamps_digest(stamps, package->path, &ignored);
		if (!digest || !streq(digest, wanted)) {
			image_package_list_release(list);
			return false;
		}
		snprintf(package->digest, sizeof(package->digest), "%s", digest);
	}
	return list->len > 0;
}

void image_packages_forget(const struct image_request *request, const char *store)
{
	autofree char *path = resolved_path(request, store);

	unlink(path);
}

int image_packages_get(struct image_package_list *list,
	const struct image_request *request, const char *store, struct stamps *stamps,
	bool offline, struct err *e)
{
	autofree char *resolved = resolved_path(request, store);
	autofree char *packages_dir = fs_join(store, "packages");
	bool none = request->kernel && !request->recipe->packages.len &&
		    (!request->packages || !request->packages->len);

	if (none)
		return 0;
	if (request->deb_dir) {
		if (image_debdir_get(list, request, stamps, e) < 0)
			return -1;
	} else if (!recall(list, resolved, packages_dir, stamps)) {
		if (offline)
			return 1;
		if (image_apt_get(list, request, store, packages_dir, e) < 0 ||
			remember(list, resolved, e) < 0)
			return -1;
	}
	image_package_list_sort(list);
	return 0;
}
