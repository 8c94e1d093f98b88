#include "framework/evidence.h"
#include "framework/framework.h"
#include "framework/listing.h"
#include "framework/plain.h"

/* Check cannot list its tests: the program is one case, its tests are points. */

static int bid(const struct elf *elf)
{
	static const struct evidence evidence = {
		.symbol = {"srunner_run"},
		.text = {{"CK_RUN_", "SUITE"}, {"CK_VERBOSITY", ""}},
	};

	return evidence_bid(elf, &evidence);
}

/* Without it only failures are named. Programs that choose their own verbosity ignore
 * it. */
static void case_env(
	const struct suite *s, const struct test_case *test, struct strv *env)
{
	(void)test;
	if (!strv_env_find(&s->env, "CK_VERBOSITY") && !s->pass_regex.len &&
		!s->fail_regex.len && !s->skip_regex.len)
		strv_env_set(env, "CK_VERBOSITY", "verbose");
}

/* "file.c:4:F:case:test:0: message"; the caller's pieces, or false. */
static bool read_result(char *line, char *kind, char **name, const char **message)
{
	static const char *const kinds[] = {":P:", ":F:", ":E:", ":S:"};
	char *mark = NULL, *test, *index, *text;

	for (size_t i = 0; i < ARRAY_LEN(kinds) && !mark; i++)
		mark = strstr(line, kinds[i]);
	if (!mark || mark == line || strspn(mark - 1, "0123456789") != 1)
		return false;
	test = strchr(mark + 3, ':');
	index = test ? strchr(test + 1, ':') : NULL;
	text = index ? strstr(index + 1, ": ") : NULL;
	if (!text || strspn(index + 1, "-0123456789") != (size_t)(text - index - 1))
		return false;
	*kind = mark[1];
	*test = *index = *text = '\0';
	*name = streq(index + 1, "0")
			? xasprintf("%s:%s", mark + 3, test + 1)
			: xasprintf("%s:%s:%s", mark + 3, test + 1, index + 1);
	*message = text + 2;
	return true;
}

static void judge(const struct suite *s, const struct test_case *test,
	const struct outcome *o, struct judgement *j)
{
	const char *raw, *message = NULL;
	size_t pos = 0, size, failed = 0;

	(void)s;
	(void)test;
	while (buf_next_line(o->out.data, o->out.len, &pos, &raw, &size)) {
		autofree char *line = listing_clean(raw, size), *name = NULL;
		char kind;

		if (!read_result(line, &kind, &name, &message))
			continue;
		failed += kind == 'F' || kind == 'E';
		judgement_add_point(j, name,
			kind == 'P'   ? VERDICT_PASS
			: kind == 'S' ? VERDICT_SKIP
				      : VERDICT_FAIL,
			kind == 'P' ? NULL : message);
	}
	plain_judge_exit(o, j);
	if (j->verdict == VERDICT_FAIL && o->kind == END_EXIT && failed)
		judgement_set(j, VERDICT_FAIL, "%zu of its tests failed", failed);
}

const struct framework framework_check = {
	.name = "check",
	.help = "Check: one case, its tests as points",
	.bid = bid,
	.case_env = case_env,
	.judge = judge,
};
