/*
 * What of a target is there on this machine, now: the compiler and its tools, the C
 * library, the system root, the emulator. Adapters make their cross files from it, places
 * take the emulator from it, and what is missing is told with the Debian package it comes
 * in. Nothing is remembered but the outcome of the test link.
 */
#ifndef XTEST_MODEL_TOOLCHAIN_H
#define XTEST_MODEL_TOOLCHAIN_H

#include "model/target.h"

/* A thing that could not be found. */
enum toolchain_part {
	TOOLCHAIN_CC,
	TOOLCHAIN_CXX, /* only projects with C++ need it */
	TOOLCHAIN_LIBC,
	TOOLCHAIN_SYSROOT, /* its dynamic loader; static programs do without */
	TOOLCHAIN_EMULATOR,
	TOOLCHAIN_PARTS
};

struct toolchain {
	const struct target *target; /* borrowed */
	bool is_host; /* the machine's own target: built with the native compilers */
	bool native;  /* its programs run here without an emulator */

	/* Commands, as words: $CC may hold options. Empty when missing. */
	struct strv cc;
	struct strv cxx;
	/* Absolute paths; NULL when missing. */
	char *ar;
	char *ranlib;
	char *strip;
	char *nm;
	char *objcopy;
	char *ld;
	char *pkg_config;

	char *triple;  /* as the compiler calls it (-dumpmachine), else the target's GNU
			  triple; for --host. Without a compiler the GNU triple */
	char *sysroot; /* holds the dynamic loader; "/" when that is this system's own
			  (the host, multiarch). NULL when none was found */
	/* Directories with .pc files of the target, joined with ':'. Empty for the host,
	 * where pkg-config knows. Never names a directory of another architecture. */
	char *pkg_config_libdir;

	struct strv emulator;   /* program, its options, -L sysroot; empty when native or
				   missing */
	char *emulator_version; /* "7.2.22"; NULL when native or missing */

	/* For each part NULL, or a sentence on what is missing and what to install. */
	char *missing[TOOLCHAIN_PARTS];
	/* The package of each missing part, NULL when no package helps. Borrowed from the
	 * target. */
	const char *package[TOOLCHAIN_PARTS];
};

/* Finds what there is of `t`. `host` is this machine's own target (NULL: unknown), `env`
 * the environment that says PATH, CC, CXX, XTEST_CC_<NAME>, XTEST_SYSROOT_<NAME>,
 * XTEST_EMULATOR_<NAME> and XTEST_PKG_CONFIG_LIBDIR_<NAME> (NULL: the process's). $CC
 * counts only for the target it makes programs for. What is missing is no error; an error
 * means that looking failed. Both targets must outlive *tc. */
int toolchain_resolve(struct toolchain *tc, const struct target *t,
	const struct target *host, const struct strv *env, struct err *e) MUST_CHECK;
void toolchain_release(struct toolchain *tc);

/* A C program can be built; it can be run (`user`, or `local` when native). */
bool toolchain_can_build(const struct toolchain *tc);
bool toolchain_can_run(const struct toolchain *tc);
/* The same as errors of kind ERR_SETUP with every sentence and one apt-get line. */
int toolchain_need_build(const struct toolchain *tc, bool cxx, struct err *e) MUST_CHECK;
int toolchain_need_run(const struct toolchain *tc, struct err *e) MUST_CHECK;
/* "cc", "cxx", "libc", "sysroot", "emulator". */
const char *toolchain_part_name(enum toolchain_part part);

/* Appends the emulator for another system root than the toolchain's (an archive's); NULL:
 * none, for programs that need no loader. Nothing when native. */
void toolchain_emulator(
	const struct toolchain *tc, const char *sysroot, struct strv *argv);

/* Appends pairs of source and target for the private view of a target's tests: programs
 * of this machine that PATH (of `env`; NULL: the process's) has and that are of no use
 * for other targets are covered by something that cannot be executed, so that a test
 * that works with and without them goes without. Nothing for the host. */
void toolchain_hide(
	const struct toolchain *tc, const struct strv *env, struct strv *binds);

/* Environment for a build system that goes on its own: CC, CXX, AR, …, PKG_CONFIG and,
 * for a foreign target, PKG_CONFIG_LIBDIR with an empty PKG_CONFIG_PATH. */
void toolchain_environment(const struct toolchain *tc, struct strv *env);

#endif
