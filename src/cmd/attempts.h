/* Options of how often tests run and when a run ends, and what they come to. */
#ifndef XTEST_CMD_ATTEMPTS_H
#define XTEST_CMD_ATTEMPTS_H

#include "cmd/common.h"
#include "engine/workload-rules.h"

/* Of struct common; ends with a NULL name. */
extern const struct opt attempts_opts[];

/* The rules of the plan; to be released with workload_rules_release() in any case. */
int attempts_find_rules(const struct common *c, const struct workload *w,
	const struct plan *plan, struct workload_rules *rules, struct err *e) MUST_CHECK;

#endif
