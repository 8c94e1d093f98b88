#include "base/fs.h"
#include "base/proc.h"
#include "framework/framework.h"

#include "tests/tap.h"

/* Builds a small program with each real framework, lists it, runs every case and the
 * whole, and compares with what is known of the source (tests/fixtures/frameworks). */

#define SOURCES "tests/fixtures/frameworks/"

struct expected {
	const char *name;
	bool ignored;
	enum verdict verdict;
};

static const struct program {
	const char *framework, *source, *package;
	const char *command; /* OUT and SRC are replaced */
	bool lists;
	enum verdict whole; /* of the program run without a case */
	const char *points; /* of that run; NULL: not compared */
	struct expected cases[16];
} programs[] = {
	{"libtest", "libtest.rs", "rustc", "rustc --test -o OUT SRC", true, VERDICT_FAIL,
		"",
		{{"deep::passes", false, VERDICT_PASS}, {"fails", false, VERDICT_FAIL},
			{"panics", false, VERDICT_PASS}, {"passes", false, VERDICT_PASS},
			{"slow", true, VERDICT_PASS}}},
	{"gtest", "gtest.cc", "libgtest-dev", "g++ -O0 -o OUT SRC -lgtest -pthread", true,
		VERDICT_CRASH,
		"Math.Add=pass|Math.Wrong=fail|Skip.Me=skip|Die.Abort=fail",
		{{"Math.Add", false, VERDICT_PASS}, {"Math.Wrong", false, VERDICT_FAIL},
			{"Math.DISABLED_Slow", true, VERDICT_PASS},
			{"Skip.Me", false, VERDICT_SKIP},
			{"Die.Abort", false, VERDICT_CRASH},
			{"Typed/0.HasSize", false, VERDICT_PASS},
			{"Typed/1.HasSize", false, VERDICT_PASS},
			{"Words/Param.NotEmpty/0", false, VERDICT_PASS},
			{"Words/Param.NotEmpty/1", false, VERDICT_PASS}}},
	{"doctest", "doctest.cc", "doctest-dev", "g++ -O0 -o OUT SRC", true, VERDICT_FAIL,
		"",
		{{"adds", false, VERDICT_PASS},
			{"wrong, with a comma", false, VERDICT_FAIL},
			{"stars * and ? marks", false, VERDICT_PASS},
			{"back\\slash", false, VERDICT_PASS},
			{"UPPER case", false, VERDICT_PASS},
			{"upper case", false, VERDICT_PASS},
			{"fails as it should", false, VERDICT_PASS},
			{"inside", false, VERDICT_PASS},
			{"skipped", true, VERDICT_PASS}}},
	{"glib", "glib.c", "libglib2.0-dev",
		"gcc -o OUT SRC $(pkg-config --cflags --libs glib-2.0)", true,
		VERDICT_FAIL,
		"/a=pass|/ab=pass|/a/b=pass|/sub/skip=skip(no device)|"
		"/sub/incomplete=pass(later)|/sub/with blank=pass",
		{{"/a", false, VERDICT_PASS}, {"/ab", false, VERDICT_PASS},
			{"/a/b", false, VERDICT_PASS}, {"/sub/skip", false, VERDICT_SKIP},
			{"/sub/incomplete", false, VERDICT_PASS},
			{"/sub/with blank", false, VERDICT_PASS},
			{"/sub/fail", false, VERDICT_FAIL}}},
	{"cmocka", "cmocka.c", "libcmocka-dev", "gcc -o OUT SRC -lcmocka", false,
		VERDICT_FAIL, "passes=pass|fails=fail|skips=skip", {{0}}},
	{"check", "check.c", "check",
		"gcc -o OUT SRC $(pkg-config --cflags --libs check)", false, VERDICT_FAIL,
		"core:passes=pass|core:fails=fail(Assertion '4 == 5' failed: 4 == 4, 5 "
		"== "
		"5)|edge:crashes=fail((after this point) Received signal 11 "
		"(Segmentation "
		"fault))",
		{{0}}},
	{"catch2", "catch2.cc", "catch2",
		"g++ -O0 -DCATCH_CONFIG_FAST_COMPILE -o OUT SRC", true, VERDICT_FAIL, "",
		{{"adds", false, VERDICT_PASS},
			{"wrong, \"quoted\" [and] *starred*", false, VERDICT_FAIL},
			{"back\\slash ~tilde", false, VERDICT_PASS},
			{"~begins with a tilde", false, VERDICT_PASS},
			{"-begins with a dash", false, VERDICT_PASS},
			{"a name that is so long that a listing for people breaks it "
			 "over "
			 "more than one line of the screen, as people's names for things "
			 "tend to be",
				false, VERDICT_PASS},
			{"fails as it should", false, VERDICT_PASS},
			{"Scenario: a vector grows", false, VERDICT_PASS},
			{"templated - int", false, VERDICT_PASS},
			{"templated - long", false, VERDICT_PASS},
			{"hidden", true, VERDICT_PASS}}},
};

