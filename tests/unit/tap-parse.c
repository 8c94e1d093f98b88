#include "framework/framework.h"
#include "framework/tap-parse.h"

#include "tests/tap.h"

#include <time.h>

#define GRAPHENE                                                                         \
	"# mutest v0.0.0-dev\n"                                                          \
	"TAP version 13\n"                                                               \
	"# Vec2\n"                                                                       \
	"ok 1 has a size of zero\n"                                                      \
	"ok 2 # skip: not on this machine\n"                                             \
	"1..2\n"

/* What GLib 2.74, cmocka 1.1.5, KUnit and others really print is among these. */
static const struct {
	const char *name, *input;
	int code; /* exit status; negative: a signal */
	const char *adapter;
	enum verdict verdict;
	const char *reason;
	bool hard;
	const char *points; /* "name=verdict(reason)" joined by '|' */
} streams[] = {
	{"two points", "1..2\nok 1 - a\nok 2 - b\n", 0, NULL, VERDICT_PASS, NULL, false,
		"a=pass|b=pass"},
	{"one fails", "1..2\nok 1 - a\nnot ok 2 - b\n", 0, NULL, VERDICT_FAIL,
		"1 of 2 points failed", false, "a=pass|b=fail"},
	{"one fails and the status says so", "1..2\nok 1 - a\nnot ok 2 - b\n", 1, NULL,
		VERDICT_FAIL, "1 of 2 points failed", true, "a=pass|b=fail"},
	{"the status alone", "1..1\nok 1 - a\n", 3, NULL, VERDICT_FAIL,
		"exit status 3, though no point failed", true, "a=pass"},
	{"a plan at the end", "ok\nok\n1..2\n", 0, NULL, VERDICT_PASS, NULL, false,
		"1=pass|2=pass"},
	{"no plan", "ok 1\n", 0, NULL, VERDICT_FAIL, "no plan", true, "1=pass"},
	{"no plan, in Meson", "ok 1\n", 0, "meson", VERDICT_PASS, NULL, false, "1=pass"},
	{"nothing", "", 0, NULL, VERDICT_FAIL, "no TAP on standard output", true, ""},
	{"nothing, in Meson", "", 0, "meson", VERDICT_SKIP, "no point to test", false,
		""},
	{"too few", "1..3\nok 1\nok 2\n", 0, NULL, VERDICT_FAIL,
		"3 points planned, 2 seen", true, "1=pass|2=pass"},
	{"too many", "1..1\nok 1\nok 2\n", 0, NULL, VERDICT_FAIL,
		"1 points planned, 2 seen", true, "1=pass|2=pass"},
	{"a number twice", "1..2\nok 1 a\nok 1 b\n", 0, NULL, VERDICT_FAIL,
		"point 1 came where 2 was due", true, "a=pass|b=pass"},
	{"out of order, in Meson without plan", "ok 2 a\n", 0, "meson", VERDICT_FAIL,
		"point 2 came where 1 was due", true, "a=pass"},
	{"two plans", "1..1\nok 1\n1..1\n", 0, NULL, VERDICT_FAIL, "more than one plan",
		true, "1=pass"},
	{"a point after a plan that came last", "ok 1\n1..1\nok 2\n", 0, NULL,
		VERDICT_FAIL, "a point after the plan at the end", true, "1=pass|2=pass"},
	{"everything skipped", "1..0 # SKIP no device\n", 0, NULL, VERDICT_SKIP,
		"no device", false, ""},
	{"everything skipped, with Automake's status", "1..0 # Skipped: no device\n", 77,
		NULL, VERDICT_SKIP, "no device", false, ""},
	{"a plan of none", "1..0\n", 0, NULL, VERDICT_SKIP, "no point to test", false,
		""},
	{"each skipped", "1..2\nok 1 a # SKIP x\nok 2 b # skip y\n", 0, NULL,
		VERDICT_SKIP, "every point is skipped", false, "a=skip(x)|b=skip(y)"},
	{"a skip that is not ok fails", "1..1\nnot ok 1 a # SKIP x\n", 0, NULL,
		VERDICT_FAIL, "1 of 1 points failed", false, "a=fail(x)"},
	{"to do and not ok is expected", "1..1\nnot ok 1 a # TODO later\n", 0, NULL,
		VERDICT_PASS, NULL, false, "a=pass(later)"},
	{"to do and ok is not", "1..1\nok 1 a # TODO later\n", 0, NULL, VERDICT_FAIL,
		"1 of 1 points failed", false, "a=fail(passed, but is marked TODO)"},
	{"a hash in a name", "1..1\nok 1 - a \\# SKIP no \\\\ b #1\n", 0, NULL,
		VERDICT_PASS, NULL, false, "a # SKIP no \\ b #1=pass"},
	{"bail out", "1..3\nok 1 a\nBail out! no disk\n", 0, NULL, VERDICT_FAIL,
		"Bail out! no disk", true, "a=pass"},
	{"bail out and abort", "1..3\nok 1 a\nBail out!\n", -6, NULL, VERDICT_FAIL,
		"Bail out!", true, "a=pass"},
	{"a crash", "1..3\nok 1 a\n", -11, NULL, VERDICT_CRASH, "signal 11 (SIGSEGV)",
		false, "a=pass"},
	{"lines that are not TAP",
		"hello\n1..1\nokay then\n  warning\nok1\nok 1 a\nok_x\n", 0, NULL,
		VERDICT_PASS, NULL, false, "a=pass"},
	{"carriage returns", "1..1\r\nok 1 a\r\n", 0, NULL, VERDICT_PASS, NULL, false,
		"a=pass"},
	{"comments after a failure", "1..1\nnot ok 1 a\n# got 3\n#   expected 4\n", 1,
		NULL, VERDICT_FAIL, "1 of 1 points failed", true,
		"a=fail(got 3; expected 4)"},
	{"a YAML block",
		"TAP version 13\n1..2\nnot ok 1 a\n  ---\n  message: 'no luck'\n  data:\n"
		"    ok 7: not a point\n  ...\nok 2 b\n",
		1, NULL, VERDICT_FAIL, "1 of 2 points failed", true,
		"a=fail(no luck)|b=pass"},
	{"a YAML block without its end", "1..2\nok 1 a\n  ---\n  x: 1\nok 2 b\n", 0, NULL,
		VERDICT_PASS, NULL, false, "a=pass|b=pass"},
	{"a subtest of TAP 14",
		"TAP version 14\n# Subtest: sub\n    ok 1 - x\n    not ok 2 - y\n    "
		"1..2\n"
		"not ok 1 - sub\nok 2 - b\n1..2\n",
		1, NULL, VERDICT_FAIL, "1 of 2 points failed", true,
		"sub > x=pass|sub > y=fail|b=pass"},
	{"its parent fails alone", "1..1\n    ok 1 x\n    1..1\nnot ok 1 - sub\n", 1,
		NULL, VERDICT_FAIL, "1 of 1 points failed", true,
		"sub > x=pass|sub=fail"},
	{"KTAP nested twice",
		"KTAP version 1\n1..1\n  KTAP version 1\n  1..2\n    KTAP version 1\n    "
		"1..1\n    # test_1: initializing\n    ok 1 test_1\n  ok 1 example_1\n  "
		"ok 2 "
		"example_2 # SKIP no hardware\nok 1 main\n",
		0, NULL, VERDICT_PASS, NULL, false,
		"main > example_1 > test_1=pass|main > example_2=skip(no hardware)"},
	{"mutest, in Meson", GRAPHENE, 0, "meson", VERDICT_PASS, NULL, false,
		"has a size of zero=pass|2=skip(not on this machine)"},
	{"no newline at the end", "1..1\nok 1 a", 0, NULL, VERDICT_PASS, NULL, false,
		"a=pass"},
};

