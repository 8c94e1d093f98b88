/* xtest help [VERB]: the overview, or one verb with its options. */
#include "cmd/verb.h"

#include <stdio.h>

static void print_overview(void)
{
	fputs("xtest builds a project for another CPU, runs its tests where they belong, "
	      "and reports them as one run.\n\n"
	      "Usage: xtest [VERB] [OPTION]… [FILTER]…\n\n"
	      "Without a verb, `run` is meant:\n"
	      "  xtest                        build for this machine and run all tests\n"
	      "  xtest --target aarch64       build for AArch64; run host tests here, "
	      "target tests in QEMU\n"
	      "  xtest --target aarch64 cast  only the tests whose name contains "
	      "\"cast\"\n\n"
	      "Verbs:\n",
		stdout);
	for (const struct verb *const *v = verb_table; *v; v++)
		printf("  %-9s %s\n", (*v)->name, (*v)->summary);
	fputs("\nExit codes: 0 passed · 4 no test selected · 100 tests failed or run "
	      "cancelled · 107 infrastructure: some test\n"
	      "has no verdict · 101 build failed · 96 set-up or configuration · the "
	      "rest: man xtest, or README.md\n\n"
	      "`xtest help VERB` shows a verb with its options.\n",
		stdout);
}

static int help_run(int argc, char **argv, struct err *e)
{
	const char *names[16];
	size_t n = 0;
	const struct verb *verb;
	const char *near;

	if (argc < 2) {
		print_overview();
		return 0;
	}
	verb = verb_find(argv[1]);
	if (verb) {
		verb_print_help(verb);
		return 0;
	}
	for (const struct verb *const *v = verb_table; *v && n < ARRAY_LEN(names) - 1;
		v++)
		names[n++] = (*v)->name;
	names[n] = NULL;
	near = util_nearest(argv[1], names);
	return err_set(e, ERR_USAGE, "there is no verb \"%s\"%s%s%s", argv[1],
		near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

const struct verb verb_help = {
	.name = "help",
	.usage = "[VERB]",
	.summary = "Show what xtest or one of its verbs does",
	.run = help_run,
};