static bool shell(const char *command)
{
	autorelease(strv) struct strv argv = STRV_INIT;
	struct proc_result r = {0};
	struct err e = {0};
	bool done;

	strv_push(&argv, "sh");
	strv_push(&argv, "-c");
	strv_push(&argv, command);
	done = proc_run(&argv, &(struct proc_options){.merge_stderr = true}, &r, &e) ==
		       0 &&
	       proc_succeeded(&r);
	if (!done && r.out.len)
		printf("# %.*s\n", (int)MIN(strcspn(buf_str(&r.out), "\n"), 200),
			buf_str(&r.out));
	proc_result_release(&r);
	return done;
}

/* Runs it to its end and fills the outcome. */
static bool run(const struct strv *argv, const struct strv *env, struct outcome *o)
{
	struct proc_result r = {0};
	struct err e = {0};
	autorelease(strv) struct strv whole = STRV_INIT;

	proc_environ(&whole);
	strv_env_merge(&whole, env);
	if (proc_run(argv, &(struct proc_options){.env = &whole, .timeout_ms = 60000}, &r,
		    &e) < 0) {
		printf("# %s\n", e.msg);
		return false;
	}
	o->kind = r.signal ? END_SIGNAL : END_EXIT;
	o->code = r.signal ? r.signal : r.exit_code;
	buf_append(&o->out, r.out.data, r.out.len);
	buf_append(&o->err, r.err.data, r.err.len);
	proc_result_release(&r);
	return true;
}

static void list(const struct framework *f, struct suite *s, bool ignored)
{
	autorelease(strv) struct strv argv = STRV_INIT;
	autorelease(outcome) struct outcome o = {0};
	struct err e = {0};
	int status;

	strv_push_all(&argv, &s->command);
	(ignored ? f->ignored_argv : f->list_argv)(s, &argv);
	if (!ok(run(&argv, &s->env, &o), "  it runs to be listed"))
		return;
	status = o.kind == END_SIGNAL ? 128 + o.code : o.code;
	if (ignored)
		f->parse_ignored(s, o.out.data, o.out.len, status);
	else
		ok(f->parse_list(s, o.out.data, o.out.len, status, &e) == 0,
			"  listed %s", e.msg);
}

static void judge(const struct framework *f, const struct suite *s,
	const struct test_case *c, struct judgement *j)
{
	autorelease(strv) struct strv argv = STRV_INIT, env = STRV_INIT;
	autorelease(outcome) struct outcome o = {0};

	strv_push_all(&argv, &s->command);
	if (f->case_argv)
		f->case_argv(s, c, &argv);
	if (f->case_env)
		f->case_env(s, c, &env);
	if (run(&argv, &env, &o))
		framework_judge(f, s, c, &o, j);
	else
		j->verdict = VERDICT_LOST;
}

static void check_cases(
	const struct program *p, const struct framework *f, struct suite *s)
{
	size_t n = 0;

	list(f, s, false);
	if (f->ignored_argv)
		list(f, s, true);
	while (p->cases[n].name)
		n++;
	is_int((long long)s->n_cases, (long long)n, "  as many cases as there are");
	for (size_t i = 0; i < MIN(n, s->n_cases); i++) {
		struct judgement j = {0};

		is_str(s->cases[i].name, p->cases[i].name, "  a case's name");
		is_int(s->cases[i].ignored, p->cases[i].ignored, "    ignored or not");
		judge(f, s, &s->cases[i], &j);
		if (!is_str(verdict_name(j.verdict), verdict_name(p->cases[i].verdict),
			    "    its verdict"))
			printf("# %s\n", j.reason ? j.reason : "no reason");
		if (verdict_is_failure(j.verdict))
			ok(j.excerpt != NULL, "    its excerpt");
		judgement_release(&j);
	}
}

static void check_absent(const struct framework *f, const struct suite *s)
{
	struct test_case absent = {.name = xstrdup("/no.such::test")};
	struct judgement j = {0};

	judge(f, s, &absent, &j);
	is_str(verdict_name(j.verdict), "fail", "  a test that is not there fails");
	is_str(j.reason, "the program has no such test", "    and says so");
	judgement_release(&j);
	free(absent.name);
}

