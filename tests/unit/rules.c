/* What wins for a case: command line, override, build system, profile, default. */
#include "engine/rules.h"

#include "base/fs.h"

#include "tests/tap.h"

static const struct target aarch64 = {.name = "aarch64"};
static const struct event_column column = {
	.label = "aarch64", .target = "aarch64", .place = "user"};
static const struct toolchain toolchain = {.target = &aarch64};

/* The rules for case `c` of suite p::s; false when they could not be found. */
static bool find(const char *json, const struct suite *suite,
	const struct rules_source *command_line, struct rules *out)
{
	const struct launch launch = {.column = &column,
		.toolchain = &toolchain,
		.timeout_factor = 4,
		.grace_ms = 1000,
		.leak_ms = 100};
	struct rules_source source = *command_line;
	struct test_case test = {.name = (char[]){"c"}};
	struct err e = {0};
	struct config *config = config_parse(json, strlen(json), "x.json", &e);
	bool good;

	source.config = config;
	source.jobs = 8;
	good = config && rules_find(&source, &launch, suite, &test, out, &e) == 0;
	if (!good)
		printf("# %s\n", e.msg);
	config_free(config);
	return good;
}

static const struct rules_source silent = {
	.retries = CONFIG_UNSET, .flaky_result = CONFIG_RESULT_UNSET};

static struct suite make_suite(void)
{
	static char id[] = "p::s", name[] = "s", package[] = "p", kind[] = "test",
		    framework[] = "plain";

	return (struct suite){.id = id,
		.name = name,
		.package = package,
		.kind = kind,
		.framework = framework};
}

#define MATCHING(settings) "{\"overrides\": [{\"filter\": \"test(c)\", " settings "}]}"

static void test_limits(void)
{
	static const struct {
		const char *name, *json;
		int64_t command_line_ms, suite_ms, wall_ms, grace_ms, slow_ms;
	} table[] = {
		{"nothing said: ten minutes, stretched", "{}", 0, 0, 4 * 600000, 1000,
			240000},
		{"the build system's, stretched", "{}", 0, 1000, 4000, 1000, 240000},
		{"the build system wants none", "{\"timeout\": \"5s\"}", 0, -1, 0, 1000,
			20000},
		{"the profile's where the build system says nothing",
			"{\"timeout\": \"5s\"}", 0, 0, 20000, 1000, 20000},
		{"the build system's before the profile's", "{\"timeout\": \"5s\"}", 0,
			1000, 4000, 1000, 20000},
		{"an override's before both, as it is",
			MATCHING("\"timeout\": {\"period\": \"2s\", "
				 "\"terminate-after\": 3, \"grace-period\": \"7s\"}"),
			0, 1000, 6000, 7000, 2000},
		{"one for another test is none of its business",
			"{\"overrides\": [{\"filter\": \"test(other)\", \"timeout\": "
			"\"2s\"}]}",
			0, 1000, 4000, 1000, 240000},
		{"the command line's, as it is", MATCHING("\"timeout\": \"2s\""), 700,
			1000, 700, 1000, 2000},
		{"a slow time ends nothing", "{\"slow-timeout\": \"3s\"}", 0, 0,
			4 * 600000, 1000, 12000},
		{"unless it says so",
			MATCHING("\"slow-timeout\": {\"period\": \"3s\", "
				 "\"terminate-after\": 2}"),
			0, 0, 6000, 1000, 3000},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct suite suite = make_suite();
		struct rules_source source = silent;
		struct rules r = {0};

		suite.timeout_ms = table[i].suite_ms;
		source.timeout_ms = table[i].command_line_ms;
		ok(find(table[i].json, &suite, &source, &r), "%s", table[i].name);
		is_int(r.wall_ms, table[i].wall_ms, "  its end");
		is_int(r.grace_ms, table[i].grace_ms, "  its grace");
		is_int(r.slow_ms, table[i].slow_ms, "  when it is slow");
	}
}

