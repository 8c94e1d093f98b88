#include "framework/bracket.h"
#include "framework/evidence.h"
#include "framework/framework.h"
#include "framework/plain.h"
#include "framework/tap-parse.h"

/* cmocka cannot list its tests: the program is one case, its tests are points. It exits
 * with the number of tests that failed. */

static int bid(const struct elf *elf)
{
	static const struct evidence evidence = {
		.symbol = {"cmocka_run_group_tests"},
		.text = {{"CMOCKA_MESSAGE_", "OUTPUT"}, {"CMOCKA_XML_", "FILE"}},
	};

	return evidence_bid(elf, &evidence);
}

static void judge(const struct suite *s, const struct test_case *test,
	const struct outcome *o, struct judgement *j)
{
	autorelease(tap_parse) struct tap_parse t = {0};
	struct bracket b = {0};

	(void)s;
	(void)test;
	bracket_parse(o->out.data, o->out.len, &b, j);
	/* Messages of a test go to stderr while the results go to stdout, or everything
	 * to stderr, by version. */
	if (!b.total)
		bracket_parse(o->err.data, o->err.len, &b, j);
	if (!b.total) {
		/* CMOCKA_MESSAGE_OUTPUT=TAP; a group has a stream of its own, so a second
		 * plan is no fault here. */
		tap_parse(o->out.data, o->out.len, TAP_PARSE_CMOCKA, &t, j);
		b = (struct bracket){t.total, t.failed, t.skipped, false};
	}
	/* So 77 or 99 failed tests are just that. */
	plain_judge_status(o, j);
	if (j->verdict == VERDICT_FAIL && o->kind == END_EXIT && b.failed)
		judgement_set(
			j, VERDICT_FAIL, "%zu of %zu tests failed", b.failed, b.total);
	else if (j->verdict == VERDICT_FAIL && o->code == 77 && !b.total)
		judgement_set(j, VERDICT_SKIP, "exit status 77");
}

const struct framework framework_cmocka = {
	.name = "cmocka",
	.help = "cmocka: one case, its tests as points",
	.bid = bid,
	.judge = judge,
};
