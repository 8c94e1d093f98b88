/*
 * A clean copy of a source tree, kept up to date. Make and configure write where they
 * run, so they run in a copy below the build directory and the project's own tree stays
 * as it is: also when it is read-only, was configured in place, or is built for another
 * machine in its own folder. A file the build changed in the copy is left alone until the
 * original changes.
 */
#ifndef XTEST_ADAPTER_MAKE_COPY_H
#define XTEST_ADAPTER_MAKE_COPY_H

#include "base/err.h"

struct make_copy {
	size_t updated; /* files written by this refresh */
	size_t removed; /* files that are gone from the source */
	bool fresh;     /* there was no copy before */
};

/* Makes `to` a copy of `from`. `record` is the file that remembers what was copied and
 * for which `key`; with another key the copy, and what was built in it, is made anew.
 * Left out: version control data, .xtest, the directory of `record`, what an in-place
 * configure left behind (as its config.status says), and what compilers made (objects,
 * archives, programs by their ELF header) unless git tracks it. Time stamps come along,
 * so that what was newer stays newer; a file that changed to an older one gets the
 * present time, so that make sees it. Errors: ERR_SETUP. */
int make_copy_refresh(const char *from, const char *to, const char *record,
	const char *key, struct make_copy *done, struct err *e) MUST_CHECK;

#endif
