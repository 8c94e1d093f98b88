/* xtest help [VERB|TOPIC]: the overview, one verb with its options, or one topic. */
#include "cmd/topic.h"
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
		printf("  %-11s %s\n", (*v)->name, (*v)->summary);
	puts("\nTopics:");
	for (const struct topic *t = topic_table; t->name; t++)
		printf("  %-11s %s\n", t->name, t->summary);
	fputs("\nExit codes: 0 passed · 4 no test selected · 100 tests failed or run "
	      "cancelled · 107 infrastructure:\n"
	      "some test has no verdict · 101 build failed · 96 set-up or "
	      "configuration; `xtest help exit-codes` has them all.\n\n"
	      "`xtest help VERB` shows a verb with its options, `xtest help TOPIC` a "
	      "topic.\n",
		stdout);
}

/* The verb or topic that was probably meant, or NULL. */
static const char *nearest(const char *word)
{
	const char *names[32];
	size_t n = 0;

	for (const struct verb *const *v = verb_table; *v && n < ARRAY_LEN(names) - 1;
		v++)
		names[n++] = (*v)->name;
	for (const struct topic *t = topic_table; t->name && n < ARRAY_LEN(names) - 1;
		t++)
		names[n++] = t->name;
	names[n] = NULL;
	return util_nearest(word, names);
}

static int help_run(int argc, char **argv, struct err *e)
{
	autorelease(buf) struct buf out = BUF_INIT;
	const struct verb *verb = argc < 2 ? NULL : verb_find(argv[1]);
	const struct topic *topic = argc < 2 ? NULL : topic_find(argv[1]);
	const char *near;

	if (argc < 2) {
		print_overview();
	} else if (verb) {
		verb_print_help(verb);
	} else if (topic) {
		topic->print(&out);
		fputs(buf_str(&out), stdout);
	} else {
		near = nearest(argv[1]);
		return err_set(e, ERR_USAGE, "there is no verb and no topic \"%s\"%s%s%s",
			argv[1], near ? "; did you mean " : "", near ? near : "",
			near ? "?" : "");
	}
	return 0;
}

const struct verb verb_help = {
	.name = "help",
	.usage = "[VERB|TOPIC]",
	.summary = "Show what xtest or one of its verbs does, or tell about a topic",
	.run = help_run,
};
