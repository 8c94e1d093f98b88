#include "engine/launch.h"

#include "tests/tap.h"

#include <limits.h>

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
	struct launch_turn turn;
};

static void bed_init(struct bed *b)
{
	static char whole[] = "";

	*b = (struct bed){.toolchain = {.target = &aarch64}, .test = {.name = whole}};
	strv_push_array(&b->environment,
		(const char *const[]){"PATH=/usr/bin:/bin", "A=1", "B=2", NULL});
	b->launch = (struct launch){
		.column = &column,
		.toolchain = &b->toolchain,
		.environment = &b->environment,
		.run_id = "run",
		.workspace_root = "/w",
		.timeout_factor = 4,
		.grace_ms = 1000,
	};
	b->turn = (struct launch_turn){.attempt = 2, .attempts = 4, .slot = 3};
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
	launch_case(&b->launch, &b->suite, &framework_plain, &b->test, &b->turn, task);
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

/* What a test is told of its attempt and its neighbours, also under nextest's names. */
static void test_turn(void)
{
	static const struct {
		const char *name, *want, *in_group;
	} table[] = {
		{"XTEST_ATTEMPT", "2", "2"},
		{"NEXTEST_ATTEMPT", "2", "2"},
		{"XTEST_TOTAL_ATTEMPTS", "4", "4"},
		{"NEXTEST_TOTAL_ATTEMPTS", "4", "4"},
		{"XTEST_SLOT", "3", "3"},
		{"NEXTEST_TEST_GLOBAL_SLOT", "3", "3"},
		{"XTEST_TEST_GROUP", "@global", "db"},
		{"NEXTEST_TEST_GROUP", "@global", "db"},
		{"XTEST_GROUP_SLOT", "none", "1"},
		{"NEXTEST_TEST_GROUP_SLOT", "none", "1"},
		{"XTEST_STRESS_CURRENT", "none", "3"},
		{"NEXTEST_STRESS_CURRENT", "none", "3"},
		{"XTEST_STRESS_TOTAL", "none", "infinite"},
		{"NEXTEST_STRESS_TOTAL", "none", "infinite"},
		{"NEXTEST_RUN_ID", "run", "run"},
		{"NEXTEST_BINARY_ID", "p::s", "p::s"},
		{"NEXTEST_TEST_NAME", "", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autorelease(bed) struct bed b;
		autorelease(task) struct task task;
		autorelease(task) struct task grouped;

		bed_init(&b);
		launch_it(&b, &task);
		b.turn.group = "db";
		b.turn.group_slot = 1;
		b.turn.stress = 3;
		b.turn.stress_total = UINT_MAX;
		launch_it(&b, &grouped);
		is_str(strv_env_find(&task.env, table[i].name), table[i].want,
			table[i].name);
		is_str(strv_env_find(&grouped.env, table[i].name), table[i].in_group,
			"in a group");
	}
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

int main(void)
{
	test_environment();
	test_turn();
	test_elsewhere();
	test_shell_env();
	return tap_done();
}
