/*
 * The project's configuration, `xtest.json`: JSON with comments. One table of keys
 * (config-keys.c) drives reading, the messages about what is wrong, and the printed
 * schema.
 */
#ifndef XTEST_MODEL_CONFIG_H
#define XTEST_MODEL_CONFIG_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"
#include "filter/filter.h"

/* Where a value of the file was set. */
struct config_origin {
	char *key; /* "overrides[0].timeout" */
	unsigned line, column;
};

struct config_origins {
	struct config_origin *v;
	size_t len, cap;
};

/* A number or duration that was not given. Words that were not given are -1. */
#define CONFIG_UNSET INT64_MIN

/* Numbers that are given as words: "num-cpus" and "num-test-threads" (`jobs`). */
#define CONFIG_COUNT_WORD(index) (INT64_MIN + 1 + (index))
#define CONFIG_NUM_CPUS CONFIG_COUNT_WORD(0)
#define CONFIG_NUM_TEST_THREADS CONFIG_COUNT_WORD(1)
/* The same of max-fail: "all". */
#define CONFIG_ALL CONFIG_COUNT_WORD(0)

enum config_platform { CONFIG_PLATFORM_UNSET = -1, CONFIG_TARGET, CONFIG_HOST };
enum config_missing {
	CONFIG_MISSING_UNSET = -1,
	CONFIG_MISSING_ERROR,
	CONFIG_MISSING_WARN,
	CONFIG_MISSING_IGNORE
};
enum config_root { CONFIG_ROOT_UNSET = -1, CONFIG_WORKSPACE, CONFIG_BUILD };
enum config_fresh {
	CONFIG_FRESH_UNSET = -1,
	CONFIG_FRESH_RUN, /* a machine is as new for a run, a suite, or every case */
	CONFIG_FRESH_SUITE,
	CONFIG_FRESH_CASE
};
enum config_backoff {
	CONFIG_BACKOFF_UNSET = -1,
	CONFIG_BACKOFF_FIXED,
	CONFIG_BACKOFF_EXPONENTIAL
};
enum config_result { CONFIG_RESULT_UNSET = -1, CONFIG_RESULT_PASS, CONFIG_RESULT_FAIL };
/* Of flags: -1 not given, 0 false, 1 true. */

/* "120s" is {period 120 s, terminate-after 1}: warned about after each period, ended
 * after `terminate_after` of them, and killed `grace_us` later. */
struct config_timeout {
	int64_t period_us;
	int64_t terminate_after;
	int64_t grace_us;
	int on_timeout; /* enum config_result: what a case is that it ended */
};

/* Attempts after the first one, and the time before each of them. */
struct config_retries {
	int64_t count;
	int backoff; /* enum config_backoff; fixed when unset */
	int64_t delay_us, max_delay_us;
	int jitter;
};

/* What it means that processes of a test are there `period_us` after its end. */
struct config_leak {
	int64_t period_us;
	int result; /* enum config_result */
};

/* A command of this machine that does something to a board, or looks at a test. */
struct config_hook {
	struct strv command; /* empty: none */
	int64_t timeout_us;
};

/* What governs a case: at the top level, in a profile and in an override. */
struct config_case_settings {
	struct config_timeout timeout;
	struct config_timeout slow_timeout; /* as `timeout`; a plain one never ends it */
	struct config_leak leak_timeout;
	struct config_hook timeout_hook; /* before a limit ends a test */
	int64_t idle_timeout_us;         /* without output */
	int64_t cpu_timeout_us;          /* of CPU time, all its processes */
	int64_t timeout_multiplier; /* thousandths; in the stead of that of emulation */
	struct config_retries retries;
	int flaky_result;         /* enum config_result */
	int64_t threads_required; /* of `jobs`; may be CONFIG_NUM_CPUS, … */
	char *test_group;         /* of config.groups, or "@global" */
	int64_t priority;         /* more starts earlier */
	int64_t memory_mib;       /* what it is expected to need */
	int success_output;       /* indices of display_output_words */
	int failure_output;
	int junit_store_success; /* is its output in the JUnit report? */
	int junit_store_failure;
};

enum config_terminate {
	CONFIG_TERMINATE_UNSET = -1,
	CONFIG_TERMINATE_WAIT,
	CONFIG_TERMINATE_AT_ONCE
};

/* Nothing more is started after so many failures. */
struct config_fail_fast {
	int64_t max_fail; /* may be CONFIG_ALL: never */
	int terminate;    /* enum config_terminate: what becomes of what runs */
};

/* What governs a run, at the top level and in a profile. */
struct config_settings {
	struct strv targets;
	char *place; /* as for --on */
	int64_t jobs;
	struct config_case_settings of_case;
	struct config_fail_fast fail_fast;
	int64_t list_timeout_us; /* of a program that is asked for its cases */
	int64_t global_timeout_us;
	struct filter *default_filter;
	char *user; /* whom tests run as, as for --user */
	int fresh;  /* enum config_fresh: how often a machine is made anew */
	int status_level, final_status_level; /* indices of display_status_words,
						 display_final_words */
	char *junit; /* file of a JUnit report, relative to the project; NULL: none */
};

