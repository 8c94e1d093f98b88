/* What governs a case: layers, first match wins, setting by setting. */
#include "model/config.h"

#include "tests/tap.h"

static const char text[] =
	"{\"retries\": 1, \"slow-timeout\": \"7s\", \"leak-timeout\": \"300ms\",\n"
	" \"test-groups\": {\"db\": {\"max-threads\": 1}, \"cpu\": {\"max-threads\": "
	"\"num-cpus\"}},\n"
	" \"overrides\": [\n"
	"  {\"filter\": \"test(a)\", \"priority\": 1, \"test-group\": \"db\"},\n"
	"  {\"filter\": \"test(a)\", \"priority\": 2, \"threads-required\": 3},\n"
	"  {\"target\": \"s390x\", \"slow-timeout\": {\"period\": \"20s\", "
	"\"terminate-after\": 3}},\n"
	"  {\"place\": \"system\", \"leak-timeout\": {\"period\": \"2s\", \"result\": "
	"\"fail\"}}],\n"
	" \"profiles\": {\n"
	"  \"base\": {\"retries\": 4, \"overrides\": [{\"filter\": \"test(a)\", "
	"\"priority\": "
	"10,\n"
	"    \"threads-required\": \"num-cpus\"}]},\n"
	"  \"ci\": {\"inherits\": \"base\", \"timeout\": \"9s\", \"overrides\": [\n"
	"    {\"filter\": \"test(ab)\", \"priority\": 20},\n"
	"    {\"filter\": \"test(r)\", \"retries\": {\"count\": 3, \"backoff\": "
	"\"exponential\",\n"
	"      \"delay\": \"1s\", \"max-delay\": \"4s\", \"jitter\": true}}]}}}\n";

/* Fields that are not named are not given. */
struct row {
	const char *name, *profile, *test, *target, *place;
	int64_t priority, threads, retries, timeout_s, slow_s, leak_ms;
	const char *group;
};

#define U CONFIG_UNSET
static const struct row rows[] = {
	{"the top level", NULL, "x", "arm", "user", U, U, 1, U, 7, 300, NULL},
	{"first match, setting by setting", NULL, "a", "arm", "user", 1, 3, 1, U, 7, 300,
		"db"},
	{"by target", NULL, "x", "s390x", "user", U, U, 1, U, 20, 300, NULL},
	{"by place", NULL, "x", "arm", "system", U, U, 1, U, 7, 2000, NULL},
	{"a profile's own overrides are before those of the top level", "base", "a",
		"arm", "user", 10, CONFIG_NUM_CPUS, 4, U, 7, 300, "db"},
	{"and before those it inherits", "ci", "ab", "arm", "user", 20, CONFIG_NUM_CPUS,
		4, 9, 7, 300, "db"},
	{"what it does not say is inherited", "ci", "a", "arm", "user", 10,
		CONFIG_NUM_CPUS, 4, 9, 7, 300, "db"},
	{"a setting that is an object is one setting", "ci", "r", "arm", "user", U, U, 3,
		9, 7, 300, NULL},
};

static int64_t in(int64_t us, int64_t unit)
{
	return us == U ? U : us / unit;
}

static void check(const struct config *c, const struct row *row)
{
	struct filter_subject s = {
		.test = row->test, .target = row->target, .place = row->place};
	struct config_case_settings got;
	struct err e = {0};

	if (!ok(config_case_settings(c, row->profile, &s, &got, &e) == 0, "%s %s",
		    row->name, e.msg))
		return;
	is_int(got.priority, row->priority, "priority");
	is_int(got.threads_required, row->threads, "threads-required");
	is_int(got.retries.count, row->retries, "retries");
	is_int(in(got.timeout.period_us, 1000000), row->timeout_s, "timeout");
	is_int(in(got.slow_timeout.period_us, 1000000), row->slow_s, "slow-timeout");
	is_int(in(got.leak_timeout.period_us, 1000), row->leak_ms, "leak-timeout");
	is_str(got.test_group ? got.test_group : "none", row->group ? row->group : "none",
		"test-group");
}

static void whole_values(const struct config *c)
{
	struct filter_subject s = {.test = "r", .target = "s390x", .place = "system"};
	struct config_case_settings got;
	struct err e = {0};

	if (!ok(config_case_settings(c, "ci", &s, &got, &e) == 0, "all parts %s", e.msg))
		return;
	is_int(got.retries.backoff, CONFIG_BACKOFF_EXPONENTIAL, "backoff");
	is_int(got.retries.delay_us, 1000000, "delay");
	is_int(got.retries.max_delay_us, 4000000, "max-delay");
	is_int(got.retries.jitter, 1, "jitter");
	is_int(got.leak_timeout.result, CONFIG_RESULT_FAIL, "result");
	is_int(got.slow_timeout.terminate_after, 3, "terminate-after");
	ok(config_case_limit(&got) == &got.timeout, "timeout is before slow-timeout");
	ok(config_case_settings(c, NULL, &s, &got, &e) == 0 &&
			config_case_limit(&got) == &got.slow_timeout,
		"a slow-timeout with periods is a limit");
	s.target = "arm";
	ok(config_case_settings(c, NULL, &s, &got, &e) == 0 &&
			got.slow_timeout.terminate_after == U && !config_case_limit(&got),
		"and one without is none");
	is_int(config_case_settings(c, "zz", &s, &got, &e), -1, "an unknown profile");
}

static void groups(const struct config *c)
{
	const struct config_group *db = config_case_group(c, "db"),
				  *cpu = config_case_group(c, "cpu");

	ok(db && db->max_threads == 1, "a group");
	ok(cpu && cpu->max_threads == CONFIG_NUM_CPUS, "as wide as the machine");
	ok(!config_case_group(c, "@global") && !config_case_group(c, NULL), "no group");
}

int main(void)
{
	struct err e = {0};
	autorelease_config struct config *c =
		config_parse(text, strlen(text), "x.json", &e);

	if (!ok(c != NULL, "the configuration %s", e.msg))
		return tap_done();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(c, &rows[i]);
	whole_values(c);
	groups(c);
	return tap_done();
}
