/*
 * The generated half of an Autotools tree: whether a configure script is one of
 * Autoconf's, whether make would find it older than what it is made of, and making it
 * again. All of it happens in a copy.
 */
#ifndef XTEST_ADAPTER_AUTOTOOLS_REGEN_H
#define XTEST_ADAPTER_AUTOTOOLS_REGEN_H

#include "adapter/adapter.h"

enum autotools_regen_kind {
	AUTOTOOLS_NONE,     /* no configure script */
	AUTOTOOLS_AUTOCONF, /* made by Autoconf */
	AUTOTOOLS_BY_HAND,  /* written by a person */
};

/* What `dir`/configure is; an unreadable one is none. */
enum autotools_regen_kind autotools_regen_kind(const char *dir);

/* Why the generated files of this tree have to be made anew: "configure is older than
 * configure.ac", "no configure". The caller's; NULL when they need not. Follows the rules
 * that Automake puts into a Makefile.in (GNU Automake manual, "Rebuilding Makefiles"). */
char *autotools_regen_reason(const char *dir);

/* autoreconf -fi, or the project's autogen.sh where that fails. When the tools are
 * missing and there is an old configure, its time stamps are set so that make takes it
 * for new. Errors: ERR_BUILD, ERR_SETUP naming the packages. */
int autotools_regen_run(const struct build_request *request, const char *dir,
	const char *reason, struct err *e) MUST_CHECK;

/* Replaces config.sub and config.guess where the project's are too old to know the
 * triple. */
int autotools_regen_config_sub(const struct build_request *request, const char *dir,
	const char *triple, struct err *e) MUST_CHECK;
/* The build machine, by the project's config.guess, else by the compiler. The caller's;
 * NULL when neither knows. */
char *autotools_regen_build_triple(const char *dir);

#endif
