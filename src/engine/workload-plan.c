/* Selecting cases. */
#include "engine/rerun.h"
#include "engine/workload.h"

#include <stdio.h>

/* The names that exist, for "this can never match". */
struct names {
	struct strv packages, binaries, ids, targets, places, frameworks, tags;
};

static void names_release(struct names *n)
{
	strv_release(&n->packages);
	strv_release(&n->binaries);
	strv_release(&n->ids);
	strv_release(&n->targets);
	strv_release(&n->places);
	strv_release(&n->frameworks);
	strv_release(&n->tags);
}

static void collect_names(struct workload *w, struct names *n)
{
	for (size_t i = 0; i < w->n_columns; i++) {
		const struct workload_column *c = &w->columns[i];
		const struct suite_list *suites = workload_suites(w, c);

		strv_push(&n->targets, c->event.target);
		strv_push(&n->places, c->event.place);
		for (size_t k = 0; k < suites->len; k++) {
			strv_push(&n->packages, suites->v[k].package);
			strv_push(&n->binaries, suites->v[k].name);
			strv_push(&n->ids, suites->v[k].id);
			strv_push(&n->frameworks, suites->v[k].framework);
			strv_push_all(&n->tags, &suites->v[k].labels);
		}
	}
	strv_unique(&n->packages);
	strv_unique(&n->frameworks);
	strv_unique(&n->tags);
}

static int check_filter(
	struct workload *w, const struct filter_set *filter, struct err *e)
{
	/* What cannot select anything here is refused, and not silently nothing. */
	static const char *const groups[] = {"@global", NULL}, *const deps[] = {NULL};
	autorelease(names) struct names n = {0};
	struct filter_names known;

	collect_names(w, &n);
	known = (struct filter_names){
		.packages = (const char *const *)strv_argv(&n.packages),
		.binaries = (const char *const *)strv_argv(&n.binaries),
		.binary_ids = (const char *const *)strv_argv(&n.ids),
		.groups = groups,
		.deps = deps,
	};
	return filter_set_check(filter, &known, e);
}

static bool ignored_is_wanted(const struct test_case *test, enum run_ignored ignored)
{
	return !test->benchmark &&
	       (ignored == RUN_IGNORED_ALL ||
		       test->ignored == (ignored == RUN_IGNORED_ONLY));
}

/* Nothing is to be found out about it that an earlier run did not. */
static bool is_done(const struct workload *w, size_t column, const struct suite *suite,
	const struct test_case *test)
{
	return w->rerun &&
	       rerun_has_passed(w->rerun, &w->columns[column].event, suite, test);
}

static int select_suite(struct workload *w, size_t column, const struct suite *suite,
	const struct filter_set *filter, enum run_ignored ignored, struct plan *plan,
	struct err *e)
{
	struct filter_subject subject = launch_subject(&w->columns[column].event, suite);
	enum filter_answer answer = filter_set_suite(filter, &subject, NULL, e);

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
		answer = filter_set_case(filter, &subject, NULL, e);
		if (answer == FILTER_ERROR)
			return -1;
		if (answer == FILTER_YES && ignored_is_wanted(test, ignored) &&
			!is_done(w, column, suite, test))
			plan_add(plan, suite, test, column);
		else
			plan->filtered_out++;
	}
	return 0;
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
	if (check_filter(w, filter, e) < 0)
		return -1;
	for (size_t i = 0; i < w->n_columns; i++) {
		const struct suite_list *suites = workload_suites(w, &w->columns[i]);

		for (size_t k = 0; k < suites->len; k++)
			if (workload_in_column(&w->columns[i], &suites->v[k]) &&
				select_suite(w, i, &suites->v[k], filter, ignored, plan,
					e) < 0)
				return -1;
	}
	add_fixtures(w, plan);
	return plan_link(plan, e);
}
