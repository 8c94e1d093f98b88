/* xtest run: build, select, run, report. */
#include "config.h"

#include "base/fs.h"
#include "cmd/attempts.h"
#include "cmd/runs.h"
#include "cmd/verb.h"
#include "engine/debug.h"
#include "engine/preflight.h"
#include "engine/record.h"
#include "engine/schedule.h"
#include "engine/script.h"
#include "engine/workload-board.h"
#include "engine/workload-look.h"
#include "engine/workload-machine.h"
#include "model/compare.h"
#include "report/report-set.h"

#include <limits.h>
#include <stdio.h>

static const struct opt_group groups[] = {
	{"Build", common_build_opts},
	{"Tests", common_filter_opts},
	{"Archive", common_archive_opts},
	{"Machine", common_machine_opts},
	{"Board", common_board_opts},
	{"Run", common_run_opts},
	{"Attempts", attempts_opts},
	{"Earlier runs", common_rerun_opts},
	{"Record", common_record_opts},
	{"Report", common_report_opts},
	{"Cargo", common_cargo_opts},
	{0},
};

/* The state of one invocation. */
struct invocation {
	struct common c;
	struct common_session session;
	struct filter_set filter;
	struct plan plan;
	struct workload_rules rules;
	struct schedule_result result;
	struct report_set *reports;
	struct debug debug;
	struct compare *compare; /* NULL: nothing runs in two places */
	struct record *record;   /* NULL until the project is open */
	char *rerun_of;          /* run it goes on from; NULL */
	bool started;            /* RUN_START was sent */
};

static void send(void *ctx, const struct event *event)
{
	struct invocation *in = ctx;

	if (in->compare && event->type == EVENT_CASE_END)
		compare_add_event(in->compare, event);
	if (in->record)
		record_event(in->record, event);
	report_set_event(in->reports, event);
}

static void send_run_start(struct invocation *in, int argc, char **argv)
{
	const struct config_settings *s = &in->session.workload.settings;
	autorelease(strv) struct strv words = STRV_INIT;
	autofree char *command_line = NULL;
	struct event event = {
		.type = EVENT_RUN_START,
		.run =
			{
				.id = in->session.workload.run_id,
				.version = PACKAGE_VERSION,
				.project = in->session.project.name,
				.wall_clock_ms = wall_clock_ms(),
				.rerun_of = in->rerun_of,
				/* Indices of words, from -1, which is none. */
				.status_level =
					(enum display_status)(s->status_level + 1),
				.final_status_level =
					(enum display_final)(s->final_status_level + 1),
			},
	};

	strv_push(&words, "xtest");
	/* The verb's name, or the program's where the verb was left out. */
	for (int i = streq(argv[0], "run") ? 0 : 1; i < argc; i++)
		strv_push(&words, argv[i]);
	command_line = strv_quote(&words);
	event.run.command_line = command_line;
	emit_send(&in->session.emit, &event);
	in->started = true;
}

static void send_plan(struct invocation *in, const struct schedule_options *o)
{
	struct workload *w = &in->session.workload;
	autofree const struct event_column **columns =
		xcalloc(w->n_columns, sizeof *columns);
	autofree size_t *totals = xcalloc(w->n_columns, sizeof *totals);
	struct event event = {.type = EVENT_PLAN};
	bool open_ended = o->stress_ms || o->stress_count == UINT_MAX;
	size_t suites = 0, rounds = open_ended ? 1 : MAX(1, o->stress_count);

	for (size_t i = 0; i < w->n_columns; i++)
		columns[i] = &w->columns[i].event;
	for (size_t i = 0; i < in->plan.len; i++) {
		const struct plan_item *item = &in->plan.items[i];

		totals[item->column] += rounds;
		suites += item->test == &item->suite->cases[0];
	}
	event.plan.columns = columns;
	event.plan.n_columns = w->n_columns;
	event.plan.column_totals = totals;
	event.plan.total = in->plan.len * rounds;
	event.plan.open_ended = open_ended;
	event.plan.suites = suites;
	event.plan.filtered_out = in->plan.filtered_out;
	emit_send(&in->session.emit, &event);
}

