#include "cmd/topic.h"

#include "base/err.h"
#include "cmd/common.h"
#include "filter/filter.h"
#include "model/config.h"

static void print_filterset(struct buf *out)
{
	buf_append_str(out,
		"A filterset is an expression that selects tests: xtest -E "
		"'package(json) & not test(/slow/)'.\n\n"
		"Predicates, and the matcher an argument without a prefix has:\n");
	filter_print_predicates(out);
	buf_append_str(out,
		"\nMatchers:\n"
		"  =TEXT          equal to TEXT\n"
		"  ~TEXT          contains TEXT\n"
		"  #GLOB          matches the glob: * ? [a-z] {a,b}\n"
		"  /REGEX/        matches the regular expression somewhere\n"
		"\nOperators, the strongest first:\n"
		"  ( … )          groups\n"
		"  not, !         negation\n"
		"  and, &, -      both; - is `and not`\n"
		"  or, |, +       either\n"
		"\nIn TEXT and GLOB a backslash stands before ) , and \\ that are meant "
		"as they are; \\n, \\r, \\t,\n"
		"\\/ and \\u{1F600} are characters, and [*] is a star in a GLOB. In a "
		"REGEX "
		"it stands before /.\n\n"
		"A faulty expression, and one that names what is not there, ends with "
		"exit code 94.\n"
		"Several -E are a union; names after the options narrow it down. "
		"`xtest debug parse-filterset EXPR`\n"
		"shows how an expression is read. More: man 7 xtest-filter.\n");
}

static void print_config(struct buf *out)
{
	buf_append_str(out,
		"xtest.json in the project's directory is JSON with comments and "
		"trailing commas. Without it, xtest\n"
		"works too. Keys, with what they hold:\n\n");
	config_help_print(out);
	buf_append_str(out,
		"\nThe command line comes before the environment, then the overrides, "
		"the profile (--profile), the top\n"
		"level, your own configuration (~/.config/xtest/config.json), the "
		"default. `xtest show-config` says\n"
		"what holds and why. Your own configuration has these keys:\n\n");
	config_help_print_user(out);
	buf_append_str(out, "\n`xtest help schema` prints the JSON Schema. More: man 5 "
			    "xtest.json.\n");
}

static void print_environment(struct buf *out)
{
	buf_append_str(out,
		"Variables of the environment say the same as options and come behind "
		"the command line, before\n"
		"xtest.json. Of a list with commas, of a flag true or false:\n\n");
	for (const struct opt_variable *v = common_variables; v->option; v++)
		buf_printf(out, "  %-20s --%s\n", v->name, v->option);
	buf_append_str(out, "\n`xtest show-config` says where each value came from. "
			    "More: man xtest.\n");
}

static void print_exit_codes(struct buf *out)
{
	static const struct {
		enum err_kind kind;
		const char *meaning;
	} codes[] = {
		{ERR_NONE, "all selected tests passed"},
		{ERR_USAGE, "the command line is wrong"},
		{ERR_NO_TESTS, "no test was selected"},
		{ERR_OUTSTANDING,
			"a rerun: its tests passed, others of the runs before did not"},
		{ERR_VERSION, "another version of xtest is required"},
		{ERR_FILTER, "a filterset is wrong"},
		{ERR_FEATURE, "a feature is off or not built in"},
		{ERR_SETUP, "set-up, configuration, or a bad archive"},
		{ERR_TESTS_FAILED, "tests failed, or the run was cancelled"},
		{ERR_BUILD, "the build failed"},
		{ERR_METADATA, "the build system's answer was not understood"},
		{ERR_ARCHIVE, "an archive could not be written"},
		{ERR_LIST, "a program could not list its cases"},
		{ERR_SCRIPT, "a set-up or tear-down script failed"},
		{ERR_INFRA, "infrastructure: some test has no verdict"},
		{ERR_OUTPUT, "a report could not be written"},
	};

	buf_append_str(out, "Your failing test and a failing machine never share a "
			    "code.\n\n");
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		buf_printf(out, "  %3d  %s\n", (int)codes[i].kind, codes[i].meaning);
	buf_append_str(out, "\nA run with failures and with tests that have no verdict "
			    "ends with 107.\n"
			    "`xtest exec` ends as the program it runs.\n");
}

const struct topic topic_table[] = {
	{"filterset", "The language of -E, which selects tests", print_filterset},
	{"config", "Every key of xtest.json", print_config},
	{"schema", "The JSON Schema of xtest.json", config_schema_print},
	{"schema-user", "The JSON Schema of your own configuration",
		config_schema_print_user},
	{"environment", "The variables that stand for options", print_environment},
	{"exit-codes", "What each exit code means", print_exit_codes},
	{NULL, NULL, NULL},
};

const struct topic *topic_find(const char *name)
{
	for (const struct topic *t = topic_table; t->name; t++)
		if (streq(t->name, name))
			return t;
	for (const struct topic *t = topic_table; strlen(name) > 3 && t->name; t++)
		if (starts_with(t->name, name))
			return t;
	return NULL;
}
