/* Which results are shown when, and where their output goes. */
#include "model/event.h"

#include "tests/tap.h"

static struct display_choice choose(
	enum verdict v, bool retried, bool slow, struct display said, struct display run)
{
	const struct event_item item = {
		.attempt = 1,
		.attempts = retried ? 2 : 1,
		.success_output = run.success_output,
		.failure_output = run.failure_output,
	};
	const struct outcome outcome = {0};
	const struct judgement judgement = {.verdict = v};
	const struct event event = {
		.type = EVENT_CASE_END,
		.item = {.item = &item, .outcome = &outcome, .judgement = &judgement},
	};

	return display_choose(&said, &run, &event, slow);
}

/* "line output final-line final-output", a dash for what is not. */
static char *describe(struct display_choice c)
{
	return xasprintf("%c%c%c%c", c.line ? 'l' : '-', c.output ? 'o' : '-',
		c.final_line ? 'L' : '-', c.final_output ? 'O' : '-');
}

static struct display of(
	const char *success, const char *failure, const char *status, const char *final)
{
	return (struct display){
		(enum display_output)display_find(display_output_words, success),
		(enum display_output)display_find(display_output_words, failure),
		(enum display_status)display_find(display_status_words, status),
		(enum display_final)display_find(display_final_words, final),
	};
}

enum { PASS, SLOW, SKIP, LEAK, FLAKY, RETRY, FAIL, LOST, N_RESULTS };

static const struct {
	enum verdict verdict;
	bool retried, slow;
} results[N_RESULTS] = {
	[PASS] = {VERDICT_PASS, false, false},
	[SLOW] = {VERDICT_PASS, false, true},
	[SKIP] = {VERDICT_SKIP, false, false},
	[LEAK] = {VERDICT_LEAK, false, false},
	[FLAKY] = {VERDICT_FLAKY, false, false},
	[RETRY] = {VERDICT_FAIL, true, false},
	[FAIL] = {VERDICT_TIMEOUT, false, true},
	[LOST] = {VERDICT_LOST, false, false},
};

/* The rows are what cargo-nextest does, but that here output never stands without its
 * line, and that what skips itself has run. */
static void test_choices(void)
{
	static const struct {
		const char *success, *failure, *status, *final;
		const char *want[N_RESULTS];
	} table[] = {
		/*                  pass    slow    skip    leak   flaky   retry   fail
		   lost */
		{NULL, NULL, NULL, NULL,
			{"l---", "l---", "l---", "l---", "l-L-", "lo--", "loL-", "loL-"}},
		{NULL, NULL, "none", "none",
			{"----", "----", "----", "----", "----", "----", "lo--", "lo--"}},
		{NULL, "never", "none", "none",
			{"----", "----", "----", "----", "----", "----", "----", "----"}},
		{NULL, "never", "fail", "fail",
			{"----", "----", "----", "----", "----", "----", "l-L-", "l-L-"}},
		{NULL, "never", "retry", "flaky",
			{"----", "----", "----", "----", "l-L-", "l---", "l-L-", "l-L-"}},
		{NULL, "never", "slow", "slow",
			{"----", "--L-", "----", "----", "l-L-", "l---", "l-L-", "l-L-"}},
		{NULL, "never", "leak", "skip",
			{"----", "--L-", "--L-", "l---", "l-L-", "l---", "l-L-", "l-L-"}},
		{NULL, "never", "pass", "leak",
			{"l---", "l-L-", "--L-", "l-L-", "l-L-", "l---", "l-L-", "l-L-"}},
		{NULL, "never", "skip", "pass",
			{"l-L-", "l-L-", "l-L-", "l-L-", "l-L-", "l---", "l-L-", "l-L-"}},
		{NULL, "never", "all", "all",
			{"l-L-", "l-L-", "l-L-", "l-L-", "l-L-", "l---", "l-L-", "l-L-"}},
		{"immediate", "final", "fail", "none",
			{"lo--", "lo--", "lo--", "lo--", "lo--", "----", "l-LO", "l-LO"}},
		{"final", "immediate-final", "none", "none",
			{"--LO", "--LO", "--LO", "--LO", "--LO", "----", "loLO", "loLO"}},
	};
	static const char *const names[] = {
		"pass", "slow", "skip", "leak", "flaky", "retry", "fail", "lost"};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		for (size_t k = 0; k < N_RESULTS; k++) {
			struct display d = of(table[i].success, table[i].failure,
				table[i].status, table[i].final);
			autofree char *got =
				describe(choose(results[k].verdict, results[k].retried,
					results[k].slow, d, (struct display){0}));
			autofree char *same =
				describe(choose(results[k].verdict, results[k].retried,
					results[k].slow, (struct display){0}, d));

			autofree char *name = xasprintf("row %zu, %s", i, names[k]);

			is_str(got, table[i].want[k], name);
			is_str(same, table[i].want[k], "the same by the configuration");
		}
}

static void test_command_line_first(void)
{
	struct display_choice c = choose(VERDICT_FAIL, false, false,
		of(NULL, "final", NULL, "none"), of("immediate", "never", "none", "all"));
	autofree char *got = describe(c);

	is_str(got, "--LO", "what the command line leaves open, the configuration says");
}

static void test_words(void)
{
	is_int(display_find(display_output_words, "immediate-final"),
		DISPLAY_IMMEDIATE_FINAL, "immediate-final");
	is_int(display_find(display_output_words, "never"), DISPLAY_NEVER, "never");
	is_int(display_find(display_status_words, "all"), DISPLAY_STATUS_ALL, "all");
	is_int(display_find(display_final_words, "all"), DISPLAY_FINAL_ALL, "all");
	is_int(display_find(display_final_words, "retry"), 0, "no word of its own");
	is_str(display_word(display_status_words, DISPLAY_STATUS_RETRY), "retry", "back");
	is_str(display_word(display_status_words, 0), NULL, "none of nothing");
}

int main(void)
{
	test_choices();
	test_command_line_first();
	test_words();
	return tap_done();
}
