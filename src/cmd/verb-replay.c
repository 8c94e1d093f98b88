/* xtest replay: a recorded run, told again. */
#include "cmd/runs.h"
#include "cmd/verb.h"

struct replay_options {
	struct common c; /* first: the shared options are found in it */
	bool exit_code;
};

static const struct opt replay_opts[] = {
	{"exit-code", 0, NULL, NULL, OPT_FLAG, offsetof(struct replay_options, exit_code),
		"end with the exit code of the run"},
	{0},
};

static const struct opt_group groups[] = {
	{"Replay", replay_opts},
	{"Project", runs_opts},
	{"Report", common_report_opts},
	{0},
};

static void send(void *ctx, const struct event *event)
{
	report_set_event(ctx, event);
}

static int go(const struct replay_options *o, const char *word, struct err *e)
{
	struct recording r = {0};
	struct report_set *reports = NULL;
	struct jsonl_seen seen;
	int code = -1;

	if (runs_open(&r, &o->c, word, e) == 0 && (reports = runs_reports(&o->c, e))) {
		if (recording_tell(&r, send, reports, &seen, &code, e) < 0)
			code = -1;
		code = runs_close_reports(reports, code, e);
	}
	recording_release(&r);
	return code < 0 || o->exit_code ? code : 0;
}

static int replay_main(int argc, char **argv, struct err *e)
{
	struct replay_options o = {0};
	autorelease(strv) struct strv words = STRV_INIT;
	int code = -1;

	common_defaults(&o.c);
	if (runs_parse(groups, argc, argv, &o, &words, e) == 0) {
		if (words.len <= 1)
			code = go(&o, words.len ? words.v[0] : "latest", e);
		else
			err_set(e, ERR_USAGE,
				"replay takes one run: xtest replay [OPTION]… [RUN]");
	}
	common_release(&o.c);
	return code;
}

const struct verb verb_replay = {
	.name = "replay",
	.usage = "[OPTION]… [RUN]",
	.summary = "Report a recorded run once more, with any report",
	.details = "RUN is `latest` (default), -2 for the one before it, an id as `xtest "
		   "runs` lists them or the beginning\n"
		   "of one, or a file of JSON lines (a name with a slash or a dot).",
	.groups = groups,
	.run = replay_main,
};
