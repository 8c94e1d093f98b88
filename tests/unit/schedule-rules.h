/*
 * Rules for a schedule under test: those of an empty configuration, to be changed item by
 * item.
 */
#ifndef XTEST_TESTS_SCHEDULE_RULES_H
#define XTEST_TESTS_SCHEDULE_RULES_H

#include "engine/schedule.h"

/* The caller's; for the plan as it is now. */
static struct rules *schedule_rules_make(const struct schedule_column *columns,
	size_t n_columns, const struct plan *plan, unsigned jobs)
{
	autofree const struct launch **launches = xcalloc(n_columns, sizeof *launches);
	struct err e = {0};
	struct config *config = config_parse("{}", 2, "x.json", &e);
	const struct rules_source source = {.config = config,
		.jobs = jobs,
		.retries = CONFIG_UNSET,
		.flaky_result = CONFIG_RESULT_UNSET};
	struct rules *rules;

	for (size_t i = 0; i < n_columns; i++)
		launches[i] = columns[i].launch;
	rules = config ? rules_find_all(&source, launches, plan, &e) : NULL;
	config_free(config);
	if (!rules)
		abort();
	return rules;
}

#endif
