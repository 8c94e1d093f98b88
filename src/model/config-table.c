/* Every key there is: what it holds, where it goes, and what it says of itself. */
#include "model/config-keys.h"

#include "model/config-user.h"
#include "model/console-table.h"
#include "model/display.h"
#include "model/quarantine.h"
#include "base/version.h"

#define FIELD(type, member) .offset = offsetof(struct type, member)

static const char *const platform_words[] = {"target", "host", NULL};
static const char *const missing_words[] = {"error", "warn", "ignore", NULL};
static const char *const root_words[] = {"workspace", "build", NULL};
static const char *const fresh_words[] = {"run", "suite", "case", NULL};

static const char *const backoff_words[] = {"fixed", "exponential", NULL};
static const char *const result_words[] = {"pass", "fail", NULL};
static const char *const count_words[] = {"num-cpus", "num-test-threads", NULL};

static const char *const all_words[] = {"all", NULL};
static const char *const terminate_words[] = {"wait", "immediate", NULL};

static const char *const progress_words[] = {"auto", "none", NULL};
const char *const config_user_colors[] = {"auto", "always", "never", NULL};

static const char *check_version(const void *field)
{
	return version_is_valid(*(char *const *)field)
		       ? NULL
		       : "a version like \"1.2\" or \"1.2.3\" is expected";
}

static const char *check_retries(const void *field)
{
	const struct config_retries *r = field;

	if (r->backoff == CONFIG_BACKOFF_EXPONENTIAL && r->delay_us == CONFIG_UNSET)
		return "a backoff that doubles needs a 'delay' to begin with";
	if (r->backoff != CONFIG_BACKOFF_EXPONENTIAL && r->max_delay_us != CONFIG_UNSET)
		return "'max-delay' is for an exponential backoff";
	return NULL;
}

static const struct config_key timeout_keys[] = {
	{"period", CONFIG_DURATION, FIELD(config_timeout, period_us), .required = true,
		.help = "after this time a test is reported as slow"},
	{"terminate-after", CONFIG_INTEGER, FIELD(config_timeout, terminate_after),
		.min = 1, .max = 1000000,
		.help = "number of periods after which it is ended"},
	{"grace-period", CONFIG_DURATION, FIELD(config_timeout, grace_us),
		.help = "time between SIGTERM and SIGKILL"},
	{"on-timeout", CONFIG_WORD, FIELD(config_timeout, on_timeout),
		.words = result_words, .help = "does a test pass that it ended?"},
	{.name = NULL},
};

static const struct config_key retries_keys[] = {
	{"count", CONFIG_INTEGER, FIELD(config_retries, count), .required = true,
		.min = 0, .max = 1000, .help = "attempts after the first one"},
	{"backoff", CONFIG_WORD, FIELD(config_retries, backoff), .words = backoff_words,
		.help = "does the delay stay or double with each attempt?"},
	{"delay", CONFIG_DURATION, FIELD(config_retries, delay_us),
		.help = "time before the second attempt"},
	{"max-delay", CONFIG_DURATION, FIELD(config_retries, max_delay_us),
		.help = "bound of a delay that doubles"},
	{"jitter", CONFIG_FLAG, FIELD(config_retries, jitter),
		.help = "true: each delay is a random one between its half and itself"},
	{.name = NULL},
};

static const struct config_key leak_keys[] = {
	{"period", CONFIG_DURATION, FIELD(config_leak, period_us), .required = true,
		.help = "time for the processes a test left behind to end"},
	{"result", CONFIG_WORD, FIELD(config_leak, result), .words = result_words,
		.help = "does a test pass whose processes stay longer?"},
	{.name = NULL},
};

static const struct config_key timeout_hook_keys[] = {
	{"command", CONFIG_COMMAND, FIELD(config_hook, command), .required = true,
		.help = "program and arguments, or a text for the shell, or none"},
	{"timeout", CONFIG_DURATION, FIELD(config_hook, timeout_us),
		.help = "time it may take; 20s by default"},
	{.name = NULL},
};

