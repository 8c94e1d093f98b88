#include "cmd/common.h"

#include "base/fs.h"
#include "engine/workload-archive.h"
#include "engine/workload-nextest.h"

#include <limits.h>

#define O(member) offsetof(struct common, member)

static const char *const ignored_choices[] = {"default", "only", "all", NULL};
static const char *const platform_choices[] = {"target", "host", "any", NULL};
static const char *const fresh_choices[] = {"run", "suite", "case", NULL};
static const char *const color_choices[] = {"auto", "always", "never", NULL};
static const char *const no_tests_choices[] = {"auto", "fail", "warn", "pass", NULL};

const struct opt common_build_opts[] = {
	{"target", 't', "NAME", NULL, OPT_LIST, O(targets),
		"build and test for this target; may be given several times"},
	{"on", 0, "PLACE", NULL, OPT_LIST, O(places),
		"where target tests run: local, user (default for a foreign CPU), "
		"system, ssh://[user@]host[:port], a board's name, label:WORD"},
	{"directory", 'C', "DIR", NULL, OPT_STRING, O(directory),
		"the project (default: the working directory)"},
	{"adapter", 0, "NAME", NULL, OPT_STRING, O(adapter),
		"build system to use: cargo, cmake, meson, autotools, make, manifest"},
	{"profile", 'P', "NAME", NULL, OPT_STRING, O(profile), "profile of xtest.json"},
	{"user-config", 0, "FILE", NULL, OPT_STRING, O(user_config),
		"your own configuration; none for none (default: "
		"~/.config/xtest/config.json)"},
	{"jobs", 'j', "N", NULL, OPT_UNSIGNED, O(jobs),
		"build jobs and test processes at once (default: processors)"},
	{"verbose", 'v', NULL, NULL, OPT_COUNT, O(verbose),
		"say more: commands, decisions, skipped alternatives"},
	{0},
};

const struct opt common_filter_opts[] = {
	{"filterset", 'E', "EXPR", NULL, OPT_LIST, O(expressions),
		"tests that match, as 'package(json) and not test(/slow/)'"},
	{"ignore-default-filter", 0, NULL, NULL, OPT_FLAG, O(ignore_default_filter),
		"also what default-filter of the configuration leaves out"},
	{"skip", 0, "TEXT", NULL, OPT_LIST, O(skips),
		"leave out tests whose name contains TEXT"},
	{"exact", 0, NULL, NULL, OPT_FLAG, O(exact), "FILTER and --skip are whole names"},
	{"run-ignored", 0, "WHICH", ignored_choices, OPT_STRING, O(run_ignored),
		"disabled tests: default, only, all"},
	{"platform-filter", 0, "SIDE", platform_choices, OPT_STRING, O(platform_filter),
		"target, host, any: now said as -E 'platform(target)'"},
	{"partition", 0, "METHOD:i/n", NULL, OPT_STRING, O(partition),
		"shard i of n: slice, hash, count, balanced; METHOD:env asks the CI"},
	{"list-timeout", 0, "TIME", NULL, OPT_DURATION, O(list_timeout_ms),
		"limit for a program to list its cases (default 60s)"},
	{0},
};

const struct opt common_archive_opts[] = {
	{"archive-file", 0, "FILE", NULL, OPT_STRING, O(archive_file),
		"take the tests from an archive; - is standard input"},
	{"extract-to", 0, "DIR", NULL, OPT_STRING, O(extract_to),
		"unpack the archive here and leave it"},
	{"extract-overwrite", 0, NULL, NULL, OPT_FLAG, O(extract_overwrite),
		"replace what is in --extract-to"},
	{"workspace-remap", 0, "DIR", NULL, OPT_STRING, O(workspace_remap),
		"the sources are here, not in the archive or where they were"},
	{"binaries-metadata", 0, "FILE", NULL, OPT_STRING, O(binaries_metadata),
		"take the tests from the build that this list of cargo-nextest's "
		"describes"},
	{"cargo-metadata", 0, "FILE", NULL, OPT_STRING, O(cargo_metadata),
		"with it: what cargo metadata printed of the workspace"},
	{"target-dir-remap", 0, "DIR", NULL, OPT_STRING, O(target_dir_remap),
		"with it: the target directory is here now"},
	{"build-dir-remap", 0, "DIR", NULL, OPT_STRING, O(build_dir_remap),
		"with it: the build directory is here now (default: as the target "
		"directory)"},
	{0},
};

