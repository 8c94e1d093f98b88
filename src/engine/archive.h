/*
 * One file with everything a run needs: which files and why (archive_plan), writing them
 * (archive_pack), reading them back from a file or a pipe without trusting them
 * (archive_unpack), and the suites with their paths where the files are now
 * (archive_load_suites). docs/archive.md is the specification of the format.
 *
 * No function here begins with archive_read, archive_write or archive_entry: those names
 * belong to libarchive.
 */
#ifndef XTEST_ENGINE_ARCHIVE_H
#define XTEST_ENGINE_ARCHIVE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"
#include "model/suite.h"

#include <stdio.h>

/* The directories of the machine that built, each a top directory of the archive. A path
 * is below the root with the longest path that holds it. */
enum archive_root {
	ARCHIVE_TARGET,  /* build directory of the target's part */
	ARCHIVE_HOST,    /* of the host's part; absent when it is the same one */
	ARCHIVE_SYSROOT, /* where the target's libraries and loader are found */
	ARCHIVE_SOURCE,
	ARCHIVE_N_ROOTS
};
/* "target", "host", "sysroot", "source": the top directory and the @name@ of the root. */
const char *archive_root_name(enum archive_root root);

enum archive_kind { ARCHIVE_FILE, ARCHIVE_DIR, ARCHIVE_LINK };

/* One entry of the archive. */
struct archive_item {
	char *name;   /* "target/tests/test_a": where it is in the archive and below the
			 place it is extracted to */
	char *origin; /* in a plan: the file on this machine; else NULL */
	char *link;   /* ARCHIVE_LINK: its text, relative, inside its root */
	char *reason; /* "library libfoo.so.1 needed by target/tests/test_a" */
	char sha256[65]; /* ARCHIVE_FILE: hexadecimal; "" in a plan until it is packed */
	enum archive_kind kind;
	unsigned mode;       /* 0644 or 0755; 0777 for links */
	uint64_t size_bytes; /* 0 unless ARCHIVE_FILE */
	/* Which suites need it, by their number in the manifest (the target's, then the
	 * host's); none: everything needs it, or too many to name them. Owned. */
	unsigned *suites;
	size_t n_suites;
};

struct archive_items {
	struct archive_item *v; /* owned; in a plan sorted as the format wants it */
	size_t len, cap;
};

/* ---- planning */

struct config_archive; /* model/config.h */

struct archive_runner {
	const char *arch; /* "aarch64" */
	const char *path; /* the program xtest-runner-<arch> */
};

/* Everything borrowed for the life of the plan. */
struct archive_request {
	const char *project; /* its name */
	const char *target;  /* the target's name, "aarch64" */
	const char *triple;  /* of the target */
	const char
		*partition; /* "slice:1/3" when it is a shard of the project; or NULL */
	const char *source_dir; /* absolute, as all directories here */
	const char *target_build_dir;
	const char *host_build_dir; /* NULL when there is none, or the same */
	const char *sysroot;        /* NULL or "/": this machine's own root */
	/* Where the target's loader looks besides the sysroot's lib, usr/lib, lib64 and
	 * its ld.so.conf. */
	const struct strv *library_dirs;
	const struct suite_list *target_suites, *host_suites; /* may be NULL */
	const struct archive_runner *runners;
	size_t n_runners;
	const struct config_archive
		*config;           /* archive.include and exclude; may be NULL */
	const char *archive_path;  /* where it will be written, absolute: an earlier one
				      there  is no part of it; may be NULL */
	uint64_t walk_limit_bytes; /* of one directory taken as a whole; 0: 256 MiB */
	bool tolerant; /* a program without its libraries goes as it is, with a note: its
			  test then says that it cannot be started */
};

/* A text that is written as it is. */
struct archive_text {
	const char *name; /* static */
	struct buf text;
};

struct archive_plan {
	const struct archive_request *request; /* borrowed */
	/* The description in an archive of nextest's: in the stead of a manifest. */
	struct archive_text texts[2];
	size_t n_texts; /* 0: it is one of our own */
	struct archive_items items;
	struct strv *library_dirs; /* for each suite of the manifest: directories of the
				      project that hold libraries it loads */
	size_t n_suites;
	struct strv notes; /* what a person should know: left out, too large, missing */
	uint64_t total_bytes;
};

/* Decides what goes in; writes nothing. ERR_ARCHIVE when something needed is missing (a
 * library, with who needs it; a program; an include with on-missing "error"). Release the
 * plan either way. */
int archive_plan_make(const struct archive_request *request, struct archive_plan *plan,
	struct err *e) MUST_CHECK;
void archive_plan_release(struct archive_plan *plan);
/* `xtest archive --list`: a line for every file, its size and its reason, then the notes.
 */
void archive_plan_print(const struct archive_plan *plan, FILE *out);

/* ---- writing */

