#include "engine/launch.h"

#include "base/fs.h"
#include "base/proc.h"
#include "engine/script.h"

#include <limits.h>

void launch_environment(struct strv *env)
{
	static const char *const leaks[] = {
		"QEMU_LD_PREFIX", "LD_PRELOAD", "NOTIFY_SOCKET"};

	proc_environ_outside_make(env);
	for (size_t i = 0; i < ARRAY_LEN(leaks); i++)
		strv_env_unset(env, leaks[i]);
}

void launch_staged_environment(struct strv *env)
{
	static const char *const all[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/sh",
		"LANG=C.UTF-8", NULL};

	strv_push_array(env, all);
}

/* VALUE of "NAME=VALUE" goes before (or after) what NAME has, with ':' between. */
static void extend_env(struct strv *env, const char *assignment, bool front)
{
	size_t len = strcspn(assignment, "=");
	autofree char *name = xstrndup(assignment, len);
	const char *value = assignment[len] ? assignment + len + 1 : "";
	const char *old = strv_env_find(env, name);
	autofree char *joined = !old || !*old ? xstrdup(value)
					      : xasprintf("%s:%s", front ? value : old,
							front ? old : value);

	strv_env_set(env, name, joined);
}

static void build_environment(
	const struct launch *l, const struct suite *s, struct strv *env)
{
	strv_copy(env, l->environment);
	for (size_t i = 0; i < s->env_unset.len; i++)
		strv_env_unset(env, s->env_unset.v[i]);
	strv_env_merge(env, &s->env);
	/* How a target program is started on this machine. */
	if (l->elsewhere)
		strv_env_unset(env, "MESON_EXE_WRAPPER");
	for (size_t i = 0; i < s->env_prepend.len; i++)
		extend_env(env, s->env_prepend.v[i], true);
	for (size_t i = 0; i < s->env_append.len; i++)
		extend_env(env, s->env_append.v[i], false);
	strv_env_set(env, "PWD", s->cwd);
	strv_env_set(env, "XTEST", "1");
	strv_env_set(env, "XTEST_RUN_ID", l->run_id);
	strv_env_set(env, "XTEST_SUITE", s->id);
	strv_env_set(env, "XTEST_TARGET", l->toolchain->target->name);
	strv_env_set(env, "XTEST_PLACE", l->column->place);
	strv_env_set(env, "XTEST_WORKSPACE_ROOT", l->workspace_root);
}

char *launch_locate(const struct launch *l, const char *path)
{
	return l->roots ? archive_roots_locate(l->roots, path) : xstrdup(path);
}

const char *launch_missing_file(const struct launch *l, const struct suite *suite)
{
	for (size_t i = 0; i < suite->required_files.len; i++) {
		autofree char *file = launch_locate(l, suite->required_files.v[i]);

		if (!fs_exists(file))
			return suite->required_files.v[i];
	}
	return NULL;
}

/* True when the file is an ELF program of the column's target. */
static bool is_target_program(const struct launch *l, const char *path)
{
	autorelease(elf) struct elf elf = {0};
	struct err ignored;

	return elf_open(path, &elf, &ignored) == 1 &&
	       target_matches_elf(l->toolchain->target, &elf.id);
}

/* The emulator stands in front of what is a target program for sure; scripts and
 * interpreters start theirs through the runner's private binfmt_misc. */
static void set_prefix(
	const struct launch *l, const struct suite *suite, struct task *task)
{
	autofree char *located = NULL, *program = NULL;

	if (suite->runner.len && !l->elsewhere) {
		strv_copy(&task->prefix, &suite->runner);
		return;
	}
	if (!l->emulate)
		return;
	located = launch_locate(l, task->argv.v[0]);
	program = fs_find_program(located, strv_env_find(&task->env, "PATH"));
	if (program && is_target_program(l, program))
		strv_copy(&task->prefix, &l->toolchain->emulator);
}

/* Shell text in front of the command, as Automake puts TESTS_ENVIRONMENT there: the shell
 * evaluates it, the words of the command reach it as parameters and are not evaluated
 * again. */
static void wrap_in_shell(const char *shell_env, struct task *task)
{
	autofree char *script = xasprintf("%s \"$@\"", shell_env);
	autorelease(strv) struct strv inner = STRV_INIT;

	strv_push_all(&inner, &task->prefix);
	strv_push_all(&inner, &task->argv);
	strv_clear(&task->prefix);
	strv_clear(&task->argv);
	strv_push_array(
		&task->argv, (const char *const[]){"/bin/sh", "-c", script, "sh", NULL});
	strv_push_all(&task->argv, &inner);
}

