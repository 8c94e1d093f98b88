/*
 * What is known about a CPU + ABI + OS that tests can be built for, on any machine: its
 * names, how its ELF files look, which compilers, system roots and emulators usually
 * serve it, and the Debian packages they come in. One file per target, targets/NAME.json.
 * What of that is there on this machine is the business of model/toolchain.h.
 */
#ifndef XTEST_MODEL_TARGET_H
#define XTEST_MODEL_TARGET_H

#include "base/elf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/strv.h"

struct target {
	char *name;        /* "aarch64" */
	char *description; /* one line for people */
	char *runner;      /* xtest-runner-<this> */
	char *gnu;         /* "aarch64-linux-gnu", what autotools call --host */
	char *rust;        /* "aarch64-unknown-linux-gnu" */
	char *debian;      /* "arm64" */
	struct strv aliases;
	struct strv uname;       /* uname(2) machine names of this target */
	struct elf_identity elf; /* flags: the bits that must be set … */
	uint32_t elf_flags_mask; /* … among these */
	struct strv compilers;   /* prefixes in the order they are tried */
	char *multiarch;         /* Debian's directory name below /usr/lib */
	struct strv sysroots;    /* usual places */
	char *interpreter;       /* dynamic loader, absolute within the system root */
	struct strv
		native_on; /* other targets whose machines may run this one's programs */
	struct strv emulators; /* user-mode emulators in the order they are tried */
	struct strv emulator_args;
	char *cmake_processor; /* CMAKE_SYSTEM_PROCESSOR */
	char *meson_cpu_family;
	char *meson_cpu;
	/* Debian packages */
	char *package_cc;
	char *package_cxx;
	char *package_libc;
	char *package_emulator;
};

struct target_list {
	struct target *v; /* owned, sorted by name */
	size_t len;
};

/* Reads every NAME.json of a directory; NULL: target_data_dir(). A file with a member
 * nobody reads, or without one that is needed, is an error (ERR_SETUP). */
int target_list_load(struct target_list *list, const char *dir, struct err *e) MUST_CHECK;
void target_list_release(struct target_list *list);
/* By name, alias or any spelling of a triple; NULL when there is none. Borrowed. */
const struct target *target_list_find(const struct target_list *list, const char *name);
/* The same, but not finding it is an error that names the nearest known one. */
const struct target *target_list_get(
	const struct target_list *list, const char *name, struct err *e);
/* The target this machine is, by uname(2) and the word size of this program; NULL when no
 * file describes it. Borrowed. */
const struct target *target_list_host(const struct target_list *list);
/* The target whose programs look like this; NULL when none does. Borrowed. */
const struct target *target_list_find_elf(
	const struct target_list *list, const struct elf_identity *elf);

enum { TARGET_MAGIC_SIZE = 20 };
/* The first bytes of the target's programs (ELF header up to e_machine) and which of
 * their bits matter, as binfmt_misc wants them: EI_OSABI may be anything, e_type is EXEC
 * or DYN. */
void target_elf_magic(const struct target *t, uint8_t magic[TARGET_MAGIC_SIZE],
	uint8_t mask[TARGET_MAGIC_SIZE]);

bool target_matches_elf(const struct target *t, const struct elf_identity *elf);
/* True when the name, an alias or a triple of the target is this word. */
bool target_is_called(const struct target *t, const char *name);
/* "little" or "big", as Meson calls it. */
const char *target_endian(const struct target *t);

/* The directory that holds targets/: $XTEST_DATADIR, what lies beside the program (a
 * build directory), share/xtest beside its bin, or where it was configured to be
 * installed. The caller's; ERR_SETUP when there is none. */
char *target_data_dir(struct err *e);
/* The runner for a target: $XTEST_LIBEXECDIR, beside the program, libexec/xtest beside
 * its bin, or the configured place. The caller's; ERR_FEATURE when it was not built. */
char *target_runner_path(const struct target *t, struct err *e);

#endif
