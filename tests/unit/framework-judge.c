#include "base/pattern.h"
#include "framework/ctest-regex.h"
#include "framework/framework.h"

#include "tests/tap.h"

#define SEGV (-11)
#define TIMEOUT 1000
#define NOT_STARTED 1001
#define LOST 1002
#define MACHINE 1003

/* Most rows are what ctest 3.25, meson 1.0 and Automake's test-driver did with the same
 * program. */
static const struct {
	const char *name, *adapter;
	int code; /* negative: a signal */
	const char *out, *err;
	bool expect_fail;
	int skip_code; /* 0: none */
	const char *pass, *fail, *skip;
	enum verdict verdict;
	const char *reason;
} ends[] = {
	{"pass", "cmake", 0, "", "", false, 0, NULL, NULL, NULL, VERDICT_PASS, NULL},
	{"fail", "cmake", 1, "", "", false, 0, NULL, NULL, NULL, VERDICT_FAIL,
		"exit status 1"},
	{"skip", "meson", 77, "", "", false, 0, NULL, NULL, NULL, VERDICT_SKIP,
		"exit status 77"},
	{"hard error", "meson", 99, "", "", false, 0, NULL, NULL, NULL, VERDICT_FAIL,
		"hard error (exit status 99)"},
	{"crash", "cmake", SEGV, "", "", false, 0, NULL, NULL, NULL, VERDICT_CRASH,
		"signal 11 (SIGSEGV)"},
	{"a shell's crashed child", "cmake", 139, "", "", false, 0, NULL, NULL, NULL,
		VERDICT_FAIL, "exit status 139 (128 + SIGSEGV)"},
	{"timeout", "cmake", TIMEOUT, "", "", false, 0, NULL, NULL, NULL, VERDICT_TIMEOUT,
		"no end after 2 s"},
	{"not started", "cmake", NOT_STARTED, "", "", false, 0, NULL, NULL, NULL,
		VERDICT_LOST, "could not be started: no such file"},
	{"lost", "cmake", LOST, "", "", false, 0, NULL, NULL, NULL, VERDICT_LOST,
		"lost: the machine is gone"},

	{"WILL_FAIL and fails", "cmake", 1, "", "", true, 0, NULL, NULL, NULL,
		VERDICT_PASS, "failed as expected: exit status 1"},
	{"WILL_FAIL and passes", "cmake", 0, "", "", true, 0, NULL, NULL, NULL,
		VERDICT_FAIL, "passed, but is expected to fail"},
	{"WILL_FAIL and crashes, in CTest", "cmake", SEGV, "", "", true, 0, NULL, NULL,
		NULL, VERDICT_CRASH, "signal 11 (SIGSEGV)"},
	{"should_fail and crashes, in Meson", "meson", SEGV, "", "", true, 0, NULL, NULL,
		NULL, VERDICT_PASS, "failed as expected: signal 11 (SIGSEGV)"},
	{"XFAIL and crashes, in Automake", "autotools", SEGV, "", "", true, 0, NULL, NULL,
		NULL, VERDICT_PASS, "failed as expected: signal 11 (SIGSEGV)"},
	{"XFAIL and crashes, elsewhere", "manifest", SEGV, "", "", true, 0, NULL, NULL,
		NULL, VERDICT_CRASH, "signal 11 (SIGSEGV)"},
	{"XFAIL and a hard error", "autotools", 99, "", "", true, 0, NULL, NULL, NULL,
		VERDICT_FAIL, "hard error (exit status 99)"},
	{"XFAIL and skipped", "autotools", 77, "", "", true, 0, NULL, NULL, NULL,
		VERDICT_SKIP, "exit status 77"},
	{"XFAIL and no end", "autotools", TIMEOUT, "", "", true, 0, NULL, NULL, NULL,
		VERDICT_TIMEOUT, "no end after 2 s"},
	{"XFAIL and not started", "autotools", NOT_STARTED, "", "", true, 0, NULL, NULL,
		NULL, VERDICT_LOST, "could not be started: no such file"},
	{"XFAIL and lost", "autotools", LOST, "", "", true, 0, NULL, NULL, NULL,
		VERDICT_LOST, "lost: the machine is gone"},
	{"it ended its machine", "cmake", MACHINE, "", "", false, 0, NULL, NULL, NULL,
		VERDICT_CRASH, "ended its machine: kernel panic"},
	{"XFAIL and it ended its machine", "meson", MACHINE, "", "", true, 0, NULL, NULL,
		NULL, VERDICT_CRASH, "ended its machine: kernel panic"},
	{"XFAIL and a command that is not there", "autotools", 127, "",
		"sh: 1: prog: not found\n", true, 0, NULL, NULL, NULL, VERDICT_FAIL,
		"no expected failure: a program that was not found (status 127)"},
	{"XFAIL and a missing library", "cmake", 1, "",
		"prog: error while loading shared libraries: libx.so: cannot open\n",
		true, 0, NULL, NULL, NULL, VERDICT_FAIL,
		"no expected failure: error while loading shared libraries: "},
	{"XFAIL and a missing loader", "cmake", 255, "",
		"qemu-aarch64: Could not open '/lib/ld-linux-aarch64.so.1': No such "
		"file\n",
		true, 0, NULL, NULL, NULL, VERDICT_FAIL,
		"no expected failure: : Could not open '"},

	{"a skip code", "cmake", 5, "", "", false, 5, NULL, NULL, NULL, VERDICT_SKIP,
		"exit status 5"},
	{"a skip code beats WILL_FAIL", "cmake", 5, "", "", true, 5, NULL, NULL, NULL,
		VERDICT_SKIP, "exit status 5"},
	{"a skip code beats a pass expression", "cmake", 5, "", "", false, 5, "good",
		NULL, NULL, VERDICT_SKIP, "exit status 5"},
	{"a skip code beats a fail expression", "cmake", 5, "bad", "", false, 5, NULL,
		"bad", NULL, VERDICT_SKIP, "exit status 5"},
	{"a pass expression beats the status", "cmake", 1, "good\n", "", false, 0, "good",
		NULL, NULL, VERDICT_PASS, NULL},
	{"on standard error too", "cmake", 1, "", "good\n", false, 0, "good", NULL, NULL,
		VERDICT_PASS, NULL},
	{"a pass expression that is not found", "cmake", 0, "x\n", "", false, 0, "good",
		NULL, NULL, VERDICT_FAIL, "its output does not match 'good'"},
	{"a pass expression and a crash", "cmake", SEGV, "good\n", "", false, 0, "good",
		NULL, NULL, VERDICT_CRASH, "signal 11 (SIGSEGV)"},
	{"a pass expression and a timeout", "cmake", TIMEOUT, "good\n", "", false, 0,
		"good", NULL, NULL, VERDICT_TIMEOUT, "no end after 2 s"},
	{"a fail expression", "cmake", 0, "bad\n", "", false, 0, NULL, "bad", NULL,
		VERDICT_FAIL, "its output matches 'bad'"},
	{"a fail expression beats a pass expression", "cmake", 0, "good bad\n", "", false,
		0, "good", "bad", NULL, VERDICT_FAIL, "its output matches 'bad'"},
	{"a skip expression beats both", "cmake", 0, "good bad skipme\n", "", false, 0,
		"good", "bad", "skipme", VERDICT_SKIP, "its output matches 'skipme'"},
	{"a skip expression and a crash", "cmake", SEGV, "skipme\n", "", false, 0, NULL,
		NULL, "skipme", VERDICT_CRASH, "signal 11 (SIGSEGV)"},
	{"WILL_FAIL turns a pass expression around", "cmake", 0, "good", "", true, 0,
		"good", NULL, NULL, VERDICT_FAIL, "passed, but is expected to fail"},
	{"and the lack of it", "cmake", 0, "bad", "", true, 0, "good", NULL, NULL,
		VERDICT_PASS, "failed as expected: its output does not match 'good'"},
	{"and a fail expression", "cmake", 0, "bad", "", true, 0, NULL, "bad", NULL,
		VERDICT_PASS, "failed as expected: its output matches 'bad'"},
	{"other build systems' expressions are PCRE2", "manifest", 0, "item 5\n", "",
		false, 0, "^item \\d$", NULL, NULL, VERDICT_FAIL,
		"its output does not match '^item \\d$'"},
	{"with all it has", "manifest", 0, "item 5\n", "", false, 0, "(?m)^item \\d$",
		NULL, NULL, VERDICT_PASS, NULL},
};