static const struct config_key fail_fast_keys[] = {
	{"max-fail", CONFIG_COUNT, FIELD(config_fail_fast, max_fail), .required = true,
		.min = 1, .max = UINT32_MAX, .words = all_words,
		.help = "number of failures after which nothing more starts"},
	{"terminate", CONFIG_WORD, FIELD(config_fail_fast, terminate),
		.words = terminate_words,
		.help = "is what runs then waited for, or ended at once?"},
	{.name = NULL},
};

const struct config_key config_table_case[] = {
	{"timeout", CONFIG_TIMEOUT, FIELD(config_case_settings, timeout),
		.keys = timeout_keys, .help = "time a test may take", .option = "timeout",
		.fallback = "10m, 40m emulated"},
	{"slow-timeout", CONFIG_SHORT, FIELD(config_case_settings, slow_timeout),
		.keys = timeout_keys,
		.help = "the same; a plain duration only reports a test as slow",
		.fallback = "60s"},
	{"leak-timeout", CONFIG_SHORT, FIELD(config_case_settings, leak_timeout),
		.keys = leak_keys, .help = "what it means to leave processes behind",
		.fallback = "200ms"},
	{"idle-timeout", CONFIG_DURATION, FIELD(config_case_settings, idle_timeout_us),
		.help = "time a test may go on without output", .option = "idle-timeout",
		.fallback = "none"},
	{"cpu-timeout", CONFIG_DURATION, FIELD(config_case_settings, cpu_timeout_us),
		.help = "CPU time a test may use, its emulator's included",
		.option = "cpu-timeout", .fallback = "none"},
	{"timeout-hook", CONFIG_SHORT, FIELD(config_case_settings, timeout_hook),
		.keys = timeout_hook_keys,
		.help = "looks at a test that a limit is about to end",
		.option = "timeout-hook",
		.fallback = "a backtrace, of tests on this machine"},
	{"timeout-multiplier", CONFIG_DECIMAL,
		FIELD(config_case_settings, timeout_multiplier), .min = 100,
		.max = 1000 * 1000,
		.help = "for limits made for the real CPU; 4 by default where it is "
			"emulated",
		.fallback = "4 where emulated, else 1"},
	{"retries", CONFIG_SHORT, FIELD(config_case_settings, retries),
		.keys = retries_keys, .check = check_retries,
		.help = "how often a test that fails is run again", .option = "retries",
		.fallback = "0"},
	{"flaky-result", CONFIG_WORD, FIELD(config_case_settings, flaky_result),
		.words = result_words, .help = "does a test pass that failed before?",
		.option = "flaky-result", .fallback = "pass"},
	{"threads-required", CONFIG_COUNT, FIELD(config_case_settings, threads_required),
		.min = 1, .max = 4096, .words = count_words,
		.help = "how many of `jobs` a test takes", .fallback = "1"},
	{"test-group", CONFIG_STRING, FIELD(config_case_settings, test_group),
		.help = "group of `test-groups` it belongs to, or \"@global\"",
		.fallback = "@global"},
	{"priority", CONFIG_INTEGER, FIELD(config_case_settings, priority), .min = -100,
		.max = 100, .help = "what has more starts earlier; 0 by default",
		.fallback = "0"},
	{"memory-required", CONFIG_INTEGER, FIELD(config_case_settings, memory_mib),
		.min = 1, .max = 1 << 20,
		.help = "MiB a test is expected to need; what it had before by default",
		.fallback = "what it had before"},
	{"success-output", CONFIG_WORD, FIELD(config_case_settings, success_output),
		.words = display_output_words,
		.help = "when is the output of a test shown that passed?",
		.option = "success-output", .fallback = "never"},
	{"failure-output", CONFIG_WORD, FIELD(config_case_settings, failure_output),
		.words = display_output_words,
		.help = "when is the output of a test shown that did not?",
		.option = "failure-output", .fallback = "immediate"},
	{"junit-success-output", CONFIG_FLAG,
		FIELD(config_case_settings, junit_store_success),
		.help = "is the output of a test that passed in the JUnit report?",
		.fallback = "false"},
	{"junit-failure-output", CONFIG_FLAG,
		FIELD(config_case_settings, junit_store_failure),
		.help = "the same of a test that did not", .fallback = "true"},
	{.name = NULL},
};

