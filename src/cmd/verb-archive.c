/* xtest archive: everything a run needs, in one file. */
#include "base/fs.h"
#include "cmd/common.h"
#include "cmd/verb.h"
#include "engine/archive-nextest.h"
#include "engine/workload-archive.h"
#include "engine/workload-nextest.h"
#include "report/report-set.h"

#include <stdio.h>

/* The shared options and this verb's own; struct common comes first, so its tables fit.
 */
struct archive_options {
	struct common c;
	bool list;
	int level;
	const char *format;
};

static const char *const formats[] = {"xtest", "nextest", NULL};

static const struct opt archive_opts[] = {
	{"archive-file", 0, "FILE", NULL, OPT_STRING,
		offsetof(struct archive_options, c.archive_file),
		"write it here (NAME.tar.zst)"},
	{"list", 0, NULL, NULL, OPT_FLAG, offsetof(struct archive_options, list),
		"print every file with its size and the reason it is there; write "
		"nothing"},
	{"archive-format", 0, "FORMAT", formats, OPT_STRING,
		offsetof(struct archive_options, format),
		"xtest (default); nextest: one that cargo-nextest lists and runs"},
	{"zstd-level", 0, "N", NULL, OPT_INT, offsetof(struct archive_options, level),
		"compression, -7 to 22 (default 3)"},
	{0},
};

/* An archive holds suites; which of their cases run is said when it is used. */
static const struct opt suite_opts[] = {
	{"filterset", 'E', "EXPR", NULL, OPT_LIST,
		offsetof(struct archive_options, c.expressions),
		"suites that match, as 'package(json) and kind(test)'"},
	{"partition", 0, "METHOD:i/n", NULL, OPT_STRING,
		offsetof(struct archive_options, c.partition),
		"only what shard i of n needs; methods as for run"},
	{"list-timeout", 0, "TIME", NULL, OPT_DURATION,
		offsetof(struct archive_options, c.list_timeout_ms),
		"with --partition: limit for a program to list its cases (default 60s)"},
	{0},
};

static const struct opt_group groups[] = {
	{"Archive", archive_opts},
	{"Build", common_build_opts},
	{"Suites", suite_opts},
	{"Cargo", common_cargo_opts},
	{0},
};

static void report_event(void *ctx, const struct event *event)
{
	report_set_event(ctx, event);
}

static bool is_nextest(const struct archive_options *o)
{
	return o->format && streq(o->format, "nextest");
}

/* What goes into an archive of nextest's. */
static int plan_nextest(const struct workload_target *t, const struct workload_pack *pack,
	struct archive_plan *plan, struct err *e)
{
	struct workload_nextest *built = workload_nextest_built(t, e);
	struct archive_nextest_request request = {.own = &pack->request};
	int status;

	if (!built)
		return -1;
	request.build = &built->build;
	request.workspace = &built->workspace;
	status = archive_nextest_plan(&request, plan, e);
	workload_nextest_free(built);
	return status;
}

static int pack(const struct archive_options *o, struct common_session *s,
	const struct filter_set *filter, const struct plan *shard, struct err *e)
{
	struct workload_pack pack;
	struct archive_plan plan = {0};
	autofree char *path =
		o->c.archive_file ? fs_normalize(o->c.archive_file, NULL) : NULL;
	int status = workload_pack_init(&pack, &s->workload, 0, filter, shard, e);

	pack.request.archive_path = path;
	if (status == 0)
		status = is_nextest(o)
				 ? plan_nextest(&s->workload.targets[0], &pack, &plan, e)
				 : archive_plan_make(&pack.request, &plan, e);
	for (size_t i = 0; status == 0 && !o->list && i < plan.notes.len; i++)
		emit_note(&s->emit, plan.notes.v[i]);
	if (status == 0 && o->list)
		archive_plan_print(&plan, stdout);
	else if (status == 0)
		status = workload_pack_write(
			&s->workload, &plan, o->c.archive_file, o->level, e);
	archive_plan_release(&plan);
	workload_pack_release(&pack);
	return status;
}

