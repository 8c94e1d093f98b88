/* xtest shell: a shell, or one command, where the tests run. */
#include "cmd/common.h"
#include "cmd/verb.h"
#include "engine/workload-look.h"

#include <stdio.h>

struct shell_options {
	struct common c; /* first: the shared options are found in it */
	bool print_command;
};

#define O(member) offsetof(struct shell_options, member)

static const struct opt shell_opts[] = {
	{"user", 0, "NAME", NULL, OPT_STRING, O(c.user), "be this user (needs root)"},
	{"print-command", 0, NULL, NULL, OPT_FLAG, O(print_command),
		"start nothing; print the command line of QEMU that boots the machine"},
	{0},
};

static const struct opt_group groups[] = {
	{"Shell", shell_opts},
	{"Build", common_build_opts},
	{"Archive", common_archive_opts},
	{"Machine", common_machine_opts},
	{"Board", common_board_opts},
	{"Cargo", common_cargo_opts},
	{0},
};

/* The one place that is meant. */
static struct workload_column *find_column(struct workload *w, struct err *e)
{
	struct workload_column *found = NULL;

	for (size_t i = 0; i < w->n_columns; i++) {
		if (w->columns[i].platform == PLATFORM_HOST)
			continue;
		if (found)
			return err_null(e, ERR_USAGE,
				"one shell is in one place: name one --target and one "
				"--on (there are %s and %s)",
				found->label, w->columns[i].label);
		found = &w->columns[i];
	}
	if (!found)
		err_set(e, ERR_NO_TESTS,
			"no test of this project runs on a target: there is nothing to "
			"look at");
	return found;
}

static int print_command(struct workload *w, struct workload_column *c, struct err *e)
{
	autofree char *line = workload_look_command_line(w, c, e);

	if (!line)
		return -1;
	puts(line);
	return 0;
}

static int look_inside(struct common_session *s, struct workload_column *c,
	const struct strv *command, struct err *e)
{
	if (workload_open_column(&s->workload, c, e) < 0)
		return -1;
	return workload_look(&s->workload, c, c->places[0], command, e);
}

static int go(struct common_session *s, const struct shell_options *o,
	const struct strv *command, struct err *e)
{
	struct workload_column *c;

	if (common_session_open(s, &o->c, e) < 0 || common_session_build(s, &o->c, e) < 0)
		return -1;
	c = find_column(&s->workload, e);
	if (!c)
		return -1;
	return o->print_command ? print_command(&s->workload, c, e)
				: look_inside(s, c, command, e);
}

static int shell_main(int argc, char **argv, struct err *e)
{
	struct shell_options o = {0};
	struct common_session session = {
		.emit = {.send = common_tell_event, .start_ms = now_ms()}};
	autorelease(strv) struct strv command = STRV_INIT;
	int code = -1;

	common_defaults(&o.c);
	if (common_parse(groups, argc, argv, &o, &o.c.filters, &command, e) == 0) {
		if (o.c.filters.len)
			err_set(e, ERR_USAGE,
				"a command stands after --: xtest shell -- %s",
				o.c.filters.v[0]);
		else
			code = go(&session, &o, &command, e);
	}
	common_session_close(&session);
	common_release(&o.c);
	return code;
}

const struct verb verb_shell = {
	.name = "shell",
	.usage = "[OPTION]… [-- COMMAND…]",
	.summary = "A shell where the tests run, with everything they need in place",
	.details =
		"Builds the project (or takes the archive), brings its place up as for a "
		"run, and starts a shell there, in\n"
		"the build directory, with the environment of a test. COMMAND runs "
		"instead "
		"of the shell and gives its exit\n"
		"status; without a terminal the shell reads its commands from standard "
		"input. Nothing that is done in a\n"
		"machine outlives it.",
	.groups = groups,
	.heeds_signals = true,
	.run = shell_main,
};