static void test_hook(void)
{
	static const struct {
		const char *name, *json, *command_line;
		bool elsewhere;
		const char *hook;
		int64_t ms;
	} table[] = {
		{"a time-out is looked at by the usual hook", "{}", NULL, false, "usual",
			20000},
		{"not on another machine", "{}", NULL, true, "", 20000},
		{"by the profile's", "{\"timeout-hook\": [\"p\", \"q\"]}", NULL, true,
			"p q", 20000},
		{"by an override's, with its limit",
			MATCHING("\"timeout-hook\": {\"command\": [\"o\"], \"timeout\": "
				 "\"3s\"}"),
			NULL, false, "o", 3000},
		{"by the command line's", MATCHING("\"timeout-hook\": [\"o\"]"), "c",
			false, "sh -c c", 20000},
		{"by none when the profile wants none", "{\"timeout-hook\": \"none\"}",
			NULL, false, "", 20000},
		{"nor when the command line does", "{\"timeout-hook\": [\"p\"]}", "none",
			false, "", 20000},
		{"nor when the time-out is a pass",
			MATCHING("\"timeout\": {\"period\": \"1s\", "
				 "\"terminate-after\": 1, \"on-timeout\": \"pass\"}"),
			NULL, false, "", 20000},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autorelease(strv) struct strv usual = STRV_INIT, given = STRV_INIT;
		const struct launch launch = {.column = &column,
			.toolchain = &toolchain,
			.timeout_factor = 4,
			.elsewhere = table[i].elsewhere};
		struct test_case test = {.name = (char[]){"c"}};
		struct suite suite = make_suite();
		struct rules_source source = silent;
		struct rules r = {0};
		struct task task = {0};
		struct err e = {0};
		autorelease_config struct config *config =
			config_parse(table[i].json, strlen(table[i].json), "x.json", &e);
		autofree char *hook = NULL;

		strv_push(&usual, "usual");
		if (table[i].command_line)
			strv_push_array(&given, (const char *const[]){"sh", "-c",
							table[i].command_line, NULL});
		source.usual_hook = &usual;
		source.hook = given.len ? &given : NULL;
		source.config = config;
		ok(config && rules_find(&source, &launch, &suite, &test, &r, &e) == 0,
			"%s", table[i].name);
		hook = strv_join(&r.hook, " ");
		is_str(hook, table[i].hook, "  which is");
		is_int(r.hook_ms, table[i].ms, "  its time");
		rules_apply(&r, &task);
		is_int(task.notice_ms, *table[i].hook ? table[i].ms + 10000 : 0,
			"  what the runner gives it");
	}
}

static void test_leak(void)
{
	struct suite suite = make_suite();
	struct rules r = {0};

	ok(find("{}", &suite, &silent, &r) && r.leak_ms == 100 && !r.leak_fails,
		"a leak is no failure");
	ok(find(MATCHING("\"leak-timeout\": {\"period\": \"2s\", \"result\": \"fail\"}"),
		   &suite, &silent, &r) &&
			r.leak_ms == 2000 && r.leak_fails,
		"unless the configuration says so");
}

static void test_other_limits(void)
{
	static const char said[] =
		MATCHING("\"idle-timeout\": \"2s\", \"cpu-timeout\": \"3s\", "
			 "\"timeout\": {\"period\": \"9s\", \"terminate-after\": 1, "
			 "\"on-timeout\": \"pass\"}");
	struct suite suite = make_suite();
	struct rules_source source = silent;
	struct rules r = {0};

	ok(find("{}", &suite, &source, &r) && !r.idle_ms && !r.cpu_ms &&
			!r.timeout_passes,
		"no limits without a word of them");
	ok(find("{\"idle-timeout\": \"2s\", \"cpu-timeout\": \"3s\"}", &suite, &source,
		   &r) &&
			r.idle_ms == 8000 && r.cpu_ms == 12000,
		"the profile's are stretched");
	ok(find(said, &suite, &source, &r) && r.idle_ms == 2000 && r.cpu_ms == 3000 &&
			r.timeout_passes,
		"an override's are not");
	source.idle_ms = 5;
	source.cpu_ms = 6;
	ok(find(said, &suite, &source, &r) && r.idle_ms == 5 && r.cpu_ms == 6,
		"nor are the command line's, which come first");
	suite.timeout_ms = 1000;
	ok(find(MATCHING("\"timeout-multiplier\": 9"), &suite, &silent, &r) &&
			r.wall_ms == 9000 && r.slow_ms == 9 * 60000,
		"how much they are stretched can be said");
	ok(find(MATCHING("\"timeout-multiplier\": 1.25"), &suite, &silent, &r) &&
			r.wall_ms == 1250 && r.slow_ms == 75000,
		"with decimals");
	ok(find(MATCHING("\"memory-required\": 5"), &suite, &silent, &r) &&
			r.memory_kib == 5120,
		"and how much memory it needs");
}