/* Applies to the suites and cases that match all of filter, target and place. */
struct config_override {
	struct filter *filter; /* NULL: everything */
	char *target, *place;
	int platform;    /* enum config_platform: the suite belongs to this side */
	char *framework; /* the suite is listed and run by this one */
	struct config_case_settings of_case;
};

/* A command that runs on this machine before the first test that needs it, or after the
 * last one. */
struct config_script {
	char *name;
	struct strv command;
	struct strv env; /* "NAME=VALUE" */
	int64_t timeout_us;
};

struct config_scripts {
	struct config_script *v;
	size_t len;
};

/* Where the emulator goes when a wrapper stands in front of a test. */
enum config_runner {
	CONFIG_RUNNER_UNSET = -1,
	CONFIG_RUNNER_IGNORE,    /* there is none: WRAPPER TEST */
	CONFIG_RUNNER_OVERRIDES, /* instead of the wrapper: EMULATOR TEST */
	CONFIG_RUNNER_WITHIN,    /* WRAPPER EMULATOR TEST */
	CONFIG_RUNNER_AROUND,    /* EMULATOR WRAPPER TEST */
};

struct config_wrapper {
	char *name;
	struct strv command;
	int target_runner; /* enum config_runner */
};

/* Which tests scripts and wrappers are for. */
struct config_script_rule {
	struct filter *filter; /* NULL: all */
	char *target, *place;
	int platform;                /* enum config_platform: only of this side */
	struct strv setup, teardown; /* names */
	char *list_wrapper, *run_wrapper;
};

struct config_script_rules {
	struct config_script_rule *v;
	size_t len;
};

struct config_overrides {
	struct config_override *v;
	size_t len;
};

struct config_profile {
	char *name;
	char *inherits;
	struct config_settings settings;
	struct config_overrides overrides; /* before those of the top level */
	struct config_script_rules rules;  /* all that match; of wrappers the first */
};

/* Of its tests no more than so many threads' worth run at the same time. */
struct config_group {
	char *name;
	int64_t max_threads; /* may be CONFIG_NUM_CPUS, … */
};

/* A test of the explicit manifest. */
struct config_suite {
	char *name;
	char *package;
	struct strv command; /* a shell text becomes sh -c TEXT */
	char *binary;
	char *cwd;
	struct strv env; /* "NAME=VALUE" */
	char *framework;
	int platform; /* enum config_platform */
	struct strv labels;
	int64_t timeout_us;
	int expect_fail;
	int64_t skip_code;
	struct strv files;
	struct strv depends;
	int serial;
};

struct config_include {
	char *path;      /* a glob, '/' between levels */
	int relative_to; /* enum config_root */
	int64_t depth;   /* INT64_MAX for "infinite", which is meant when it is unset */
	int on_missing;  /* enum config_missing */
	int platform; /* enum config_platform: only in archives that hold such suites */
	struct filter
		*suites; /* only when one of these is in the archive; NULL: always */
};

struct config_archive {
	struct {
		struct config_include *v;
		size_t len;
	} include;
	struct strv exclude; /* globs, as pattern_glob(PATTERN_PATH) */
	int on_missing;      /* of includes that do not say; enum config_missing */
};

/* What is kept of runs. Each is CONFIG_UNSET, or -1, when it is not said. */
struct config_record {
	int enabled;
	int64_t max_runs;
	int64_t max_age_us;
	int64_t max_size_mib;
};

/* A row of the table of what a console says (docs/console.md). */
struct config_console {
	char *kind, *pattern, *end;
	int severity, role; /* indices of console_table_severities, console_table_roles */
	int stamp;
	int64_t stage;
	char *target; /* only for this one; NULL: for all */
};

/* What a machine of the place `system` is made of, over what its recipe says. */
struct config_machine {
	int64_t memory, cpus; /* MiB; processors */
	struct strv packages; /* Debian's, beside the recipe's */
	char *kernel;         /* a file, relative to the project */
	char *command_line;   /* after the recipe's */
};

/* A board that has a name (docs/boards.md). */
struct config_board {
	char *name;
	char *on;     /* "ssh://…" */
	char *target; /* what it is; NULL: whatever is asked for */
	struct strv labels;
	struct config_hook power_on, power_off, reset, before, after;
	struct strv console; /* a command that prints its console; empty: none */
};

/* The xtest a file needs; what is NULL is not asked for. */
struct config_version {
	char *required, *recommended;
};

/* Tests whose failures do not count until a day is over. */
struct config_quarantine {
	struct filter *filter;
	char *reason;
	char *expires; /* "2026-12-31" */
};

