#include "framework/evidence.h"
#include "framework/framework.h"
#include "framework/listing.h"
#include "framework/plain.h"

/* doctest: https://github.com/doctest/doctest/blob/master/doc/markdown/commandline.md */

static int bid(const struct elf *elf)
{
	static const struct evidence evidence = {
		.symbol = {"N7doctest7Context"},
		.text = {{"listing all test ", "case names"}, {"[doct", "est] "}},
	};

	return evidence_bid(elf, &evidence);
}

static void list_argv(const struct suite *s, struct strv *argv)
{
	(void)s;
	strv_push(argv, "--list-test-cases");
	strv_push(argv, "--no-colors=true");
}

static void ignored_argv(const struct suite *s, struct strv *argv)
{
	list_argv(s, argv);
	strv_push(argv, "--no-skip=true");
}

static bool is_rule(const char *line)
{
	return strlen(line) >= 20 && line[strspn(line, "=")] == '\0';
}

/* Names stand between two rules; below them doctest says how many there are. Returns
 * that, 0 when it does not. */
static size_t read_names(const char *out, size_t len, struct strv *names)
{
	static const char count[] = "[doctest] unskipped test cases passing the current "
				    "filters: ";
	enum { BEFORE, HEADED, INSIDE, BEHIND } where = BEFORE;
	const char *raw;
	size_t pos = 0, size;

	while (buf_next_line(out, len, &pos, &raw, &size)) {
		autofree char *line = listing_clean(raw, size);

		if (starts_with(line, "[doctest] listing all test case"))
			where = HEADED;
		else if (where != BEFORE && is_rule(line))
			where = where == HEADED ? INSIDE : BEHIND;
		else if (where == INSIDE && *line)
			strv_push(names, line);
		else if (where == BEHIND && starts_with(line, count))
			return strtoul(line + strlen(count), NULL, 10);
	}
	return 0;
}

static int parse_list(
	struct suite *s, const char *out, size_t len, int exit_status, struct err *e)
{
	autorelease(strv) struct strv names = STRV_INIT;
	size_t expected = read_names(out, len, &names);

	(void)exit_status;
	(void)e;
	for (size_t i = 0; i < names.len; i++)
		suite_add_case(s, names.v[i]);
	listing_finish(s, expected);
	return 0;
}

/* The second listing has everything: what the first has not is marked skip(). */
static void parse_ignored(struct suite *s, const char *out, size_t len, int exit_status)
{
	autorelease(strv) struct strv names = STRV_INIT;

	(void)exit_status;
	read_names(out, len, &names);
	listing_add_ignored(s, &names, false);
}

static void case_argv(
	const struct suite *s, const struct test_case *test, struct strv *argv)
{
	autofree char *filter = xstrdup(test->name);

	(void)s;
	if (!*filter)
		return;
	/* A comma separates filters and a backslash escapes it in some versions only; '?'
	 * is any one character in all of them. */
	for (char *c = filter; *c; c++)
		if (*c == ',' || *c == '\\')
			*c = '?';
	strv_pushf(argv, "--test-case=%s", filter);
	strv_push(argv, "--case-sensitive=true");
	if (test->ignored)
		strv_push(argv, "--no-skip=true");
}

static void judge(const struct suite *s, const struct test_case *test,
	const struct outcome *o, struct judgement *j)
{
	static const char nothing[] = "[doctest] test cases: 0 |";

	(void)s;
	plain_judge_exit(o, j);
	if (j->verdict == VERDICT_PASS && test && *test->name && o->out.len &&
		memmem(o->out.data, o->out.len, nothing, strlen(nothing))) {
		j->hard = true;
		judgement_set(j, VERDICT_FAIL, "the program has no such test");
	}
}

const struct framework framework_doctest = {
	.name = "doctest",
	.help = "doctest",
	.bid = bid,
	.list_argv = list_argv,
	.parse_list = parse_list,
	.ignored_argv = ignored_argv,
	.parse_ignored = parse_ignored,
	.case_argv = case_argv,
	.judge = judge,
};