static void prepare(const struct launch *l, const struct suite *suite, struct task *task)
{
	task->cwd = xstrdup(suite->cwd);
	task->grace_ms = l->grace_ms;
	task->leak_ms = l->leak_ms;
	task->output_bytes = l->output_bytes;
	task->change_user = l->change_user;
	task->uid = l->uid;
	task->gid = l->gid;
	build_environment(l, suite, &task->env);
	strv_copy(&task->argv, &suite->command);
	set_prefix(l, suite, task);
}

struct filter_subject launch_subject(
	const struct event_column *column, const struct suite *suite)
{
	return (struct filter_subject){
		.binary = suite->name,
		.binary_id = suite->id,
		.package = suite->package,
		.kind = suite->kind,
		.platform =
			suite->platform == PLATFORM_HOST ? FILTER_HOST : FILTER_TARGET,
		.target = column->target,
		.place = column->place,
		.framework = suite->framework,
		.tags = (const char *const *)strv_argv(&suite->labels),
		.deps = suite->deps.len ? (const char *const *)strv_argv(&suite->deps)
					: NULL,
		.rdeps = suite->rdeps.len ? (const char *const *)strv_argv(&suite->rdeps)
					  : NULL,
	};
}

static void set_number(struct strv *env, const char *name, unsigned n)
{
	autofree char *text = xasprintf("%u", n);

	strv_env_set(env, name, text);
}

/* Both names of a number, or of the word that stands for one. */
static void set_stress(struct strv *env, const char *what, unsigned n)
{
	autofree char *ours = xasprintf("XTEST_STRESS_%s", what),
		      *theirs = xasprintf("NEXTEST_STRESS_%s", what),
		      *text = n == 0          ? xstrdup("none")
			      : n == UINT_MAX ? xstrdup("infinite")
					      : xasprintf("%u", n);

	strv_env_set(env, ours, text);
	strv_env_set(env, theirs, text);
}

/* Names of our own, and nextest's where they mean the same. */
static void set_turn(const struct launch_turn *turn, struct strv *env)
{
	const char *group = turn->group ? turn->group : "@global";

	set_number(env, "XTEST_ATTEMPT", turn->attempt);
	set_number(env, "NEXTEST_ATTEMPT", turn->attempt);
	set_number(env, "XTEST_TOTAL_ATTEMPTS", turn->attempts);
	set_number(env, "NEXTEST_TOTAL_ATTEMPTS", turn->attempts);
	set_stress(env, "CURRENT", turn->stress);
	set_stress(env, "TOTAL", turn->stress_total);
	set_number(env, "XTEST_SLOT", turn->slot);
	set_number(env, "NEXTEST_TEST_GLOBAL_SLOT", turn->slot);
	strv_env_set(env, "XTEST_TEST_GROUP", group);
	strv_env_set(env, "NEXTEST_TEST_GROUP", group);
	if (turn->group) {
		set_number(env, "XTEST_GROUP_SLOT", turn->group_slot);
		set_number(env, "NEXTEST_TEST_GROUP_SLOT", turn->group_slot);
	} else {
		strv_env_set(env, "XTEST_GROUP_SLOT", "none");
		strv_env_set(env, "NEXTEST_TEST_GROUP_SLOT", "none");
	}
}

void launch_case(const struct launch *l, const struct suite *suite,
	const struct framework *framework, const struct test_case *test,
	const struct launch_turn *turn, struct task *task)
{
	struct filter_subject subject = launch_subject(l->column, suite);

	prepare(l, suite, task);
	task->private_tmp = true;
	strv_env_set(&task->env, "XTEST_CASE", test->name);
	strv_env_set(&task->env, "NEXTEST_RUN_ID", l->run_id);
	strv_env_set(&task->env, "NEXTEST_BINARY_ID", suite->id);
	strv_env_set(&task->env, "NEXTEST_TEST_NAME", test->name);
	set_turn(turn, &task->env);
	if (framework->case_argv)
		framework->case_argv(suite, test, &task->argv);
	if (framework->case_env)
		framework->case_env(suite, test, &task->env);
	if (l->scripts) {
		subject.test = *test->name ? test->name : suite->name;
		script_set_prepare_case(l->scripts, &subject, task);
	}
	if (suite->shell_env)
		wrap_in_shell(suite->shell_env, task);
}

void launch_listing(const struct launch *l, const struct suite *suite,
	const struct framework *framework, int64_t timeout_ms, bool ignored,
	struct task *task)
{
	struct filter_subject subject = launch_subject(l->column, suite);

	prepare(l, suite, task);
	task->wall_ms = timeout_ms;
	(ignored ? framework->ignored_argv : framework->list_argv)(suite, &task->argv);
	if (framework->list_env)
		framework->list_env(suite, &task->env);
	if (l->scripts)
		script_set_prepare_listing(l->scripts, &subject, task);
}

char *launch_command_line(const struct task *task)
{
	autorelease(strv) struct strv all = STRV_INIT;

	strv_push_all(&all, &task->prefix);
	strv_push_all(&all, &task->argv);
	return strv_quote(&all);
}
