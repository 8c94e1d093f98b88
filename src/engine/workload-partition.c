/* The shard of a plan. */
#include "engine/workload.h"

#include "model/history.h"

static int by_key(const void *a, const void *b)
{
	const struct partition_case *x = a, *y = b;
	int order = strcmp(x->suite, y->suite);

	if (!order)
		order = x->host - y->host;
	return order ? order : strcmp(x->test, y->test);
}

static struct partition_case case_of(const struct plan_item *item)
{
	return (struct partition_case){
		.suite = item->suite->id,
		.test = item->test->name,
		.host = item->suite->platform == PLATFORM_HOST,
		.ignored = item->test->ignored,
		.duration_us = -1,
	};
}

/* Sets up, or cleans up after, what another case of the plan needs. */
static bool is_fixture(const struct plan *plan, const struct plan_item *item)
{
	const struct suite *s = item->suite;

	if (!s->fixtures_setup.len && !s->fixtures_cleanup.len)
		return false;
	for (size_t i = 0; i < plan->len; i++)
		if (plan->items[i].column == item->column && plan->items[i].suite != s &&
			suite_serves(s, plan->items[i].suite))
			return true;
	return false;
}

/* One case on several columns is one, which takes as long as all of them. */
static size_t merge(struct partition_case *cases, size_t len)
{
	size_t n = 0;

	if (len > 1)
		qsort(cases, len, sizeof *cases, by_key);
	for (size_t i = 0; i < len; i++) {
		if (!n || by_key(&cases[n - 1], &cases[i]) != 0)
			cases[n++] = cases[i];
		else if (cases[n - 1].duration_us < 0)
			cases[n - 1].duration_us = cases[i].duration_us;
		else if (cases[i].duration_us > 0)
			cases[n - 1].duration_us += cases[i].duration_us;
	}
	return n;
}

static void tell(const struct workload *w, size_t unknown, size_t all)
{
	const struct partition *p = &w->partition;
	autofree char *text = NULL;

	if (p->source == PARTITION_NOWHERE)
		text = xasprintf("--partition %s:env: neither TEST_TOTAL_SHARDS nor "
				 "CI_NODE_TOTAL is set, so that all tests are one shard",
			partition_method_name(p->method));
	else if (unknown && unknown == all)
		text = xasprintf("--partition balanced: no duration of these tests is "
				 "recorded here; the shards are made as by slice");
	else if (unknown)
		text = xasprintf(
			"--partition balanced: %zu of %zu tests have no recorded "
			"duration and count as the median of the others",
			unknown, all);
	if (text)
		emit_note(w->emit, text);
}

/* Removes what is in no chosen case; `cases` are sorted by key. */
static void keep_chosen(struct plan *plan, const struct partition_case *cases, size_t len)
{
	size_t kept = 0;

	for (size_t i = 0; i < plan->len; i++) {
		struct partition_case key = case_of(&plan->items[i]), *found;

		found = len ? bsearch(&key, cases, len, sizeof *cases, by_key) : NULL;
		if (found && found->chosen)
			plan->items[kept++] = plan->items[i];
		else
			plan->filtered_out++;
	}
	plan->len = kept;
}

void workload_partition(struct workload *w, struct plan *plan)
{
	autofree struct partition_case *cases = xcalloc(plan->len + 1, sizeof *cases);
	const struct history *history =
		w->partition.method == PARTITION_BALANCED ? workload_history(w) : NULL;
	size_t len = 0, unknown;

	for (size_t i = 0; i < plan->len; i++) {
		const struct plan_item *item = &plan->items[i];
		const struct event_column *c = &w->columns[item->column].event;

		if (is_fixture(plan, item))
			continue;
		cases[len] = case_of(item);
		if (history)
			cases[len].duration_us = history_duration_us(history, c->target,
				c->place, item->suite->id, item->test->name);
		len++;
	}
	len = merge(cases, len);
	unknown = partition_choose(&w->partition, cases, len);
	tell(w, unknown, len);
	if (len > 1)
		qsort(cases, len, sizeof *cases, by_key);
	keep_chosen(plan, cases, len);
}
