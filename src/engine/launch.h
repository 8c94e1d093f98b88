/*
 * From a suite and a case to the one process that runs it on a place: argv with framework
 * arguments and emulator, the whole environment, limits. Everything that differs between
 * running in place and running from an archive was settled in the suite before; nothing
 * here runs anything.
 */
#ifndef XTEST_ENGINE_LAUNCH_H
#define XTEST_ENGINE_LAUNCH_H

#include "engine/archive.h"
#include "engine/place.h"
#include "filter/filter.h"
#include "framework/framework.h"
#include "model/suite.h"
#include "model/toolchain.h"

struct script_set;

/* What is the same for all cases of one column. */
struct launch {
	const struct event_column *column;
	const struct toolchain *toolchain; /* of the column's programs */
	bool emulate;   /* put the emulator in front of the target's ELF files */
	bool elsewhere; /* the place is another machine: nothing of this one is there */
	const struct strv *environment; /* of the place; suites add to it */
	const struct archive_roots
		*roots; /* the place sees an archive's trees where they were built; here
			 * they are elsewhere. NULL: paths are the same */
	const char *run_id, *workspace_root;
	const struct script_set *scripts; /* hand variables on, and wrap; NULL: there are
					     none */
	double timeout_factor; /* emulation is slow: multiplies what the build system says
				*/
	int64_t grace_ms, leak_ms;
	uint64_t output_bytes;
	bool change_user;
	uint32_t uid, gid;
};

/* The environment target and host programs get on this machine: this process's, without
 * what would leak from xtest's own surroundings (a make above it, an emulator's
 * variables). */
void launch_environment(struct strv *env);
/* The environment on another machine: what root has who has just logged in there. */
void launch_staged_environment(struct strv *env);

/* Where this process finds the file that the place sees at `path`; the caller's. */
char *launch_locate(const struct launch *l, const char *path);
/* The first of the suite's required files that is not there, or NULL. Borrowed. */
const char *launch_missing_file(const struct launch *l, const struct suite *suite);
/* The suite as the filter language sees it; strings are borrowed. Its group is not known:
 * that is a matter of each case. */
struct filter_subject launch_subject(
	const struct event_column *column, const struct suite *suite);

/* Which attempt it is, and where it stands among all that run. */
struct launch_turn {
	unsigned attempt, attempts; /* from 1, and how many it may have */
	unsigned slot;              /* from 0 */
	const char *group;          /* NULL: none */
	unsigned group_slot;        /* from 0 */
	unsigned stress;            /* round of a stress run, from 1; 0: none */
	unsigned stress_total;      /* rounds; UINT_MAX: nobody knows */
};

/* Fills a zeroed task for one attempt of one case. Its limits (engine/rules.h) and
 * callbacks are the caller's to set. */
void launch_case(const struct launch *l, const struct suite *suite,
	const struct framework *framework, const struct test_case *test,
	const struct launch_turn *turn, struct task *task);
/* Fills a zeroed task that lists the cases of a suite, or (`ignored`) in a second pass
 * those it leaves out unless asked for. */
void launch_listing(const struct launch *l, const struct suite *suite,
	const struct framework *framework, int64_t timeout_ms, bool ignored,
	struct task *task);
/* argv of the case as somebody would type it, emulator included; the caller's. */
char *launch_command_line(const struct task *task);

#endif