static void fill(struct suite *s, struct outcome *o, size_t i)
{
	s->adapter = xstrdup(ends[i].adapter);
	s->expect_fail = ends[i].expect_fail;
	s->skip_code = ends[i].skip_code ? ends[i].skip_code : -1;
	if (ends[i].pass)
		strv_push(&s->pass_regex, ends[i].pass);
	if (ends[i].fail)
		strv_push(&s->fail_regex, ends[i].fail);
	if (ends[i].skip)
		strv_push(&s->skip_regex, ends[i].skip);
	buf_append_str(&o->out, ends[i].out);
	buf_append_str(&o->err, ends[i].err);
	o->code = ends[i].code;
	if (o->code < 0) {
		o->kind = END_SIGNAL;
		o->code = -o->code;
	} else if (o->code == TIMEOUT) {
		o->kind = END_TIMEOUT;
		o->detail = xstrdup("no end after 2 s");
	} else if (o->code == NOT_STARTED) {
		o->kind = END_NOT_STARTED;
		o->detail = xstrdup("no such file");
	} else if (o->code == LOST) {
		o->kind = END_LOST;
		o->detail = xstrdup("the machine is gone");
	} else if (o->code == MACHINE) {
		o->kind = END_MACHINE;
		o->detail = xstrdup("kernel panic");
	}
}

