/* What the verbs about earlier runs have in common: where the records are, which is
 * meant, and to whom it is told. */
#ifndef XTEST_CMD_RUNS_H
#define XTEST_CMD_RUNS_H

#include "cmd/common.h"
#include "engine/recording.h"
#include "report/report-set.h"

struct rerun;

extern const struct opt runs_opts[]; /* --directory; of struct common */

/* opts_parse(), but "-2" is a word, and no option. */
int runs_parse(const struct opt_group *groups, int argc, char **argv, void *values,
	struct strv *words, struct err *e) MUST_CHECK;
/* What --failed and --rerun go on from: its id (the caller's) and what is known after it;
 * both stay NULL without them. */
int runs_rerun(const struct common *c, const char *state_dir, char **id,
	struct rerun **rerun, struct err *e) MUST_CHECK;
/* Opens the recording that `word` names in the project of the options. */
int runs_open(struct recording *r, const struct common *c, const char *word,
	struct err *e) MUST_CHECK;
/* The reports the options ask for. */
struct report_set *runs_reports(const struct common *c, struct err *e);
/* Closes them: `code`, or -1 when one of them lost something. */
int runs_close_reports(struct report_set *reports, int code, struct err *e) MUST_CHECK;

#endif
