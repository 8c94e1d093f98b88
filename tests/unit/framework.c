#include "framework/framework.h"

#include "tests/tap.h"

#define GTEST_ARGS "--gtest_filter=A.*"

/* Real listings, noise around some. Expected names are joined by '|', ignored ones in
 * parentheses. */
static const struct {
	const char *name, *framework, *input;
	int status;
	const char *cases;
} listings[] = {
	{"gtest 1.12", "gtest",
		"starting up\nMath.\n  Add\n  DISABLED_Slow\nDISABLED_Off.\n  "
		"X\nTyped/0.  # TypeParam = int\n  HasSize\nWords/Param.\n  NotEmpty/0  "
		"# "
		"GetParam() = \"a b\"\n  NotEmpty/1  # GetParam() = \"c*d?e\"\n",
		0,
		"Math.Add|(Math.DISABLED_Slow)|(DISABLED_Off.X)|Typed/0.HasSize|"
		"Words/Param.NotEmpty/0|Words/Param.NotEmpty/1"},
	{"gtest, which disables instances too", "gtest",
		"Inst/DISABLED_P.\n  A/0\nInst/P.\n  DISABLED_A/0\n", 0,
		"(Inst/DISABLED_P.A/0)|(Inst/P.DISABLED_A/0)"},
	{"gtest between a program's own lines", "gtest",
		"Loading plugins.\nA.\nwarning: slow.\n  One\n    deeper\n  Two\nBye.\n",
		1, "A.One|A.Two"},
	{"gtest without a test", "gtest", "Running main() from gtest_main.cc\n", 0, ""},
	{"gtest in colours and with carriage returns", "gtest",
		"\033[0;32mA.\033[m\r\n  One\r\n", 0, "A.One"},
	{"libtest", "libtest",
		"hello\ndeep::passes: test\nfails: test\nspeed: benchmark\n\n2 tests, 1 "
		"benchmark\n",
		0, "deep::passes|fails|speed"},
	{"libtest that fails after it has listed", "libtest", "a: test\n", 101, "a"},
	{"Catch2 version 2", "catch2", "adds\nwrong, \"quoted\" [and] *starred*\n", 2,
		"adds|wrong, \"quoted\" [and] *starred*"},
	{"Catch2 version 2 with noise before", "catch2", "starting\nadds\nx y\n", 2,
		"adds|x y"},
	{"Catch2 version 3", "catch2",
		"noise\n<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<MatchingTests>\n  "
		"<TestCase>\n    <Name>a &lt; b &amp;&amp; c</Name>\n    <ClassName/>\n  "
		"  "
		"<Tags>[x]</Tags>\n    <SourceInfo>\n      <File>t.cc</File>\n      "
		"<Line>4</Line>\n    </SourceInfo>\n  </TestCase>\n  <TestCase>\n    "
		"<Name>plain</Name>\n  </TestCase>\n</MatchingTests>\n",
		0, "a < b && c|plain"},
	{"doctest", "doctest",
		"hello\n[doctest] listing all test case names\n"
		"===============================================================\n"
		"adds\nwrong, with a comma\nadds\n"
		"===============================================================\n"
		"[doctest] unskipped test cases passing the current filters: 3\nbye\n",
		0, "adds|wrong, with a comma"},
	{"doctest that is cut short", "doctest",
		"[doctest] listing all test case names\n"
		"===============================================================\nadds\n"
		"===============================================================\n"
		"[doctest] unskipped test cases passing the current filters: 2\n",
		0, ""},
	{"GLib", "glib",
		"# random seed: R02S5dac\n1..3\n/a\n# Start of a tests\n/a/b\n# End of a "
		"tests\n/sub/with blank\n",
		0, "/a|/a/b|/sub/with blank"},
	{"GLib, and a path that is no test", "glib", "/tmp/log opened\n1..1\n/a\n", 0,
		""},
};

static char *cases_text(const struct suite *s)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < s->n_cases; i++)
		buf_printf(&b, s->cases[i].ignored ? "%s(%s)" : "%s%s", i ? "|" : "",
			s->cases[i].name);
	return buf_take(&b);
}