static void send_run_end(struct invocation *in, int exit_code)
{
	struct workload *w = &in->session.workload;
	autofree const struct event_column **columns =
		xcalloc(w->n_columns, sizeof *columns);
	autofree struct event_counts *none = xcalloc(w->n_columns, sizeof *none);
	struct event event = {
		.type = EVENT_RUN_END,
		.end =
			{
				.counts = &in->result.counts,
				.columns = columns,
				.column_counts = in->result.column_counts
							 ? in->result.column_counts
							 : none,
				.n_columns = w->n_columns,
				.exit_code = exit_code,
				.cancelled = in->result.cancelled,
			},
	};

	for (size_t i = 0; i < w->n_columns; i++)
		columns[i] = &w->columns[i].event;
	if (in->compare)
		event.end.differences =
			compare_differences(in->compare, &event.end.n_differences);
	emit_send(&in->session.emit, &event);
}

/* What passed does not make good what did not run this time. */
static int rerun_exit_code(struct invocation *in)
{
	size_t n = in->rerun_of ? record_outstanding(in->record) : 0;
	autofree char *text = NULL;

	if (!n)
		return 0;
	text = xasprintf("%zu %s of earlier runs %s still outstanding", n,
		n == 1 ? "test" : "tests", n == 1 ? "is" : "are");
	emit_note(&in->session.emit, text);
	return ERR_OUTSTANDING;
}

static int nothing_selected(struct invocation *in, struct err *e)
{
	if (in->rerun_of && streq(in->c.no_tests, "auto")) {
		emit_note(&in->session.emit,
			"nothing to run again: all selected tests have passed");
		return rerun_exit_code(in);
	}
	if (streq(in->c.no_tests, "pass"))
		return 0;
	if (streq(in->c.no_tests, "warn")) {
		emit_note(&in->session.emit, "no test was selected");
		return 0;
	}
	if (in->session.workload.partition.count > 1)
		return err_set(e, ERR_NO_TESTS,
			"no test was selected: of what the filter leaves, none is in "
			"shard %u of %u; --no-tests pass accepts that",
			in->session.workload.partition.index,
			in->session.workload.partition.count);
	if (in->plan.filtered_out)
		return err_set(e, ERR_NO_TESTS,
			"no test was selected: the filter leaves out all %zu (see `xtest "
			"list`)",
			in->plan.filtered_out);
	return err_set(e, ERR_NO_TESTS,
		"the build system registered no test; see `xtest help list`, or name "
		"them in xtest.json");
}

/* Some target runs in more than one place. */
static bool has_sides(const struct workload *w)
{
	for (size_t i = 0; i < w->n_columns; i++)
		for (size_t k = 0; k < i; k++)
			if (streq(w->columns[i].event.target, w->columns[k].event.target))
				return true;
	return false;
}

/* After the plan is made, before anything of it starts. */
static void tell_record(struct invocation *in)
{
	struct workload *w = &in->session.workload;
	autofree const struct event_column **columns =
		xcalloc(w->n_columns, sizeof(const struct event_column *));

	for (size_t i = 0; i < w->n_columns; i++) {
		columns[i] = &w->columns[i].event;
		record_forget(in->record, w, &w->columns[i]);
	}
	record_plan(in->record, &in->plan, columns);
}

static struct schedule_column make_column(
	const struct workload *w, const struct workload_column *c)
{
	return (struct schedule_column){
		.places = c->places,
		.n_places = c->n_places,
		.slots = c->board ? workload_board_slots(w) : c->event.slots,
		.own_processors = c->board != NULL,
		.unreachable = c->unreachable,
		.own_memory = c->staged,
		.renewable = c->renewable,
		.fresh = w->fresh,
		.launch = &c->launch,
	};
}

