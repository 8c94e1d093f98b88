/*
 * The set-up and tear-down scripts of a run. They run on this machine, wherever the tests
 * do: set-up before the first test that needs one of them, tear-down after the last,
 * whatever became of the run. Set-up scripts hand variables on to their tests by a file.
 */
#ifndef XTEST_ENGINE_SCRIPT_H
#define XTEST_ENGINE_SCRIPT_H

#include "engine/place.h"
#include "filter/filter.h"
#include "model/plan.h"

struct script_set;
struct workload;

/* Borrows the workload, whose columns are there. */
struct script_set *script_set_new(struct workload *w);
/* Runs the set-up scripts that cases of the plan need, one by one, in the order of the
 * configuration. Cases whose script failed are blocked. -1 when a filter could not be
 * evaluated. */
int script_set_up(struct script_set *s, struct plan *plan, struct err *e) MUST_CHECK;
/* Adds what the set-up scripts of a case have handed on to its environment, and puts its
 * wrapper in front. */
void script_set_prepare_case(const struct script_set *s,
	const struct filter_subject *subject, struct task *task);
/* Is a suite's program listed in a wrapper? Its answer is not that of the program alone.
 */
bool script_set_wraps_listing(
	const struct script_set *s, const struct filter_subject *subject);
/* Puts the wrapper in front that a suite's program is listed in. */
void script_set_prepare_listing(const struct script_set *s,
	const struct filter_subject *subject, struct task *task);
/* Runs the tear-down scripts, the last of the configuration first, and then ends what the
 * set-up scripts left running. Nothing when it was done, or nothing was set up. */
void script_set_down(struct script_set *s);
/* Is a script that failed what a run ends with, which would end with `exit_code`? A
 * set-up script is: it took verdicts away. After it, what tests did says more than a
 * tear-down script. */
bool script_set_spoils(const struct script_set *s, int exit_code);
void script_set_free(struct script_set *s);

#endif
