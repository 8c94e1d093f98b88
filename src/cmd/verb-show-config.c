/* xtest show-config: what holds, and who said it. */
#include "base/json.h"
#include "cmd/common.h"
#include "cmd/verb.h"
#include "model/config-show.h"
#include "base/version.h"

#include <stdio.h>

/* As in cargo-nextest, for what is recommended and not there. */
enum { EXIT_RECOMMENDED = 10 };

#define O(member) offsetof(struct common, member)

static const char *const formats[] = {"human", "json", NULL};

static const struct opt show_opts[] = {
	{"message-format", 'T', "FORMAT", formats, OPT_STRING, O(message_format),
		"human, json"},
	{0},
};

static const struct opt_group groups[] = {
	{"Show", show_opts},
	{"Build", common_build_opts},
	{"Tests", common_filter_opts},
	{"Archive", common_archive_opts},
	{"Machine", common_machine_opts},
	{"Run", common_run_opts},
	{"Report", common_report_opts},
	{"Cargo", common_cargo_opts},
	{0},
};

static const char *const words[] = {"version", "test-groups", NULL};

/* The answer as it grows. */
struct show {
	int argc;
	char **argv;
	const struct common *c;
	struct buf out;
	struct jsonw json; /* when `is_json` */
	bool is_json;
};

static void print_line(
	struct show *s, const char *key, const char *value, const char *source)
{
	if (!s->is_json) {
		buf_printf(&s->out, "  %-18s %-36s %s\n", key, value, source);
		return;
	}
	jsonw_open(&s->json, NULL, '{');
	jsonw_string(&s->json, "key", key);
	jsonw_string(&s->json, "value", value);
	jsonw_string(&s->json, "from", source);
	jsonw_close(&s->json, '}');
}

static void print_section(struct show *s, const char *title)
{
	if (s->is_json)
		jsonw_open(&s->json, title, '[');
	else
		buf_printf(&s->out, "%s%s\n", s->out.len ? "\n" : "", title);
}

static void print_section_end(struct show *s)
{
	if (s->is_json)
		jsonw_close(&s->json, ']');
}

/* The command line and its variables come before everything, the user's file and the
 * defaults behind it. */
static void print_shown(void *ctx, const struct config_shown *shown)
{
	struct show *s = ctx;
	const struct config_user *u = s->c->user_settings;
	const struct config_origin *at = config_user_origin(u, shown->key);
	autorelease(buf) struct buf value = BUF_INIT, source = BUF_INIT;
	char buffer[64];
	const char *option = shown->option
				     ? opts_origin(groups, common_variables, s->argc,
					       s->argv, shown->option, buffer)
				     : NULL;

	if (option) {
		opts_print_value(groups, s->c, shown->option, &value);
		buf_append_str(&source, option);
	} else if (shown->value) {
		buf_append_str(&value, shown->value);
		buf_printf(&source, "%s:%u:%u", shown->file, shown->line, shown->column);
	} else if (at && streq(shown->key, "jobs")) {
		buf_printf(&value, "%lld", (long long)u->jobs);
		buf_printf(&source, "%s:%u:%u", u->path, at->line, at->column);
	} else {
		buf_append_str(&value, shown->fallback ? shown->fallback : "");
		buf_append_str(&source, "default");
	}
	print_line(s, shown->key, buf_str(&value), buf_str(&source));
}

/* What only the user's file says, or an option. */
static void print_user(
	struct show *s, const char *key, const char *option, const char *value)
{
	const struct config_user *u = s->c->user_settings;
	const struct config_origin *at = config_user_origin(u, key);
	autorelease(buf) struct buf source = BUF_INIT;
	char buffer[64];
	const char *from =
		opts_origin(groups, common_variables, s->argc, s->argv, option, buffer);

	if (from)
		buf_append_str(&source, from);
	else if (at)
		buf_printf(&source, "%s:%u:%u", u->path, at->line, at->column);
	else
		buf_append_str(&source, "default");
	print_line(s, key, value, buf_str(&source));
}

static int show_run(struct show *s, const struct config *config, struct err *e)
{
	char buffer[64];
	const char *profile = opts_origin(
		groups, common_variables, s->argc, s->argv, "profile", buffer);

	print_section(s, "settings");
	print_line(s, "profile", s->c->profile ? s->c->profile : "default",
		profile ? profile : "default");
	if (config_show_settings(config, s->c->profile, print_shown, s, e) < 0)
		return -1;
	print_user(s, "color", "color", s->c->color);
	print_user(s, "progress", "hide-progress", s->c->hide_progress ? "none" : "auto");
	print_section_end(s);
	print_section(s, "project");
	config_show_rest(config, print_shown, s);
	print_section_end(s);
	return 0;
}

static int show_version(struct show *s, const struct config *config)
{
	const char *recommended = config->version.recommended;
	bool below = recommended && version_compare(version_own(), recommended) < 0;

	buf_printf(&s->out, "current version: %s\n", version_own());
	if (config->version.required)
		buf_printf(&s->out, "required version: %s\n", config->version.required);
	if (recommended)
		buf_printf(&s->out, "recommended version: %s%s\n", recommended,
			below ? " (this one is older)" : "");
	return below ? EXIT_RECOMMENDED : 0;
}

/* ---- what needs the tests themselves */

