#include "image/image-packages.h"

#include "base/fs.h"
#include "image/image-deb.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* One .deb of the folder that fits the architecture. */
struct candidate {
	char *path;
	struct image_deb_control control;
};

struct folder {
	const char *dir;
	struct candidate *v;
	size_t len, cap;
};

static void folder_release(struct folder *f)
{
	for (size_t i = 0; i < f->len; i++) {
		free(f->v[i].path);
		image_deb_control_release(&f->v[i].control);
	}
	free(f->v);
}

static int read_folder(struct folder *f, const char *arch, struct err *e)
{
	autorelease(strv) struct strv names = STRV_INIT;

	if (fs_list_dir(f->dir, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.len; i++) {
		struct candidate *c;

		if (!ends_with(names.v[i], ".deb"))
			continue;
		f->v = xgrow(f->v, &f->cap, f->len + 1, sizeof(*f->v));
		c = &f->v[f->len++];
		*c = (struct candidate){.path = fs_join(f->dir, names.v[i])};
		if (image_deb_read_control(c->path, &c->control, e) < 0)
			return -1;
		if (streq(c->control.architecture, arch) ||
			streq(c->control.architecture, "all"))
			continue;
		free(c->path);
		image_deb_control_release(&c->control);
		f->len--;
	}
	return 0;
}

/* The newest of a name. */
static const struct candidate *find_candidate(const struct folder *f, const char *name)
{
	const struct candidate *best = NULL;

	for (size_t i = 0; i < f->len; i++) {
		const struct candidate *c = &f->v[i];

		if (streq(c->control.package, name) &&
			(!best || image_deb_compare_versions(
					  c->control.version, best->control.version) > 0))
			best = c;
	}
	return best;
}

/* What the metapackage needs; without one the newest kernel of its flavour:
 * linux-image-6.1.0-30-cloud-arm64 for linux-image-cloud-arm64. */
static const struct candidate *find_kernel(const struct folder *f, const char *name)
{
	const struct candidate *meta = find_candidate(f, name), *best = NULL;
	const char *flavour = name + strlen("linux-image");

	if (image_package_is_kernel(name))
		return meta;
	for (size_t i = 0; meta && i < meta->control.depends.len; i++)
		if (image_package_is_kernel(meta->control.depends.v[i]))
			return find_candidate(f, meta->control.depends.v[i]);
	for (size_t i = 0; starts_with(name, "linux-image-") && i < f->len; i++) {
		const struct image_deb_control *c = &f->v[i].control;

		if (image_package_is_kernel(c->package) &&
			ends_with(c->package, flavour) &&
			(!best || image_deb_compare_versions(
					  c->package, best->control.package) > 0))
			best = &f->v[i];
	}
	return best;
}

static int take(struct image_package_list *list, const struct candidate *c,
	struct stamps *stamps, struct err *e)
{
	struct image_package *package;
	const char *digest;
	struct stat st;

	if (image_package_list_has(list, c->control.package))
		return 0;
	digest = stamps_digest(stamps, c->path, e);
	if (!digest)
		return -1;
	package = image_package_list_add(list, c->control.package);
	package->version = xstrdup(c->control.version);
	package->path = xstrdup(c->path);
	package->kernel = image_package_is_kernel(c->control.package);
	snprintf(package->digest, sizeof(package->digest), "%s", digest);
	if (stat(c->path, &st) == 0)
		package->size_bytes = (uint64_t)st.st_size;
	return 0;
}

static int no_such(
	const struct folder *f, const char *name, const char *arch, struct err *e)
{
	return err_set(e, ERR_SETUP, "%s has no package %s for %s", f->dir, name, arch);
}

/* The named packages, and of what they need all that the folder has. */
static int take_closure(struct image_package_list *list, const struct folder *f,
	const struct strv *names, const char *arch, struct stamps *stamps, struct err *e)
{
	autorelease(strv) struct strv queue = STRV_INIT;

	strv_push_all(&queue, names);
	for (size_t i = 0; i < queue.len; i++) {
		const struct candidate *c = find_candidate(f, queue.v[i]);

		if (!c && i < names->len)
			return no_such(f, queue.v[i], arch, e);
		if (!c || image_package_list_has(list, c->control.package))
			continue;
		if (take(list, c, stamps, e) < 0)
			return -1;
		strv_push_all(&queue, &c->control.depends);
	}
	return 0;
}

static int choose(struct image_package_list *list, const struct folder *f,
	const struct image_request *request, struct stamps *stamps, struct err *e)
{
	const struct image_recipe *recipe = request->recipe;
	const char *arch = recipe->architecture;

	if (!request->kernel) {
		const struct candidate *kernel = find_kernel(f, recipe->kernel_package);

		if (!kernel)
			return no_such(f, recipe->kernel_package, arch, e);
		if (take(list, kernel, stamps, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < recipe->packages.len; i++) {
		const struct candidate *c = find_candidate(f, recipe->packages.v[i]);

		if (!c)
			return no_such(f, recipe->packages.v[i], arch, e);
		if (take(list, c, stamps, e) < 0)
			return -1;
	}
	return request->packages
		       ? take_closure(list, f, request->packages, arch, stamps, e)
		       : 0;
}

int image_debdir_get(struct image_package_list *list, const struct image_request *request,
	struct stamps *stamps, struct err *e)
{
	struct folder f = {.dir = request->deb_dir};
	int status = read_folder(&f, request->recipe->architecture, e);

	if (!status)
		status = choose(list, &f, request, stamps, e);
	folder_release(&f);
	return status;
}