static char *points_text(const struct judgement *j)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < j->n_points; i++) {
		const struct point *p = &j->points[i];

		buf_printf(
			&b, "%s%s=%s", i ? "|" : "", p->name, verdict_name(p->verdict));
		if (p->reason)
			buf_printf(&b, "(%s)", p->reason);
	}
	return buf_take(&b);
}

static void check_streams(void)
{
	for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
		struct suite suite = {.skip_code = -1};
		struct outcome o = {.kind = END_EXIT, .code = streams[i].code};
		struct judgement j = {0};
		autofree char *points = NULL, *adapter = xstrdup_null(streams[i].adapter);

		suite.adapter = adapter;
		if (o.code < 0) {
			o.kind = END_SIGNAL;
			o.code = -o.code;
		}
		buf_append_str(&o.out, streams[i].input);
		framework_tap.judge(&suite, NULL, &o, &j);
		points = points_text(&j);
		is_str(verdict_name(j.verdict), verdict_name(streams[i].verdict),
			streams[i].name);
		is_str(j.reason, streams[i].reason, "  its reason");
		is_str(points, streams[i].points, "  its points");
		is_int(j.hard, streams[i].hard, "  whether it is a hard error");
		judgement_release(&j);
		outcome_release(&o);
	}
}

static void check_cmocka(void)
{
	static const char text[] = "1..3\nok 1 - passes\nnot ok 2 - fails\n# 0x4 != 0x5\n"
				   "not ok 3 # SKIP skips\n# not ok - tests\n";
	struct tap_parse t = {0};
	struct judgement j = {0};
	autofree char *points = NULL;

	tap_parse(text, strlen(text), TAP_PARSE_CMOCKA, &t, &j);
	points = points_text(&j);
	is_str(points, "passes=pass|fails=fail(0x4 != 0x5)|skips=skip", "cmocka's skips");
	is_int((long long)t.failed, 1, "one failed");
	tap_parse_release(&t);
	judgement_release(&j);
}

static void check_bounds(void)
{
	enum { POINTS = 200000 };
	autorelease(buf) struct buf b = BUF_INIT;
	struct tap_parse t = {0};
	struct judgement j = {0};
	clock_t start;

	for (int i = 1; i <= POINTS; i++)
		buf_printf(&b, "    ok %d - nested\nok %d - point\n", i, i);
	start = clock();
	tap_parse(b.data, b.len, 0, &t, &j);
	/* Quadratic, it would be minutes; with a sanitizer it is two seconds. */
	ok(clock() - start < 20 * CLOCKS_PER_SEC, "many points take little time");
	is_int((long long)t.total, POINTS, "all are counted");
	is_int((long long)j.n_points, 100000, "not all are kept");
	tap_parse_release(&t);
	judgement_release(&j);
}

int main(void)
{
	check_streams();
	check_cmocka();
	check_bounds();
	return tap_done();
}
