/* Options that several verbs share, and the steps they begin with: open the project,
 * build (or unpack an archive), arrange, list. */
#ifndef XTEST_CMD_COMMON_H
#define XTEST_CMD_COMMON_H

#include "cmd/opts.h"
#include "engine/workload.h"
#include "model/display.h"
#include "model/config-user.h"

/* Zero-initialise, then common_defaults(). Strings point into argv. */
struct common {
	/* where and what to build */
	const char *directory;
	struct strv targets, places;
	const char *adapter, *profile, *user_config;
	unsigned jobs;
	unsigned verbose;
	/* which tests */
	struct strv expressions, skips;
	bool exact, ignore_default_filter;
	const char *run_ignored, *partition, *platform_filter;
	int64_t list_timeout_ms;
	/* from an archive */
	const char *archive_file, *extract_to, *workspace_remap;
	const char *binaries_metadata, *cargo_metadata, *target_dir_remap,
		*build_dir_remap;
	bool extract_overwrite;
	/* machines */
	unsigned memory_mib, cpus;
	bool keep;
	const char *kernel, *initramfs, *gdb;
	bool no_snapshots;
	/* boards */
	const char *ssh_config;
	bool ssh_accept_new, each;
	int64_t lock_timeout_ms;
	/* running */
	int64_t timeout_ms;
	const char *user, *fresh;
	bool fail_fast, no_fail_fast, no_capture, no_run, no_input_handler;
	const char *max_fail;
	int64_t global_timeout_ms, idle_timeout_ms, cpu_timeout_ms;
	bool quarantine_verify;
	const char *stress_count;
	int64_t stress_ms;
	unsigned retries; /* UINT_MAX: not given */
	const char *flaky_result, *timeout_hook;
	const char *no_tests;
	/* earlier runs */
	const char *rerun;
	bool failed, no_record;
	/* reporting */
	struct strv reports;
	const char *color;
	bool hide_progress;
	const char *success_output, *failure_output, *status_level, *final_status_level;
	/* listing */
	const char *message_format, *list_type;
	/* words */
	struct strv filters, build_args;
	/* for cargo, as cargo has them but for their names; see common_cargo_words() */
	struct strv cargo;
	/* what the user wants in every project; NULL before common_parse() */
	struct config_user *user_settings;
};

void common_defaults(struct common *c);
void common_release(struct common *c);

/* Tables of struct common; each ends with a NULL name. */
extern const struct opt common_build_opts[], common_filter_opts[], common_archive_opts[],
	common_machine_opts[], common_board_opts[], common_run_opts[],
	common_rerun_opts[], common_record_opts[], common_report_opts[];

/* What the options say of showing results. */
struct display common_display(const struct common *c);

/* The options that cargo gets. */
extern const struct opt common_cargo_opts[];
/* Puts them in front of what is for the build system, in cargo's own words. ERR_USAGE
 * when another build system is named. */
int common_cargo_words(struct common *c, struct err *e) MUST_CHECK;

/* What the environment says in the place of options. */
extern const struct opt_variable common_variables[];

/* opts_parse() into a struct that begins with a struct common, and behind it the
 * environment and the user's configuration. */
int common_parse(const struct opt_group *groups, int argc, char **argv, void *values,
	struct strv *words, struct strv *rest, struct err *e) MUST_CHECK;

/* The filter the options describe. */
int common_filter(
	const struct common *c, struct filter_set *filter, struct err *e) MUST_CHECK;
enum run_ignored common_run_ignored(const struct common *c);
/* For emit.send of verbs whose standard output is their answer: notes, and what a failed
 * step printed, go to standard error. */
void common_tell_event(void *ctx, const struct event *event);

/* A workload from its beginning to its arranged columns; what must be undone is undone by
 * common_session_close(). */
struct common_session {
	struct project project;
	struct workload workload;
	struct interrupt interrupt;
	struct emit emit;
	const struct filter_set *filter; /* what is wanted of an archive; NULL: all */
	char *extracted;                 /* directory an archive was unpacked to; NULL */
	bool keep_extracted;
	bool look; /* nothing will be run: programs are but asked for their cases */
	bool opened;
};

/* Opens project and workload (which then has its run id). `s->emit` must be set. */
int common_session_open(
	struct common_session *s, const struct common *c, struct err *e) MUST_CHECK;
/* Builds, and arranges the columns. */
int common_session_build(
	struct common_session *s, const struct common *c, struct err *e) MUST_CHECK;
void common_session_close(struct common_session *s);

#endif
