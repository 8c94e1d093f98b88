#include "cmd/runs.h"

#include "engine/rerun.h"
#include "engine/run-store.h"

#include <ctype.h>

const struct opt runs_opts[] = {
	{"directory", 'C', "DIR", NULL, OPT_STRING, offsetof(struct common, directory),
		"the project (default: the working directory)"},
	{0},
};

static bool is_number_back(const char *word)
{
	return word[0] == '-' && isdigit((unsigned char)word[1]);
}

int runs_parse(const struct opt_group *groups, int argc, char **argv, void *values,
	struct strv *words, struct err *e)
{
	/* "~2" is no option. */
	for (int i = 1; i < argc; i++)
		if (is_number_back(argv[i]))
			argv[i][0] = '~';
	return common_parse(groups, argc, argv, values, words, NULL, e);
}

int runs_rerun(const struct common *c, const char *state_dir, char **id,
	struct rerun **rerun, struct err *e)
{
	if (c->failed && c->rerun)
		return err_set(e, ERR_USAGE,
			"--failed is --rerun of the latest run: give one of them");
	if (!c->failed && !c->rerun)
		return 0;
	*id = c->failed ? rerun_find_latest(state_dir, e)
			: run_store_find(state_dir, c->rerun, e);
	if (*id)
		*rerun = rerun_load(state_dir, *id, e);
	return *rerun ? 0 : -1;
}

int runs_open(
	struct recording *r, const struct common *c, const char *word, struct err *e)
{
	struct project project;
	int result;

	if (project_open(&project, c->directory, e) < 0)
		return -1;
	result = recording_open(r, project.state_dir, word, e);
	project_release(&project);
	return result;
}

struct report_set *runs_reports(const struct common *c, struct err *e)
{
	struct report_set_options o = {
		.specs = &c->reports,
		.color = streq(c->color, "always")  ? REPORT_COLOR_ALWAYS
			 : streq(c->color, "never") ? REPORT_COLOR_NEVER
						    : REPORT_COLOR_AUTO,
		.no_progress = true,
		.verbose = c->verbose,
		.display = common_display(c),
	};

	return report_set_open(&o, e);
}

int runs_close_reports(struct report_set *reports, int code, struct err *e)
{
	struct err lost = {0};

	if (report_set_close(reports, &lost) == 0 || code < 0)
		return code;
	*e = lost;
	return -1;
}
