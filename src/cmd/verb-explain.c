/* xtest explain: why a case runs or does not, and by which rule. */
#include "cmd/runs.h"
#include "cmd/verb.h"
#include "engine/preflight.h"
#include "engine/rerun.h"
#include "engine/run-store.h"
#include "model/config-show.h"
#include "model/history.h"
#include "model/quarantine.h"

#include <stdio.h>

enum { SHOWN = 50, RUNS_LOOKED_AT = 20 };

static const struct opt_group groups[] = {
	{"Build", common_build_opts},
	{"Tests", common_filter_opts},
	{"Archive", common_archive_opts},
	{"Earlier runs", common_rerun_opts},
	{"Cargo", common_cargo_opts},
	{0},
};

/* One invocation. */
struct explain {
	struct common c;
	struct common_session session;
	struct filter_set filter; /* what a run would select */
	struct plan plan;
	struct rerun *rerun;
	char *rerun_of; /* NULL: no rerun */
	const char *name;
	struct buf out;
	size_t told, more;
};

/* ---- which cases are meant */

static bool is_exactly(const char *name, const struct suite *suite, const char *test)
{
	autofree char *id = xasprintf("%s %s", suite->id, test);

	return streq(name, suite->id) || streq(name, suite->name) ||
	       (*test && (streq(name, test) || streq(name, id)));
}

static bool contains(const char *name, const struct suite *suite, const char *test)
{
	autofree char *id = xasprintf("%s %s", suite->id, test);

	return strstr(id, name) != NULL;
}

static bool is_meant(
	const struct explain *x, const struct suite *suite, const char *test, bool exact)
{
	return (exact ? is_exactly : contains)(x->name, suite, test);
}

/* ---- why */

struct origin {
	const char *key;
	struct buf text;
};

static void find_origin(void *ctx, const struct config_shown *shown)
{
	struct origin *o = ctx;

	if (streq(shown->key, o->key) && shown->value)
		buf_printf(&o->text, " (%s:%u:%u: %s)", shown->file, shown->line,
			shown->column, shown->value);
}

static void append_default_filter(struct explain *x)
{
	struct origin o = {.key = "default-filter"};
	struct err ignored;

	if (config_show_settings(x->session.project.config, x->c.profile, find_origin, &o,
		    &ignored) < 0)
		buf_clear(&o.text);
	buf_printf(&x->out, "does not run: the default filter leaves it out%s",
		buf_str(&o.text));
	buf_release(&o.text);
}

static void append_filter(
	struct explain *x, enum filter_set_reason reason, const struct filter_subject *s)
{
	struct filter_set named = x->filter;
	enum filter_set_reason why = FILTER_SET_MATCHES;
	struct err ignored;

	if (reason == FILTER_SET_EXPRESSION) {
		buf_append_str(&x->out, "does not run: no -E matches it");
		return;
	}
	if (reason == FILTER_SET_DEFAULT) {
		append_default_filter(x);
		return;
	}
	/* By names alone: is it not named, or is it skipped? */
	named.skips = (struct strv)STRV_INIT;
	if (filter_set_case(&named, s, &why, &ignored) == FILTER_NO &&
		why == FILTER_SET_NAME)
		buf_append_str(&x->out, "does not run: no FILTER names it");
	else
		buf_append_str(&x->out, "does not run: --skip names it");
}

static const struct plan_item *find_item(
	const struct plan *plan, const struct test_case *test, size_t column)
{
	for (size_t i = 0; i < plan->len; i++)
		if (plan->items[i].test == test && plan->items[i].column == column)
			return &plan->items[i];
	return NULL;
}

/* A case that is not in the plan. */
static int append_why_not(struct explain *x, const struct workload_column *column,
	const struct suite *suite, const struct test_case *test,
	const struct filter_subject *subject, struct err *e)
{
	enum filter_set_reason reason;
	enum filter_answer answer = filter_set_case(&x->filter, subject, &reason, e);

	if (answer == FILTER_ERROR)
		return -1;
	if (answer == FILTER_NO)
		append_filter(x, reason, subject);
	else if (test->benchmark)
		buf_append_str(&x->out, "does not run: it is a benchmark");
	else if (test->ignored && common_run_ignored(&x->c) == RUN_IGNORED_DEFAULT)
		buf_append_str(&x->out, "does not run: the program lists it as disabled; "
					"--run-ignored=all runs it");
	else if (!test->ignored && common_run_ignored(&x->c) == RUN_IGNORED_ONLY)
		buf_append_str(&x->out, "does not run: --run-ignored=only runs those "
					"that are disabled");
	else if (x->rerun && rerun_is_pardoned(x->rerun, &column->event, suite, test))
		buf_printf(&x->out,
			"does not run: it failed in quarantine in %s or a run before it, "
			"and is not outstanding",
			x->rerun_of);
	else if (x->rerun && rerun_has_passed(x->rerun, &column->event, suite, test))
		buf_printf(&x->out,
			"does not run: it has passed in %s or a run before it",
			x->rerun_of);
	else if (x->session.workload.partition.method)
		buf_printf(&x->out, "does not run: it is in another shard than %s",
			x->c.partition);
	else
		buf_append_str(&x->out, "does not run");
	return 0;
}

