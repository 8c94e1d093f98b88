#include "engine/launch.h"

#include "tests/tap.h"

static const struct target aarch64 = {
	.name = "aarch64", .elf = {.machine = 183, .class = 64}};
static const struct event_column column = {
	.label = "aarch64", .target = "aarch64", .place = "user"};

/* What a launch needs; the suite is the caller's to change. */
struct bed {
	struct toolchain toolchain;
	struct strv environment;
	struct launch launch;
	struct suite suite;
	struct test_case test;
};

static void bed_init(struct bed *b)
{
	*b = (struct bed){
		.toolchain = {.target = &aarch64}, .test = {.name = (char[]){""}}};
	strv_push_array(&b->environment,
		(const char *const[]){"PATH=/usr/bin:/bin", "A=1", "B=2", NULL});
	b->launch = (struct launch){
		.column = &column,
		.toolchain = &b->toolchain,
		.environment = &b->environment,
		.run_id = "run",
		.workspace_root = "/w",
		.timeout_factor = 4,
		.timeout = {CONFIG_UNSET, CONFIG_UNSET, CONFIG_UNSET},
		.grace_ms = 1000,
	};
	b->suite.id = xstrdup("p::s");
	b->suite.name = xstrdup("s");
	b->suite.cwd = xstrdup("/w/tests");
	strv_push(&b->suite.command, "/bin/sh");
}

static void bed_release(struct bed *b)
{
	strv_release(&b->environment);
	suite_release(&b->suite);
}

static void launch_it(struct bed *b, struct task *task)
{
	*task = (struct task){0};
	launch_case(&b->launch, &b->suite, &framework_plain, &b->test, 1, 3, task);
}

static void test_environment(void)
{
	autorelease(bed) struct bed b;
	autorelease(task) struct task task;

	bed_init(&b);
	strv_push(&b.suite.env, "A=x");
	strv_push(&b.suite.env_unset, "B");
	strv_push(&b.suite.env_prepend, "PATH=/first");
	strv_push(&b.suite.env_append, "PATH=/last");
	strv_push(&b.suite.env_append, "NEW=only");
	launch_it(&b, &task);
	is_str(strv_env_find(&task.env, "A"), "x", "the suite's value wins");
	is_str(strv_env_find(&task.env, "B"), NULL, "what it unsets is gone");
	is_str(strv_env_find(&task.env, "PATH"), "/first:/usr/bin:/bin:/last",
		"prepend and append");
	is_str(strv_env_find(&task.env, "NEW"), "only",
		"appending to nothing leaves no separator");
	is_str(strv_env_find(&task.env, "XTEST_SLOT"), "3", "the slot");
	is_str(strv_env_find(&task.env, "XTEST_WORKSPACE_ROOT"), "/w", "the root");
	is_str(strv_env_find(&task.env, "PWD"), "/w/tests", "the working directory");
}

/* Another machine has its own environment, and no program that starts others here. */
static void test_elsewhere(void)
{
	autorelease(bed) struct bed b;
	autorelease(task) struct task task;

	bed_init(&b);
	strv_clear(&b.environment);
	setenv("OF_THIS_MACHINE", "1", 1);
	launch_staged_environment(&b.environment);
	b.launch.elsewhere = true;
	strv_push(&b.suite.env, "MESON_EXE_WRAPPER=/here/xtest exec");
	strv_push(&b.suite.env, "OWN=1");
	launch_it(&b, &task);
	is_str(strv_env_find(&task.env, "HOME"), "/root", "root's home");
	ok(strv_env_find(&task.env, "PATH") != NULL, "a search path");
	ok(!strv_env_find(&task.env, "OF_THIS_MACHINE"), "nothing of this machine");
	ok(!strv_env_find(&task.env, "MESON_EXE_WRAPPER"), "no wrapper");
	is_str(strv_env_find(&task.env, "OWN"), "1", "what the suite sets");
	is_int((long long)task.prefix.len, 0, "no emulator");
}

static void test_shell_env(void)
{
	autorelease(bed) struct bed b;
	autorelease(task) struct task task;
	autofree char *line = NULL;

	bed_init(&b);
	b.suite.shell_env = xstrdup("X=`echo 1`;");
	strv_push(&b.suite.command, "it's $A");
	launch_it(&b, &task);
	line = launch_command_line(&task);
	is_str(line, "/bin/sh -c 'X=`echo 1`; \"$@\"' sh /bin/sh 'it'\\''s $A'",
		"shell text is evaluated once, the command is not");
}

static void test_limits(void)
{
	static const struct {
		const char *name;
		int64_t command_line_ms, suite_ms, profile_us;
		int64_t want_ms;
	} table[] = {
		{"nothing said: ten minutes, stretched", 0, 0, CONFIG_UNSET, 4 * 600000},
		{"the build system's, stretched", 0, 1000, CONFIG_UNSET, 4000},
		{"the build system wants none", 0, -1, 5000000, 0},
		{"the profile's where the build system says nothing", 0, 0, 5000000,
			20000},
		{"the build system's before the profile's", 0, 1000, 5000000, 4000},
		{"the command line's, as it is", 700, 1000, 5000000, 700},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autorelease(bed) struct bed b;
		autorelease(task) struct task task;

		bed_init(&b);
		b.launch.timeout_ms = table[i].command_line_ms;
		b.suite.timeout_ms = table[i].suite_ms;
		if (table[i].profile_us != CONFIG_UNSET)
			b.launch.timeout = (struct config_timeout){
				table[i].profile_us, 1, CONFIG_UNSET};
		launch_it(&b, &task);
		is_int(task.wall_ms, table[i].want_ms, table[i].name);
	}
}

int main(void)
{
	test_environment();
	test_elsewhere();
	test_shell_env();
	test_limits();
	return tap_done();
}
