/*
 * Builds a project for one target: asks the adapters, takes the first that configures,
 * and keeps two invocations out of each other's build directory.
 */
#ifndef XTEST_ENGINE_BUILD_H
#define XTEST_ENGINE_BUILD_H

#include "engine/emit.h"
#include "engine/interrupt.h"
#include "engine/project.h"
#include "model/suite.h"
#include "model/toolchain.h"

struct build_options {
	const char *adapter;     /* NULL: the best bidder */
	const struct strv *args; /* for the build system's configure step */
	unsigned jobs;
	bool verbose;
	const struct strv *exec_wrapper;
	const struct emit *emit;
	struct interrupt *interrupt;
};

struct build_result {
	const char *adapter;      /* borrowed from the table */
	char *build_dir;          /* absolute */
	char *programs_dir;       /* absolute: where its programs are; mostly the same */
	struct suite_list suites; /* of both platforms */
};

int build_project(const struct project *project, const struct toolchain *toolchain,
	const struct build_options *options, struct build_result *result,
	struct err *e) MUST_CHECK;
void build_result_release(struct build_result *r);

#endif