static void test_retries(void)
{
	static const char all[] =
		MATCHING("\"retries\": {\"count\": 3, \"backoff\": \"exponential\", "
			 "\"delay\": \"1s\", \"max-delay\": \"5s\", \"jitter\": true}");
	struct suite suite = make_suite();
	struct rules_source source = silent;
	struct rules r = {0};

	ok(find("{}", &suite, &source, &r) && !r.retries.count && !r.flaky_fails,
		"nothing is tried again");
	ok(find("{\"retries\": 2}", &suite, &source, &r) && r.retries.count == 2 &&
			!r.retries.delay_ms,
		"a number of retries");
	ok(find(all, &suite, &source, &r) && r.retries.count == 3 &&
			r.retries.exponential && r.retries.jitter &&
			r.retries.delay_ms == 1000 && r.retries.max_delay_ms == 5000,
		"and all that can be said of them");
	ok(find(MATCHING("\"flaky-result\": \"fail\""), &suite, &source, &r) &&
			r.flaky_fails,
		"flaky can be a failure");
	source.retries = 1;
	source.flaky_result = CONFIG_RESULT_FAIL;
	ok(find(all, &suite, &source, &r) && r.retries.count == 1 &&
			!r.retries.delay_ms && r.flaky_fails,
		"the command line's are at once");
}

static void test_delay(void)
{
	static const struct {
		const char *name;
		struct rules_retries retries;
		unsigned retry;
		uint32_t random;
		int64_t want_ms;
	} table[] = {
		{"none", {.count = 3}, 1, 0, 0},
		{"fixed", {.count = 3, .delay_ms = 100}, 3, 0, 100},
		{"it doubles", {.count = 9, .exponential = true, .delay_ms = 100}, 1, 0,
			100},
		{"and doubles", {.count = 9, .exponential = true, .delay_ms = 100}, 4, 0,
			800},
		{"up to a bound",
			{.count = 9,
				.exponential = true,
				.delay_ms = 100,
				.max_delay_ms = 300},
			3, 0, 300},
		{"for ever", {.count = 1000, .exponential = true, .delay_ms = 1000}, 1000,
			0, INT64_MAX / 4},
		{"jitter at most", {.count = 3, .jitter = true, .delay_ms = 101}, 1, 0,
			101},
		{"jitter at least", {.count = 3, .jitter = true, .delay_ms = 101}, 1,
			UINT32_MAX, 50},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		is_int(rules_delay_ms(&table[i].retries, table[i].retry, table[i].random),
			table[i].want_ms, table[i].name);
}

static void test_needs(void)
{
	static const char grouped[] =
		"{\"test-groups\": {\"a\": {\"max-threads\": 1}, \"b\": "
		"{\"max-threads\": "
		"2}}, \"overrides\": [{\"filter\": \"test(c)\", \"test-group\": \"b\", "
		"\"priority\": -7}]}";
	static const struct {
		const char *name, *json;
		unsigned processors, want;
	} table[] = {
		{"one thread", "{}", 0, 1},
		{"what the build system says", "{}", 3, 3},
		{"before the profile", "{\"threads-required\": 2}", 3, 3},
		{"the profile", "{\"threads-required\": 2}", 1, 2},
		{"an override", MATCHING("\"threads-required\": 5"), 3, 5},
		{"all there are", MATCHING("\"threads-required\": \"num-test-threads\""),
			0, 8},
	};
	struct suite suite = make_suite();
	struct rules r = {0};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		suite.processors = table[i].processors;
		ok(find(table[i].json, &suite, &silent, &r), "%s", table[i].name);
		is_int(r.threads, table[i].want, "  threads");
	}
	ok(find("{}", &suite, &silent, &r) && r.group == -1 && r.priority == 0,
		"no group, no priority");
	ok(find(grouped, &suite, &silent, &r) && r.group == 1 && r.priority == -7,
		"a group, and a priority");
}

static void test_history(void)
{
	char dir[] = "/tmp/xtest-rules-XXXXXX";
	autofree char *fault = NULL;
	struct history *added = history_new(), *history;
	struct err e = {0};
	struct rules_source source = silent;
	struct suite suite = make_suite();
	struct rules r = {0};

	if (!ok(mkdtemp(dir) != NULL, "a directory"))
		return;
	history_add(added, "aarch64", "user", "p::s", "c", 1000, 1500, 4096);
	history_add(added, "aarch64", "system", "p::s", "c", 1000, 99, 99);
	source.history = history = history_load(dir);
	ok(find("{}", &suite, &source, &r) && r.expected_us == -1 && r.memory_kib == 0,
		"nothing is known");
	history_free(history);
	ok(history_save(added, dir, &fault, &e) == 0, "two results");
	source.history = history = history_load(dir);
	ok(find("{}", &suite, &source, &r) && r.expected_us == 1500 &&
			r.memory_kib == 4096,
		"what it took in this place");
	history_free(history);
	history_free(added);
	ok(fs_remove_tree(dir, &e) == 0, "removed");
}

int main(void)
{
	test_limits();
	test_hook();
	test_leak();
	test_other_limits();
	test_retries();
	test_delay();
	test_needs();
	test_history();
	return tap_done();
}
