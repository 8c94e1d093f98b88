/* Options of how often tests run and when a run ends, and what they come to. */
#ifndef XTEST_CMD_ATTEMPTS_H
#define XTEST_CMD_ATTEMPTS_H

#include "cmd/common.h"
#include "engine/workload-rules.h"

/* Of struct common; ends with a NULL name. */
extern const struct opt attempts_opts[];

/* ERR_SETUP when something of the configuration holds no more. */
int attempts_check(const struct config *config, struct err *e) MUST_CHECK;
/* After the run: which tests in quarantine pass now. */
void attempts_tell_quarantine(const struct config *config, const struct plan *plan,
	const struct rules *rules, const struct emit *emit);
/* Sets when the run ends early. ERR_USAGE when an option makes no sense. */
int attempts_find_end(const struct common *c, const struct config_settings *settings,
	struct schedule_options *o, struct err *e) MUST_CHECK;
/* The rules of the plan; to be released with workload_rules_release() in any case. */
int attempts_find_rules(const struct common *c, struct workload *w,
	const struct plan *plan, struct workload_rules *rules, struct err *e) MUST_CHECK;

#endif
