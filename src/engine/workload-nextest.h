/*
 * A workload out of a build that cargo made elsewhere, as cargo-nextest describes it: an
 * archive of nextest's, or its two JSON files beside a build that is still there. The
 * sources are not part of either: tests run in them, so they must be on this machine.
 */
#ifndef XTEST_ENGINE_WORKLOAD_NEXTEST_H
#define XTEST_ENGINE_WORKLOAD_NEXTEST_H

#include "adapter/cargo-build.h"
#include "engine/workload-archive.h"

/* Of one target of the workload. */
struct workload_nextest {
	struct cargo_build build;
	struct cargo_workspace workspace;
	/* Where things are now; as in the build when nothing was moved. */
	char *workspace_dir, *target_dir, *build_dir;
	/* The suites with the paths of where things are now, when those of the target
	 * have the paths of where they were; else empty. */
	struct suite_list located;
	char *pending; /* the archive, of which only the description is unpacked; NULL */
};

void workload_nextest_free(struct workload_nextest *n);

/* What cargo has just built here for the target; the caller's. NULL and ERR_USAGE when it
 * was no Cargo workspace. */
struct workload_nextest *workload_nextest_built(
	const struct workload_target *t, struct err *e);

/* The list of the target's programs as `cargo nextest list --list-type binaries-only
 * --message-format json` prints it: other tools read it, and --binaries-metadata takes
 * it. */
int workload_nextest_print(const struct workload_target *t, bool pretty, FILE *out,
	struct err *e) MUST_CHECK;

/* workload_unpack() for an archive of nextest's, into the directory `dest`. */
int workload_nextest_unpack(struct workload *w, const struct workload_unpack_options *o,
	struct archive_reader *reader, const char *dest, struct err *e) MUST_CHECK;

/* Before a program of the target is started: unpacks what was not unpacked yet. */
int workload_nextest_need(
	struct workload *w, struct workload_target *t, struct err *e) MUST_CHECK;

struct workload_nextest_files {
	const char *binaries; /* --binaries-metadata */
	const char *metadata; /* --cargo-metadata */
	/* Where things are now; NULL: where they were built. */
	const char *target_dir, *build_dir, *workspace;
};

/* In place of workload_build(): fills the one target of the workload with the suites of a
 * build that these files describe. ERR_SETUP when they are not what they should be, or
 * the build or its sources are not there. */
int workload_nextest_load(struct workload *w, const struct workload_nextest_files *files,
	struct err *e) MUST_CHECK;

#endif