static int run_cases(struct invocation *in, struct err *e)
{
	struct workload *w = &in->session.workload;
	int code;
	autofree struct schedule_column *columns = xcalloc(w->n_columns, sizeof *columns);
	struct schedule_options o = {
		.columns = columns,
		.n_columns = w->n_columns,
		.jobs = in->c.no_capture ? 1 : w->jobs,
		.no_capture = in->c.no_capture,
		.keep = in->c.keep,
		.emit = &in->session.emit,
		.interrupt = &in->session.interrupt,
	};

	if (attempts_find_end(&in->c, &w->settings, &o, e) < 0 ||
		workload_open_places(w, &in->plan, e) < 0)
		return -1;
	for (size_t i = 0; i < w->n_columns; i++)
		columns[i] = make_column(w, &w->columns[i]);
	if (has_sides(w) && !o.stress_count && !o.stress_ms)
		in->compare = compare_new();
	preflight_check(w, &in->plan);
	if (attempts_find_rules(&in->c, w, &in->plan, &in->rules, e) < 0)
		return -1;
	workload_rules_apply(&in->rules, &o);
	send_plan(in, &o);
	if (!in->c.no_input_handler)
		interrupt_heed_keys(o.interrupt);
	schedule_run(&in->plan, &o, &in->result);
	interrupt_leave_keys(o.interrupt);
	if (in->c.quarantine_verify)
		attempts_tell_quarantine(
			w->project->config, &in->plan, in->rules.v, o.emit);
	for (size_t i = 0; i < w->n_columns; i++)
		workload_machine_tell_kernel(w, &w->columns[i], in->result.counts.total,
			&in->result.counts, &in->result.column_counts[i]);
	code = event_counts_exit_code(&in->result.counts, in->result.cancelled != NULL);
	return code ? code : rerun_exit_code(in);
}

/* The run to go on from, and the record of this one. */
static int open_record(struct invocation *in, struct err *e)
{
	struct record_options o = {
		.project = &in->session.project,
		.emit = &in->session.emit,
		.run_id = in->session.workload.run_id,
		.off = in->c.no_record,
		.is_guest = in->c.archive_file != NULL,
	};

	if (runs_rerun(&in->c, in->session.project.state_dir, &in->rerun_of, &o.rerun,
		    e) < 0)
		return -1;
	in->session.workload.rerun = o.rerun;
	in->record = record_new(&o);
	return 0;
}

/* A script that failed outranks what became of the tests, which is its doing. */
static int run_plan(struct invocation *in, struct err *e)
{
	struct script_set *scripts = in->session.workload.scripts;
	int code;

	if (script_set_up(scripts, &in->plan, e) < 0)
		return -1;
	code = run_cases(in, e);
	script_set_down(scripts);
	return code >= 0 && !in->result.cancelled && script_set_spoils(scripts, code)
		       ? ERR_SCRIPT
		       : code;
}

static struct report_set_options report_options(const struct invocation *in)
{
	return (struct report_set_options){
		.specs = &in->c.reports,
		.color = streq(in->c.color, "always")  ? REPORT_COLOR_ALWAYS
			 : streq(in->c.color, "never") ? REPORT_COLOR_NEVER
						       : REPORT_COLOR_AUTO,
		.no_progress = in->c.hide_progress,
		.no_capture = in->c.no_capture,
		.verbose = in->c.verbose,
		.display = common_display(&in->c),
	};
}

static int open_reports(struct invocation *in, struct err *e)
{
	struct report_set_options o = report_options(in);

	in->reports = report_set_open(&o, e);
	in->session.emit = (struct emit){.send = send, .ctx = in, .start_ms = now_ms()};
	return in->reports ? 0 : -1;
}

