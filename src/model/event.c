#include "model/event.h"

const char *event_type_name(enum event_type t)
{
	static const char *const names[] = {
		[EVENT_RUN_START] = "run-start",
		[EVENT_NOTE] = "note",
		[EVENT_STEP_START] = "step-start",
		[EVENT_STEP_LINE] = "step-line",
		[EVENT_STEP_OUTPUT] = "step-output",
		[EVENT_STEP_END] = "step-end",
		[EVENT_SCRIPT_START] = "script-start",
		[EVENT_SCRIPT_END] = "script-end",
		[EVENT_PLACE] = "place",
		[EVENT_PLAN] = "plan",
		[EVENT_CASE_START] = "case-start",
		[EVENT_CASE_OUTPUT] = "case-output",
		[EVENT_CASE_SLOW] = "case-slow",
		[EVENT_CASE_END] = "case-end",
		[EVENT_STATUS] = "status",
		[EVENT_TICK] = "tick",
		[EVENT_RUN_END] = "run-end",
	};

	return names[t];
}

bool event_is_retried(const struct event *event)
{
	const struct event_item *item = event->item.item;

	enum verdict v = event->item.judgement->verdict;

	return item->attempt < item->attempts &&
	       (verdict_is_failure(v) || v == VERDICT_LOST);
}

bool event_is_quarantined(const struct event_item *item, enum verdict v)
{
	return item->quarantine && verdict_is_failure(v);
}

void event_counts_add(
	struct event_counts *c, const struct event_item *item, enum verdict v)
{
	size_t *const counters[] = {
		[VERDICT_PASS] = &c->passed,
		[VERDICT_FAIL] = &c->failed,
		[VERDICT_SKIP] = &c->skipped,
		[VERDICT_TIMEOUT] = &c->timed_out,
		[VERDICT_CRASH] = &c->crashed,
		[VERDICT_LEAK] = &c->leaked,
		[VERDICT_FLAKY] = &c->flaky,
		[VERDICT_LOST] = &c->lost,
	};

	c->finished++;
	if (event_is_quarantined(item, v))
		c->quarantined++;
	else
		++*counters[v];
}

int event_counts_exit_code(const struct event_counts *c, bool cancelled)
{
	if (cancelled)
		return ERR_TESTS_FAILED;
	if (c->lost || c->not_run)
		return ERR_INFRA;
	return c->failed + c->timed_out + c->crashed ? ERR_TESTS_FAILED : 0;
}

char *event_item_suite(const struct event_item *item)
{
	return item->stress ? xasprintf("%s@stress-%u", item->suite->id, item->stress)
			    : xstrdup(item->suite->id);
}

char *event_item_name(const struct event_item *item)
{
	autofree char *suite = event_item_suite(item);

	return xasprintf("%s%s%s", suite, *item->test->name ? " " : "", item->test->name);
}
