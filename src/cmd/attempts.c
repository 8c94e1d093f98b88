#include "cmd/attempts.h"

#include "model/quarantine.h"

#include <limits.h>

#define O(member) offsetof(struct common, member)

static const char *const result_choices[] = {"pass", "fail", NULL};

const struct opt attempts_opts[] = {
	{"fail-fast", 0, NULL, NULL, OPT_FLAG, O(fail_fast),
		"start nothing more after the first failure"},
	{"no-fail-fast", 0, NULL, NULL, OPT_FLAG, O(no_fail_fast),
		"run everything whatever fails (default)"},
	{"max-fail", 0, "N[:HOW]", NULL, OPT_STRING, O(max_fail),
		"start nothing more after N failures; N:immediate ends what runs"},
	{"idle-timeout", 0, "TIME", NULL, OPT_DURATION, O(idle_timeout_ms),
		"limit of every test without output"},
	{"cpu-timeout", 0, "TIME", NULL, OPT_DURATION, O(cpu_timeout_ms),
		"limit of the CPU time of every test"},
	{"global-timeout", 0, "TIME", NULL, OPT_DURATION, O(global_timeout_ms),
		"end the run of the tests when it takes longer"},
	{"timeout-hook", 0, "COMMAND", NULL, OPT_STRING, O(timeout_hook),
		"look at a test before a limit ends it; none: no backtrace either"},
	{"stress-count", 0, "N", NULL, OPT_STRING, O(stress_count),
		"run all the tests N times, one round after the other, or infinite"},
	{"stress-duration", 0, "TIME", NULL, OPT_DURATION, O(stress_ms),
		"begin new rounds for so long"},
	{"quarantine-verify", 0, NULL, NULL, OPT_FLAG, O(quarantine_verify),
		"say which tests in quarantine pass now"},
	{"retries", 0, "N", NULL, OPT_UNSIGNED, O(retries),
		"try a failing test up to N times more, at once"},
	{"flaky-result", 0, "RESULT", result_choices, OPT_STRING, O(flaky_result),
		"a test that passes after it failed: pass (default), fail"},
	{0},
};

/* "N", "N:graceful" and "N:wait" (which are the same), "N:immediate", "all". */
static int parse_max_fail(const char *text, struct schedule_options *o, struct err *e)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (streq(text, "all"))
		return 0;
	o->fail_at_once = streq(end, ":immediate");
	if (*text < '0' || *text > '9' || n == 0 || n > UINT_MAX ||
		(*end && !o->fail_at_once && !streq(end, ":graceful") &&
			!streq(end, ":wait")))
		return err_set(e, ERR_USAGE,
			"--max-fail takes N, N:graceful, N:immediate or all, and not "
			"\"%s\"",
			text);
	o->max_fail = n;
	return 0;
}

static int parse_stress(const struct common *c, struct schedule_options *o, struct err *e)
{
	const char *text = c->stress_count;
	char *end;
	unsigned long n;

	o->stress_ms = c->stress_ms;
	if (!text)
		return 0;
	if (c->stress_ms)
		return err_set(e, ERR_USAGE,
			"--stress-count and --stress-duration are one or the other");
	n = streq(text, "infinite") ? UINT_MAX : strtoul(text, &end, 10);
	if (n != UINT_MAX && (*text < '0' || *text > '9' || *end || !n || n > 1000000))
		return err_set(e, ERR_USAGE,
			"--stress-count takes a number from 1 to 1000000 or infinite, "
			"and not \"%s\"",
			text);
	o->stress_count = (unsigned)n;
	return 0;
}

static void take_fail_fast(const struct config_fail_fast *f, struct schedule_options *o)
{
	if (f->max_fail == CONFIG_UNSET || f->max_fail == CONFIG_ALL)
		return;
	o->max_fail = (size_t)f->max_fail;
	o->fail_at_once = f->terminate == CONFIG_TERMINATE_AT_ONCE;
}

int attempts_find_end(const struct common *c, const struct config_settings *settings,
	struct schedule_options *o, struct err *e)
{
	if (parse_stress(c, o, e) < 0)
		return -1;
	o->time_limit_ms = c->global_timeout_ms;
	if (!o->time_limit_ms && settings->global_timeout_us != CONFIG_UNSET)
		o->time_limit_ms = MAX(1, settings->global_timeout_us / 1000);
	if (c->max_fail && parse_max_fail(c->max_fail, o, e) < 0)
		return -1;
	if (c->fail_fast)
		o->max_fail = 1;
	else if (!c->no_fail_fast && !c->max_fail)
		take_fail_fast(&settings->fail_fast, o);
	return 0;
}

void attempts_tell_quarantine(const struct config *config, const struct plan *plan,
	const struct rules *rules, const struct emit *emit)
{
	for (size_t i = 0; i < config->quarantine.len; i++) {
		const struct config_quarantine *q = &config->quarantine.v[i];
		autofree char *place = quarantine_place(config, q), *text = NULL;
		autorelease(strv) struct strv pass = STRV_INIT;
		size_t n = 0;

		for (size_t k = 0; k < plan->len; k++) {
			const struct plan_item *p = &plan->items[k];

			if (rules[k].quarantine != q || p->state != PLAN_DONE)
				continue;
			n++;
			if (p->verdict == VERDICT_PASS)
				strv_pushf(&pass, "%s%s%s", p->suite->id,
					*p->test->name ? " " : "", p->test->name);
		}
		if (!n)
			text = xasprintf("%s: no test that ran is in this quarantine "
					 "(%s)",
				place, q->reason);
		else if (pass.len == n)
			text = xasprintf(
				"%s: all tests in this quarantine pass now (%s): "
				"it can go",
				place, q->reason);
		else if (pass.len) {
			autofree char *names = strv_join(&pass, ", ");

			text = xasprintf("%s: %zu of %zu tests in this quarantine pass "
					 "now (%s): %s",
				place, pass.len, n, q->reason, names);
		} else {
			text = xasprintf("%s: none of the %zu tests in this quarantine "
					 "passes (%s)",
				place, n, q->reason);
		}
		emit_note(emit, text);
	}
}

int attempts_check(const struct config *config, struct err *e)
{
	char today[11];

	quarantine_today(today);
	return quarantine_check(config, today, e);
}

int attempts_find_rules(const struct common *c, struct workload *w,
	const struct plan *plan, struct workload_rules *rules, struct err *e)
{
	const struct workload_rules_options o = {
		.profile = c->profile,
		.timeout_ms = c->timeout_ms,
		.idle_ms = c->idle_timeout_ms,
		.cpu_ms = c->cpu_timeout_ms,
		.retries = c->retries == UINT_MAX ? CONFIG_UNSET : c->retries,
		.hook = c->timeout_hook,
		.flaky_result = !c->flaky_result                 ? CONFIG_RESULT_UNSET
				: streq(c->flaky_result, "fail") ? CONFIG_RESULT_FAIL
								 : CONFIG_RESULT_PASS,
	};

	return workload_rules_find(w, plan, &o, rules, e);
}
