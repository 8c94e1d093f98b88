#include "base/proc.h"

#include "tests/tap.h"

static int run(const char *script, const struct proc_options *o, struct proc_result *r)
{
	autorelease(strv) struct strv argv = STRV_INIT;
	struct err e = {0};

	strv_push_array(&argv, (const char *const[]){"sh", "-c", script, NULL});
	return proc_run(&argv, o, r, &e);
}

static void count_line(void *ctx, const char *line UNUSED, size_t len UNUSED)
{
	++*(int *)ctx;
}

static void test_fates(void)
{
	static const struct {
		const char *script, *out, *err, *end;
	} table[] = {
		{"echo a; echo b >&2", "a\n", "b\n", "exit status 0"},
		{"exit 3", "", "", "exit status 3"},
		{"kill -SEGV $$", "", "", "signal 11 (SIGSEGV)"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autorelease(proc_result) struct proc_result r = {0};
		char text[64];

		is_int(run(table[i].script, NULL, &r), 0, table[i].script);
		is_str(buf_str(&r.out), table[i].out, "its output");
		is_str(buf_str(&r.err), table[i].err, "its error output");
		is_str(proc_describe(&r, text, sizeof text), table[i].end, "its end");
	}
}

/* `make A=1 B=2 check` exports both, and tells so in MAKEFLAGS. */
static void test_outside_make(void)
{
	autorelease(strv) struct strv env = STRV_INIT;

	setenv("MAKEFLAGS", "w -j2 -- XTEST_A=1 XTEST_B=two", 1);
	setenv("XTEST_A", "1", 1);
	setenv("XTEST_B", "two", 1);
	setenv("XTEST_C", "3", 1);
	proc_environ_outside_make(&env);
	ok(!strv_env_find(&env, "MAKEFLAGS") && !strv_env_find(&env, "XTEST_A") &&
			!strv_env_find(&env, "XTEST_B"),
		"what a make above was given on its command line is gone");
	is_str(strv_env_find(&env, "XTEST_C"), "3", "what the user exported stays");
	unsetenv("MAKEFLAGS");
}

int main(void)
{
	autorelease(strv) struct strv none = STRV_INIT;
	struct err e = {0};
	int lines = 0;

	test_fates();
	test_outside_make();
	{
		autorelease(proc_result) struct proc_result r = {0};

		strv_push(&none, "/nonexistent/program");
		is_int(proc_run(&none, NULL, &r, &e), -1,
			"a missing program is an error");
		is_str(e.msg, "run /nonexistent/program: No such file or directory",
			"which says so");
	}
	{
		autorelease(proc_result) struct proc_result r = {0};
		struct proc_options o = {.timeout_ms = 200};
		int64_t start = now_ms();

		is_int(run("sleep 60 & sleep 60", &o, &r), 0, "a hanging program");
		ok(r.timed_out && !proc_succeeded(&r), "is timed out");
		ok(now_ms() - start < 20000, "with its children");
	}
	{
		autorelease(proc_result) struct proc_result r = {0};
		struct proc_options o = {
			.merge_stderr = true, .on_line = count_line, .ctx = &lines};

		is_int(run("echo 1; echo 2 >&2; printf 3", &o, &r), 0, "merged output");
		is_int(lines, 3, "line by line, the unfinished last one too");
	}
	{
		autorelease(proc_result) struct proc_result r = {0};
		struct proc_options o = {.max_output_bytes = 100000};

		is_int(run("yes", &o, &r), -1, "endless output is ended");
	}
	return tap_done();
}
