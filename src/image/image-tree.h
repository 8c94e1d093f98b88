/*
 * What a machine finds as its root: files, directories, links and device nodes by path,
 * written as a newc archive (kernel: Documentation/driver-api/early-userspace/
 * buffer-format.rst), which is what an initramfs is. Equal trees give equal bytes.
 */
#ifndef XTEST_IMAGE_IMAGE_TREE_H
#define XTEST_IMAGE_IMAGE_TREE_H

#include "base/buf.h"
#include "base/err.h"

struct image_node {
	char *path;            /* owned; relative, without "./" */
	unsigned mode;         /* with the type, as in st_mode */
	char *link;            /* owned; aim of a symbolic link */
	struct buf data;       /* of a regular file */
	unsigned major, minor; /* of a device */
};

/* Zero-initialise. */
struct image_tree {
	struct image_node *v; /* owned */
	size_t len, cap;
};

void image_tree_release(struct image_tree *tree);
/* A new node, to be filled by the caller before the next one is added. bin, sbin, lib and
 * lib64 are links into usr, so a path below them becomes one below usr. NULL when the
 * path is there already (what was added first counts) or names the root itself. */
struct image_node *image_tree_add(
	struct image_tree *tree, const char *path, unsigned mode);
/* The same with its content, which is copied. */
void image_tree_add_file(struct image_tree *tree, const char *path, unsigned mode,
	const void *data, size_t len);
void image_tree_add_link(struct image_tree *tree, const char *path, const char *aim);
/* By the path as it was given to image_tree_add(); NULL when there is none. Borrowed
 * until the next node is added. */
const struct image_node *image_tree_find(const struct image_tree *tree, const char *path);
/* What the files take of a machine's memory, in bytes: whole pages. */
uint64_t image_tree_size(const struct image_tree *tree);
/* The same for an archive somebody else has written, compressed or not. */
uint64_t image_tree_measure(const void *data, size_t len);
/* Appends the archive. Directories that were not added are there with mode 0755; owner
 * root, time stamp 0. Sorts the tree. */
int image_tree_write(struct image_tree *tree, struct buf *out, struct err *e) MUST_CHECK;

#endif