const struct opt common_machine_opts[] = {
	{"memory", 0, "MIB", NULL, OPT_UNSIGNED, O(memory_mib),
		"memory of each machine (default: what the tests need)"},
	{"cpus", 0, "N", NULL, OPT_UNSIGNED, O(cpus),
		"processors of each machine (default: as --jobs)"},
	{"kernel", 0, "FILE", NULL, OPT_STRING, O(kernel),
		"boot this kernel instead of the image's"},
	{"initramfs", 0, "FILE", NULL, OPT_STRING, O(initramfs),
		"lay this initramfs below the image's own"},
	{"no-snapshots", 0, NULL, NULL, OPT_FLAG, O(no_snapshots),
		"boot each machine; save and restore no states"},
	{0},
};

const struct opt common_board_opts[] = {
	{"each", 0, NULL, NULL, OPT_FLAG, O(each),
		"run every test on every board; else boards share them"},
	{"ssh-config", 0, "FILE", NULL, OPT_STRING, O(ssh_config),
		"in the stead of ~/.ssh/config; `none`: no file at all"},
	{"ssh-accept-new", 0, NULL, NULL, OPT_FLAG, O(ssh_accept_new),
		"note down the key of a host nobody knows yet"},
	{"lock-timeout", 0, "TIME", NULL, OPT_DURATION, O(lock_timeout_ms),
		"wait so long for a board another run holds (default 10m)"},
	{0},
};

const struct opt common_run_opts[] = {
	{"timeout", 0, "TIME", NULL, OPT_DURATION, O(timeout_ms),
		"wall-clock limit of every test, over all others"},
	{"no-capture", 0, NULL, NULL, OPT_FLAG, O(no_capture),
		"show output as it comes; one test at a time"},
	{"no-input-handler", 0, NULL, NULL, OPT_FLAG, O(no_input_handler),
		"do not answer key t on the terminal with what is running"},
	{"user", 0, "NAME", NULL, OPT_STRING, O(user),
		"run the tests as this user (needs root)"},
	{"fresh", 0, "WHEN", fresh_choices, OPT_STRING, O(fresh),
		"make machines anew for each: run (default), suite, case"},
	{"gdb", 0, "CASE", NULL, OPT_STRING, O(gdb),
		"debug this one case in its machine, stopped at its main"},
	{"keep", 0, NULL, NULL, OPT_FLAG, O(keep),
		"at the end, a shell where the first failed test ran (else the last "
		"one)"},
	{"no-run", 0, NULL, NULL, OPT_FLAG, O(no_run), "build, run nothing"},
	{"no-tests", 0, "WHAT", no_tests_choices, OPT_STRING, O(no_tests),
		"when nothing is selected: fail (exit code 4), warn, pass"},
	{0},
};

const struct opt common_rerun_opts[] = {
	{"failed", 0, NULL, NULL, OPT_FLAG, O(failed),
		"only what did not pass in the latest run, and what is new"},
	{"rerun", 0, "RUN", NULL, OPT_STRING, O(rerun),
		"the same for another run, as `xtest runs` names it"},
	{0},
};

const struct opt common_record_opts[] = {
	{"no-record", 0, NULL, NULL, OPT_FLAG, O(no_record),
		"keep no record of this run"},
	{0},
};

