/* xtest merge: several runs, told as one. */
#include "cmd/runs.h"
#include "cmd/verb.h"
#include "engine/merge.h"

static const struct opt_group groups[] = {
	{"Project", runs_opts},
	{"Report", common_report_opts},
	{0},
};

static void send(void *ctx, const struct event *event)
{
	report_set_event(ctx, event);
}

static int tell(const struct common *c, struct recording *inputs,
	const struct strv *words, struct err *e)
{
	autorelease(strv) struct strv line = STRV_INIT;
	autofree char *command_line = NULL;
	struct emit emit = {.send = send, .ctx = runs_reports(c, e)};
	int code = -1;

	if (!emit.ctx)
		return -1;
	strv_push(&line, "xtest");
	strv_push(&line, "merge");
	strv_push_all(&line, words);
	command_line = strv_quote(&line);
	if (merge_tell(inputs, words->len, &emit, command_line, &code, e) < 0)
		code = -1;
	return runs_close_reports(emit.ctx, code, e);
}

static int merge_main(int argc, char **argv, struct err *e)
{
	struct common c;
	autorelease(strv) struct strv words = STRV_INIT;
	struct recording *inputs = NULL;
	int code = -1;

	common_defaults(&c);
	if (runs_parse(groups, argc, argv, &c, &words, e) == 0) {
		size_t n = 0;

		inputs = xcalloc(words.len, sizeof *inputs);
		while (n < words.len && runs_open(&inputs[n], &c, words.v[n], e) == 0)
			n++;
		if (words.len < 2)
			err_set(e, ERR_USAGE,
				"merge takes two runs or more: xtest merge [OPTION]… RUN "
				"RUN…");
		else if (n == words.len)
			code = tell(&c, inputs, &words, e);
		while (n > 0)
			recording_release(&inputs[--n]);
	}
	free(inputs);
	common_release(&c);
	return code;
}

const struct verb verb_merge = {
	.name = "merge",
	.usage = "[OPTION]… RUN RUN…",
	.summary = "Report several runs as one: shards, devices, reruns",
	.details =
		"RUN is as for replay. A case counts once for a target and place; "
		"results "
		"that contradict each other\n"
		"are told, and a failure holds. What --failed or --rerun found out holds "
		"against the run it went on\n"
		"from. The exit code is that of the whole.",
	.groups = groups,
	.run = merge_main,
};
