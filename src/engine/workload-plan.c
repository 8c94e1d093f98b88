/* Selecting cases. */
#include "engine/rerun.h"
#include "engine/workload.h"

#include <stdio.h>

static bool ignored_is_wanted(const struct test_case *test, enum run_ignored ignored)
{
	return !test->benchmark &&
	       (ignored == RUN_IGNORED_ALL ||
		       test->ignored == (ignored == RUN_IGNORED_ONLY));
}

/* The group the configuration puts a case into. */
static int find_group(
	const struct workload *w, struct filter_subject *subject, struct err *e)
{
	struct config_case_settings settings;

	subject->group = NULL;
	if (config_case_settings(w->project->config, w->profile, subject, &settings, e) <
		0)
		return -1;
	subject->group = settings.test_group ? settings.test_group : "@global";
	return 0;
}

static int select_suite(struct workload *w, size_t column, const struct suite *suite,
	const struct filter_set *filter, enum run_ignored ignored, struct plan *plan,
	struct err *e)
{
	struct filter_subject subject = launch_subject(&w->columns[column].event, suite);
	enum filter_answer answer = filter_set_suite(filter, &subject, NULL, e);
	bool grouped = filter_set_uses(filter, "group");

	if (answer == FILTER_ERROR)
		return -1;
	if (answer == FILTER_NO) {
		plan->filtered_out += suite->n_cases;
		return 0;
	}
	for (size_t i = 0; i < suite->n_cases; i++) {
		const struct test_case *test = &suite->cases[i];

		/* A suite that is its own one case goes by the suite's name. */
		subject.test = *test->name ? test->name : suite->name;
		if (grouped && find_group(w, &subject, e) < 0)
			return -1;
		answer = filter_set_case(filter, &subject, NULL, e);
		if (answer == FILTER_ERROR)
			return -1;
		if (answer == FILTER_YES && ignored_is_wanted(test, ignored))
			plan_add(plan, suite, test, column);
		else
			plan->filtered_out++;
	}
	return 0;
}

/* Nothing is to be found out about these that an earlier run did not. After the shards
 * are made, so that a case is in the same one the second time. */
static void drop_done(const struct workload *w, struct plan *plan)
{
	size_t kept = 0;

	for (size_t i = 0; i < plan->len; i++) {
		const struct plan_item *item = &plan->items[i];

		if (rerun_has_passed(w->rerun, &w->columns[item->column].event,
			    item->suite, item->test))
			plan->filtered_out++;
		else
			plan->items[kept++] = *item;
	}
	plan->len = kept;
}

/* Fixtures a selected case needs come along, and those fixtures' own, until nothing more
 * comes. */
static void add_fixtures(struct workload *w, struct plan *plan)
{
	for (size_t i = 0; i < plan->len; i++) {
		const struct suite *user = plan->items[i].suite;
		size_t column = plan->items[i].column;
		struct suite_list *suites = workload_suites(w, &w->columns[column]);

		for (size_t k = 0; user->fixtures_required.len && k < suites->len; k++) {
			const struct suite *helper = &suites->v[k];

			if (!workload_in_column(&w->columns[column], helper) ||
				!suite_serves(helper, user) ||
				plan_has_suite(plan, helper, column))
				continue;
			for (size_t c = 0; c < helper->n_cases; c++) {
				plan_add(plan, helper, &helper->cases[c], column);
				plan->filtered_out--;
			}
		}
	}
}

int workload_plan(struct workload *w, const struct filter_set *filter,
	enum run_ignored ignored, struct plan *plan, struct err *e)
{
	for (size_t i = 0; i < w->n_columns; i++) {
		const struct suite_list *suites = workload_suites(w, &w->columns[i]);

		for (size_t k = 0; k < suites->len; k++)
			if (workload_in_column(&w->columns[i], &suites->v[k]) &&
				select_suite(w, i, &suites->v[k], filter, ignored, plan,
					e) < 0)
				return -1;
	}
	if (w->partition.method)
		workload_partition(w, plan);
	if (w->rerun)
		drop_done(w, plan);
	add_fixtures(w, plan);
	return plan_link(plan, e);
}