static void check_listings(void)
{
	for (size_t i = 0; i < ARRAY_LEN(listings); i++) {
		const struct framework *f = framework_find(listings[i].framework);
		struct suite s = {.skip_code = -1};
		struct err e = {0};
		autofree char *text = NULL;

		ok(f->parse_list(&s, listings[i].input, strlen(listings[i].input),
			   listings[i].status, &e) == 0,
			"%s", listings[i].name);
		text = cases_text(&s);
		is_str(text, listings[i].cases, "  its cases");
		if (!*listings[i].cases)
			is_int((long long)s.n_cases, 1, "  is one case as a whole");
		suite_release(&s);
	}
}

static void check_libtest_edges(void)
{
	struct suite s = {.skip_code = -1, .binary = xstrdup("/x/prog")};
	struct err e = {0};
	autofree char *text = NULL;
	static const char first[] = "a: test\nslow: test\n", second[] = "slow: test\n";

	ok(framework_libtest.parse_list(&s, "", 0, 0, &e) == 0 && s.n_cases == 0,
		"a crate without tests has no case");
	is_int(framework_libtest.parse_list(&s, "usage: prog\n", 12, 2, &e), -1,
		"what cannot list is an error");
	is_int(e.kind, ERR_LIST, "  of listing");
	ok(strstr(e.msg, "/x/prog") != NULL, "  that names the program");
	ok(framework_libtest.parse_list(&s, first, strlen(first), 0, &e) == 0,
		"two tests");
	framework_libtest.parse_ignored(&s, second, strlen(second), 0);
	text = cases_text(&s);
	is_str(text, "a|(slow)", "  one of them ignored");
	suite_release(&s);
}

static const struct {
	const char *name, *framework, *test;
	bool ignored;
	const char *argv; /* joined by '|' */
} runs[] = {
	{"the suite as a whole", "gtest", "", false, ""},
	{"a GoogleTest case", "gtest", "Words/P.NotEmpty/0", false,
		"--gtest_filter=Words/P.NotEmpty/0"},
	{"a disabled one", "gtest", "A.DISABLED_x", true,
		"--gtest_filter=A.DISABLED_x|--gtest_also_run_disabled_tests"},
	{"a name a filter cannot spell", "gtest", "A.b:c-d", false,
		"--gtest_filter=A.b?c?d"},
	{"a Rust test", "libtest", "a::b", false, "--exact|a::b|--nocapture"},
	{"an ignored one", "libtest", "a::b", true, "--exact|a::b|--nocapture|--ignored"},
	{"a Catch2 case", "catch2", "~a, \"b\" [c] *d* \\e ~", false,
		"\\~a\\, \\\"b\\\" \\[c\\] \\*d\\* \\\\e ~"},
	{"one that looks like an option", "catch2", "-v", false, "\\-v"},
	{"a doctest case", "doctest", "a, b\\c", false,
		"--test-case=a? b?c|--case-sensitive=true"},
	{"a skipped one", "doctest", "a", true,
		"--test-case=a|--case-sensitive=true|--no-skip=true"},
	{"a GLib test", "glib", "/a/b c", false, "-p|/a/b c"},
};

static void check_runs(void)
{
	for (size_t i = 0; i < ARRAY_LEN(runs); i++) {
		const struct framework *f = framework_find(runs[i].framework);
		struct suite s = {.skip_code = -1};
		autorelease(strv) struct strv argv = STRV_INIT;
		autofree char *text = NULL;
		struct test_case *c = suite_add_case(&s, runs[i].test);

		c->ignored = runs[i].ignored;
		f->case_argv(&s, c, &argv);
		text = strv_join(&argv, "|");
		is_str(text, runs[i].argv, runs[i].name);
		suite_release(&s);
	}
}

