/*
 * Completions for the shells, printed from the tables of verbs, options, targets and
 * families, so that they never know less than the program. They are printed when xtest is
 * built; what a shell runs then is plain text and starts no program.
 */
#ifndef XTEST_CMD_COMPLETE_H
#define XTEST_CMD_COMPLETE_H

#include "base/buf.h"
#include "base/err.h"

/* The completion script of "bash", "fish" or "zsh". Appended to `out`. ERR_USAGE for
 * another shell. */
int complete_print(const char *shell, struct buf *out, struct err *e) MUST_CHECK;

#endif