const struct config_key config_table_settings[] = {
	{"targets", CONFIG_STRINGS, FIELD(config_settings, targets),
		.help = "targets to build and test for, as for --target",
		.option = "target", .fallback = "this machine"},
	{"place", CONFIG_STRING, FIELD(config_settings, place),
		.help = "where target tests run, as for --on", .option = "on",
		.fallback = "user for a foreign target, else local"},
	{"jobs", CONFIG_INTEGER, FIELD(config_settings, jobs), .min = 1, .max = 4096,
		.help = "tests that run at the same time", .option = "jobs",
		.fallback = "the processors"},
	{"", CONFIG_EMBED, FIELD(config_settings, of_case), .keys = config_table_case},
	{"fail-fast", CONFIG_SWITCH, FIELD(config_settings, fail_fast),
		.keys = fail_fast_keys, .help = "stop after the first failure, or some",
		.option = "fail-fast", .fallback = "false"},
	{"list-timeout", CONFIG_DURATION, FIELD(config_settings, list_timeout_us),
		.help = "time a program may take to list its cases",
		.option = "list-timeout", .fallback = "60s"},
	{"global-timeout", CONFIG_DURATION, FIELD(config_settings, global_timeout_us),
		.help = "time the run of all tests may take", .option = "global-timeout",
		.fallback = "none"},
	{"default-filter", CONFIG_FILTER, FIELD(config_settings, default_filter),
		.context = FILTER_DEFAULT,
		.help = "filterset of the tests a plain run selects",
		.fallback = "all()"},
	{"user", CONFIG_STRING, FIELD(config_settings, user),
		.help = "user that tests run as, as for --user", .option = "user",
		.fallback = "who runs xtest"},
	{"fresh", CONFIG_WORD, FIELD(config_settings, fresh), .words = fresh_words,
		.help = "how often a machine is made anew: each run, suite or case",
		.option = "fresh", .fallback = "run"},
	{"status-level", CONFIG_WORD, FIELD(config_settings, status_level),
		.words = display_status_words,
		.help = "results that are shown as they come: these, and those before",
		.option = "status-level", .fallback = "skip"},
	{"final-status-level", CONFIG_WORD, FIELD(config_settings, final_status_level),
		.words = display_final_words,
		.help = "results that are listed at the end: these, and those before",
		.option = "final-status-level", .fallback = "flaky"},
	{"junit", CONFIG_STRING, FIELD(config_settings, junit),
		.help = "file of a JUnit report, relative to the project; --report junit "
			"comes first",
		.fallback = "none"},
	{.name = NULL},
};

static const struct config_key override_keys[] = {
	{"filter", CONFIG_FILTER, FIELD(config_override, filter),
		.context = FILTER_OVERRIDE, .help = "filterset of the tests it is about"},
	{"target", CONFIG_STRING, FIELD(config_override, target),
		.help = "only for this target"},
	{"place", CONFIG_STRING, FIELD(config_override, place),
		.help = "only in this place"},
	{"platform", CONFIG_WORD, FIELD(config_override, platform),
		.words = platform_words, .help = "side the suite belongs to"},
	{"framework", CONFIG_STRING, FIELD(config_override, framework),
		.help = "how the suite's cases are listed and run"},
	{"", CONFIG_EMBED, FIELD(config_override, of_case), .keys = config_table_case},
	{.name = NULL},
};

