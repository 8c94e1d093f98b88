/* Finds the verb, runs it, prints the error if there is one, and gives the exit code. */
#include "config.h"

#include "cmd/verb.h"
#include "engine/interrupt.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static bool is_version(const char *word)
{
	return streq(word, "--version") || streq(word, "-V");
}

/* A first word that names no verb belongs to `run`: an option, or a filter. */
static const struct verb *choose_verb(int *argc, char ***argv)
{
	const struct verb *verb = *argc > 1 ? verb_find((*argv)[1]) : NULL;

	if (!verb)
		return &verb_run;
	--*argc;
	++*argv;
	return verb;
}

/* Standard output that could not be written (full disk, closed pipe) must not look like
 * success. */
static int flush_output(int code, struct err *e)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	return err_set(e, ERR_OUTPUT, "standard output could not be written: %s",
		strerror(errno));
}

static int dispatch(int argc, char **argv, struct err *e)
{
	bool bare = argc > 1 && (streq(argv[1], "--help") || streq(argv[1], "-h"));
	const struct verb *verb = choose_verb(&argc, &argv);

	if (bare)
		return verb_help.run(1, argv, e);
	if (verb_wants_help(argc, argv) && verb != &verb_help) {
		verb_print_help(verb);
		return 0;
	}
	if (verb->heeds_signals)
		interrupt_hold();
	return verb->run(argc, argv, e);
}

int main(int argc, char **argv)
{
	struct err e = {0};
	int code;

	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);
	if (argc > 1 && is_version(argv[1])) {
		puts("xtest " PACKAGE_VERSION);
		code = 0;
	} else {
		code = dispatch(argc, argv, &e);
	}
	if (code >= 0)
		code = flush_output(code, &e);
	if (code >= 0)
		return code;
	fprintf(stderr, "xtest: %s\n", e.msg);
	return (int)e.kind;
}