static void check_ends(void)
{
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct suite s = {0};
		struct outcome o = {0};
		struct judgement j = {0};

		fill(&s, &o, i);
		framework_judge(&framework_plain, &s, NULL, &o, &j);
		is_str(verdict_name(j.verdict), verdict_name(ends[i].verdict),
			ends[i].name);
		is_str(j.reason, ends[i].reason, "  its reason");
		suite_release(&s);
		outcome_release(&o);
		judgement_release(&j);
	}
}

static void check_leak(void)
{
	struct suite s = {.skip_code = -1};
	struct outcome o = {.leaked = 2, .leaked_names = xstrdup("sleep, cat")};
	struct judgement j = {0};

	framework_judge(&framework_plain, &s, NULL, &o, &j);
	is_str(verdict_name(j.verdict), "leak", "a pass that leaves processes is a leak");
	is_str(j.reason, "left 2 processes behind: sleep, cat", "  which says them");
	judgement_release(&j);
	o.code = 1;
	framework_judge(&framework_plain, &s, NULL, &o, &j);
	is_str(verdict_name(j.verdict), "fail", "a failure stays one");
	judgement_release(&j);
	outcome_release(&o);
}

/* What ctest 3.25 matched, and did not. */
static const struct {
	const char *expression, *text;
	bool matches;
} expressions[] = {
	{"good", "so good\n", true},
	{"^good$", "a\ngood\nb\n", false},
	{"good$", "good\n", false},
	{"good$", "very good", true},
	{"a.b", "a\nb", true},
	{"\\d", "5", false},
	{"\\d", "d", true},
	{"\\bgood", "good", false},
	{"a{2}", "a{2}", true},
	{"^a{2}", "aa", false},
	{"[]]y", "x]y", true},
	{"x[\\]y", "x\\y", true},
	{"[^0-9]-[a-z]", "x-y", true},
	{"[^0-9]-[a-z]", "1-y", false},
	{"[a-]", "-", true},
	{"[[:alpha:]", ":", true},
	{"Tests? failed \\([0-9]+\\)", "Test failed (3)", true},
	{"a#b", "a#b", true},
	{"(one|two)+", "twoone", true},
};

static void check_expressions(void)
{
	for (size_t i = 0; i < ARRAY_LEN(expressions); i++) {
		autorelease(buf) struct buf b = BUF_INIT;
		struct err e = {0};
		struct pattern *p;

		ctest_regex_translate(expressions[i].expression, &b);
		p = pattern_regex(buf_str(&b), 0, NULL, &e);
		if (!ok(p != NULL, "'%s' can be read", expressions[i].expression))
			continue;
		is_int(pattern_match(
			       p, expressions[i].text, strlen(expressions[i].text), &e),
			expressions[i].matches, "  it matches as in CTest");
		pattern_free(p);
	}
}

int main(void)
{
	check_ends();
	check_leak();
	check_expressions();
	return tap_done();
}
