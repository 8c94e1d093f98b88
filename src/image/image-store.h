/*
 * Where built images are kept: a directory by key with kernel, initramfs and image.json,
 * which says what is in it. A directory appears as a whole or not at all.
 */
#ifndef XTEST_IMAGE_IMAGE_STORE_H
#define XTEST_IMAGE_IMAGE_STORE_H

#include "image/image.h"

/* image_cache_dir()/images, made when it is not there. The caller's. */
char *image_store_dir(struct err *e);
/* 1 and *image filled when the image is kept and whole, 0 when not. */
bool image_store_find(const char *store, const char *key, struct image *image);
/* What is to become an image. Borrowed. */
struct image_draft {
	const char *key, *recipe, *kernel_release;
	const void *kernel, *initramfs;
	size_t kernel_len, initramfs_len;
	uint64_t unpacked_bytes;
	const struct image_ingredient_list *ingredients;
};

/* Keeps it. The caller holds the lock. */
int image_store_put(
	const char *store, const struct image_draft *draft, struct err *e) MUST_CHECK;
/* Waits for whoever builds an image of this kind, and keeps others from it until the
 * descriptor is closed. -1 with *e filled. */
int image_store_lock(
	const char *store, const struct image_request *request, struct err *e) MUST_CHECK;

#endif
