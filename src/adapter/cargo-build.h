/*
 * What is known of a Cargo workspace and of a build of it, whoever made that build:
 * cargo's own messages, the metadata beside a build, or an archive of cargo-nextest. The
 * fields are those of nextest's "binaries metadata", so that both directions lose
 * nothing; suites are made of them in one way, whatever they came from.
 */
#ifndef XTEST_ADAPTER_CARGO_BUILD_H
#define XTEST_ADAPTER_CARGO_BUILD_H

#include "base/err.h"
#include "base/json.h"
#include "base/strv.h"
#include "model/suite.h"

/* ---- `cargo metadata --format-version 1` */

struct cargo_package {
	char *id; /* cargo's package id: "path+file:///w/alpha#1.2.3" */
	char *name, *version;
	char *manifest_path;
	/* "NAME=VALUE" of CARGO_MANIFEST_DIR, CARGO_MANIFEST_PATH and CARGO_PKG_*, as
	 * cargo gives them to what it runs (The Cargo Book, "Environment Variables"). */
	struct strv env;
	size_t *depends; /* indices of the packages it depends on itself */
	size_t n_depends;
	bool member; /* of the workspace */
};

struct cargo_workspace {
	char *root;
	char *target_dir;
	char *build_dir; /* cargo before 1.91 does not tell: target_dir */
	struct cargo_package *packages;
	size_t n_packages;
	char *text; /* what cargo printed, whole */
};

/* Reads what `cargo metadata` printed. ERR_METADATA when it is not that. */
int cargo_workspace_read(struct cargo_workspace *w, const char *text, size_t len,
	struct err *e) MUST_CHECK;
void cargo_workspace_release(struct cargo_workspace *w);
/* By package id; NULL. Borrowed. */
const struct cargo_package *cargo_workspace_find(
	const struct cargo_workspace *w, const char *package_id);

/* ---- a build */

/* One side that was built for. */
struct cargo_platform {
	char *triple; /* "aarch64-unknown-linux-gnu"; NULL: unknown */
	char *libdir; /* of rustc's libraries for it, absolute (in an archive: relative to
			 the target directory's "nextest/libdirs"); NULL: not available */
	char *libdir_reason; /* why not: "rustc-failed", "not-in-archive"; NULL */
	char *spec;          /* the JSON of "platform", for what else is in it; NULL */
};

/* A test program: an entry of "rust-binaries". */
struct cargo_binary {
	char *id;   /* "alpha", "alpha::it", "alpha::bin/tool" */
	char *name; /* of the target: "it" */
	char *package_id;
	char *kind; /* "lib", "test", "bin", "example", "bench", "proc-macro" */
	char *path; /* absolute */
	char *cwd;  /* absolute; NULL: the directory of the package's manifest */
	enum platform platform;
};

/* A program or library that tests find beside them: an entry of "non-test-binaries". */
struct cargo_artifact {
	char *package_id;
	char *name; /* of the target */
	char *kind; /* "bin-exe", "dylib" */
	char *path; /* relative to the target directory */
	enum platform platform;
};

/* What a build script left: "build-script-out-dirs" and "build-script-info". */
struct cargo_script {
	char *package_id;
	char *out_dir;   /* relative to the build directory */
	struct strv env; /* "NAME=VALUE" of cargo::rustc-env */
	bool has_info;   /* the environment is known (nextest 0.9.73 and later) */
};

struct cargo_build {
	char *target_dir; /* absolute */
	char *build_dir;  /* absolute; the target directory when they are not apart */
	/* Relative to the target directory: "debug", "aarch64-unknown-linux-gnu/debug".
	 */
	struct strv base_dirs;
	/* Relative to the build directory: directories that build scripts told the linker
	 * of (cargo::rustc-link-search) within it. */
	struct strv linked_paths;
	struct cargo_platform host;
	struct cargo_platform *targets; /* of --target; none: built for the host alone */
	size_t n_targets;
	struct cargo_binary *binaries;
	size_t n_binaries;
	struct cargo_artifact *artifacts;
	size_t n_artifacts;
	struct cargo_script *scripts;
	size_t n_scripts;
	char *profile;     /* "release", "dev", …; NULL: nobody said */
	struct strv flags; /* what else cargo was given that shapes the build */
};

void cargo_build_release(struct cargo_build *b);
/* A zeroed one at the end of each list; valid until the next add. */
struct cargo_platform *cargo_build_add_target(struct cargo_build *b);
struct cargo_binary *cargo_build_add_binary(struct cargo_build *b);
struct cargo_artifact *cargo_build_add_artifact(struct cargo_build *b);
struct cargo_script *cargo_build_add_script(struct cargo_build *b);
/* The id nextest gives a test program of a package: "alpha" (lib, proc-macro),
 * "alpha::it" (test), "alpha::bin/tool" (the others). The caller's. */
char *cargo_build_binary_id(const char *package, const char *kind, const char *name);
/* The order nextest lists in: by the parts of the ids, not by their bytes. For qsort()
 * over ids. */
int cargo_build_compare_ids(const char *a, const char *b);

/* ---- cargo's messages (`--message-format json-render-diagnostics`) */

/* Reads the messages of a build: test programs, what is beside them and what build
 * scripts said. `b` has its directories, its host and its targets already. Lines that are
 * no messages (what build scripts print, a runner) are passed over. */
int cargo_messages_read(struct cargo_build *b, const struct cargo_workspace *w,
	const char *text, size_t len, struct err *e) MUST_CHECK;

/* Which side a path relative to the target or build directory is of: what was built for
 * a target is below its triple, in every layout (The Cargo Book, "Build Cache"). Without
 * targets all is the target's. */
enum platform cargo_messages_side(const struct cargo_build *b, const char *relative);

/* ---- to suites */

struct cargo_suite_options {
	/* Where things are now; NULL: where they were built. The workspace's root, the
	 * target directory and the build directory (NULL: as the target directory's). */
	const char *workspace_remap, *target_remap, *build_remap;
	const struct strv *config_env; /* "NAME=VALUE" of cargo's [env], forced or not
					  there in the environment; NULL: none */
	const char *profile;           /* for NEXTEST_PROFILE; NULL: "default" */
};

/* Appends a suite for each test program, with everything a test finds: working directory,
 * environment, library path of its own platform, the files it may read. ERR_METADATA when
 * a program's package is not in the workspace. */
int cargo_suites_make(const struct cargo_build *b, const struct cargo_workspace *w,
	const struct cargo_suite_options *o, struct suite_list *suites,
	struct err *e) MUST_CHECK;

/* Rust's standard library is no part of the project and of no system. A copy of it in the
 * build directory goes where its suites go; those that link it (macros do) search there
 * first. */
int cargo_libstd_provide(const struct cargo_build *b, const char *into,
	struct suite_list *suites, struct err *e) MUST_CHECK;

#endif
