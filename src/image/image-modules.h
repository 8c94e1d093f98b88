/*
 * The kernel of a Debian package and those of its modules that are wanted, in the order
 * in which they can be loaded. Packages carry no modules.dep (depmod makes it when they
 * are installed), so what a module needs is read from the module itself.
 */
#ifndef XTEST_IMAGE_IMAGE_MODULES_H
#define XTEST_IMAGE_IMAGE_MODULES_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"

struct image_module {
	char *name;          /* owned; with "_" for "-", as the kernel calls it */
	struct strv depends; /* names of modules */
	struct buf data;     /* plain ELF; empty until it is wanted */
};

/* Zero-initialise. */
struct image_kernel {
	char *release;                /* owned: "6.1.0-30-cloud-arm64" */
	struct buf data;              /* what QEMU is given */
	struct image_module *modules; /* owned; all of the package's */
	size_t n_modules, modules_cap;
	struct strv builtin; /* names of what is no module in this kernel */
	struct strv order;   /* names of what is to be loaded, in that order */
};

/* Reads a linux-image package. `wanted` names modules; those that are built into the
 * kernel are left out, one that is neither is an error (ERR_SETUP). */
int image_kernel_read(struct image_kernel *kernel, const char *deb,
	const struct strv *wanted, struct err *e) MUST_CHECK;
void image_kernel_release(struct image_kernel *kernel);
/* NULL when the package has no such module. Borrowed. */
const struct image_module *image_kernel_find(
	const struct image_kernel *kernel, const char *name);
/* Fills `order` from `modules` and `builtin`: each wanted module after what it needs.
 * ERR_SETUP for a module that is nowhere, or needs itself. */
int image_kernel_arrange(
	struct image_kernel *kernel, const struct strv *wanted, struct err *e) MUST_CHECK;

#endif