const struct opt common_report_opts[] = {
	{"report", 0, "NAME[=FILE]", NULL, OPT_LIST, O(reports),
		"human, jsonl, junit, libtest-json, tap, trace; - is standard output; "
		"repeatable"},
	{"color", 0, "WHEN", color_choices, OPT_STRING, O(color),
		"auto, always, never; NO_COLOR is honoured"},
	{"hide-progress", 0, NULL, NULL, OPT_FLAG, O(hide_progress),
		"no progress bar, even on a terminal"},
	{"success-output", 0, "WHEN", display_output_words, OPT_STRING, O(success_output),
		"show what passing tests print: immediate, immediate-final, final, "
		"never (default)"},
	{"failure-output", 0, "WHEN", display_output_words, OPT_STRING, O(failure_output),
		"the same of other tests; immediate is the default"},
	{"status-level", 0, "LEVEL", display_status_words, OPT_STRING, O(status_level),
		"results to show as they come, with those before: none, fail, retry, "
		"slow, leak, pass, skip (default), all"},
	{"final-status-level", 0, "LEVEL", display_final_words, OPT_STRING,
		O(final_status_level),
		"results to list at the end, with those before: none, fail, flaky "
		"(default), slow, skip, leak, pass, all"},
	{0},
};

enum { FAMILY_FAIL = 1 };

const struct opt_variable common_variables[] = {
	{"target", "XTEST_TARGETS", 0},
	{"on", "XTEST_ON", 0},
	{"adapter", "XTEST_ADAPTER", 0},
	{"profile", "XTEST_PROFILE", 0},
	{"user-config", "XTEST_USER_CONFIG", 0},
	{"jobs", "XTEST_JOBS", 0},
	{"verbose", "XTEST_VERBOSE", 0},
	{"run-ignored", "XTEST_RUN_IGNORED", 0},
	{"list-timeout", "XTEST_LIST_TIMEOUT", 0},
	{"memory", "XTEST_MEMORY", 0},
	{"cpus", "XTEST_CPUS", 0},
	{"no-snapshots", "XTEST_NO_SNAPSHOTS", 0},
	{"timeout", "XTEST_TIMEOUT", 0},
	{"fail-fast", "XTEST_FAIL_FAST", FAMILY_FAIL},
	{"no-fail-fast", "XTEST_NO_FAIL_FAST", FAMILY_FAIL},
	{"max-fail", "XTEST_MAX_FAIL", FAMILY_FAIL},
	{"idle-timeout", "XTEST_IDLE_TIMEOUT", 0},
	{"cpu-timeout", "XTEST_CPU_TIMEOUT", 0},
	{"global-timeout", "XTEST_GLOBAL_TIMEOUT", 0},
	{"retries", "XTEST_RETRIES", 0},
	{"flaky-result", "XTEST_FLAKY_RESULT", 0},
	{"timeout-hook", "XTEST_TIMEOUT_HOOK", 0},
	{"user", "XTEST_USER", 0},
	{"fresh", "XTEST_FRESH", 0},
	{"no-tests", "XTEST_NO_TESTS", 0},
	{"color", "XTEST_COLOR", 0},
	{"hide-progress", "XTEST_HIDE_PROGRESS", 0},
	{"success-output", "XTEST_SUCCESS_OUTPUT", 0},
	{"failure-output", "XTEST_FAILURE_OUTPUT", 0},
	{"status-level", "XTEST_STATUS_LEVEL", 0},
	{"final-status-level", "XTEST_FINAL_STATUS_LEVEL", 0},
	{0},
};

void common_defaults(struct common *c)
{
	*c = (struct common){
		.run_ignored = "default",
		.no_tests = "auto",
		.retries = UINT_MAX,
	};
}

void common_release(struct common *c)
{
	strv_release(&c->targets);
	strv_release(&c->places);
	strv_release(&c->expressions);
	strv_release(&c->skips);
	strv_release(&c->reports);
	strv_release(&c->filters);
	strv_release(&c->build_args);
	strv_release(&c->cargo);
	config_user_free(c->user_settings);
}

int common_parse(const struct opt_group *groups, int argc, char **argv, void *values,
	struct strv *words, struct strv *rest, struct err *e)
{
	struct common *c = values;
	const struct config_user *u;

