/* The rules of a run: what the workload's configuration and history, and the command
 * line, say of each case and of all of them together. */
#ifndef XTEST_ENGINE_WORKLOAD_RULES_H
#define XTEST_ENGINE_WORKLOAD_RULES_H

#include "engine/schedule.h"
#include "engine/workload.h"

struct workload_rules {
	struct rules *v;               /* owned: one for each item of the plan */
	struct schedule_group *groups; /* owned; names are the configuration's */
	size_t n_groups;
	int64_t memory_kib;           /* of this machine, for tests; 0: not known */
	struct strv hook, usual_hook; /* owned; of all items */
};

/* What the command line says of attempts; see struct rules_source. */
struct workload_rules_options {
	const char *profile;
	int64_t timeout_ms, idle_ms, cpu_ms, retries;
	enum config_result flaky_result;
	const char *hook; /* a text for the shell; NULL: not given */
};

/* For the plan as it is; release in any case. */
int workload_rules_find(struct workload *w, const struct plan *plan,
	const struct workload_rules_options *o, struct workload_rules *rules,
	struct err *e) MUST_CHECK;
void workload_rules_release(struct workload_rules *rules);
/* Hands them to a schedule, which borrows them. */
void workload_rules_apply(const struct workload_rules *rules, struct schedule_options *o);

#endif