static const struct config_key rule_keys[] = {
	{"filter", CONFIG_FILTER, FIELD(config_script_rule, filter),
		.context = FILTER_OVERRIDE, .help = "filterset of the tests it is about"},
	{"target", CONFIG_STRING, FIELD(config_script_rule, target),
		.help = "only for this target"},
	{"place", CONFIG_STRING, FIELD(config_script_rule, place),
		.help = "only in this place"},
	{"platform", CONFIG_WORD, FIELD(config_script_rule, platform),
		.words = platform_words, .help = "only for suites of this side"},
	{"setup", CONFIG_NAMES, FIELD(config_script_rule, setup),
		.help = "set-up scripts they need"},
	{"teardown", CONFIG_NAMES, FIELD(config_script_rule, teardown),
		.help = "tear-down scripts that come after them"},
	{"run-wrapper", CONFIG_STRING, FIELD(config_script_rule, run_wrapper),
		.help = "wrapper they run in"},
	{"list-wrapper", CONFIG_STRING, FIELD(config_script_rule, list_wrapper),
		.help = "wrapper their programs are listed in"},
	{.name = NULL},
};

static const struct config_key script_keys[] = {
	{"command", CONFIG_COMMAND, FIELD(config_script, command), .required = true,
		.help = "program and arguments, or a text for the shell"},
	{"env", CONFIG_ENV, FIELD(config_script, env), .help = "environment variables"},
	{"timeout", CONFIG_DURATION, FIELD(config_script, timeout_us),
		.help = "time it may take; 10m by default"},
	{.name = NULL},
};

static const char *const runner_words[] = {
	"ignore", "overrides-wrapper", "within-wrapper", "around-wrapper", NULL};

static const struct config_key wrapper_keys[] = {
	{"command", CONFIG_COMMAND, FIELD(config_wrapper, command), .required = true,
		.help = "what stands in front of the test's own command"},
	{"target-runner", CONFIG_WORD, FIELD(config_wrapper, target_runner),
		.words = runner_words,
		.help = "where an emulator goes; within the wrapper by default"},
	{.name = NULL},
};

static const struct config_key scripts_keys[] = {
	{"setup", CONFIG_MAP,
		FIELD(config, scripts.setup) - offsetof(struct config, scripts),
		.keys = script_keys, .size = sizeof(struct config_script),
		.help = "commands that run before the first test that needs them"},
	{"teardown", CONFIG_MAP,
		FIELD(config, scripts.teardown) - offsetof(struct config, scripts),
		.keys = script_keys, .size = sizeof(struct config_script),
		.help = "commands that run after the last test that asks for them"},
	{"wrapper", CONFIG_MAP,
		FIELD(config, scripts.wrapper) - offsetof(struct config, scripts),
		.keys = wrapper_keys, .size = sizeof(struct config_wrapper),
		.help = "commands that stand in front of tests"},
	{.name = NULL},
};

static const struct config_key profile_keys[] = {
	{"scripts", CONFIG_LIST, FIELD(config_profile, rules), .keys = rule_keys,
		.size = sizeof(struct config_script_rule),
		.help = "which tests the scripts are for"},
	{"inherits", CONFIG_STRING, FIELD(config_profile, inherits),
		.help = "profile whose settings hold where this one has none"},
	{"overrides", CONFIG_LIST, FIELD(config_profile, overrides),
		.keys = override_keys, .size = sizeof(struct config_override),
		.help = "as at the top level, and before those"},
	{"", CONFIG_EMBED, FIELD(config_profile, settings),
		.keys = config_table_settings},
	{.name = NULL},
};

