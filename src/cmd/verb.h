/*
 * A verb is what stands first on the command line: `xtest list`. One file with one const
 * struct, one line in verb.c's table.
 */
#ifndef XTEST_CMD_VERB_H
#define XTEST_CMD_VERB_H

#include "base/err.h"
#include "cmd/opts.h"

struct verb {
	const char *name;
	const char *usage;   /* what follows the name: "[OPTION]… [FILTER]…" */
	const char *summary; /* one line */
	const char *details; /* more for `xtest help NAME`; may be NULL */
	const struct opt_group *groups; /* ends with a NULL title; NULL: none */
	const char *const *words; /* what its first word may be; ends with NULL; NULL:
				     anything */
	/* A signal ends it in its own way (engine/interrupt.h), from its first moment on.
	 */
	bool heeds_signals;
	/* argv[0] is the verb. Returns the exit code, or -1 with an error. */
	int (*run)(int argc, char **argv, struct err *e);
};

extern const struct verb verb_run, verb_list, verb_archive, verb_target, verb_exec,
	verb_shell, verb_image, verb_parse, verb_show_config, verb_replay, verb_runs,
	verb_merge, verb_compare, verb_explain, verb_debug, verb_help;

/* All verbs, NULL at the end. */
extern const struct verb *const verb_table[];
const struct verb *verb_find(const char *name);
/* Prints `xtest help NAME` to standard output. */
void verb_print_help(const struct verb *verb);
/* True when argv asks for help ("--help" or "-h" before any "--"). */
bool verb_wants_help(int argc, char **argv);

#endif
