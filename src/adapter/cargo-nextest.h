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

enum cargo_nextest_form {
	CARGO_NEXTEST_LIST,   /* where the build is: with the build directory */
	CARGO_NEXTEST_ARCHIVE /* as in an archive, which has only one directory */
};

/* The same as text, one member a line. */
void cargo_nextest_write(
	const struct cargo_build *b, enum cargo_nextest_form form, struct buf *out);
/* Its first member, for other lists that begin as this one: "rust-build-meta". */
void cargo_nextest_write_meta(
	const struct cargo_build *b, enum cargo_nextest_form form, struct jsonw *w);

#endif
