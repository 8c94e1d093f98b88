/*
 * The JSON cargo-nextest describes a build with: "binaries-metadata.json" of its
 * archives, what `cargo nextest list --list-type binaries-only --message-format json`
 * prints, and what its option --binaries-metadata takes. Every set of fields it has had
 * since archives began (0.9.15, May 2022) is read; what is written is that of 0.9.143.
 * Source: the summaries of the crate nextest-metadata, and the files themselves.
 */
#ifndef XTEST_ADAPTER_CARGO_NEXTEST_H
#define XTEST_ADAPTER_CARGO_NEXTEST_H

#include "adapter/cargo-build.h"

/* Reads the text into a zeroed *b; `name` stands for it in messages. Members nobody knows
 * are passed over: nextest adds some. ERR_SETUP when something that is needed is not
 * there or is of another shape; release *b either way. */
int cargo_nextest_read(struct cargo_build *b, const char *text, size_t len,
	const char *name, struct err *e) MUST_CHECK;

/* The same as text, one member a line. `target_dir` and `build_dir` are where these are
 * now (NULL: where they were); without `build_dir` it is as in an archive, where
 * everything is in the target directory. */
void cargo_nextest_write(const struct cargo_build *b, const char *target_dir,
	const char *build_dir, struct buf *out);

/* Keeps both descriptions of a build in "nextest" below a directory, as nextest's
 * archives do, and takes them from there into zeroed structs (release them either way).
 */
int cargo_nextest_store(const char *dir, const struct cargo_build *b,
	const struct cargo_workspace *w, struct err *e) MUST_CHECK;
int cargo_nextest_load(const char *dir, struct cargo_build *b, struct cargo_workspace *w,
	struct err *e) MUST_CHECK;

#endif