static const struct config_key suite_keys[] = {
	{"name", CONFIG_STRING, FIELD(config_suite, name), .required = true,
		.help = "name of the suite, unique in its package"},
	{"package", CONFIG_STRING, FIELD(config_suite, package),
		.help = "package it belongs to; the project by default"},
	{"command", CONFIG_COMMAND, FIELD(config_suite, command),
		.help = "program and arguments, or a text for the shell"},
	{"binary", CONFIG_STRING, FIELD(config_suite, binary),
		.help = "test program whose cases these are"},
	{"cwd", CONFIG_STRING, FIELD(config_suite, cwd), .help = "working directory"},
	{"env", CONFIG_ENV, FIELD(config_suite, env), .help = "environment variables"},
	{"framework", CONFIG_STRING, FIELD(config_suite, framework),
		.help = "how its cases are listed and run"},
	{"platform", CONFIG_WORD, FIELD(config_suite, platform), .words = platform_words,
		.help = "side it belongs to"},
	{"labels", CONFIG_STRINGS, FIELD(config_suite, labels), .help = "tags for tag()"},
	{"timeout", CONFIG_DURATION, FIELD(config_suite, timeout_us),
		.help = "time a case may take"},
	{"expect-fail", CONFIG_FLAG, FIELD(config_suite, expect_fail),
		.help = "a failure is what is expected"},
	{"skip-code", CONFIG_INTEGER, FIELD(config_suite, skip_code), .min = 1,
		.max = 255, .help = "exit status that means skipped"},
	{"files", CONFIG_STRINGS, FIELD(config_suite, files),
		.help = "files and directories it reads"},
	{"depends", CONFIG_STRINGS, FIELD(config_suite, depends),
		.help = "suites that must have ended before"},
	{"serial", CONFIG_FLAG, FIELD(config_suite, serial),
		.help = "nothing runs beside it"},
	{.name = NULL},
};

static const struct config_key include_keys[] = {
	{"path", CONFIG_STRING, FIELD(config_include, path), .required = true,
		.help = "file, directory or glob"},
	{"relative-to", CONFIG_WORD, FIELD(config_include, relative_to),
		.words = root_words,
		.help = "what the path is relative to; the workspace by default"},
	{"depth", CONFIG_DEPTH, FIELD(config_include, depth), .min = 0, .max = 1000,
		.help = "levels of directories to go down; infinite by default"},
	{"on-missing", CONFIG_WORD, FIELD(config_include, on_missing),
		.words = missing_words, .help = "what it means when nothing is there"},
	{"platform", CONFIG_WORD, FIELD(config_include, platform),
		.words = platform_words, .help = "only with suites of this side"},
	{"suites", CONFIG_FILTER, FIELD(config_include, suites),
		.context = FILTER_ARCHIVE,
		.help = "only with suites this filterset selects"},
	{.name = NULL},
};

static const struct config_key archive_keys[] = {
	{"include", CONFIG_LIST, FIELD(config_archive, include), .keys = include_keys,
		.size = sizeof(struct config_include), .help = "files that tests read"},
	{"exclude", CONFIG_STRINGS, FIELD(config_archive, exclude),
		.help = "globs of paths that are left out"},
	{"on-missing", CONFIG_WORD, FIELD(config_archive, on_missing),
		.words = missing_words, .help = "for includes that do not say"},
	{.name = NULL},
};

static const struct config_key machine_keys[] = {
	{"memory", CONFIG_INTEGER, FIELD(config_machine, memory), .min = 16,
		.max = 1 << 20, .help = "MiB of memory, as for --memory"},
	{"cpus", CONFIG_INTEGER, FIELD(config_machine, cpus), .min = 1, .max = 64,
		.help = "processors, as for --cpus"},
	{"packages", CONFIG_STRINGS, FIELD(config_machine, packages),
		.help = "Debian packages its programs come from, beside the usual ones"},
	{"kernel", CONFIG_STRING, FIELD(config_machine, kernel),
		.help = "kernel to boot, relative to this file, as for --kernel"},
	{"command-line", CONFIG_STRING, FIELD(config_machine, command_line),
		.help = "more words for the kernel"},
	{.name = NULL},
};

static const struct config_key record_keys[] = {
	{"enabled", CONFIG_FLAG, FIELD(config_record, enabled),
		.help = "runs are recorded, as without --no-record"},
	{"max-runs", CONFIG_INTEGER, FIELD(config_record, max_runs), .min = 1,
		.max = 1000000, .help = "number of runs that are kept"},
	{"max-age", CONFIG_DURATION, FIELD(config_record, max_age_us),
		.help = "runs that are older are removed"},
	{"max-size", CONFIG_INTEGER, FIELD(config_record, max_size_mib), .min = 1,
		.max = 1 << 30, .help = "MiB that all of them may have"},
	{.name = NULL},
};

