/*
 * Reads ELF files of any machine (libelf; this is the one file that knows it): what they
 * run on, what they load, and the symbols and strings a framework is recognised by.
 */
#ifndef XTEST_BASE_ELF_H
#define XTEST_BASE_ELF_H

#include "base/err.h"
#include "base/strv.h"

/* The fields of the file header that tell one CPU + ABI from another (System V gABI, "ELF
 * Header"). */
struct elf_identity {
	uint16_t machine; /* e_machine: EM_AARCH64 = 183, … */
	uint8_t class;    /* 32 or 64 */
	bool big_endian;
	uint32_t flags; /* e_flags */
};

enum elf_kind { ELF_KIND_EXECUTABLE, ELF_KIND_SHARED, ELF_KIND_OBJECT, ELF_KIND_CORE };

struct elf {
	struct elf_identity id;
	enum elf_kind kind; /* a position-independent executable is EXECUTABLE: it has
			       DF_1_PIE, or an interpreter and no soname */
	bool fixed;         /* runs at the addresses in the file (ET_EXEC) */
	uint64_t entry;     /* e_entry */
	char *interpreter;  /* PT_INTERP; NULL for static programs and libraries */
	char *soname;
	struct strv needed;    /* DT_NEEDED, in order */
	struct strv runpath;   /* DT_RUNPATH, else DT_RPATH, split at ':' ($ORIGIN as it
				  stands) */
	struct elf_file *file; /* private: what the searches below read */
};

/* 1 when it is ELF and *out is filled, 0 when it is something else, -1 on error
 * (unreadable, or damaged ELF). */
int elf_open(const char *path, struct elf *out, struct err *e) MUST_CHECK;
void elf_release(struct elf *elf);
/* A symbol of this exact name is defined or needed (.symtab or .dynsym). */
bool elf_has_symbol(const struct elf *elf, const char *name);
/* Some symbol's name contains `part`. */
bool elf_has_symbol_like(const struct elf *elf, const char *part);
/* The bytes of `text` occur in read-only data. */
bool elf_has_string(const struct elf *elf, const char *text);
/* What a kernel module in memory says about itself in its section .modinfo: the value of
 * KEY in "KEY=value". The caller's; NULL when it says nothing of it or is no module. */
char *elf_module_info(const void *data, size_t len, const char *key);
const char *elf_machine_name(uint16_t machine); /* "AArch64"; "machine 1234" names are not
						   owned: static text "unknown" */

#endif