struct config {
	char *path;   /* of the file, as given; NULL when there is none */
	char *schema; /* "$schema", for editors */
	struct config_version version;
	char *adapter; /* build system to use, instead of what bids best */
	char *source;  /* directory to build, relative to the file */
	struct {
		struct strv args;
	} build; /* for the configure step, before those of the command line */
	struct {
		struct strv *v;
		size_t len;
	} build_commands; /* run in order before a manifest's tests */
	struct {
		struct config_suite *v;
		size_t len;
	} suites;
	struct config_archive archive;
	struct config_machine machine;
	struct config_record record;
	struct {
		struct config_board *v;
		size_t len;
	} boards;
	struct {
		struct config_scripts setup, teardown;
		struct {
			struct config_wrapper *v;
			size_t len;
		} wrapper;
	} scripts;
	struct config_settings settings;
	struct config_overrides overrides; /* first match wins, setting by setting */
	struct {
		struct config_group *v;
		size_t len;
	} groups;
	struct {
		struct config_profile *v;
		size_t len;
	} profiles;
	struct {
		struct config_console *v;
		size_t len;
	} console; /* come before the installed rows */
	struct {
		struct config_quarantine *v;
		size_t len;
	} quarantine;                  /* the first that matches holds */
	struct config_origins origins; /* where each value was set */
};

/* Reads `text`; `name` stands for the file in messages, all of which begin with
 * FILE:LINE:COLUMN. NULL with ERR_SETUP. */
struct config *config_parse(
	const char *text, size_t len, const char *name, struct err *e);
/* Reads a file. */
struct config *config_load(const char *path, struct err *e);
/* Reads DIR/xtest.json; an empty configuration (path NULL) when there is no such file. */
struct config *config_load_project(const char *dir, struct err *e);
void config_free(struct config *c);
void config_release(struct config **c); /* for autorelease_config */
#define autorelease_config __attribute__((cleanup(config_release)))

/* The settings of a profile over those it inherits and those of the top level. NULL or
 * "default" may be named without being there. Strings and filters are borrowed from the
 * configuration; `targets` is the one list that wins. ERR_SETUP for an unknown profile or
 * a circle. */
int config_profile_settings(const struct config *c, const char *profile,
	struct config_settings *out, struct err *e) MUST_CHECK;

/* What holds for a case, setting by setting: the first override that matches it and has
 * the setting (those of the profile, of the profiles it inherits, of the top level), else
 * the profile, else the top level; what nobody says stays unset. `subject` has all its
 * names. Strings are borrowed from the configuration. Return -1 when a filter could not
 * be evaluated or the profile is not there. */
int config_case_settings(const struct config *c, const char *profile,
	const struct filter_subject *subject, struct config_case_settings *out,
	struct err *e) MUST_CHECK;
/* The same, of the overrides alone: they come before what the build system says, the rest
 * behind it. */
int config_case_overrides(const struct config *c, const char *profile,
	const struct filter_subject *subject, struct config_case_settings *out,
	struct err *e) MUST_CHECK;
/* Fills what is still open in `settings` from the profile and the top level: the second
 * half of config_case_settings(), for who has the overrides. */
int config_case_inherit(const struct config *c, const char *profile,
	struct config_case_settings *settings, struct err *e) MUST_CHECK;

/* What ends a case after some time: `timeout`, or `slow-timeout` with a number of
 * periods; NULL when neither is given. Borrowed. */
const struct config_timeout *config_case_limit(const struct config_case_settings *s);
/* What stands in front of a test, or of its listing; NULL: nothing. *out is borrowed.
 * Returns -1 as config_case_settings(). */
int config_script_wrapper(const struct config *c, const char *profile,
	const struct filter_subject *subject, bool is_listing,
	const struct config_wrapper **out, struct err *e) MUST_CHECK;
/* Appends the names of the set-up (else tear-down) scripts a test needs, each once. */
int config_script_names(const struct config *c, const char *profile,
	const struct filter_subject *subject, bool is_setup, struct strv *names,
	struct err *e) MUST_CHECK;
/* The group of that name, or NULL: "@global" and no name are none. */
const struct config_group *config_case_group(const struct config *c, const char *name);

/* Does an override hold for a suite (its case name not known) or a case? */
enum filter_answer config_override_applies(const struct config_override *o,
	const struct filter_subject *subject, bool is_case, struct err *e);
/* What the first override that applies says of a suite; UNSET or NULL when none does.
 * Return -1 when a filter could not be evaluated, or asks for what no suite tells. */
int config_override_platform(const struct config *c, const char *profile,
	const struct filter_subject *subject, enum config_platform *platform,
	struct err *e) MUST_CHECK;
int config_override_framework(const struct config *c, const char *profile,
	const struct filter_subject *subject, const char **framework,
	struct err *e) MUST_CHECK;

/* Where a value was set, or NULL: config_origin_find(c, "profiles.ci.timeout"). */
const struct config_origin *config_origin_find(const struct config *c, const char *key);

/* The JSON Schema (draft 2020-12) of the file, and of the user's. Appended to `out`. */
void config_schema_print(struct buf *out);
void config_schema_print_user(struct buf *out);
/* The same keys for people: a line each, indented as they are nested. Appended to `out`.
 */
void config_help_print(struct buf *out);
void config_help_print_user(struct buf *out);

#endif