/* A case as the filter language sees it. */
static struct filter_subject subject_of(
	const struct workload *w, const struct plan_item *item)
{
	struct filter_subject subject =
		launch_subject(&w->columns[item->column].event, item->suite);

	subject.test = *item->test->name ? item->test->name : item->suite->name;
	return subject;
}

static char *title_of(const struct workload *w, const struct plan_item *item)
{
	const struct event_column *column = &w->columns[item->column].event;

	return xasprintf("%s %s%s%s", column->label, item->suite->id,
		*item->test->name ? " " : "", item->test->name);
}

static int show_cases(
	struct show *s, const struct workload *w, const struct plan *plan, struct err *e)
{
	for (size_t i = 0; i < plan->len; i++) {
		struct filter_subject subject = subject_of(w, &plan->items[i]);
		autofree char *title = title_of(w, &plan->items[i]);

		print_section(s, title);
		if (config_show_case(w->project->config, s->c->profile, &subject,
			    print_shown, s, e) < 0)
			return -1;
		print_section_end(s);
	}
	return 0;
}

static int show_group(struct show *s, const struct workload *w, const struct plan *plan,
	const char *group, struct err *e)
{
	print_section(s, group);
	for (size_t i = 0; i < plan->len; i++) {
		struct filter_subject subject = subject_of(w, &plan->items[i]);
		autofree char *title = title_of(w, &plan->items[i]);
		struct config_case_settings settings;

		if (config_case_settings(w->project->config, s->c->profile, &subject,
			    &settings, e) < 0)
			return -1;
		if (!streq(settings.test_group ? settings.test_group : "@global", group))
			continue;
		if (s->is_json)
			jsonw_string(&s->json, NULL, title);
		else
			buf_printf(&s->out, "  %s\n", title);
	}
	print_section_end(s);
	return 0;
}

static int show_groups(
	struct show *s, const struct workload *w, const struct plan *plan, struct err *e)
{
	const struct config *config = w->project->config;

	for (size_t i = 0; i < config->groups.len; i++)
		if (show_group(s, w, plan, config->groups.v[i].name, e) < 0)
			return -1;
	return show_group(s, w, plan, "@global", e);
}

/* Builds and lists, as `xtest list` does. */
static int show_tests(struct show *s, struct common *c, bool want_groups, struct err *e)
{
	struct common_session session = {
		.emit = {.send = common_tell_event, .start_ms = now_ms()}};
	struct workload *w = &session.workload;
	struct filter_set filter = {0};
	struct plan plan = {0};
	int status = -1;

	if (common_filter(c, &filter, e) == 0 &&
		common_session_open(&session, c, e) == 0 &&
		common_session_build(&session, c, e) == 0 &&
		workload_list(w, &filter, c->list_timeout_ms, e) == 0 &&
		workload_plan(w, &filter, common_run_ignored(c), &plan, e) == 0)
		status = want_groups ? show_groups(s, w, &plan, e)
				     : show_cases(s, w, &plan, e);
	if (status == 0 && !plan.len)
		status = err_set(e, ERR_NO_TESTS, "no test was selected");
	plan_release(&plan);
	filter_set_release(&filter);
	common_session_close(&session);
	return status;
}

static int go(struct show *s, struct common *c, struct err *e)
{
	const char *word = c->filters.len ? c->filters.v[0] : NULL;
	bool want_groups = word && streq(word, "test-groups");
	struct project project = {0};
	int status;

	if (want_groups)
		strv_remove(&c->filters, 0);
	if (want_groups || c->expressions.len || (word && !streq(word, "version")))
		return show_tests(s, c, want_groups, e);
	if (project_open(&project, c->directory, e) < 0)
		return -1;
	status = word ? show_version(s, project.config) : show_run(s, project.config, e);
	project_release(&project);
	return status;
}

static int show_config_main(int argc, char **argv, struct err *e)
{
	struct common c;
	struct show s = {.argc = argc, .argv = argv, .c = &c};
	int status;

	common_defaults(&c);
	c.message_format = "human";
	status = common_parse(groups, argc, argv, &c, &c.filters, &c.build_args, e);
	if (status == 0) {
		s.is_json = streq(c.message_format, "json");
		if (s.is_json) {
			jsonw_init(&s.json, &s.out);
			s.json.pretty = true;
			jsonw_open(&s.json, NULL, '{');
		}
		status = go(&s, &c, e);
		if (s.is_json)
			jsonw_close(&s.json, '}');
		if (status >= 0)
			printf("%s%s", buf_str(&s.out), s.is_json ? "\n" : "");
	}
	buf_release(&s.out);
	common_release(&c);
	return status;
}

const struct verb verb_show_config = {
	.name = "show-config",
	.usage = "[OPTION]… [FILTER… | test-groups [FILTER]… | version]",
	.summary = "What the configuration comes to, and where each value was said",
	.details =
		"Without FILTER the settings of a run: from the command line, the "
		"environment, the profile, xtest.json, your\n"
		"own configuration, or the default. With FILTER the project is built and "
		"listed, and what holds for each case\n"
		"that is selected is shown. test-groups lists the tests of every group. "
		"version ends with 10 when another\n"
		"version is recommended, and with 92 when one is required.",
	.groups = groups,
	.words = words,
	.run = show_config_main,
};
