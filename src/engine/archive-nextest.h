/*
 * What goes into an archive that cargo-nextest reads: the two descriptions of the build
 * (adapter/cargo-nextest.h), the test programs and what they find beside them. Writing is
 * archive_pack()'s, as for our own.
 */
#ifndef XTEST_ENGINE_ARCHIVE_NEXTEST_H
#define XTEST_ENGINE_ARCHIVE_NEXTEST_H

#include "engine/archive.h"

struct cargo_build;
struct cargo_workspace;

/* Everything borrowed for the call. */
struct archive_nextest_request {
	const struct cargo_build *build;
	const struct cargo_workspace *workspace;
	/* Of one of our own of the same suites: which are wanted, the sources, and what
	 * the configuration includes and excludes. */
	const struct archive_request *own;
};

/* Fills a zeroed plan; release it either way. ERR_ARCHIVE when a program is not there. */
int archive_nextest_plan(const struct archive_nextest_request *request,
	struct archive_plan *plan, struct err *e) MUST_CHECK;

#endif
