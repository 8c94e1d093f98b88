/*
 * Reads Debian packages (deb(5): an ar archive of control.tar and data.tar, each
 * compressed somehow), with libarchive and without dpkg.
 */
#ifndef XTEST_IMAGE_IMAGE_DEB_H
#define XTEST_IMAGE_IMAGE_DEB_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"

/* What its control file says. Zero-initialise. */
struct image_deb_control {
	char *package, *version, *architecture; /* owned */
	struct strv depends; /* names out of Pre-Depends and Depends, of alternatives the
				first */
};

int image_deb_read_control(
	const char *path, struct image_deb_control *control, struct err *e) MUST_CHECK;
void image_deb_control_release(struct image_deb_control *control);

/* Below, at or above 0 as version `a` is older than, the same as or newer than `b`
 * (deb-version(7)). */
int image_deb_compare_versions(const char *a, const char *b);

/* One entry of data.tar; valid during the call it is handed to. */
struct image_deb_entry {
	const char *path;     /* "./bin/busybox" */
	unsigned mode;        /* with the type */
	const char *link;     /* aim of a symbolic link; NULL */
	const char *hardlink; /* path of the entry it is the same as; NULL */
	uint64_t size_bytes;
	void *reader; /* private */
};

/* Calls for each entry, in the package's order, until one returns not 0, which is then
 * returned: -1 for an error with *e filled, 1 for enough. */
int image_deb_each(const char *path,
	int (*on_entry)(void *ctx, const struct image_deb_entry *entry, struct err *e),
	void *ctx, struct err *e) MUST_CHECK;
/* Appends the content of the entry. */
int image_deb_content(
	const struct image_deb_entry *entry, struct buf *out, struct err *e) MUST_CHECK;
/* Replaces compressed bytes (xz, zstd, gzip, …) by what they hold; others stay. `name`
 * stands for them in messages. */
int image_deb_decompress(struct buf *data, const char *name, struct err *e) MUST_CHECK;

#endif