struct archive_pack_options {
	int level;        /* zstd's, -7 to 22; 0 is zstd's default */
	unsigned threads; /* compressing; 0: as many as there are processors */
	int64_t mtime_s;  /* of all entries; -1: SOURCE_DATE_EPOCH, else 0 */
	void (*progress)(void *ctx, uint64_t done_bytes, uint64_t total_bytes);
	/* True ends it: ERR_TESTS_FAILED "interrupted". Called from several threads. */
	bool (*cancelled)(void *ctx);
	void *ctx;
};

/* Writes the archive as a whole or not at all: under another name beside `path`, then
 * renamed. The same plan gives the same bytes. Fills the items' digests. Errors:
 * ERR_ARCHIVE; nothing is left behind. */
int archive_pack(struct archive_plan *plan, const char *path,
	const struct archive_pack_options *options, struct err *e) MUST_CHECK;

/* ---- reading */

struct archive_manifest {
	char *xtest; /* version of the program that wrote it */
	char *project, *target, *triple;
	char *partition;              /* NULL: it is no shard */
	char *roots[ARCHIVE_N_ROOTS]; /* where they were; NULL when absent */
	struct suite_list suites;     /* paths as @root@/…: use archive_load_suites() */
	struct strv *library_dirs;    /* one for each suite */
	struct archive_items items;
	uint64_t total_bytes;
};

struct archive_reader;

/* Whose it is, told by its first entry. */
enum archive_format {
	ARCHIVE_XTEST,
	/* One that cargo-nextest reads and writes. It has no manifest: what its entries
	 * are is known when it is unpacked. */
	ARCHIVE_NEXTEST
};

/* Opens a file, or standard input for "-", and reads up to the end of the manifest. NULL
 * and ERR_SETUP when it is no archive of these kinds, damaged, or of a later version. */
struct archive_reader *archive_unpack_open(const char *path, struct err *e);
void archive_unpack_close(struct archive_reader *reader);
enum archive_format archive_unpack_format(const struct archive_reader *reader);
/* Borrowed from the reader. */
const struct archive_manifest *archive_unpack_manifest(
	const struct archive_reader *reader);

struct archive_unpack_options {
	const char
		*dest;  /* made when it is not there; must be empty unless `overwrite` */
	bool overwrite; /* existing files are replaced; never through a link */
	/* Which items to write; all are verified. NULL: all. */
	bool (*want)(void *ctx, const struct archive_item *item);
	void (*progress)(void *ctx, uint64_t done_bytes, uint64_t total_bytes);
	bool (*cancelled)(void *ctx);
	/* Only of an archive of nextest's: true ends the reading early; what comes behind
	 * is neither read nor verified. NULL: all is read. */
	bool (*enough)(void *ctx);
	void *ctx;
};

/* Reads the archive to its end, verifies everything against the manifest and writes the
 * wanted items below `dest`. ERR_SETUP when anything at all is not as the manifest and
 * the format say; what this call wrote into a directory that was new or empty is then
 * removed. Once per reader. */
int archive_unpack(struct archive_reader *reader,
	const struct archive_unpack_options *options, struct err *e) MUST_CHECK;
/* True when one of the suites needs the item. `selected` has a place for each suite of
 * the manifest. For want(). */
bool archive_item_is_needed(const struct archive_item *item, const bool *selected);

/* ---- using what was extracted */

/* Where each root was and where it is now. */
struct archive_roots {
	struct {
		char *original;  /* owned; NULL when the archive has no such root */
		char *extracted; /* owned */
	} v[ARCHIVE_N_ROOTS];
};

/* `extracted_dir` is the absolute destination of archive_unpack(); `workspace` (may be
 * NULL) is a source directory to be used instead of the archive's. */
void archive_roots_init(struct archive_roots *roots,
	const struct archive_manifest *manifest, const char *extracted_dir,
	const char *workspace);
void archive_roots_release(struct archive_roots *roots);
/* Where the file is now that was at `path` when the archive was made; `path` itself when
 * it is below no root. The caller's. */
char *archive_roots_locate(const struct archive_roots *roots, const char *path);
/* Appends source, target, source, target, … : the mounts that put the extracted roots at
 * their original places, outer ones first. The sysroot is not among them: an emulator is
 * told where it is. Makes the directories in the extracted tree that inner ones are
 * mounted on. */
int archive_roots_binds(
	const struct archive_roots *roots, struct strv *binds, struct err *e) MUST_CHECK;

enum archive_placing {
	ARCHIVE_ORIGINAL, /* paths as they were: the runner mounts the trees there */
	ARCHIVE_RELOCATED /* paths of the extracted trees; the project's own shared
			     libraries are found through LD_LIBRARY_PATH */
};

/* Appends the suites of one platform. `numbers` (may be NULL; the caller's array, a place
 * for each suite of the manifest) receives their numbers in the manifest. Errors:
 * ERR_SETUP. */
int archive_load_suites(const struct archive_manifest *manifest,
	const struct archive_roots *roots, enum archive_placing placing,
	enum platform platform, struct suite_list *out, size_t *numbers,
	struct err *e) MUST_CHECK;

#endif
