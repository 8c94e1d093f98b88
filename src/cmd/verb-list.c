/* xtest list: what would run, without running it. */
#include "base/json.h"
#include "cmd/common.h"
#include "cmd/verb.h"
#include "engine/workload-nextest.h"

#include <stdio.h>
#include <unistd.h>

#define O(member) offsetof(struct common, member)

static const char *const formats[] = {
	"auto", "human", "oneline", "json", "json-pretty", NULL};
static const char *const types[] = {"full", "binaries-only", NULL};

static const struct opt list_opts[] = {
	{"message-format", 'T', "FORMAT", formats, OPT_STRING, O(message_format),
		"auto (human on a terminal, else oneline), human, oneline, json, "
		"json-pretty"},
	{"list-type", 0, "TYPE", types, OPT_STRING, O(list_type),
		"full; binaries-only starts no target program"},
	{0},
};

static const struct opt_group groups[] = {
	{"List", list_opts},
	{"Build", common_build_opts},
	{"Tests", common_filter_opts},
	{"Archive", common_archive_opts},
	{"Machine", common_machine_opts},
	{"Board", common_board_opts},
	{"Cargo", common_cargo_opts},
	{0},
};

/* The order of the suites. */
static int compare_items(const void *a, const void *b)
{
	const struct plan_item *x = a, *y = b;

	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	if (x->suite != y->suite)
		return x->suite < y->suite ? -1 : 1;
	return x->test < y->test ? -1 : x->test > y->test;
}

/* In a plan sorted by compare_items(). */
static bool is_planned(const struct plan *plan, const struct suite *suite,
	const struct test_case *test, size_t column)
{
	struct plan_item key = {.suite = suite, .test = test, .column = column};

	return plan->len &&
	       bsearch(&key, plan->items, plan->len, sizeof key, compare_items);
}

/* ---- for people */

static void print_lines(const struct workload *w, const struct plan *plan, bool human)
{
	const struct suite *last = NULL;

	for (size_t i = 0; i < plan->len; i++) {
		const struct plan_item *item = &plan->items[i];
		const struct event_column *c = &w->columns[item->column].event;
		const char *name = item->test->name;

		if (!human) {
			printf("%s%s%s\n", item->suite->id, *name ? " " : "", name);
			continue;
		}
		if (item->suite != last)
			printf("%-8s %s  (%s)%s\n", c->label, item->suite->id,
				item->suite->framework, *name ? ":" : "");
		last = item->suite;
		if (*name)
			printf("             %s%s\n", name,
				item->test->ignored ? "  (ignored)" : "");
	}
}

static void print_binaries(struct workload *w, bool human)
{
	for (size_t i = 0; i < w->n_columns; i++) {
		const struct workload_column *c = &w->columns[i];
		const struct suite_list *suites = workload_suites(w, c);

		for (size_t k = 0; k < suites->len; k++) {
			const struct suite *s = &suites->v[k];

			if (!workload_in_column(c, s))
				continue;
			if (human)
				printf("%-8s %s  (%s)  %s\n", c->event.label, s->id,
					s->framework, s->command.v[0]);
			else
				puts(s->id);
		}
	}
}

/* ---- for programs; docs/events.md describes the shape */

static void write_suite(struct jsonw *w, const struct workload_column *c, size_t column,
	const struct suite *s, const struct plan *plan)
{
	jsonw_open(w, NULL, '{');
	jsonw_string(w, "id", s->id);
	jsonw_string(w, "package", s->package);
	jsonw_string(w, "name", s->name);
	jsonw_string(w, "kind", s->kind);
	jsonw_string(w, "adapter", s->adapter);
	jsonw_string(w, "platform", platform_name(s->platform));
	jsonw_string(w, "platform-reason", s->platform_reason);
	jsonw_string(w, "target", c->event.target);
	jsonw_string(w, "place", c->event.place);
	jsonw_string(w, "framework", s->framework);
	jsonw_strv(w, "command", &s->command);
	jsonw_string(w, "cwd", s->cwd);
	jsonw_strv(w, "labels", &s->labels);
	jsonw_string(w, "status", s->listed ? "listed" : "skipped");
	jsonw_open(w, "cases", '[');
	for (size_t i = 0; s->listed && i < s->n_cases; i++) {
		jsonw_open(w, NULL, '{');
		jsonw_string(w, "name", s->cases[i].name);
		jsonw_bool(w, "ignored", s->cases[i].ignored);
		jsonw_bool(w, "matches", is_planned(plan, s, &s->cases[i], column));
		jsonw_close(w, '}');
	}
	jsonw_close(w, ']');
	jsonw_close(w, '}');
}

