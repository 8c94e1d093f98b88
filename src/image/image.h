/*
 * What a machine boots: a kernel and an initramfs with the runner as its /init, made from
 * a recipe (images/NAME.json) and Debian packages of the target's architecture, or from
 * files the user brings. Images are kept by content, built once and written atomically;
 * nothing is installed on this machine and its apt is left alone.
 */
#ifndef XTEST_IMAGE_IMAGE_H
#define XTEST_IMAGE_IMAGE_H

#include "base/err.h"
#include "base/hash.h"
#include "base/strv.h"

/* How QEMU is started for a machine of this kind. */
struct image_machine {
	char *qemu;               /* "qemu-system-aarch64" */
	char *package;            /* Debian package that has it */
	char *machine;            /* "virt,gic-version=3" */
	char *cpu;                /* under TCG: the fastest model that is right */
	char *serial;             /* "virtio-serial-device", "-pci" or "-ccw" variant */
	char *console;            /* the kernel's name of the console: "ttyAMA0" */
	struct strv extra;        /* more arguments of QEMU */
	unsigned memory_mib;      /* without an archive */
	unsigned memory_step_mib; /* it is a multiple of this */
	unsigned max_cpus;        /* with which it works reliably */
	bool snapshots; /* a restored machine behaves as the one that was saved */
};

/* images/NAME.json */
struct image_recipe {
	char *name; /* of the target it is for */
	char *file; /* where it was read from */
	char *description;
	char *suite;          /* Debian release: "bookworm" */
	char *architecture;   /* Debian's: "arm64" */
	char *kernel_package; /* "linux-image-cloud-arm64": a metapackage is followed */
	struct strv modules;  /* wanted by name; modules.dep says what they need */
	struct strv packages; /* their files are unpacked into the initramfs */
	struct strv links;  /* "bin/sh", "busybox", …: name and aim of symbolic links */
	char *command_line; /* of the kernel, without the console */
	struct image_machine machine;
	char digest[HASH_HEX_SIZE]; /* of the file and of what it inherits from */
};

struct image_recipe_list {
	struct image_recipe *v; /* owned, sorted by name */
	size_t len;
};

/* Reads every NAME.json of a directory; NULL: where they are installed. ERR_SETUP for a
 * file with a member nobody reads or without one that is needed. */
int image_recipe_list_load(
	struct image_recipe_list *list, const char *dir, struct err *e) MUST_CHECK;
void image_recipe_list_release(struct image_recipe_list *list);
/* The recipe for a target; ERR_SETUP names the known ones. Borrowed. */
const struct image_recipe *image_recipe_get(
	const struct image_recipe_list *list, const char *target, struct err *e);

/* What to boot, and out of what. Borrowed for the call. */
struct image_request {
	const struct image_recipe *recipe;
	const char *runner_path;     /* becomes /init */
	const struct strv *packages; /* beside the recipe's; NULL: none */
	const char *deb_dir; /* take the packages from this folder; NULL: with apt */
	bool update;        /* ask apt for the newest versions, although some are known */
	const char *kernel; /* the user's own kernel instead of the package's, whose
			       modules are then left out; NULL */
	const char *initramfs; /* the user's own archive below ours; NULL */
	/* Told while it is built: a line for people, and how far it is (negative:
	 * unknown). */
	void (*progress)(void *ctx, const char *line, double fraction);
	/* True ends it: ERR_TESTS_FAILED "interrupted". */
	bool (*cancelled)(void *ctx);
	void *ctx;
};

/* One built image. */
struct image {
	char *key;    /* SHA-256 over everything that went in, hexadecimal */
	char *dir;    /* where it is kept */
	char *kernel; /* paths */
	char *initramfs;
	char *kernel_release;    /* "6.1.0-30-cloud-arm64"; "" of a user's own kernel */
	uint64_t unpacked_bytes; /* of the initramfs: what it takes of the memory */
};

/* The image for the request: kept already (a hit touches no network), or built now. Two
 * runs at once build it once. ERR_SETUP says what is missing; nothing half-made is left.
 * Release it with image_release(). */
int image_get(const struct image_request *request, struct image *image,
	struct err *e) MUST_CHECK;
void image_release(struct image *image);

/* One thing that went into an image's key. */
struct image_ingredient {
	char *kind;   /* "format", "recipe", "runner", "kernel", "initramfs", "package" */
	char *what;   /* a path, or a package and its version */
	char *digest; /* SHA-256, hexadecimal; a number for the format */
};

struct image_ingredient_list {
	struct image_ingredient *v; /* owned */
	size_t len;
};

/* What the key of the image for the request is made of, and the key. Asks apt when the
 * versions of the packages are not known yet, and fetches them. */
int image_explain(const struct image_request *request, struct image_ingredient_list *list,
	char key[HASH_HEX_SIZE], struct err *e) MUST_CHECK;
void image_ingredient_list_release(struct image_ingredient_list *list);

/* One image that is kept. */
struct image_kept {
	struct image image;
	char *recipe; /* name */
	uint64_t size_bytes;
	int64_t built_s; /* since 1970 */
};

struct image_kept_list {
	struct image_kept *v; /* owned, sorted by recipe, the newest first */
	size_t len;
};

int image_kept_list_load(struct image_kept_list *list, struct err *e) MUST_CHECK;
void image_kept_list_release(struct image_kept_list *list);
/* Deletes an image. */
int image_remove(const struct image_kept *kept, struct err *e) MUST_CHECK;
/* Deletes what the newest image of each recipe does not need: older images, packages that
 * no remembered answer of apt names, apt's lists, what a killed build left. Adds to
 * *bytes what that has freed. */
int image_prune(uint64_t *bytes, struct err *e) MUST_CHECK;

/* Where images and what belongs to them (snapshots) are kept:
 * $XTEST_CACHE_DIR, else $XDG_CACHE_HOME/xtest, else ~/.cache/xtest. Made when it is not
 * there. The caller's. */
char *image_cache_dir(struct err *e);

#endif