/* The suites and cases of the shard, which for that must be listed. Disabled tests are
 * shared out, too: whoever runs it may ask for them. */
static int pack_shard(const struct archive_options *o, struct common_session *s,
	const struct filter_set *filter, struct err *e)
{
	struct plan shard = {0};
	int status = workload_list(&s->workload, filter, o->c.list_timeout_ms, e);

	if (status == 0)
		status = workload_plan(&s->workload, filter, RUN_IGNORED_ALL, &shard, e);
	if (status == 0)
		status = pack(o, s, filter, &shard, e);
	plan_release(&shard);
	return status;
}

static int go(struct archive_options *o, struct common_session *s,
	struct filter_set *filter, struct err *e)
{
	const char *file = o->c.archive_file;
	int status;

	if (!file && !o->list)
		return err_set(
			e, ERR_USAGE, "archive needs --archive-file FILE (or --list)");
	if (o->level < -7 || o->level > 22)
		return err_set(
			e, ERR_USAGE, "--zstd-level takes -7 to 22, not %d", o->level);
	if (is_nextest(o) && o->c.partition)
		return err_set(e, ERR_USAGE,
			"--partition: an archive of nextest holds whole programs; give "
			"it "
			"to whoever runs it");
	for (size_t i = 0; i < o->c.expressions.len; i++)
		if (filter_set_add(filter, o->c.expressions.v[i], FILTER_ARCHIVE, e) < 0)
			return -1;
	strv_copy(&filter->names, &o->c.filters);
	/* Here the option names what is written, not what is read. */
	o->c.archive_file = NULL;
	status = common_session_open(s, &o->c, e);
	if (status == 0)
		status = common_session_build(s, &o->c, e);
	o->c.archive_file = file;
	if (status == 0)
		status = workload_filter_check(&s->workload, filter, e);
	if (status == 0 && s->workload.n_targets != 1)
		return err_set(e, ERR_USAGE,
			"an archive holds one target; name one with --target");
	if (status < 0)
		return -1;
	return s->workload.partition.method ? pack_shard(o, s, filter, e)
					    : pack(o, s, filter, NULL, e);
}

static int open_reports(const struct archive_options *o, struct common_session *s,
	struct report_set **reports, struct err *e)
{
	struct report_set_options options = {
		.specs = &o->c.reports,
		.verbose = o->c.verbose,
	};

	*reports = o->list ? NULL : report_set_open(&options, e);
	s->emit = (struct emit){
		.send = o->list ? common_tell_event : report_event,
		.ctx = *reports,
		.start_ms = now_ms(),
	};
	return o->list || *reports ? 0 : -1;
}

static int archive_main(int argc, char **argv, struct err *e)
{
	struct archive_options o = {0};
	struct common_session session = {0};
	struct filter_set filter = {0};
	struct report_set *reports = NULL;
	struct err lost = {0};
	int status;

	common_defaults(&o.c);
	status = common_parse(groups, argc, argv, &o, &o.c.filters, &o.c.build_args, e);
	if (status == 0)
		status = open_reports(&o, &session, &reports, e);
	if (status == 0)
		status = go(&o, &session, &filter, e);
	if (reports && report_set_close(reports, &lost) < 0 && status >= 0) {
		*e = lost;
		status = -1;
	}
	filter_set_release(&filter);
	common_session_close(&session);
	common_release(&o.c);
	return status;
}

const struct verb verb_archive = {
	.name = "archive",
	.usage = "--archive-file FILE [OPTION]… [FILTER]… [-- BUILD-ARGUMENT…]",
	.summary = "Build the project and write everything a run needs into one file",
	.details = "`xtest run --archive-file FILE` runs it elsewhere: without sources, "
		   "build system or compiler.\n"
		   "Equal inputs give equal bytes.",
	.groups = groups,
	.heeds_signals = true,
	.run = archive_main,
};
