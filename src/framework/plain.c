#include "framework/plain.h"

#include "framework/framework.h"

enum { EXIT_SKIP = 77, EXIT_HARD_ERROR = 99 };

void plain_judge_status(const struct outcome *o, struct judgement *j)
{
	autofree char *how = outcome_describe(o);
	const char *name;

	switch (o->kind) {
	case END_EXIT:
		/* A shell that saw its child die tells so in its own status. */
		name = o->code > 128 ? sigabbrev_np(o->code - 128) : NULL;
		if (o->code == 0)
			j->verdict = VERDICT_PASS;
		else if (name)
			judgement_set(j, VERDICT_FAIL, "%s (128 + SIG%s)", how, name);
		else
			judgement_set(j, VERDICT_FAIL, "%s", how);
		return;
	case END_SIGNAL:
	case END_MACHINE:
		judgement_set(j, VERDICT_CRASH, "%s", how);
		return;
	case END_TIMEOUT:
		judgement_set(j, VERDICT_TIMEOUT, "%s", how);
		return;
	case END_NOT_STARTED: /* nothing of the test ever ran: it has no verdict */
	case END_LOST:
		break;
	}
	judgement_set(j, VERDICT_LOST, "%s", how);
}

void plain_judge_exit(const struct outcome *o, struct judgement *j)
{
	plain_judge_status(o, j);
	if (o->kind != END_EXIT)
		return;
	if (o->code == EXIT_SKIP)
		judgement_set(j, VERDICT_SKIP, "exit status %d", EXIT_SKIP);
	if (o->code == EXIT_HARD_ERROR) {
		j->hard = true;
		judgement_set(
			j, VERDICT_FAIL, "hard error (exit status %d)", EXIT_HARD_ERROR);
	}
}

static int bid(const struct elf *elf)
{
	(void)elf;
	return 1;
}

static void judge(const struct suite *suite, const struct test_case *test,
	const struct outcome *o, struct judgement *j)
{
	(void)suite;
	(void)test;
	plain_judge_exit(o, j);
}

const struct framework framework_plain = {
	.name = "plain",
	.help = "exit status: 0 passes, 77 skips, 99 is a hard error",
	.bid = bid,
	.judge = judge,
};
