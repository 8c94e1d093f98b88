/*
 * The parts of the Meson adapter: the cross file it writes, and the tests as Meson keeps
 * them for "meson test". Its introspection leaves out should_fail, how the environment is
 * built up, and which test wants a wrapper; so Meson's own Python reads Meson's own data
 * (meson_test_setup.dat) and answers in JSON, which is kept until that data changes.
 */
#ifndef XTEST_ADAPTER_MESON_H
#define XTEST_ADAPTER_MESON_H

#include "adapter/adapter.h"
#include "base/json.h"

/* Appends the text of the cross file for a request (mesonbuild.com, "Machine files"). */
void meson_cross_write(const struct build_request *request, struct buf *text);

/* The tests and benchmarks of a configured build directory; see meson-ask.c for the
 * members. json_free(). ERR_METADATA when Meson's data is not understood. */
struct json *meson_ask(const struct build_request *request, struct err *e);

/* Appends the suites of that answer, and the programs and libraries of the build. */
int meson_tests_read(const struct json *answer, const struct build_request *request,
	struct suite_list *suites, struct strv *artifacts, struct err *e) MUST_CHECK;

#endif
