/*
 * The parts of the CMake adapter: the toolchain file it writes, what CMake's file API
 * says of the project (cmake-file-api(7), codemodel version 2), and ctest's list of tests
 * (ctest(1), "--show-only=json-v1").
 */
#ifndef XTEST_ADAPTER_CMAKE_H
#define XTEST_ADAPTER_CMAKE_H

#include "adapter/adapter.h"
#include "base/buf.h"
#include "base/json.h"

/* Appends the text of the toolchain file for a request (cmake-toolchains(7)). */
void cmake_toolchain_write(const struct build_request *request, struct buf *text);

struct cmake_target {
	char *name;
	bool executable;
	char *artifact;        /* absolute */
	struct strv libraries; /* it is linked with; suite_add_library() */
};

/* One directory with a CMakeLists.txt. */
struct cmake_directory {
	char *source; /* absolute */
	char *project;
};

struct cmake_model {
	char *project; /* the top one */
	struct cmake_directory *directories;
	size_t n_directories;
	struct cmake_target *targets; /* programs, and libraries loaded at run time */
	size_t n_targets;
};

/* Asks the next configure for the answer that cmake_model_read() reads. */
int cmake_model_query(const struct build_request *request, struct err *e) MUST_CHECK;
int cmake_model_read(struct cmake_model *model, const struct build_request *request,
	struct err *e) MUST_CHECK;
void cmake_model_release(struct cmake_model *model);

/* How many tests of ctest's answer have no program: it was not there when ctest looked.
 */
size_t cmake_tests_missing(const struct json *answer);
/* Appends the suites of ctest's answer. */
int cmake_tests_read(const struct json *answer, const struct cmake_model *model,
	const struct build_request *request, struct suite_list *suites,
	struct err *e) MUST_CHECK;

#endif