	if (opts_parse(groups, argc, argv, values, words, rest, e) < 0 ||
		opts_read_environment(groups, common_variables, argc, argv, values, e) <
			0 ||
		common_cargo_words(c, e) < 0)
		return -1;
	u = c->user_settings = config_user_load(
		c->user_config ? c->user_config : getenv("XTEST_USER_CONFIG"), e);
	if (!u)
		return -1;
	if (!c->color)
		c->color = config_user_colors[MAX(u->color, 0)];
	c->hide_progress |= u->progress == CONFIG_PROGRESS_NONE;
	return 0;
}

struct display common_display(const struct common *c)
{
	return (struct display){
		.success_output = (enum display_output)display_find(
			display_output_words, c->success_output),
		.failure_output = (enum display_output)display_find(
			display_output_words, c->failure_output),
		.status_level = (enum display_status)display_find(
			display_status_words, c->status_level),
		.final_status_level = (enum display_final)display_find(
			display_final_words, c->final_status_level),
	};
}

enum run_ignored common_run_ignored(const struct common *c)
{
	return streq(c->run_ignored, "only")  ? RUN_IGNORED_ONLY
	       : streq(c->run_ignored, "all") ? RUN_IGNORED_ALL
					      : RUN_IGNORED_DEFAULT;
}

static enum config_fresh fresh(const struct common *c)
{
	return !c->fresh                  ? CONFIG_FRESH_UNSET
	       : streq(c->fresh, "case")  ? CONFIG_FRESH_CASE
	       : streq(c->fresh, "suite") ? CONFIG_FRESH_SUITE
					  : CONFIG_FRESH_RUN;
}

int common_filter(const struct common *c, struct filter_set *filter, struct err *e)
{
	for (size_t i = 0; i < c->expressions.len; i++)
		if (filter_set_add(filter, c->expressions.v[i], FILTER_COMMAND_LINE, e) <
			0)
			return -1;
	strv_copy(&filter->names, &c->filters);
	strv_copy(&filter->skips, &c->skips);
	filter->exact = c->exact;
	filter->ignore_default = c->ignore_default_filter;
	filter->side = c->platform_filter && !streq(c->platform_filter, "any")
			       ? c->platform_filter
			       : NULL;
	return 0;
}

void common_tell_event(void *ctx UNUSED, const struct event *event)
{
	if (event->type == EVENT_NOTE)
		fprintf(stderr, "xtest: %s\n", event->note.text);
	else if (event->type == EVENT_STEP_OUTPUT)
		fwrite(event->step.line, 1, event->step.line_len, stderr);
}

static struct workload_options workload_options(const struct common *c)
{
	return (struct workload_options){
		.targets = &c->targets,
		.places = &c->places,
		.adapter = c->adapter,
		.profile = c->profile,
		.build_args = &c->build_args,
		.user_jobs = c->user_settings && c->user_settings->jobs != CONFIG_UNSET
				     ? (unsigned)c->user_settings->jobs
				     : 0,
		.jobs = c->jobs,
		.verbose = c->verbose,
		.user = c->user,
		.fresh = fresh(c),
		.machine =
			{
				.memory_mib = c->memory_mib,
				.cpus = c->cpus,
				.kernel = c->kernel,
				.initramfs = c->initramfs,
				.no_snapshots = c->no_snapshots,
			},
		.board =
			{
				.ssh_config = c->ssh_config,
				.accept_new = c->ssh_accept_new,
				.lock_timeout_ms = c->lock_timeout_ms,
				.each = c->each,
			},
	};
}

/* The shard that is asked for. Bazel wants to see that it is heeded. */
static int read_partition(const struct common *c, struct partition *out, struct err *e)
{
	const char *file = getenv("TEST_SHARD_STATUS_FILE");

	if (!c->partition)
		return 0;
	if (partition_parse(c->partition, getenv, out, e) < 0)
		return -1;
	if (out->source != PARTITION_BAZEL || !file || !*file)
		return 0;
	return fs_write_file(file, "", 0, 0644, e) < 0
		       ? err_context(e, "TEST_SHARD_STATUS_FILE")
		       : 0;
}