/* What the configuration asks for, unless the command line has one of the kind. */
static int add_junit(struct invocation *in, struct err *e)
{
	const char *path = in->session.workload.settings.junit;
	struct report_set_options o = report_options(in);
	autofree char *file = NULL, *spec = NULL;

	for (size_t i = 0; i < in->c.reports.len; i++)
		if (starts_with(in->c.reports.v[i], "junit"))
			return 0;
	if (!path)
		return 0;
	file = fs_join(in->session.project.root, path);
	spec = xasprintf("junit=%s", file);
	return report_set_add(in->reports, &o, spec, e);
}

static int go(struct invocation *in, int argc, char **argv, struct err *e)
{
	struct workload *w = &in->session.workload;

	if (in->c.gdb) {
		strv_push(&in->c.filters, in->c.gdb);
		if (debug_open(&in->debug, e) < 0)
			return -1;
	}
	if (common_filter(&in->c, &in->filter, e) < 0 ||
		common_session_open(&in->session, &in->c, e) < 0)
		return -1;
	if (attempts_check(w->project->config, e) < 0)
		return -1;
	w->machine.gdb = in->debug.gdb;
	in->filter.default_filter = w->settings.default_filter;
	in->session.filter = &in->filter;
	if (add_junit(in, e) < 0 || open_record(in, e) < 0)
		return -1;
	send_run_start(in, argc, argv);
	if (common_session_build(&in->session, &in->c, e) < 0)
		return -1;
	if (in->c.no_run)
		return 0;
	w->lose_unreachable = !in->c.gdb;
	if (workload_list(w, &in->filter, in->c.list_timeout_ms, e) < 0 ||
		workload_plan(w, &in->filter, common_run_ignored(&in->c), &in->plan, e) <
			0)
		return -1;
	if (in->c.gdb)
		return debug_run(&in->debug, w, &in->plan, e);
	tell_record(in);
	return in->plan.len ? run_plan(in, e) : nothing_selected(in, e);
}

/* All has been told; what a test left in its place is still there. */
static void look_inside(struct invocation *in)
{
	struct workload *w = &in->session.workload;
	const struct strv shell = STRV_INIT;
	struct err e = {0};

	if (!in->c.keep || !in->started || in->session.interrupt.count)
		return;
	if (!in->result.kept)
		fprintf(stderr, "xtest: --keep: the place of the test is no more\n");
	else if (workload_look(w, &w->columns[in->result.kept_column], in->result.kept,
			 &shell, &e) < 0)
		fprintf(stderr, "xtest: %s\n", e.msg);
}

static int verb_run_main(int argc, char **argv, struct err *e)
{
	struct invocation in = {0};
	struct err lost = {0};
	int code = -1;

	common_defaults(&in.c);
	if (common_parse(groups, argc, argv, &in.c, &in.c.filters, &in.c.build_args, e) ==
			0 &&
		open_reports(&in, e) == 0) {
		code = go(&in, argc, argv, e);
		if (in.started) {
			record_settle(in.record);
			send_run_end(&in, code < 0 ? (int)e->kind : code);
		}
		/* A report that is not whole must not look like success. */
		if (report_set_close(in.reports, &lost) < 0 && code >= 0) {
			*e = lost;
			code = -1;
		}
	}
	look_inside(&in);
	plan_release(&in.plan);
	schedule_result_release(&in.result);
	workload_rules_release(&in.rules);
	filter_set_release(&in.filter);
	compare_free(in.compare);
	record_close(in.record);
	free(in.rerun_of);
	common_session_close(&in.session);
	debug_close(&in.debug);
	common_release(&in.c);
	return code;
}

const struct verb verb_run = {
	.name = "run",
	.usage = "[OPTION]… [FILTER]… [-- BUILD-ARGUMENT…]",
	.summary = "Build the project, run its tests where they belong, report them as "
		   "one run",
	.details = "FILTER selects tests whose name contains it; several are a union. "
		   "Words after -- go to the build\n"
		   "system's configure step.",
	.groups = groups,
	.heeds_signals = true,
	.run = verb_run_main,
};