static const struct config_key hook_keys[] = {
	{"command", CONFIG_COMMAND, FIELD(config_hook, command), .required = true,
		.help = "program and arguments, or a text for the shell"},
	{"timeout", CONFIG_DURATION, FIELD(config_hook, timeout_us),
		.help = "time it may take; 60s by default"},
	{.name = NULL},
};

static const struct config_key board_keys[] = {
	{"on", CONFIG_STRING, FIELD(config_board, on), .required = true,
		.help = "where it is: ssh://[user@]host[:port]"},
	{"target", CONFIG_STRING, FIELD(config_board, target),
		.help = "the target it is for"},
	{"labels", CONFIG_STRINGS, FIELD(config_board, labels),
		.help = "words for --on label:WORD"},
	{"power-on", CONFIG_SHORT, FIELD(config_board, power_on), .keys = hook_keys,
		.help = "switches it on, before it is reached"},
	{"power-off", CONFIG_SHORT, FIELD(config_board, power_off), .keys = hook_keys,
		.help = "switches it off, when the run has left it"},
	{"reset", CONFIG_SHORT, FIELD(config_board, reset), .keys = hook_keys,
		.help = "resets it, once, when it cannot be reached"},
	{"before", CONFIG_SHORT, FIELD(config_board, before), .keys = hook_keys,
		.help = "runs here before it is reached"},
	{"after", CONFIG_SHORT, FIELD(config_board, after), .keys = hook_keys,
		.help = "runs here when the run has left it"},
	{"console", CONFIG_COMMAND, FIELD(config_board, console),
		.help = "prints what its console says, for as long as it runs"},
	{.name = NULL},
};

static const struct config_key build_keys[] = {
	{"args", CONFIG_STRINGS, .offset = 0,
		.help = "arguments for the build system's configure step"},
	{.name = NULL},
};

static const struct config_key console_keys[] = {
	{"kind", CONFIG_STRING, FIELD(config_console, kind),
		.help = "the word for it: panic, hung-task, …"},
	{"severity", CONFIG_WORD, FIELD(config_console, severity),
		.words = console_table_severities,
		.help = "what it means for the machine"},
	{"pattern", CONFIG_STRING, FIELD(config_console, pattern), .required = true,
		.help = "regular expression for the start of the line that tells"},
	{"end", CONFIG_STRING, FIELD(config_console, end),
		.help = "regular expression for the last line of its report"},
	{"role", CONFIG_WORD, FIELD(config_console, role), .words = console_table_roles,
		.help = "what the line does, if it is not simply a finding"},
	{"stamp", CONFIG_FLAG, FIELD(config_console, stamp),
		.help = "false: counts without the kernel's time stamp, too"},
	{"stage", CONFIG_INTEGER, FIELD(config_console, stage), .min = 1, .max = 9,
		.help = "of a boot: 1 and 2 firmware, 3 boot loader, 5 and 6 kernel"},
	{"target", CONFIG_STRING, FIELD(config_console, target),
		.help = "only for this target"},
	{.name = NULL},
};

static const struct config_key group_keys[] = {
	{"max-threads", CONFIG_COUNT, FIELD(config_group, max_threads), .required = true,
		.min = 1, .max = 4096, .words = count_words,
		.help = "tests of the group that run at the same time"},
	{.name = NULL},
};

static const char *check_day(const void *field)
{
	return quarantine_check_day(*(char *const *)field);
}

static const struct config_key quarantine_keys[] = {
	{"filter", CONFIG_FILTER, FIELD(config_quarantine, filter), .required = true,
		.context = FILTER_OVERRIDE, .help = "filterset of the tests"},
	{"reason", CONFIG_STRING, FIELD(config_quarantine, reason), .required = true,
		.help = "why their failures do not count"},
	{"expires", CONFIG_STRING, FIELD(config_quarantine, expires), .required = true,
		.check = check_day,
		.help = "last day of it, as \"2026-12-31\"; it is an error afterwards"},
	{.name = NULL},
};

