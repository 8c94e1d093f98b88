#include "cmd/attempts.h"

#include <limits.h>

#define O(member) offsetof(struct common, member)

static const char *const result_choices[] = {"pass", "fail", NULL};

const struct opt attempts_opts[] = {
	{"retries", 0, "N", NULL, OPT_UNSIGNED, O(retries),
		"try a failing test up to N times more, at once"},
	{"flaky-result", 0, "RESULT", result_choices, OPT_STRING, O(flaky_result),
		"a test that passes after it failed: pass (default), fail"},
	{0},
};

int attempts_find_rules(const struct common *c, const struct workload *w,
	const struct plan *plan, struct workload_rules *rules, struct err *e)
{
	const struct workload_rules_options o = {
		.profile = c->profile,
		.timeout_ms = c->timeout_ms,
		.retries = c->retries == UINT_MAX ? CONFIG_UNSET : c->retries,
		.flaky_result = !c->flaky_result                 ? CONFIG_RESULT_UNSET
				: streq(c->flaky_result, "fail") ? CONFIG_RESULT_FAIL
								 : CONFIG_RESULT_PASS,
	};

	return workload_rules_find(w, plan, &o, rules, e);
}
