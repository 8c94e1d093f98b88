/*
 * Finds out by trying. A compiler on PATH says nothing about its C library, and a
 * kernel's configuration nothing about what it executes, so the questions are put to
 * them.
 */
#ifndef XTEST_MODEL_PROBE_H
#define XTEST_MODEL_PROBE_H

#include "base/elf.h"
#include "base/err.h"
#include "base/strv.h"

/* Links a C program that does nothing. 1: it did, and *id tells for which machine; 0: it
 * did not, and *why (the caller's) is the compiler's first line about it. cc[0] is
 * absolute. A success is remembered below $XDG_CACHE_HOME/xtest (or ~/.cache/xtest) until
 * the compiler changes or its start-up file goes away. */
int probe_link(const struct strv *cc, const struct strv *env, struct elf_identity *id,
	char **why, struct err *e) MUST_CHECK;
/* Links the same program and runs it behind `prefix` (an emulator, or nothing). 1, or 0
 * with the first line of the complaint in *why, which is the caller's. */
int probe_run(const struct strv *cc, const struct strv *prefix, const struct strv *env,
	char **why, struct err *e) MUST_CHECK;
/* Output of the compiler for one option such as -print-sysroot, NULL when it fails or
 * says nothing. The caller's. */
char *probe_ask(const struct strv *cc, const char *option);
/* "7.2.22" out of the first line a program prints for --version; NULL when there is none.
 * The caller's. */
char *probe_version(const char *program);
/* True when this kernel executes 32-bit x86 programs (CONFIG_IA32_EMULATION, and not
 * switched off at boot). */
bool probe_runs_i386(void);

#endif
