#include "model/config-keys.h"

#include "model/console-table.h"

#define FIELD(type, member) .offset = offsetof(struct type, member)

static const char *const platform_words[] = {"target", "host", NULL};
static const char *const missing_words[] = {"error", "warn", "ignore", NULL};
static const char *const root_words[] = {"workspace", "build", NULL};
static const char *const fresh_words[] = {"run", "suite", "case", NULL};

static const struct config_key timeout_keys[] = {
	{"period", CONFIG_DURATION, FIELD(config_timeout, period_us), .required = true,
		.help = "after this time a test is reported as slow"},
	{"terminate-after", CONFIG_INTEGER, FIELD(config_timeout, terminate_after),
		.min = 1, .max = 1000000,
		.help = "number of periods after which it is ended"},
	{"grace-period", CONFIG_DURATION, FIELD(config_timeout, grace_us),
		.help = "time between SIGTERM and SIGKILL"},
	{.name = NULL},
};

static const struct config_key settings_keys[] = {
	{"targets", CONFIG_STRINGS, FIELD(config_settings, targets),
		.help = "targets to build and test for, as for --target"},
	{"place", CONFIG_STRING, FIELD(config_settings, place),
		.help = "where target tests run, as for --on"},
	{"jobs", CONFIG_INTEGER, FIELD(config_settings, jobs), .min = 1, .max = 4096,
		.help = "tests that run at the same time"},
	{"timeout", CONFIG_TIMEOUT, FIELD(config_settings, timeout), .keys = timeout_keys,
		.help = "time a test may take"},
	{"fail-fast", CONFIG_FLAG, FIELD(config_settings, fail_fast),
		.help = "stop after the first failure"},
	{"default-filter", CONFIG_FILTER, FIELD(config_settings, default_filter),
		.context = FILTER_DEFAULT,
		.help = "filterset of the tests a plain run selects"},
	{"user", CONFIG_STRING, FIELD(config_settings, user),
		.help = "user that tests run as, as for --user"},
	{"fresh", CONFIG_WORD, FIELD(config_settings, fresh), .words = fresh_words,
		.help = "how often a machine is made anew: each run, suite or case"},
	{.name = NULL},
};

static const struct config_key profile_keys[] = {
	{"inherits", CONFIG_STRING, FIELD(config_profile, inherits),
		.help = "profile whose settings hold where this one has none"},
	{"", CONFIG_EMBED, FIELD(config_profile, settings), .keys = settings_keys},
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
	{"timeout", CONFIG_TIMEOUT, FIELD(config_override, timeout), .keys = timeout_keys,
		.help = "time a test may take"},
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

const struct config_key config_keys_top[] = {
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
	{"", CONFIG_EMBED, FIELD(config, settings), .keys = settings_keys},
	{"overrides", CONFIG_LIST, FIELD(config, overrides), .keys = override_keys,
		.size = sizeof(struct config_override),
		.help = "settings for some tests; the first that matches wins"},
	{"profiles", CONFIG_MAP, FIELD(config, profiles), .keys = profile_keys,
		.size = sizeof(struct config_profile), .help = "named sets of settings"},
	{"console", CONFIG_LIST, FIELD(config, console), .keys = console_keys,
		.size = sizeof(struct config_console),
		.help = "what a machine's console says when something is wrong"},
	{.name = NULL},
};

static void *at(const struct config_key *key, void *object)
{
	return (char *)object + key->offset;
}

void config_keys_init(const struct config_key *keys, void *object)
{
	for (; keys->name; keys++) {
		void *field = at(keys, object);

		switch (keys->type) {
		case CONFIG_FLAG:
		case CONFIG_WORD:
			*(int *)field = -1;
			break;
		case CONFIG_INTEGER:
		case CONFIG_DEPTH:
		case CONFIG_DURATION:
			*(int64_t *)field = CONFIG_UNSET;
			break;
		case CONFIG_TIMEOUT:
		case CONFIG_OBJECT:
		case CONFIG_EMBED:
			config_keys_init(keys->keys, field);
			break;
		default:
			break;
		}
	}
}

/* The lists of struct config have typed pointers, so they are copied, not cast. */
struct config_items config_keys_items(const struct config_key *key, const void *object)
{
	struct config_items items;

	memcpy(&items, (const char *)object + key->offset, sizeof(items));
	return items;
}

void config_keys_set_items(
	const struct config_key *key, void *object, struct config_items items)
{
	memcpy(at(key, object), &items, sizeof(items));
}

static void release_items(const struct config_key *key, void *object)
{
	struct config_items items = config_keys_items(key, object);

	for (size_t i = 0; i < items.len; i++) {
		char *item = (char *)items.v + i * key->size;

		if (key->type == CONFIG_COMMANDS) {
			strv_release((struct strv *)(void *)item);
			continue;
		}
		if (key->type == CONFIG_MAP)
			free(*(char **)(void *)item);
		config_keys_release(key->keys, item);
	}
	free(items.v);
}

void config_keys_release(const struct config_key *keys, void *object)
{
	for (; keys->name; keys++) {
		void *field = at(keys, object);

		switch (keys->type) {
		case CONFIG_STRING:
			free(*(char **)field);
			break;
		case CONFIG_FILTER:
			filter_free(*(struct filter **)field);
			break;
		case CONFIG_STRINGS:
		case CONFIG_COMMAND:
		case CONFIG_ENV:
			strv_release(field);
			break;
		case CONFIG_OBJECT:
		case CONFIG_EMBED:
			config_keys_release(keys->keys, field);
			break;
		case CONFIG_COMMANDS:
		case CONFIG_LIST:
		case CONFIG_MAP:
			release_items(keys, object);
			break;
		default:
			break;
		}
	}
}