/* ---- what else is known */

/* Does its failure count, and until when not? */
static int append_quarantine(
	struct explain *x, const struct filter_subject *subject, struct err *e)
{
	const struct config *config = x->session.project.config;
	const struct config_quarantine *q;
	autofree char *place = NULL;
	char today[11];

	if (quarantine_find(config, subject, &q, e) < 0)
		return -1;
	if (!q)
		return 0;
	quarantine_today(today);
	place = quarantine_place(config, q);
	buf_printf(&x->out, ", in %s %s: %s (%s)",
		strcmp(q->expires, today) < 0 ? "a quarantine that has expired on"
					      : "quarantine to the end of",
		q->expires, q->reason, place);
	return 0;
}

static void append_setting(void *ctx, const struct config_shown *shown)
{
	struct explain *x = ctx;

	if (shown->value)
		buf_printf(&x->out, "    %s: %s (%s:%u:%u)\n", shown->key, shown->value,
			shown->file, shown->line, shown->column);
}

struct last {
	const struct event_column *column;
	const struct suite *suite;
	const struct test_case *test;
	struct buf text;
};

static void find_last(void *ctx, const struct event *event)
{
	struct last *last = ctx;
	const struct event_item *item = event->item.item;

	if (event->type != EVENT_CASE_END || event_is_retried(event) ||
		!streq(item->suite->id, last->suite->id) ||
		!streq(item->test->name, last->test->name) ||
		!streq(item->column->target, last->column->target) ||
		!streq(item->column->place, last->column->place))
		return;
	buf_clear(&last->text);
	buf_printf(&last->text, "%s%s%s, %.3fs",
		verdict_name(event->item.judgement->verdict),
		event->item.judgement->reason ? ", " : "",
		event->item.judgement->reason ? event->item.judgement->reason : "",
		(double)event->item.outcome->wall_us / 1e6);
}

static void append_last(struct explain *x, struct last *last)
{
	const char *state_dir = x->session.project.state_dir;
	autorelease(strv) struct strv ids = STRV_INIT;
	struct jsonl_seen seen;
	struct err ignored;

	if (run_store_list(state_dir, &ids, &ignored) < 0)
		return;
	for (size_t i = ids.len; i > 0 && ids.len - i < RUNS_LOOKED_AT; i--) {
		struct recording r;

		if (recording_open(&r, state_dir, ids.v[i - 1], &ignored) < 0)
			continue;
		if (recording_read(&r, find_last, last, &seen, &ignored) == 0 &&
			last->text.len) {
			buf_printf(&x->out, "    last time: %s, in run %s\n",
				buf_str(&last->text), ids.v[i - 1]);
			i = 1;
		}
		recording_release(&r);
	}
	buf_release(&last->text);
}

static void append_usual(struct explain *x, const struct event_column *column,
	const struct suite *suite, const struct test_case *test)
{
	const struct history *history = workload_history(&x->session.workload);
	int64_t us = history_duration_us(
		history, column->target, column->place, suite->id, test->name);
	int64_t kib = history_rss_kib(
		history, column->target, column->place, suite->id, test->name);

	if (us >= 0)
		buf_printf(&x->out, "    usually takes %.3fs", (double)us / 1e6);
	if (us >= 0 && kib > 0)
		buf_printf(&x->out, " and %lld KiB", (long long)kib);
	if (us >= 0)
		buf_append_char(&x->out, '\n');
}

