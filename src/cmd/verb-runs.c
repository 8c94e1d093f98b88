/* xtest runs: the records there are, and fewer of them. */
#include "cmd/runs.h"
#include "cmd/verb.h"
#include "engine/record.h"
#include "engine/run-summary.h"

#include <stdio.h>
#include <time.h>

struct runs_options {
	struct common c; /* first: the shared options are found in it */
	bool dry_run, all;
	const char *format;
};

#define O(member) offsetof(struct runs_options, member)

static const char *const formats[] = {"human", "json", NULL};

static const struct opt list_opts[] = {
	{"message-format", 'T', "FORMAT", formats, OPT_STRING, O(format),
		"human (default), json"},
	{"dry-run", 0, NULL, NULL, OPT_FLAG, O(dry_run),
		"prune: say what would be removed"},
	{"all", 0, NULL, NULL, OPT_FLAG, O(all), "prune: remove all runs"},
	{0},
};

static const struct opt_group groups[] = {
	{"Runs", list_opts},
	{"Project", runs_opts},
	{0},
};

/* ---- list */

static void append_time(struct buf *out, int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char text[32];
	struct tm tm;

	strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", localtime_r(&seconds, &tm));
	buf_append_str(out, text);
}

static void append_results(struct buf *out, const struct run_summary *s,
	const char *state_dir, const char *id)
{
	const struct event_counts *c = &s->counts;
	size_t bad = c->failed + c->timed_out + c->crashed;

	if (!s->ended) {
		buf_append_str(out, run_store_is_running(state_dir, id)
					    ? "going on"
					    : "killed before its end");
		return;
	}
	buf_printf(out, "exit %d, %.1fs, %zu passed", s->exit_code,
		(double)s->elapsed_ms / 1000, c->passed + c->flaky + c->leaked);
	if (bad)
		buf_printf(out, ", %zu failed", bad);
	if (c->skipped)
		buf_printf(out, ", %zu skipped", c->skipped);
	if (c->lost)
		buf_printf(out, ", %zu lost", c->lost);
	if (c->not_run)
		buf_printf(out, ", %zu not run", c->not_run);
}

static void print_human(const char *state_dir, const char *id, struct buf *out)
{
	autofree char *path = run_store_path(state_dir, id, "events.jsonl");
	struct run_summary s;
	struct err e = {0};

	buf_printf(out, "%s  ", id);
	if (run_summary_read(&s, path, &e) < 0) {
		buf_printf(out, "%s\n", e.msg);
		return;
	}
	append_time(out, s.wall_clock_ms);
	buf_append_str(out, "  ");
	append_results(out, &s, state_dir, id);
	buf_printf(out, "\n    %s\n", s.command_line);
	if (s.rerun_of)
		buf_printf(out, "    goes on from %s\n", s.rerun_of);
	run_summary_release(&s);
}

static void print_json(const char *state_dir, const char *id, struct jsonw *w)
{
	autofree char *path = run_store_path(state_dir, id, "events.jsonl");
	struct run_summary s;
	struct err e = {0};

	jsonw_open(w, NULL, '{');
	jsonw_string(w, "run", id);
	jsonw_string(w, "path", path);
	jsonw_int(w, "size_bytes", run_store_size(state_dir, id));
	if (run_summary_read(&s, path, &e) < 0) {
		jsonw_string(w, "fault", e.msg);
	} else {
		jsonw_int(w, "wall_clock_ms", s.wall_clock_ms);
		jsonw_string(w, "command_line", s.command_line);
		jsonw_string(w, "rerun_of", s.rerun_of);
		jsonw_bool(w, "ended", s.ended);
		if (s.ended) {
			jsonw_int(w, "elapsed_ms", s.elapsed_ms);
			jsonw_int(w, "exit_code", s.exit_code);
			jsonw_int(w, "total", (int64_t)s.counts.total);
			jsonw_int(w, "finished", (int64_t)s.counts.finished);
		}
		run_summary_release(&s);
	}
	jsonw_close(w, '}');
}

static int list(
	const struct runs_options *o, const struct project *project, struct err *e)
{
	autorelease(strv) struct strv ids = STRV_INIT;
	autorelease(buf) struct buf out = BUF_INIT;
	bool json = streq(o->format, "json");
	struct jsonw w;

	if (run_store_list(project->state_dir, &ids, e) < 0)
		return -1;
	jsonw_init(&w, &out);
	if (json)
		jsonw_open(&w, NULL, '[');
	for (size_t i = 0; i < ids.len; i++)
		if (json)
			print_json(project->state_dir, ids.v[i], &w);
		else
			print_human(project->state_dir, ids.v[i], &out);
	if (json)
		jsonw_close(&w, ']');
	if (json)
		buf_append_char(&out, '\n');
	if (!ids.len && !json)
		buf_append_str(&out, "no run is recorded here\n");
	fwrite(buf_str(&out), 1, out.len, stdout);
	return 0;
}

/* ---- prune */

static int prune(
	const struct runs_options *o, const struct project *project, struct err *e)
{
	struct run_store_limits limits = record_limits(project->config);
	autorelease(strv) struct strv removed = STRV_INIT;

	if (o->all)
		limits = (struct run_store_limits){0, -1, -1};
	if (run_store_prune(project->state_dir, &limits, o->dry_run, &removed, e) < 0)
		return -1;
	for (size_t i = 0; i < removed.len; i++)
		printf("%s %s\n", o->dry_run ? "would remove" : "removed", removed.v[i]);
	if (!removed.len)
		puts("nothing to remove");
	return 0;
}

static const char *const runs_words[] = {"list", "prune", NULL};

static int go(const struct runs_options *o, const struct strv *words, struct err *e)
{
	const char *what = words->len ? words->v[0] : "list";
	struct project project;
	int code = -1;

	if (words->len > 1 || (!streq(what, "list") && !streq(what, "prune")))
		return err_set(e, ERR_USAGE, "xtest runs takes list (default) or prune");
	if (streq(what, "list") && (o->dry_run || o->all))
		return err_set(
			e, ERR_USAGE, "--dry-run and --all are for xtest runs prune");
	if (project_open(&project, o->c.directory, e) < 0)
		return -1;
	code = streq(what, "list") ? list(o, &project, e) : prune(o, &project, e);
	project_release(&project);
	return code;
}

static int runs_main(int argc, char **argv, struct err *e)
{
	struct runs_options o = {.format = "human"};
	autorelease(strv) struct strv words = STRV_INIT;
	int code = -1;

	common_defaults(&o.c);
	if (common_parse(groups, argc, argv, &o, &words, NULL, e) == 0)
		code = go(&o, &words, e);
	common_release(&o.c);
	return code;
}

const struct verb verb_runs = {
	.name = "runs",
	.usage = "[list|prune] [OPTION]…",
	.summary = "List the recorded runs, or remove what is over the limits",
	.details = "Runs are recorded in .xtest/runs; `record` in xtest.json says how "
		   "many, how old and how large\n"
		   "they may get. Each run removes what is over the limits at its end.",
	.groups = groups,
	.words = runs_words,
	.run = runs_main,
};
