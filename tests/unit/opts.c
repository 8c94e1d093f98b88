#include "cmd/opts.h"

#include "tests/tap.h"

struct values {
	bool flag, off;
	unsigned count, number;
	int level;
	const char *text, *choice;
	struct strv list;
	int64_t time_ms;
};

#define O(member) offsetof(struct values, member)

static const char *const colours[] = {"red", "green", NULL};

static const struct opt opts[] = {
	{"flag", 'f', NULL, NULL, OPT_FLAG, O(flag), "a flag"},
	{"no-off", 0, NULL, NULL, OPT_NO_FLAG, O(off), "turns off"},
	{"verbose", 'v', NULL, NULL, OPT_COUNT, O(count), "says more"},
	{"number", 'n', "N", NULL, OPT_UNSIGNED, O(number), "a number"},
	{"level", 0, "N", NULL, OPT_INT, O(level), "may be negative"},
	{"text", 0, "TEXT", NULL, OPT_STRING, O(text), "a text"},
	{"colour", 0, "WHICH", colours, OPT_STRING, O(choice), "a choice"},
	{"list", 'l', "ITEM", NULL, OPT_LIST, O(list), "several"},
	{"time", 0, "TIME", NULL, OPT_DURATION, O(time_ms), "a duration"},
	{"secret", 0, NULL, NULL, OPT_FLAG, O(flag), NULL},
	{0},
};

static const struct opt_group groups[] = {{"Options", opts}, {0}};

/* argv of up to 15 words from one text. */
static int parse(const char *text, struct values *v, struct strv *words,
	struct strv *rest, struct err *e)
{
	autorelease(strv) struct strv argv = STRV_INIT;
	static char kept[32][64];
	char *pointers[33];
	size_t n = 0;

	*v = (struct values){.off = true};
	strv_split(&argv, text, " ");
	for (; n < argv.len && n < 32; n++) {
		snprintf(kept[n], sizeof kept[n], "%s", argv.v[n]);
		pointers[n] = kept[n];
	}
	return opts_parse(groups, (int)n, pointers, v, words, rest, e);
}

static void test_good(void)
{
	struct values v;
	autorelease(strv) struct strv words = STRV_INIT, rest = STRV_INIT;
	autofree char *joined = NULL, *after = NULL;
	struct err e = {0};

	is_int(parse("verb -fvv word --number=4 --level -3 --no-off --text x --colour "
		     "green -la -l b --time 1m30s last -- --rest",
		       &v, &words, &rest, &e),
		0, "every kind of option");
	ok(v.flag && !v.off && v.count == 2 && v.number == 4 && v.level == -3,
		"flags, counts and numbers");
	is_str(v.text, "x", "a text");
	is_str(v.choice, "green", "a choice");
	is_int((long long)v.list.len, 2, "a list");
	is_int(v.time_ms, 90000, "a duration in milliseconds");
	joined = strv_join(&words, " ");
	is_str(joined, "word last", "words between options");
	after = strv_join(&rest, " ");
	is_str(after, "--rest", "what follows -- is not read");
	strv_release(&v.list);
}