static const struct {
	const char *name, *framework, *args; /* separated by blanks */
	const char *env, *pass;
	bool expect_fail, splits;
} splits[] = {
	{"no arguments", "gtest", "", NULL, NULL, false, true},
	{"a filter with a wildcard", "gtest", GTEST_ARGS, NULL, NULL, false, true},
	{"a filter for one test", "gtest", "--gtest_filter=A.b", NULL, NULL, false,
		false},
	{"other options of its own", "gtest", "--gtest_shuffle " GTEST_ARGS, NULL, NULL,
		false, true},
	{"a report that each case would write", "gtest", "--gtest_output=xml:a.xml", NULL,
		NULL, false, false},
	{"a mode", "gtest", "mode1", NULL, NULL, false, false},
	{"shards", "gtest", "", "GTEST_TOTAL_SHARDS=2", NULL, false, false},
	{"an expected failure", "gtest", "", NULL, NULL, true, false},
	{"an expression", "gtest", "", NULL, "passed", false, false},
	{"GLib's usual arguments", "glib", "--tap -k", NULL, NULL, false, true},
	{"a GLib path", "glib", "-p /a", NULL, NULL, false, false},
	{"a Catch2 specification", "catch2", "[fast]", NULL, NULL, false, false},
	{"nothing to list with", "plain", "", NULL, NULL, false, false},
	{"nor with points", "tap", "", NULL, NULL, false, false},
};

static void check_splits(void)
{
	for (size_t i = 0; i < ARRAY_LEN(splits); i++) {
		struct suite s = {.skip_code = -1, .expect_fail = splits[i].expect_fail};

		strv_push(&s.command, "/x/prog");
		strv_split(&s.command, splits[i].args, " ");
		if (splits[i].env)
			strv_push(&s.env, splits[i].env);
		if (splits[i].pass)
			strv_push(&s.pass_regex, splits[i].pass);
		is_int(framework_splits(framework_find(splits[i].framework), &s),
			splits[i].splits, splits[i].name);
		suite_release(&s);
	}
}

static void check_detection(void)
{
	static const struct {
		const char *name, *protocol, *framework, *expected;
	} rows[] = {
		{"a script", NULL, NULL, "plain"},
		{"by exit status", "exitcode", NULL, "plain"},
		{"by TAP", "tap", NULL, "tap"},
		{"by Meson's word for GoogleTest", "gtest", NULL, "gtest"},
		{"by Meson's word for Rust", "rust", NULL, "libtest"},
		{"by the user's word", "tap", "catch2", "catch2"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct suite s = {.protocol = xstrdup_null(rows[i].protocol),
			.framework = xstrdup_null(rows[i].framework)};

		is_str(framework_detect(&s, NULL)->name, rows[i].expected, rows[i].name);
		suite_release(&s);
	}
	ok(!framework_find("no such"), "an unknown name is not found");
}

/* 200 programs with 100 cases each, as one of 20,000. */
static void check_speed(void)
{
	enum { GROUPS = 2000, CASES = 10 };
	autorelease(buf) struct buf list = BUF_INIT, ignored = BUF_INIT;
	struct suite s = {.skip_code = -1};
	struct err e = {0};
	int64_t start;

	for (int i = 0; i < GROUPS * CASES; i++) {
		buf_printf(&list, "group%d::case%d: test\n", i / CASES, i);
		if (i % 2)
			buf_printf(&ignored, "group%d::case%d: test\n", i / CASES, i);
	}
	start = now_ms();
	ok(framework_libtest.parse_list(&s, list.data, list.len, 0, &e) == 0,
		"many cases are read");
	framework_libtest.parse_ignored(&s, ignored.data, ignored.len, 0);
	/* 30 ms measured; a quadratic step would take seconds. */
	ok(now_ms() - start < 1000, "in %d ms", (int)(now_ms() - start));
	is_int((long long)s.n_cases, GROUPS * CASES, "all of them");
	ok(s.cases[1].ignored && !s.cases[0].ignored, "with their marks");
	suite_release(&s);
}

int main(void)
{
	check_listings();
	check_libtest_edges();
	check_runs();
	check_splits();
	check_detection();
	check_speed();
	return tap_done();
}
