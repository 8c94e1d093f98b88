/*
 * The Debian packages an image is made of: which they are, in which version, and where
 * their files lie here. They come from a folder, from what was resolved before, or with
 * apt.
 */
#ifndef XTEST_IMAGE_IMAGE_PACKAGES_H
#define XTEST_IMAGE_IMAGE_PACKAGES_H

#include "base/err.h"
#include "base/hash.h"
#include "base/stamps.h"
#include "image/image.h"

struct image_package {
	char *name, *version; /* owned */
	char *path;           /* owned; of the file */
	char digest[HASH_HEX_SIZE];
	uint64_t size_bytes;
	bool kernel; /* the one that has the kernel */
};

/* Zero-initialise. */
struct image_package_list {
	struct image_package *v; /* owned, sorted by name, the kernel first */
	size_t len, cap;
};

void image_package_list_release(struct image_package_list *list);
/* A new zeroed entry with a copy of the name. */
struct image_package *image_package_list_add(
	struct image_package_list *list, const char *name);
bool image_package_list_has(const struct image_package_list *list, const char *name);
void image_package_list_sort(struct image_package_list *list);

/* A package that is a kernel: linux-image-… with a version in its name, which the
 * metapackages have not. */
bool image_package_is_kernel(const char *name);

/* What the request needs, from where it says. `store` is the directory that holds images;
 * packages fetched by apt are kept in its packages/. With `offline` nothing is fetched:
 * what is not there is 1. 0 with the list filled. */
int image_packages_get(struct image_package_list *list,
	const struct image_request *request, const char *store, struct stamps *stamps,
	bool offline, struct err *e) MUST_CHECK;
/* Forgets which versions were resolved, so that apt is asked again. */
void image_packages_forget(const struct image_request *request, const char *store);

/* Out of request->deb_dir (image-debdir.c). */
int image_debdir_get(struct image_package_list *list, const struct image_request *request,
	struct stamps *stamps, struct err *e) MUST_CHECK;
/* With apt into `packages_dir` (image-apt.c); digests are apt's. */
int image_apt_get(struct image_package_list *list, const struct image_request *request,
	const char *store, const char *packages_dir, struct err *e) MUST_CHECK;

#endif
