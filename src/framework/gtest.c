#include "framework/bracket.h"
#include "framework/evidence.h"
#include "framework/framework.h"
#include "framework/listing.h"
#include "framework/plain.h"

/* GoogleTest: https://google.github.io/googletest/advanced.html, "Running Test Programs:
 * Advanced Options". */

#define FILTER "--gtest_filter="

static int bid(const struct elf *elf)
{
	static const struct evidence evidence = {
		.main_library = {"libgtest_main.so", "libgmock_main.so"},
		.symbol = {"_ZN7testing14InitGoogleTest", "_ZN7testing14InitGoogleMock"},
		.text = {{"@G--gtest_", "list_tests@D"},
			{"This program contains tests written ", "using "},
			{"Global test environment ", "set-up"}},
	};

	return evidence_bid(elf, &evidence);
}

/* A filter without wildcards is one test (CMake's gtest_discover_tests() registers each
 * test so): nothing to list. A report file would be written by every case anew. */
static bool accepts_args(const struct suite *s)
{
	static const char *const known[] = {"--gtest_", "--gmock_", NULL};
	static const char *const whole[] = {
		"GTEST_OUTPUT", "GTEST_TOTAL_SHARDS", "GTEST_REPEAT"};

	for (size_t i = 1; i < s->command.len; i++) {
		const char *arg = s->command.v[i];

		if (starts_with(arg, "--gtest_output") ||
			starts_with(arg, "--gtest_list_tests"))
			return false;
		if (starts_with(arg, FILTER) && !strpbrk(arg + strlen(FILTER), "*?:-"))
			return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(whole); i++)
		if (strv_env_find(&s->env, whole[i]))
			return false;
	return listing_args_are(s, known);
}

static void list_argv(const struct suite *s, struct strv *argv)
{
	(void)s;
	strv_push(argv, "--gtest_list_tests");
	strv_push(argv, "--gtest_color=no");
}

/* "DISABLED_*:*" + "/DISABLED_*" on both halves of the name, as GoogleTest does. */
static bool is_disabled(const char *name)
{
	return starts_with(name, "DISABLED_") || strstr(name, "/DISABLED_");
}

static int parse_list(
	struct suite *s, const char *out, size_t len, int exit_status, struct err *e)
{
	autofree char *group = NULL;
	const char *raw;
	size_t pos = 0, size;

	(void)exit_status;
	(void)e;
	while (buf_next_line(out, len, &pos, &raw, &size)) {
		autofree char *line = listing_clean(raw, size);
		autofree char *name = NULL;
		char *comment = strstr(line, "  # ");
		struct test_case *c;

		if (comment && comment != line)
			*comment = '\0';
		if (line[0] != ' ') {
			/* "Suite.", and only that: everything else is noise. */
			if (ends_with(line, ".") && line[1] && !strchr(line, ' ')) {
				free(group);
				group = xstrndup(line, strlen(line) - 1);
			}
			continue;
		}
		if (!group || line[1] != ' ' || !line[2] || line[2] == ' ')
			continue;
		name = xasprintf("%s.%s", group, line + 2);
		c = suite_add_case(s, name);
		c->ignored = is_disabled(group) || is_disabled(line + 2);
	}
	listing_finish(s, 0);
	return 0;
}

static void case_argv(
	const struct suite *s, const struct test_case *test, struct strv *argv)
{
	autofree char *filter = xstrdup(test->name);

	(void)s;
	if (!*filter)
		return;
	/* A filter has no escape; '?' is any one character. Only tests registered by
	 * hand can have such names. */
	for (char *c = filter; *c; c++)
		if (*c == ':' || *c == '-')
			*c = '?';
	strv_pushf(argv, FILTER "%s", filter);
	if (test->ignored)
		strv_push(argv, "--gtest_also_run_disabled_tests");
}

static void judge(const struct suite *s, const struct test_case *test,
	const struct outcome *o, struct judgement *j)
{
	struct bracket b = {0};
	bool single = test && *test->name;

	(void)s;
	bracket_parse(o->out.data, o->out.len, &b, j);
	plain_judge_exit(o, j);
	if (j->verdict == VERDICT_PASS && single && b.ran_nothing) {
		j->hard = true;
		judgement_set(j, VERDICT_FAIL, "the program has no such test");
	} else if (j->verdict == VERDICT_PASS && single && b.total &&
		   b.skipped == b.total) {
		judgement_set(j, VERDICT_SKIP, "%s",
			j->points[0].reason ? j->points[0].reason : "skipped");
	} else if (j->verdict == VERDICT_FAIL && !single && b.failed) {
		judgement_set(
			j, VERDICT_FAIL, "%zu of %zu tests failed", b.failed, b.total);
	}
	if (single && j->n_points == 1) {
		/* The case is its own point. */
		struct judgement rest = {.points = j->points, .n_points = 1};

		j->points = NULL;
		j->n_points = 0;
		judgement_release(&rest);
	}
}

const struct framework framework_gtest = {
	.name = "gtest",
	.help = "GoogleTest",
	.bid = bid,
	.accepts_args = accepts_args,
	.list_argv = list_argv,
	.parse_list = parse_list,
	.case_argv = case_argv,
	.judge = judge,
};