static void test_bad(void)
{
	static const struct {
		const char *line, *error;
	} table[] = {
		{"v --nmber 4", "there is no option --nmber; did you mean --number?"},
		{"v --zzzzzzzz", "there is no option --zzzzzzzz"},
		{"v -x", "there is no option -x (in \"-x\")"},
		{"v --number", "--number needs a value: --number N"},
		{"v -n", "-n needs a value: -n N"},
		{"v --number=-1", "--number takes a whole number from 0 on, not \"-1\""},
		{"v --number=4x", "--number takes a whole number from 0 on, not \"4x\""},
		{"v --colour=blue", "--colour takes one of: red, green; not \"blue\""},
		{"v --flag=yes", "--flag takes no value"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autorelease(strv) struct strv words = STRV_INIT;
		struct values v;
		struct err e = {0};

		is_int(parse(table[i].line, &v, &words, NULL, &e), -1, table[i].line);
		is_str(e.msg, table[i].error, "is told");
		is_int(e.kind, ERR_USAGE, "as a mistake in usage");
	}
}

/* Variables stand behind the command line. */
static void test_environment(void)
{
	static const struct opt_variable variables[] = {
		{"flag", "T_FLAG", 1},
		{"no-off", "T_NO_OFF", 1},
		{"verbose", "T_VERBOSE", 0},
		{"number", "T_NUMBER", 0},
		{"list", "T_LIST", 0},
		{"colour", "T_COLOUR", 0},
		{"time", "T_TIME", 0},
		{"not-here", "T_NOT_HERE", 0},
		{0},
	};
	static const struct {
		const char *name, *variable, *value, *line, *option;
		unsigned number;
		bool flag;
		const char *origin, *error;
	} table[] = {
		{"a number", "T_NUMBER", "7", "v", "number", 7, false, "T_NUMBER", NULL},
		{"behind the command line", "T_NUMBER", "7", "v -fn4 x", "number", 4,
			true, "--number", NULL},
		{"empty is not there", "T_NUMBER", "", "v", "number", 0, false, NULL,
			NULL},
		{"a wrong number", "T_NUMBER", "x", "v", "number", 0, false, "T_NUMBER",
			"environment variable T_NUMBER: --number takes a whole number "
			"from 0 on, not \"x\""},
		{"a flag", "T_FLAG", "true", "v", "flag", 0, true, "T_FLAG", NULL},
		{"a flag that is off", "T_FLAG", "0", "v", "flag", 0, false, "T_FLAG",
			NULL},
		{"a wrong flag", "T_FLAG", "yes", "v", "flag", 0, false, "T_FLAG",
			"environment variable T_FLAG: true or false is expected, not "
			"\"yes\""},
		{"one of the family was given", "T_FLAG", "1", "v --no-off", "flag", 0,
			false, NULL, NULL},
		{"what follows -- is no option", "T_NUMBER", "7", "v -- -n4", "number", 7,
			false, "T_NUMBER", NULL},
		{"a wrong choice", "T_COLOUR", "blue", "v", "colour", 0, false,
			"T_COLOUR",
			"environment variable T_COLOUR: --colour takes one of: red, "
			"green; not \"blue\""},
		{"an option of another verb", "T_NOT_HERE", "1", "v", "not-here", 0,
			false, NULL, NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autorelease(strv) struct strv argv = STRV_INIT, words = STRV_INIT;
		struct values v = {0};
		struct err e = {0};
		char buffer[64];
		int argc, status;

		strv_split(&argv, table[i].line, " ");
		argc = (int)argv.len;
		setenv(table[i].variable, table[i].value, 1);
		status = opts_parse(groups, argc, argv.v, &v, &words, NULL, &e);
		if (status == 0)
			status = opts_read_environment(
				groups, variables, argc, argv.v, &v, &e);
		is_int(status, table[i].error ? -1 : 0, table[i].name);
		is_str(e.msg, table[i].error ? table[i].error : "", "its message");
		ok(v.number == table[i].number && v.flag == table[i].flag, "its value");
		is_str(opts_origin(
			       groups, variables, argc, argv.v, table[i].option, buffer),
			table[i].origin, "where it came from");
		unsetenv(table[i].variable);
		strv_release(&v.list);
	}
}

static void test_values(void)
{
	static const char *const want[][2] = {{"flag", "true"}, {"verbose", "2"},
		{"number", "4"}, {"text", "x"}, {"list", "a,b"}, {"time", "1m 30s"},
		{"level", "-3"}};
	autorelease(strv) struct strv words = STRV_INIT;
	struct values v;
	struct err e = {0};

	is_int(parse("v -fvv -n4 --text x -la -l b --time 90s --level -3", &v, &words,
		       NULL, &e),
		0, "values");
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		autorelease(buf) struct buf out = BUF_INIT;

		opts_print_value(groups, &v, want[i][0], &out);
		is_str(buf_str(&out), want[i][1], want[i][0]);
	}
	strv_release(&v.list);
}

int main(void)
{
	autorelease(buf) struct buf help = BUF_INIT;

	test_good();
	test_bad();
	test_environment();
	test_values();
	opts_print(groups, &help);
	ok(strstr(buf_str(&help), "  -n, --number N ") != NULL,
		"the help shows letter, name and value");
	ok(!strstr(buf_str(&help), "secret"), "and leaves out what has no help");
	return tap_done();
}