static int tell(struct explain *x, size_t at, const struct suite *suite,
	const struct test_case *test, struct err *e)
{
	const struct workload_column *column = &x->session.workload.columns[at];
	struct filter_subject subject = launch_subject(&column->event, suite);
	const struct plan_item *item = find_item(&x->plan, test, at);
	struct last last = {.column = &column->event, .suite = suite, .test = test};

	if (x->told++ >= SHOWN) {
		x->more++;
		return 0;
	}
	subject.test = *test->name ? test->name : suite->name;
	buf_printf(&x->out, "%s%s%s on %s: ", suite->id, *test->name ? " " : "",
		test->name, column->event.label);
	if (item && item->blocked)
		buf_printf(&x->out, "cannot run: %s", item->blocked);
	else if (item)
		buf_append_str(&x->out, "runs");
	else if (append_why_not(x, column, suite, test, &subject, e) < 0)
		return -1;
	if (append_quarantine(x, &subject, e) < 0)
		return -1;
	buf_printf(&x->out, "\n    belongs to the %s: %s\n    %s",
		suite->platform == PLATFORM_HOST ? "host" : "target",
		suite->platform_reason ? suite->platform_reason : "unknown why",
		suite->adapter);
	if (suite->framework)
		buf_printf(&x->out, ", framework %s", suite->framework);
	buf_append_char(&x->out, '\n');
	if (config_show_case(x->session.project.config, x->c.profile, &subject,
		    append_setting, x, e) < 0)
		return -1;
	append_usual(x, &column->event, suite, test);
	append_last(x, &last);
	return 0;
}

static int tell_all(struct explain *x, bool exact, struct err *e)
{
	struct workload *w = &x->session.workload;

	for (size_t i = 0; i < w->n_columns; i++) {
		const struct suite_list *suites = workload_suites(w, &w->columns[i]);

		for (size_t k = 0; k < suites->len; k++) {
			const struct suite *s = &suites->v[k];

			for (size_t n = 0; n < s->n_cases; n++)
				if (workload_in_column(&w->columns[i], s) &&
					is_meant(x, s, s->cases[n].name, exact) &&
					tell(x, i, s, &s->cases[n], e) < 0)
					return -1;
		}
	}
	return 0;
}

static int go(struct explain *x, struct err *e)
{
	struct workload *w = &x->session.workload;
	struct filter_set all = {0};

	if (common_filter(&x->c, &x->filter, e) < 0 ||
		common_session_open(&x->session, &x->c, e) < 0 ||
		runs_rerun(&x->c, x->session.project.state_dir, &x->rerun_of, &x->rerun,
			e) < 0)
		return -1;
	w->rerun = x->rerun;
	x->filter.default_filter = w->settings.default_filter;
	/* Also what the filters leave out is listed: it is to be explained. */
	if (common_session_build(&x->session, &x->c, e) < 0 ||
		workload_list(w, &all, x->c.list_timeout_ms, e) < 0 ||
		workload_plan(w, &x->filter, common_run_ignored(&x->c), &x->plan, e) < 0)
		return -1;
	preflight_check(w, &x->plan);
	if (tell_all(x, true, e) < 0 || (!x->told && tell_all(x, false, e) < 0))
		return -1;
	if (!x->told)
		return err_set(e, ERR_NO_TESTS,
			"there is no test \"%s\"; `xtest list --run-ignored=all` shows "
			"those there are",
			x->name);
	if (x->more)
		buf_printf(&x->out, "and %zu more\n", x->more);
	fwrite(buf_str(&x->out), 1, x->out.len, stdout);
	return 0;
}

static int explain_main(int argc, char **argv, struct err *e)
{
	struct explain x = {
		.session.emit = {.send = common_tell_event, .start_ms = now_ms()}};
	int code = -1;

	common_defaults(&x.c);
	if (common_parse(groups, argc, argv, &x, &x.c.filters, &x.c.build_args, e) == 0) {
		if (x.c.filters.len) {
			autofree char *name = xstrdup(x.c.filters.v[0]);

			strv_remove(&x.c.filters, 0);
			x.name = name;
			code = go(&x, e);
		} else {
			err_set(e, ERR_USAGE,
				"explain takes a test: xtest explain CASE [OPTION]… "
				"[FILTER]…");
		}
	}
	plan_release(&x.plan);
	filter_set_release(&x.filter);
	common_session_close(&x.session);
	rerun_free(x.rerun);
	free(x.rerun_of);
	buf_release(&x.out);
	common_release(&x.c);
	return code;
}

const struct verb verb_explain = {
	.name = "explain",
	.usage = "CASE [OPTION]… [FILTER]…",
	.summary = "Tell why a test runs or does not, and which rules hold for it",
	.details =
		"CASE is the name of a case or a suite, or a part of it. The options are "
		"those of the run that is to be\n"
		"explained. Each rule is shown with the line of xtest.json that says it.",
	.groups = groups,
	.run = explain_main,
};