/* What belongs to one way of taking a build from elsewhere makes no sense with another.
 */
static int check_sources(const struct common *c, struct err *e)
{
	const char *lone = c->target_dir_remap  ? "--target-dir-remap"
			   : c->build_dir_remap ? "--build-dir-remap"
						: NULL;

	if (c->archive_file && (c->binaries_metadata || c->cargo_metadata || lone))
		return err_set(e, ERR_USAGE,
			"%s: an archive has that in it; leave it out, or --archive-file",
			c->binaries_metadata ? "--binaries-metadata"
			: c->cargo_metadata  ? "--cargo-metadata"
					     : lone);
	if (!c->binaries_metadata != !c->cargo_metadata)
		return err_set(e, ERR_USAGE, "%s needs %s, too",
			c->binaries_metadata ? "--binaries-metadata" : "--cargo-metadata",
			c->binaries_metadata ? "--cargo-metadata FILE (of cargo metadata "
					       "--format-version 1)"
					     : "--binaries-metadata FILE");
	if (lone && !c->binaries_metadata)
		return err_set(e, ERR_USAGE, "%s needs --binaries-metadata", lone);
	return 0;
}

/* An older spelling of nextest's. */
static void tell_platform_filter(const struct common_session *s, const char *side)
{
	autofree char *text =
		streq(side, "any")
			? xstrdup("--platform-filter any says nothing: both sides are "
				  "selected without it")
			: xasprintf("--platform-filter %s is now said as -E "
				    "'platform(%s)'",
				  side, side);

	emit_note(&s->emit, text);
}

int common_session_open(struct common_session *s, const struct common *c, struct err *e)
{
	struct workload_options o = workload_options(c);

	if (check_sources(c, e) < 0 || read_partition(c, &o.partition, e) < 0)
		return -1;
	if (c->platform_filter)
		tell_platform_filter(s, c->platform_filter);
	interrupt_open(&s->interrupt);
	s->opened = true;
	if (project_open(&s->project, c->directory, e) < 0)
		return -1;
	return workload_open(&s->workload, &s->project, &o, &s->emit, &s->interrupt, e);
}

/* The suites come from the build system, out of an archive, or of a build that is
 * described. */
static int fill(struct common_session *s, const struct common *c,
	const struct workload_options *o, struct err *e)
{
	struct workload_unpack_options unpack = {
		.file = c->archive_file,
		.extract_to = c->extract_to,
		.overwrite = c->extract_overwrite,
		.places = &c->places,
		.workspace = c->workspace_remap,
		.filter = s->filter,
		.look = s->look,
	};

	const struct workload_nextest_files files = {
		.binaries = c->binaries_metadata,
		.metadata = c->cargo_metadata,
		.target_dir = c->target_dir_remap,
		.build_dir = c->build_dir_remap,
		.workspace = c->workspace_remap,
	};

	if (c->cargo.len && (c->binaries_metadata || c->archive_file))
		return err_set(e, ERR_USAGE, "%s says what to build, and %s is built",
			c->cargo.v[0],
			c->archive_file ? c->archive_file : c->binaries_metadata);
	if (c->binaries_metadata)
		return workload_nextest_load(&s->workload, &files, e);
	if (!c->archive_file)
		return workload_build(&s->workload, o, e);
	s->keep_extracted = c->extract_to;
	return workload_unpack(&s->workload, &unpack, &s->extracted, e);
}

int common_session_build(struct common_session *s, const struct common *c, struct err *e)
{
	struct workload_options o = workload_options(c);

	if (fill(s, c, &o, e) < 0)
		return -1;
	return workload_arrange(&s->workload, &o, e);
}

void common_session_close(struct common_session *s)
{
	struct err ignored;

	if (!s->opened)
		return;
	workload_release(&s->workload);
	project_release(&s->project);
	interrupt_close(&s->interrupt);
	if (s->extracted && !s->keep_extracted &&
		fs_remove_tree(s->extracted, &ignored) < 0)
		s->keep_extracted = true;
	free(s->extracted);
}
