/*
 * What a program loads: its dynamic loader and its shared libraries, found as the
 * target's own loader would find them. Archives ship them; a run in user mode says what
 * is missing before it starts anything.
 */
#ifndef XTEST_ENGINE_CLOSURE_H
#define XTEST_ENGINE_CLOSURE_H

#include "base/elf.h"
#include "base/err.h"
#include "base/strv.h"

struct closure;

/* Libraries are looked for below `sysroot` (NULL or "/": this machine's own root) and in
 * `library_dirs` (may be NULL). Never NULL. */
struct closure *closure_new(const char *sysroot, const struct strv *library_dirs);
void closure_free(struct closure *c);

/* What a program loads. */
struct closure_library {
	char *path;      /* where it is on this machine */
	char *name;      /* as it was asked for: "libz.so.1" or the interpreter's path */
	char *needed_by; /* path of the file that asks for it */
	bool interpreter;
};

struct closure_libraries {
	struct closure_library *v;
	size_t len, cap;
};

void closure_libraries_release(struct closure_libraries *libraries);

/* Appends everything `program` loads, each once, when it is ELF for the machine `wanted`
 * (NULL: any). `search` is an LD_LIBRARY_PATH of directories (may be empty). 1 when it is
 * such an ELF file, 0 when not, -1 with ERR_ARCHIVE and who needs what when a library is
 * missing. */
int closure_of(struct closure *c, const char *program, const struct strv *search,
	const struct elf_identity *wanted, struct closure_libraries *out,
	struct err *e) MUST_CHECK;
/* ELF identity of a file: 1, or 0 when it is no (whole) ELF file. Remembered. */
int closure_identity(struct closure *c, const char *path, struct elf_identity *id);

#endif
