#include "engine/rules.h"
#include "base/threads.h"

#include "model/quarantine.h"

enum {
	DEFAULT_TIMEOUT_MS = 10 * 60 * 1000,
	DEFAULT_SLOW_MS = 60 * 1000,
	DEFAULT_HOOK_MS = 20 * 1000,
	HOOK_MARGIN_MS = 10 * 1000, /* for its start and the way there and back */
};

/* What is said of a case, by rank: overrides come before the build system, the profile
 * behind it. */
struct said {
	struct config_case_settings override, all;
	const struct config_quarantine *quarantine;
	double factor; /* what was made for the real CPU is stretched by it */
};

static int64_t ms(int64_t us)
{
	/* A limit below a millisecond is not none. */
	return (us + 999) / 1000;
}

/* ---- time */

/* Milliseconds until a time limit ends a case; 0 when it does not end one. */
static int64_t limit_ms(const struct config_timeout *t, double factor)
{
	if (t->period_us == CONFIG_UNSET || t->terminate_after == CONFIG_UNSET)
		return 0;
	return (int64_t)((double)(ms(t->period_us) * t->terminate_after) * factor);
}

/* The first that says something of its end: command line, override, build system,
 * profile, default. */
static void find_limit(const struct rules_source *source, const struct suite *suite,
	const struct said *said, struct rules *out)
{
	const struct config_timeout *override = config_case_limit(&said->override),
				    *profile = config_case_limit(&said->all);
	const struct config_timeout *used = NULL;

	if (source->timeout_ms)
		out->wall_ms = source->timeout_ms;
	else if (override)
		out->wall_ms = limit_ms(used = override, 1);
	else if (suite->timeout_ms)
		out->wall_ms =
			suite->timeout_ms < 0
				? 0
				: (int64_t)((double)suite->timeout_ms * said->factor);
	else if (profile)
		out->wall_ms = limit_ms(used = profile, said->factor);
	else
		out->wall_ms = (int64_t)(DEFAULT_TIMEOUT_MS * said->factor);
	if (used && used->grace_us != CONFIG_UNSET)
		out->grace_ms = ms(used->grace_us);
}

/* The period after which a case is told as slow, or UNSET. */
static int64_t slow_us(const struct config_case_settings *s)
{
	if (s->slow_timeout.period_us != CONFIG_UNSET)
		return s->slow_timeout.period_us;
	return s->timeout.period_us;
}

static void find_slow(const struct said *said, struct rules *out)
{
	int64_t override = slow_us(&said->override), profile = slow_us(&said->all);

	out->slow_ms = override != CONFIG_UNSET ? ms(override)
		       : profile != CONFIG_UNSET
			       ? (int64_t)((double)ms(profile) * said->factor)
			       : (int64_t)(DEFAULT_SLOW_MS * said->factor);
}

/* A limit that no build system gives: command line, override, profile; 0: none. */
static int64_t other_limit(
	int64_t command_line_ms, int64_t override_us, int64_t all_us, double factor)
{
	if (command_line_ms)
		return command_line_ms;
	if (override_us != CONFIG_UNSET)
		return ms(override_us);
	return all_us == CONFIG_UNSET ? 0 : (int64_t)((double)ms(all_us) * factor);
}

static void find_other_limits(
	const struct rules_source *source, const struct said *said, struct rules *out)
{
	const struct config_timeout *limit = config_case_limit(&said->all);

	out->idle_ms = other_limit(source->idle_ms, said->override.idle_timeout_us,
		said->all.idle_timeout_us, said->factor);
	out->cpu_ms = other_limit(source->cpu_ms, said->override.cpu_timeout_us,
		said->all.cpu_timeout_us, said->factor);
	out->timeout_passes = limit && limit->on_timeout == CONFIG_RESULT_PASS;
}

static void find_leak(const struct said *said, struct rules *out)
{
	const struct config_leak *leak = &said->all.leak_timeout;

	if (leak->period_us != CONFIG_UNSET)
		out->leak_ms = ms(leak->period_us);
	out->leak_fails = leak->result == CONFIG_RESULT_FAIL;
}

/* The word for no command, as the shell's text that it is read as. */
static bool is_none(const struct strv *command)
{
	return command->len && streq(command->v[command->len - 1], "none") &&
	       (command->len == 1 || (command->len == 3 && streq(command->v[0], "sh") &&
					     streq(command->v[1], "-c")));
}

/* Whose time-out is a pass has nothing to explain. */
static void find_hook(const struct rules_source *source, const struct launch *l,
	const struct config_hook *said, struct rules *out)
{
	if (source->hook)
		out->hook = *source->hook;
	else if (said->command.len)
		out->hook = said->command;
	else if (!l->elsewhere && source->usual_hook)
		out->hook = *source->usual_hook;
	if (out->timeout_passes || is_none(&out->hook))
		out->hook = (struct strv)STRV_INIT;
	out->hook_ms =
		said->timeout_us == CONFIG_UNSET ? DEFAULT_HOOK_MS : ms(said->timeout_us);
}

/* ---- attempts */

static void find_retries(const struct rules_source *source,
	const struct config_retries *r, struct rules_retries *out)
{
	if (source->retries != CONFIG_UNSET) {
		out->count = (unsigned)source->retries;
		return;
	}
	if (r->count == CONFIG_UNSET)
		return;
	*out = (struct rules_retries){
		.count = (unsigned)r->count,
		.exponential = r->backoff == CONFIG_BACKOFF_EXPONENTIAL,
		.jitter = r->jitter == 1,
		.delay_ms = r->delay_us == CONFIG_UNSET ? 0 : ms(r->delay_us),
		.max_delay_ms = r->max_delay_us == CONFIG_UNSET ? 0 : ms(r->max_delay_us),
	};
}

