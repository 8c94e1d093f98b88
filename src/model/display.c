#include "model/display.h"

#include "model/event.h"

const char *const display_output_words[] = {
	"immediate", "immediate-final", "final", "never", NULL};
const char *const display_status_words[] = {
	"none", "fail", "retry", "slow", "leak", "pass", "skip", "all", NULL};
const char *const display_final_words[] = {
	"none", "fail", "flaky", "slow", "skip", "leak", "pass", "all", NULL};

/* A test that is skipped has run here, and said so itself. */
static const struct display by_default = {
	.success_output = DISPLAY_NEVER,
	.failure_output = DISPLAY_IMMEDIATE,
	.status_level = DISPLAY_STATUS_SKIP,
	.final_status_level = DISPLAY_FINAL_FLAKY,
};

int display_find(const char *const *words, const char *word)
{
	for (int i = 0; word && words[i]; i++)
		if (streq(words[i], word))
			return i + 1;
	return 0;
}

const char *display_word(const char *const *words, int value)
{
	return value > 0 ? words[value - 1] : NULL;
}

struct display display_merge(struct display first, struct display second)
{
	if (!first.success_output)
		first.success_output = second.success_output;
	if (!first.failure_output)
		first.failure_output = second.failure_output;
	if (!first.status_level)
		first.status_level = second.status_level;
	if (!first.final_status_level)
		first.final_status_level = second.final_status_level;
	return first;
}

/* That it was slow has been told when it was. */
static enum display_status status_of(const struct event *event)
{
	enum verdict v = event->item.judgement->verdict;

	if (event_is_retried(event))
		return DISPLAY_STATUS_RETRY;
	if (verdict_is_failure(v) || v == VERDICT_LOST)
		return DISPLAY_STATUS_FAIL;
	if (v == VERDICT_FLAKY || event->item.item->attempt > 1)
		return DISPLAY_STATUS_RETRY;
	if (v == VERDICT_LEAK)
		return DISPLAY_STATUS_LEAK;
	if (v == VERDICT_SKIP)
		return DISPLAY_STATUS_SKIP;
	return DISPLAY_STATUS_PASS;
}

static enum display_final final_of(const struct event *event, bool slow)
{
	switch (event->item.judgement->verdict) {
	case VERDICT_PASS:
		return slow ? DISPLAY_FINAL_SLOW : DISPLAY_FINAL_PASS;
	case VERDICT_SKIP:
		return DISPLAY_FINAL_SKIP;
	case VERDICT_LEAK:
		return DISPLAY_FINAL_LEAK;
	case VERDICT_FLAKY:
		return DISPLAY_FINAL_FLAKY;
	default:
		return DISPLAY_FINAL_FAIL;
	}
}

struct display_choice display_choose(const struct display *said,
	const struct display *of_run, const struct event *event, bool slow)
{
	const struct event_item *item = event->item.item;
	enum verdict v = event->item.judgement->verdict;
	struct display d = display_merge(*said,
		display_merge((struct display){.success_output = item->success_output,
				      .failure_output = item->failure_output},
			display_merge(*of_run, by_default)));
	bool bad = verdict_is_failure(v) || v == VERDICT_LOST;
	enum display_output output = bad ? d.failure_output : d.success_output;
	struct display_choice c = {
		.line = d.status_level >= status_of(event),
		.output =
			output == DISPLAY_IMMEDIATE || output == DISPLAY_IMMEDIATE_FINAL,
	};

	/* The last attempt is the one that counts; what came before it is told with its
	 * line or not at all. */
	if (event_is_retried(event)) {
		c.output = c.output && c.line;
		return c;
	}
	c.final_output = output == DISPLAY_FINAL || output == DISPLAY_IMMEDIATE_FINAL;
	c.final_line = d.final_status_level >= final_of(event, slow) || c.final_output;
	c.line = c.line || c.output;
	return c;
}

bool display_shows_slow(const struct display *said, const struct display *of_run)
{
	struct display d = display_merge(*said, display_merge(*of_run, by_default));

	return d.status_level >= DISPLAY_STATUS_SLOW;
}
