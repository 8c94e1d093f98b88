#include "engine/workload-look.h"

#include "engine/inside.h"
#include "engine/workload-machine.h"
#include "framework/framework.h"
#include "transport/system.h"

#include <stdio.h>
#include <stdlib.h>

/* Which shell there is, is known only there. What an interactive one reads at its start
 * is for the person's own machine. */
static const char choose_shell[] =
	"if command -v bash >/dev/null; then exec bash --norc --noprofile; else exec sh; "
	"fi";

/* Only what tests need is in a machine: perhaps not this directory. */
static const char go_there[] = "cd \"$0\" 2>/dev/null || cd /; exec \"$@\"";

/* The build directory as the place sees it. Borrowed. */
static const char *build_dir(const struct workload *w, const struct workload_column *c)
{
	const struct workload_target *t = &w->targets[c->target];
	const struct archive_roots *roots = &t->roots;
	const char *original = roots->v[ARCHIVE_TARGET].original,
		   *extracted = roots->v[ARCHIVE_TARGET].extracted;

	return original && (t->mounted || c->staged) ? original
	       : extracted                           ? extracted
	       : t->build.build_dir                  ? t->build.build_dir
						     : w->project->root;
}

static void set_command(const struct workload_column *c, const struct strv *command,
	bool terminal, const char *dir, struct strv *argv)
{
	if (c->staged)
		strv_push_array(argv,
			(const char *const[]){"/bin/sh", "-c", go_there, dir, NULL});
	if (command->len)
		strv_push_all(argv, command);
	else if (terminal)
		strv_push_array(
			argv, (const char *const[]){"/bin/sh", "-c", choose_shell, NULL});
	else
		strv_push(argv, "/bin/sh");
}

/* Fills a zeroed task. `terminal`: somebody sits there. */
static void fill_task(const struct workload *w, const struct workload_column *c,
	const struct strv *command, bool terminal, struct task *task)
{
	const char *dir = build_dir(w, c), *term = getenv("TERM");
	autofree char *prompt = xasprintf("%s:\\w\\$ ", c->label);
	struct suite look = {
		.id = (char *)(uintptr_t) "shell",
		.name = (char *)(uintptr_t) "shell",
		.package = (char *)(uintptr_t) "shell",
		.kind = (char *)(uintptr_t) "shell",
		.framework = (char *)(uintptr_t) "plain",
		.platform = c->platform,
		.cwd = (char *)(uintptr_t)(c->staged ? "/" : dir),
	};
	const struct test_case test = {.name = (char *)(uintptr_t) ""};

	set_command(c, command, terminal, dir, &look.command);
	launch_case(&c->launch, &look, framework_find("plain"), &test,
		&(struct launch_turn){.attempt = 1, .attempts = 1}, task);
	strv_release(&look.command);
	strv_env_set(&task->env, "PWD", dir);
	strv_env_unset(&task->env, "XTEST_CASE");
	if (!terminal)
		return;
	strv_env_set(&task->env, "TERM", term ? term : "dumb");
	strv_env_set(&task->env, "PS1", prompt);
}

int workload_look(struct workload *w, const struct workload_column *c,
	struct place *place, const struct strv *command, struct err *e)
{
	struct task task = {0};
	int code;

	fill_task(w, c, command, inside_has_terminal(), &task);
	if (inside_has_terminal() && !command->len)
		fprintf(stderr, "A shell in %s; `exit` or Ctrl-D leaves it\n",
			c->event.detail ? c->event.detail : c->label);
	code = inside_run(place, &task, w->interrupt, e);
	task_release(&task);
	return code;
}

char *workload_look_command_line(
	struct workload *w, struct workload_column *c, struct err *e)
{
	struct place_config config = {
		.uri = c->uri, .target = w->targets[c->target].target};

	if (!streq(c->uri, transport_system.name))
		return err_null(e, ERR_USAGE,
			"no QEMU machine is started for %s; name --on system", c->label);
	if (workload_machine_make(w, c, e) < 0)
		return NULL;
	config.machine = workload_machine_config(c->machine);
	return system_command_line(&config, e);
}
