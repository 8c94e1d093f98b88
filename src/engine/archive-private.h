/*
 * What the archive's own files share and nobody else needs: the list of items, packed
 * paths, the closure, the manifest's text, the compressed stream, and placing files below
 * a directory without ever leaving it.
 */
#ifndef XTEST_ENGINE_ARCHIVE_PRIVATE_H
#define XTEST_ENGINE_ARCHIVE_PRIVATE_H

#include "base/buf.h"
#include "engine/archive.h"
#include "engine/closure.h"

#include <sys/stat.h>

#define ARCHIVE_MANIFEST_NAME "xtest/manifest.json"

enum {
	ARCHIVE_FORMAT_VERSION = 1,
	ARCHIVE_MANIFEST_MAX = 64 << 20,
	ARCHIVE_NAME_MAX = 1024,
	ARCHIVE_DEPTH_MAX = 64,
	ARCHIVE_ITEMS_MAX = 1 << 20,
};

/* ---- items (archive-item.c) */

/* By section (xtest, target, host, sysroot, source), then by the bytes of the name. */
int archive_item_compare(const char *a, const char *b);
struct archive_item *archive_items_add(struct archive_items *items, const char *name);
/* In a sorted list. */
const struct archive_item *archive_items_find(
	const struct archive_items *items, const char *name);
void archive_items_release(struct archive_items *items);
void archive_items_drop_last(struct archive_items *items);
/* Checks one item, as hostile as it may be, by itself: name, mode, size, link. */
int archive_item_check(const struct archive_item *item, struct err *e) MUST_CHECK;
/* Checks a list: order, and that nothing lies below something that is no directory. */
int archive_items_check(const struct archive_items *items, struct err *e) MUST_CHECK;

/* ---- roots (archive-root.c) */

/* The root that holds the normalized absolute path, or -1; *below (may be NULL) is the
 * rest, borrowed from `path`. */
int archive_root_of(
	const char *const roots[ARCHIVE_N_ROOTS], const char *path, const char **below);
/* `text` with every root in it written as @name@ and every other '@' doubled. */
char *archive_root_pack(const char *const roots[ARCHIVE_N_ROOTS], const char *text);
/* The other way; NULL when the text is not what archive_root_pack() writes or names an
 * absent root. */
char *archive_root_unpack(const char *const roots[ARCHIVE_N_ROOTS], const char *text);
/* *packed is *s with its paths packed. Shares the other strings with *s: release with
 * archive_root_release_packed(). */
void archive_root_pack_suite(const char *const roots[ARCHIVE_N_ROOTS],
	const struct suite *s, struct suite *packed);
void archive_root_release_packed(struct suite *packed);
int archive_root_unpack_suite(const char *const roots[ARCHIVE_N_ROOTS], struct suite *s,
	struct err *e) MUST_CHECK;

/* ---- gathering (archive-gather.c): files and directories into a plan */

enum { ARCHIVE_COMMON = -1 };

struct archive_gather {
	struct archive_plan *plan;          /* borrowed */
	const char *roots[ARCHIVE_N_ROOTS]; /* borrowed */
	char *real_roots[ARCHIVE_N_ROOTS];  /* the same, links resolved */
	struct closure *target, *host;      /* where each side finds its libraries */
	struct pattern **excludes;          /* n_excludes of the request */
	size_t n_excludes;
	size_t *index; /* hash table of item numbers plus one, by name */
	size_t index_size;
	struct strv walked; /* what was taken as a whole: "dir" or "+dir" */

	/* For whom things are gathered now. */
	long suite; /* its number, or ARCHIVE_COMMON */
	enum platform platform;
	struct strv search; /* its LD_LIBRARY_PATH */
	bool widen;         /* found again for somebody else: then it is for everybody */
};

struct archive_walk {
	const char *why;      /* "beside the script x" */
	int depth;            /* directories below; -1: all the format allows */
	bool top_programs;    /* ELF files only of the directory itself, not from below */
	bool everything;      /* also what compilers and build systems leave */
	struct pattern *only; /* files whose path below the root matches; NULL: all */
	size_t matched;       /* how many did */
};

int archive_gather_init(
	struct archive_gather *g, struct archive_plan *plan, struct err *e) MUST_CHECK;
void archive_gather_release(struct archive_gather *g);
void archive_gather_note(struct archive_gather *g, const char *fmt, ...)
	PRINTF_LIKE(2, 3);
/* One file, link or (empty) directory by its absolute path, with the libraries of a
 * program. 1 when it is in the plan now, 0 when it is not there, outside of the project
 * or not archivable (with a note). -1 only when `must_load` and a library is missing. */
int archive_gather_path(struct archive_gather *g, const char *path, const char *reason,
	bool must_load, struct err *e) MUST_CHECK;
/* The path with all links resolved, as the roots name it; NULL when it is outside. */
char *archive_gather_canonical(struct archive_gather *g, const char *path);

/* ---- archive-gather-tree.c */

