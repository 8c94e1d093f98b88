/*
 * What gives a framework away in an ELF file: the libraries it is loaded from, the
 * symbols it defines or needs and, where symbols are stripped, the texts it prints.
 */
#ifndef XTEST_FRAMEWORK_EVIDENCE_H
#define XTEST_FRAMEWORK_EVIDENCE_H

#include "base/elf.h"

enum { EVIDENCE_CERTAIN = 95, EVIDENCE_LIKELY = 70 };

struct evidence {
	/* Beginnings of DT_NEEDED names that bring a main() with them; any one. */
	const char *main_library[3];
	/* Parts of symbol names; any one. */
	const char *symbol[3];
	/* Texts in two pieces, so that this program does not look like a test of every
	 * framework; all of them. */
	const char *text[3][2];
};

/* A bid: 0, EVIDENCE_LIKELY (texts only) or EVIDENCE_CERTAIN. */
int evidence_bid(const struct elf *elf, const struct evidence *e);

#endif