static void print_json(struct workload *w, const struct plan *plan, bool pretty)
{
	autorelease(buf) struct buf out = BUF_INIT;
	struct jsonw json;

	jsonw_init(&json, &out);
	json.pretty = pretty;
	jsonw_open(&json, NULL, '{');
	jsonw_int(&json, "version", 1);
	jsonw_string(&json, "project", w->project->name);
	jsonw_int(&json, "test-count", (int64_t)(plan->len + plan->filtered_out));
	jsonw_int(&json, "selected-count", (int64_t)plan->len);
	jsonw_open(&json, "suites", '[');
	for (size_t i = 0; i < w->n_columns; i++) {
		const struct suite_list *suites = workload_suites(w, &w->columns[i]);

		for (size_t k = 0; k < suites->len; k++)
			if (workload_in_column(&w->columns[i], &suites->v[k]))
				write_suite(
					&json, &w->columns[i], i, &suites->v[k], plan);
	}
	jsonw_close(&json, ']');
	jsonw_close(&json, '}');
	puts(buf_str(&out));
}

static bool is_cargo(const struct workload *w)
{
	const struct workload_target *t = w->n_targets == 1 ? &w->targets[0] : NULL;

	return t && (t->nextest || streq_null(t->build.adapter, "cargo"));
}

static void print(struct workload *w, const struct common *c, struct plan *plan)
{
	bool human = streq(c->message_format, "human") ||
		     (streq(c->message_format, "auto") && isatty(STDOUT_FILENO));

	if (plan->len > 1)
		qsort(plan->items, plan->len, sizeof *plan->items, compare_items);
	if (starts_with(c->message_format, "json"))
		print_json(w, plan, streq(c->message_format, "json-pretty"));
	else if (streq(c->list_type, "binaries-only"))
		print_binaries(w, human);
	else
		print_lines(w, plan, human);
}

static int go(struct common *c, struct common_session *s, struct filter_set *filter,
	struct err *e)
{
	struct workload *w = &s->workload;
	struct plan plan = {0};
	int status = 0;

	s->look = true;
	s->emit = (struct emit){.send = common_tell_event, .start_ms = now_ms()};
	if (common_filter(c, filter, e) < 0 || common_session_open(s, c, e) < 0)
		return -1;
	filter->default_filter = w->settings.default_filter;
	if (common_session_build(s, c, e) < 0)
		return -1;
	if (!streq(c->list_type, "binaries-only")) {
		status = workload_list(w, filter, c->list_timeout_ms, e);
		if (status == 0)
			status =
				workload_plan(w, filter, common_run_ignored(c), &plan, e);
	}
	if (status == 0 && streq(c->list_type, "binaries-only") &&
		starts_with(c->message_format, "json") && is_cargo(w))
		status = workload_nextest_print(&w->targets[0],
			streq(c->message_format, "json-pretty"), stdout, e);
	else if (status == 0)
		print(w, c, &plan);
	plan_release(&plan);
	return status;
}

static int list_main(int argc, char **argv, struct err *e)
{
	struct common c;
	struct common_session session = {0};
	struct filter_set filter = {0};
	int status;

	common_defaults(&c);
	c.message_format = "auto";
	c.list_type = "full";
	status = common_parse(groups, argc, argv, &c, &c.filters, &c.build_args, e);
	if (status == 0)
		status = go(&c, &session, &filter, e);
	filter_set_release(&filter);
	common_session_close(&session);
	common_release(&c);
	return status;
}

const struct verb verb_list = {
	.name = "list",
	.usage = "[OPTION]… [FILTER]… [-- BUILD-ARGUMENT…]",
	.summary = "Build the project and list its tests",
	.groups = groups,
	.heeds_signals = true,
	.run = list_main,
};