int64_t rules_delay_ms(const struct rules_retries *r, unsigned retry, uint32_t random)
{
	int64_t delay = r->delay_ms,
		bound = r->max_delay_ms ? r->max_delay_ms : INT64_MAX / 4;

	for (unsigned i = 1; r->exponential && i < retry && delay < bound; i++)
		delay *= 2;
	delay = MIN(delay, bound);
	if (r->jitter)
		delay -= (int64_t)((double)(delay - delay / 2) * random / UINT32_MAX);
	return delay;
}

/* ---- what it needs to run beside others */

unsigned rules_count(int64_t n, unsigned jobs)
{
	if (n == CONFIG_NUM_TEST_THREADS)
		return jobs;
	if (n == CONFIG_NUM_CPUS)
		return threads_processors();
	return (unsigned)n;
}

static void find_needs(const struct rules_source *source, const struct suite *suite,
	const struct said *said, struct rules *out)
{
	const struct config_group *group =
		config_case_group(source->config, said->all.test_group);

	out->group = group ? (int)(group - source->config->groups.v) : -1;
	if (said->override.threads_required != CONFIG_UNSET)
		out->threads = rules_count(said->override.threads_required, source->jobs);
	else if (suite->processors > 1)
		out->threads = suite->processors;
	else if (said->all.threads_required != CONFIG_UNSET)
		out->threads = rules_count(said->all.threads_required, source->jobs);
	else
		out->threads = 1;
	if (said->all.priority != CONFIG_UNSET)
		out->priority = (int)said->all.priority;
}

static void find_history(const struct rules_source *source, const struct launch *l,
	const struct suite *suite, const struct test_case *test, struct rules *out)
{
	const struct event_column *c = l->column;

	out->expected_us = -1;
	if (!source->history)
		return;
	out->expected_us = history_duration_us(
		source->history, c->target, c->place, suite->id, test->name);
	out->memory_kib = MAX(0, history_rss_kib(source->history, c->target, c->place,
					 suite->id, test->name));
}

/* ---- all of it */

static int ask_config(const struct rules_source *source, const struct launch *l,
	const struct suite *suite, const struct test_case *test, struct said *said,
	struct err *e)
{
	struct filter_subject subject = launch_subject(l->column, suite);

	subject.test = *test->name ? test->name : suite->name;
	if (config_case_overrides(
		    source->config, source->profile, &subject, &said->override, e) < 0)
		return -1;
	said->all = said->override;
	if (config_case_inherit(source->config, source->profile, &said->all, e) < 0)
		return -1;
	return quarantine_find(source->config, &subject, &said->quarantine, e);
}

int rules_find(const struct rules_source *source, const struct launch *launch,
	const struct suite *suite, const struct test_case *test, struct rules *out,
	struct err *e)
{
	struct said said = {.factor = launch->timeout_factor};

	if (ask_config(source, launch, suite, test, &said, e) < 0)
		return -1;
	if (said.all.timeout_multiplier != CONFIG_UNSET)
		said.factor = (double)said.all.timeout_multiplier / 1000;
	*out = (struct rules){
		.grace_ms = launch->grace_ms,
		.leak_ms = launch->leak_ms,
		.quarantine = said.quarantine,
		.flaky_fails =
			(source->flaky_result != CONFIG_RESULT_UNSET
					? (int)source->flaky_result
					: said.all.flaky_result) == CONFIG_RESULT_FAIL,
	};
	find_limit(source, suite, &said, out);
	find_slow(&said, out);
	find_other_limits(source, &said, out);
	find_leak(&said, out);
	find_hook(source, launch, &said.all.timeout_hook, out);
	find_retries(source, &said.all.retries, &out->retries);
	find_history(source, launch, suite, test, out);
	/* Indices of words, from -1, which is none. */
	out->success_output = (enum display_output)(said.all.success_output + 1);
	out->failure_output = (enum display_output)(said.all.failure_output + 1);
	out->junit_success = said.all.junit_store_success == 1;
	out->junit_failure = said.all.junit_store_failure != 0;
	if (said.all.memory_mib != CONFIG_UNSET)
		out->memory_kib = said.all.memory_mib * 1024;
	find_needs(source, suite, &said, out);
	return 0;
}

struct rules *rules_find_all(const struct rules_source *source,
	const struct launch *const *launches, const struct plan *plan, struct err *e)
{
	struct rules *all = xcalloc(plan->len, sizeof *all);

	for (size_t i = 0; i < plan->len; i++) {
		const struct plan_item *p = &plan->items[i];

		if (rules_find(source, launches[p->column], p->suite, p->test, &all[i],
			    e) < 0) {
			free(all);
			return NULL;
		}
	}
	return all;
}

void rules_apply(const struct rules *r, struct task *task)
{
	task->wall_ms = r->wall_ms;
	task->idle_ms = r->idle_ms;
	task->cpu_ms = r->cpu_ms;
	task->grace_ms = r->grace_ms;
	task->leak_ms = r->leak_ms;
	task->notice_ms = r->hook.len ? r->hook_ms + HOOK_MARGIN_MS : 0;
}
