/*
 * The compiled pattern table: which line of a console means what. docs/console.md
 * describes the rows.
 */
#ifndef XTEST_MODEL_CONSOLE_TABLE_H
#define XTEST_MODEL_CONSOLE_TABLE_H

#include "base/pattern.h"
#include "model/console.h"
#include "model/console-line.h"

/* What a row's line does. */
extern const char *const console_table_severities[]; /* by enum; NULL at the end */
extern const char *const console_table_roles[];

enum console_role {
	CONSOLE_ROLE_FINDING,
	CONSOLE_ROLE_PART,    /* a finding, unless a report at least as severe is open */
	CONSOLE_ROLE_PRELUDE, /* belongs to the report of a finding that follows */
	CONSOLE_ROLE_BOOT, /* a machine starts: a finding where one was running already */
	CONSOLE_ROLE_END,  /* the machine ends as it was asked to: no trouble by itself */
	CONSOLE_ROLE_IGNORE, /* looks like one of the rows below, and is nothing */
};

struct console_row {
	char *kind; /* NULL for preludes and what is ignored */
	enum console_severity severity;
	enum console_role role;
	char *text;              /* the pattern as written */
	struct pattern *pattern; /* at the start of the text */
	struct pattern *end; /* the last line of the report; NULL: none that is known */
	bool needs_stamp; /* on a console whose kernel stamps its lines, only those lines
			   */
	unsigned stage;   /* of a boot: 1 firmware, 2 boot loader, 3 kernel */
};

/* The first row whose pattern matches; NULL when none does. `stamps`: this console's
 * kernel stamps its lines. */
const struct console_row *console_table_find(
	const struct console_table *t, const struct console_line *line, bool stamps);
bool console_table_ends(const struct console_row *row, const struct console_line *line);
#endif
