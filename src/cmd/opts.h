/*
 * Command-line options as tables: one row says how an option is spelled, what it takes,
 * where its value goes and what the help says of it. Parsing, `--help`, the manual page's
 * check and the completions all read the same rows.
 */
#ifndef XTEST_CMD_OPTS_H
#define XTEST_CMD_OPTS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"

enum opt_type {
	OPT_FLAG,       /* bool: true when given */
	OPT_NO_FLAG,    /* bool: false when given */
	OPT_PASS,       /* struct strv: "--NAME" once more, for another program */
	OPT_COUNT,      /* unsigned: once more each time */
	OPT_STRING,     /* const char *: points into argv; the last one counts */
	OPT_LIST,       /* struct strv: each time one more */
	OPT_UNSIGNED,   /* unsigned */
	OPT_INT,        /* int */
	OPT_DURATION,   /* int64_t, milliseconds */
	OPT_PASS_VALUE, /* struct strv: "--NAME=VALUE" once more, for another program */
};

struct opt {
	const char *name; /* without "--" */
	char letter;      /* 0: none */
	const char *arg; /* what it takes, as the help shows it: "NAME"; NULL for flags */
	const char *const
		*choices; /* NULL-terminated: the only values allowed; NULL: any */
	enum opt_type type;
	size_t offset;    /* of the value in the verb's struct */
	const char *help; /* one line; NULL hides the option */
};

/* A variable of the environment that gives an option when the command line does not: of a
 * list with commas, of a flag "true" or "false". */
struct opt_variable {
	const char *option; /* NULL ends a table */
	const char *name;
	unsigned family; /* when one of a family is on the command line, the variables of
			    the others are not looked at; 0: alone */
};

/* Options under one heading of the help. */
struct opt_group {
	const char *title;
	const struct opt *opts; /* ends with a NULL name */
};

/* Reads argv[1…] into *values by the groups (ends with a
 * NULL title). Words that are no options are appended to *words (options may stand after
 * them); all after "--" goes to *rest (NULL: to *words). Kind of error: ERR_USAGE, with
 * the nearest known option, or with the variable whose value is wrong. */
int opts_parse(const struct opt_group *groups, int argc, char **argv, void *values,
	struct strv *words, struct strv *rest, struct err *e) MUST_CHECK;
/* Like opts_parse(), but everything from the first word on goes to *words untouched. */
int opts_parse_leading(const struct opt_group *groups, int argc, char **argv,
	void *values, struct strv *words, struct err *e) MUST_CHECK;
/* Reads the variables of options that are not among argv[1…], which has been read before.
 * ERR_USAGE, naming the variable. */
int opts_read_environment(const struct opt_group *groups,
	const struct opt_variable *variables, int argc, char **argv, void *values,
	struct err *e) MUST_CHECK;
/* Where the value of an option came from: "--NAME" when it is among argv[1…], its
 * variable when that is set, else NULL. Borrowed, or `buffer`. */
const char *opts_origin(const struct opt_group *groups,
	const struct opt_variable *variables, int argc, char **argv, const char *name,
	char buffer[64]);
/* The value of an option as somebody would write it. Appended to `out`. */
void opts_print_value(const struct opt_group *groups, const void *values,
	const char *name, struct buf *out);
/* The options as the help shows them. */
void opts_print(const struct opt_group *groups, struct buf *out);

#endif
