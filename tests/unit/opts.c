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

int main(void)
{
	autorelease(buf) struct buf help = BUF_INIT;

	test_good();
	test_bad();
	opts_print(groups, &help);
	ok(strstr(buf_str(&help), "  -n, --number N ") != NULL,
		"the help shows letter, name and value");
	ok(!strstr(buf_str(&help), "secret"), "and leaves out what has no help");
	return tap_done();
}