static char *points_text(const struct judgement *j)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < j->n_points; i++) {
		const struct point *p = &j->points[i];

		buf_printf(
			&b, "%s%s=%s", i ? "|" : "", p->name, verdict_name(p->verdict));
		/* GoogleTest's reasons have the path of the source. */
		if (p->reason && !strstr(p->reason, ".cc:") &&
			!streq(p->reason, "did not end"))
			buf_printf(&b, "(%s)", p->reason);
	}
	return buf_take(&b);
}

static void check_whole(
	const struct program *p, const struct framework *f, const struct suite *s)
{
	struct test_case whole = {.name = xstrdup("")};
	struct judgement j = {0};
	autofree char *points = NULL;

	judge(f, s, &whole, &j);
	is_str(verdict_name(j.verdict), verdict_name(p->whole),
		"  the program as a whole");
	points = points_text(&j);
	is_str(points, p->points, "    its points");
	judgement_release(&j);
	free(whole.name);
}

static const struct framework *detect(const char *binary)
{
	struct suite s = {.skip_code = -1};
	struct elf elf;
	struct err e = {0};
	const struct framework *f = NULL;

	if (elf_open(binary, &elf, &e) == 1) {
		f = framework_detect(&s, &elf);
		elf_release(&elf);
	}
	return f;
}

static char *build(const struct program *p, const char *dir)
{
	const char *srcdir = getenv("srcdir");
	autofree char *src = fs_join(srcdir ? srcdir : ".", SOURCES);
	autofree char *source = fs_join(src, p->source);
	char *out = fs_join(dir, p->framework);
	autofree char *command = xasprintf(
		"OUT='%s' SRC='%s'; set -e; c='%s'; eval \"$(printf %%s \"$c\" | sed "
		"'s/OUT/\"$OUT\"/; s/SRC/\"$SRC\"/')\"",
		out, source, p->command);

	if (shell(command) && fs_is_executable(out))
		return out;
	free(out);
	return NULL;
}

static void check_program(const struct program *p, const char *dir)
{
	autofree char *binary = build(p, dir), *strip = NULL;
	const struct framework *f;
	struct suite s = {.skip_code = -1};

	if (!binary) {
		skip(p->framework, p->package);
		return;
	}
	f = detect(binary);
	is_str(f ? f->name : NULL, p->framework, "recognised");
	if (!f)
		return;
	s.binary = xstrdup(binary);
	strv_push(&s.command, binary);
	is_int(framework_splits(f, &s), p->lists, "  split or not");
	if (p->lists) {
		check_cases(p, f, &s);
		check_absent(f, &s);
	}
	check_whole(p, f, &s);
	strip = xasprintf("strip '%s'", binary);
	if (shell(strip)) {
		f = detect(binary);
		is_str(f ? f->name : NULL, p->framework, "  recognised when stripped");
	} else {
		skip("  recognised when stripped", "binutils");
	}
	suite_release(&s);
}

/* The same symbol in the files of other machines, of both byte orders and word sizes. */
static void check_foreign(const char *dir)
{
	static const char *const compilers[] = {"aarch64-linux-gnu-gcc",
		"arm-linux-gnueabihf-gcc", "s390x-linux-gnu-gcc",
		"mips64el-linux-gnuabi64-gcc", "powerpc-linux-gnu-gcc"};
	static const char source[] = "int _cmocka_run_group_tests(void) { return 0; }\n"
				     "int main(void) { return 0; }\n";
	autofree char *path = fs_join(dir, "foreign.c");
	autofree char *out = fs_join(dir, "foreign");
	struct err e = {0};

	ok(fs_write_file(path, source, strlen(source), 0600, &e) == 0, "a source");
	for (size_t i = 0; i < ARRAY_LEN(compilers); i++) {
		autofree char *compiler = fs_find_program(compilers[i], NULL);
		autofree char *command =
			xasprintf("%s -o '%s' '%s'", compilers[i], out, path);
		const struct framework *f;

		if (!compiler || !shell(command)) {
			skip(compilers[i], "no such cross compiler");
			continue;
		}
		f = detect(out);
		is_str(f ? f->name : NULL, "cmocka", compilers[i]);
	}
}

int main(void)
{
	struct err e = {0};
	autofree char *dir = fs_temp_dir("xtest-framework", &e);
	autofree char *self = fs_self_path();
	const struct framework *f = detect(self);

	is_str(f ? f->name : NULL, "plain", "this program is none of them");
	check_foreign(dir);
	for (size_t i = 0; i < ARRAY_LEN(programs); i++)
		check_program(&programs[i], dir);
	ok(fs_remove_tree(dir, &e) == 0, "clean up");
	return tap_done();
}
