#include "framework/framework.h"
#include "framework/plain.h"
#include "framework/tap-parse.h"

enum { EXIT_SKIP = 77 };

static int bid(const struct elf *elf)
{
	(void)elf;
	return 0; /* nothing in a program tells; the build system does */
}

static void judge_points(const struct outcome *o, const struct tap_parse *t,
	const char *status, struct judgement *j)
{
	bool skipped = t->skip_all || t->skipped == t->total;

	if (t->failed)
		judgement_set(
			j, VERDICT_FAIL, "%zu of %zu points failed", t->failed, t->total);
	else if (o->code && !(skipped && o->code == EXIT_SKIP))
		judgement_set(j, VERDICT_FAIL, "%s, though no point failed", status);
	else if (skipped)
		judgement_set(j, VERDICT_SKIP, "%s",
			t->skip_why ? t->skip_why
			: t->total  ? "every point is skipped"
				    : "no point to test");
	else
		j->verdict = VERDICT_PASS;
	/* An expected failure is expected in the points; a program that also exits with
	 * a failure is in error (Meson, Automake). */
	j->hard = o->code != 0 && j->verdict == VERDICT_FAIL;
}

static void judge(const struct suite *suite, const struct test_case *test,
	const struct outcome *o, struct judgement *j)
{
	autorelease(tap_parse) struct tap_parse t = {0};
	autofree char *status = outcome_describe(o);
	const char *fault;

	(void)test;
	tap_parse(o->out.data, o->out.len, 0, &t, j);
	fault = t.fault;
	/* Meson's harness does not ask for a plan; Automake's and prove do. */
	if (!fault && !t.has_plan && !streq_null(suite->adapter, "meson"))
		fault = t.total ? "no plan" : "no TAP on standard output";
	if (o->kind != END_EXIT && !(o->kind == END_SIGNAL && t.bailed_out)) {
		plain_judge_status(o, j);
	} else if (t.bailed_out) {
		j->hard = true;
		judgement_set(j, VERDICT_FAIL, "Bail out!%s%s", t.bail_why ? " " : "",
			t.bail_why ? t.bail_why : "");
	} else if (fault && t.failed) {
		j->hard = true;
		judgement_set(j, VERDICT_FAIL, "%zu of %zu points failed; %s", t.failed,
			t.total, fault);
	} else if (fault) {
		j->hard = true;
		judgement_set(j, VERDICT_FAIL, "%s%s%s", fault, o->code ? "; " : "",
			o->code ? status : "");
	} else {
		judge_points(o, &t, status, j);
	}
}

const struct framework framework_tap = {
	.name = "tap",
	.help = "Test Anything Protocol, versions 12 to 14, and KTAP",
	.bid = bid,
	.judge = judge,
};