static const struct config_key version_keys[] = {
	{"required", CONFIG_STRING, FIELD(config_version, required),
		.check = check_version,
		.help = "at least this one, as \"1.2\"; else the exit code is 92"},
	{"recommended", CONFIG_STRING, FIELD(config_version, recommended),
		.check = check_version, .help = "below this one, a note is given"},
	{.name = NULL},
};

/* What is the user's, not the project's. */
const struct config_key config_table_user[] = {
	{"$schema", CONFIG_STRING, FIELD(config_user, schema),
		.help = "schema of this file"},
	{"color", CONFIG_WORD, FIELD(config_user, color), .words = config_user_colors,
		.help = "as for --color"},
	{"progress", CONFIG_WORD, FIELD(config_user, progress), .words = progress_words,
		.help = "is there a progress bar on a terminal?"},
	{"jobs", CONFIG_INTEGER, FIELD(config_user, jobs), .min = 1, .max = 4096,
		.help = "tests that run at the same time, where the project does not "
			"say"},
	{.name = NULL},
};

const struct config_key config_table_top[] = {
	{"xtest-version", CONFIG_SHORT, FIELD(config, version), .keys = version_keys,
		.help = "the xtest this file needs"},
	{"$schema", CONFIG_STRING, FIELD(config, schema), .help = "schema of this file"},
	{"adapter", CONFIG_STRING, FIELD(config, adapter), .help = "build system to use"},
	{"source", CONFIG_STRING, FIELD(config, source),
		.help = "directory that is built, relative to this file"},
	{"build", CONFIG_OBJECT, FIELD(config, build), .keys = build_keys,
		.help = "how it is built"},
	{"build-commands", CONFIG_COMMANDS, FIELD(config, build_commands),
		.size = sizeof(struct strv),
		.help = "commands that build what `suites` runs"},
	{"suites", CONFIG_LIST, FIELD(config, suites), .keys = suite_keys,
		.size = sizeof(struct config_suite),
		.help = "tests no build system knows"},
	{"archive", CONFIG_OBJECT, FIELD(config, archive), .keys = archive_keys,
		.help = "what an archive holds beside the tests"},
	{"machine", CONFIG_OBJECT, FIELD(config, machine), .keys = machine_keys,
		.help = "the machines of the place `system`"},
	{"record", CONFIG_OBJECT, FIELD(config, record), .keys = record_keys,
		.help = "what is kept of runs"},
	{"boards", CONFIG_MAP, FIELD(config, boards), .keys = board_keys,
		.size = sizeof(struct config_board),
		.help = "boards that have a name, for --on"},
	{"scripts", CONFIG_OBJECT, FIELD(config, scripts), .keys = scripts_keys,
		.help = "scripts and wrappers; profiles say which tests they are for"},
	{"", CONFIG_EMBED, FIELD(config, settings), .keys = config_table_settings},
	{"overrides", CONFIG_LIST, FIELD(config, overrides), .keys = override_keys,
		.size = sizeof(struct config_override),
		.help = "settings for some tests; the first that matches wins"},
	{"test-groups", CONFIG_MAP, FIELD(config, groups), .keys = group_keys,
		.size = sizeof(struct config_group),
		.help = "groups of tests that do not all run at the same time"},
	{"profiles", CONFIG_MAP, FIELD(config, profiles), .keys = profile_keys,
		.size = sizeof(struct config_profile), .help = "named sets of settings"},
	{"quarantine", CONFIG_LIST, FIELD(config, quarantine), .keys = quarantine_keys,
		.size = sizeof(struct config_quarantine),
		.help = "tests that run and do not count"},
	{"console", CONFIG_LIST, FIELD(config, console), .keys = console_keys,
		.size = sizeof(struct config_console),
		.help = "what a machine's console says when something is wrong"},
	{.name = NULL},
};