/* A directory with what is in it, in the order of names, up to the request's limit. */
int archive_gather_tree(struct archive_gather *g, const char *dir,
	struct archive_walk *walk, struct err *e) MUST_CHECK;

/* What archive.include of the request's configuration names (archive-plan.c). */
int archive_plan_includes(struct archive_gather *g, struct err *e) MUST_CHECK;

/* ---- suites (archive-suite.c) */

/* What the suite itself names: its program, libraries, arguments, files; then, in a
 * second call for all of them, the directories it works in. */
int archive_suite_gather(
	struct archive_gather *g, const struct suite *s, struct err *e) MUST_CHECK;
int archive_suite_gather_around(
	struct archive_gather *g, const struct suite *s, struct err *e) MUST_CHECK;

/* ---- the manifest (archive-manifest.c) */

int archive_manifest_write(
	const struct archive_plan *plan, struct buf *out, struct err *e) MUST_CHECK;
/* Refuses everything the format does not allow. */
int archive_manifest_read(const char *text, size_t len, struct archive_manifest *manifest,
	struct err *e) MUST_CHECK;
void archive_manifest_release(struct archive_manifest *manifest);
/* Roots as the request names them; all absolute and normalized, absent ones NULL. */
void archive_plan_roots(
	const struct archive_request *request, const char *roots[ARCHIVE_N_ROOTS]);

/* ---- planned files and their digests (archive-digest.c) */

/* A file that is being read into the archive. */
struct archive_origin {
	const struct archive_item *item; /* borrowed */
	struct stat st;
	uint64_t read_bytes;
	int fd; /* -1 when closed */
};

/* ERR_ARCHIVE when it cannot be read, or is not as it was planned. */
int archive_origin_open(struct archive_origin *o, const struct archive_item *item,
	struct err *e) MUST_CHECK;
/* How many bytes were read; 0 at the end that was planned. */
ssize_t archive_origin_read(
	struct archive_origin *o, void *data, size_t size, struct err *e) MUST_CHECK;
void archive_origin_close(struct archive_origin *o);

/* Fills the digests of all files; `seen` has a place for each item and receives what the
 * file was then. Several threads at once, each with several files at once. */
int archive_digest_items(struct archive_items *items, struct stat *seen, unsigned threads,
	const struct archive_pack_options *options, struct err *e) MUST_CHECK;

/* ---- the stream (archive-stream.c): tar in zstd */

struct archive_sink;

/* Writes to `fd`, which stays the caller's. */
struct archive_sink *archive_stream_create(
	int fd, int level, unsigned threads, struct err *e);
int archive_stream_header(struct archive_sink *s, const struct archive_item *item,
	int64_t mtime_s, struct err *e) MUST_CHECK;
int archive_stream_data(
	struct archive_sink *s, const void *data, size_t len, struct err *e) MUST_CHECK;
int archive_stream_finish(struct archive_sink *s, struct err *e) MUST_CHECK;
void archive_stream_free(struct archive_sink *s);

struct archive_source;

/* A header as it comes; strings are borrowed until the next one. */
struct archive_header {
	const char *name, *link;
	uint64_t size_bytes;
	unsigned mode; /* permission bits with set-id and sticky bits */
	enum archive_kind kind;
	bool sparse; /* has holes, which are read as zeros */
};

/* Reads from `fd`, which stays the caller's. */
struct archive_source *archive_stream_open(int fd, struct err *e);
void archive_stream_close(struct archive_source *s);
/* So many more decompressed bytes may come; beyond it the stream is refused. */
void archive_stream_allow(struct archive_source *s, uint64_t bytes);
/* 1 with the next header, 0 at the end, -1. */
int archive_stream_next(
	struct archive_source *s, struct archive_header *h, struct err *e);
/* Up to `size` bytes of the entry; 0 at its end, -1. */
ssize_t archive_stream_read(
	struct archive_source *s, void *data, size_t size, struct err *e);
/* After the last entry: nothing but padding may follow. */
int archive_stream_end(struct archive_source *s, struct err *e) MUST_CHECK;

/* ---- placing (archive-place.c): below one directory, through no link */

struct archive_place;

/* Opens or makes `dest`. */
struct archive_place *archive_place_open(const char *dest, bool overwrite, struct err *e);
/* Makes the item; for a file, *fd is open for writing and the caller's. */
int archive_place_item(struct archive_place *p, const struct archive_item *item, int *fd,
	struct err *e) MUST_CHECK;
/* Removes what was placed into a directory that was new or empty. */
void archive_place_undo(struct archive_place *p);
void archive_place_close(struct archive_place *p);

/* ---- archives of cargo-nextest (archive-nextest.c) */

/* The first entry of an archive is one that nextest puts there. */
bool archive_nextest_begins(const struct archive_header *first);
/* archive_unpack() for it: `first` was read already, the rest is still to come.
 * *host_fault: the error is this machine's, not the archive's. */
int archive_nextest_unpack(struct archive_source *source,
	const struct archive_header *first, const struct archive_unpack_options *options,
	struct archive_place *place, bool *host_fault, struct err *e) MUST_CHECK;

#endif
