#include "engine/script.h"

#include "base/fs.h"
#include "engine/script-run.h"
#include "engine/workload.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

enum { DEFAULT_TIMEOUT_MS = 10 * 60 * 1000 };

/* One script, as far as this run needs it. */
struct script {
	const struct config_script *config;
	bool needed, failed;
	struct script_run run;
	struct strv handed_on; /* "NAME=VALUE" */
};

struct script_set {
	struct workload *w;
	struct script *setup, *teardown; /* as many as the configuration has */
	size_t n_setup, n_teardown;
	bool begun, done;
	unsigned signals_before;
};

static struct script *make(const struct config_scripts *from)
{
	struct script *all = xcalloc(from->len + 1, sizeof *all);

	for (size_t i = 0; i < from->len; i++)
		all[i].config = &from->v[i];
	return all;
}

struct script_set *script_set_new(struct workload *w)
{
	const struct config *c = w->project->config;
	struct script_set *s = xcalloc(1, sizeof *s);

	s->w = w;
	s->n_setup = c->scripts.setup.len;
	s->n_teardown = c->scripts.teardown.len;
	s->setup = make(&c->scripts.setup);
	s->teardown = make(&c->scripts.teardown);
	return s;
}

/* ---- one script */

/* Places that are up must not wait for a script. */
static void answer_places(struct workload *w)
{
	for (size_t i = 0; i < w->n_columns; i++)
		if (w->columns[i].n_places)
			place_wait(w->columns[i].places, w->columns[i].n_places, -1, 0);
}

/* The latest signal that came since the scripts of this side began; a second one kills.
 */
static int check(void *ctx)
{
	struct script_set *s = ctx;
	struct interrupt *in = s->w->interrupt;
	unsigned count;

	answer_places(s->w);
	interrupt_check(in);
	count = in->count - s->signals_before;
	return count > 1 ? SIGKILL : count ? in->signal : 0;
}

static void send(const struct script_set *s, enum event_type type, bool is_setup,
	const struct script *one)
{
	autofree char *command = strv_quote(&one->config->command);
	struct event event = {
		.type = type,
		.script =
			{
				.phase = is_setup ? "setup" : "teardown",
				.name = one->config->name,
				.command = command,
			},
	};

	if (type == EVENT_SCRIPT_END) {
		event.script.reason = one->run.reason;
		event.script.elapsed_ms = one->run.wall_ms;
		event.script.out = &one->run.out;
		event.script.err = &one->run.err;
	}
	emit_send(s->w->emit, &event);
}

/* What all set-up scripts before have handed on is there for those that follow. */
static void make_environment(
	const struct script_set *s, const struct script *one, struct strv *env)
{
	strv_copy(env, &s->w->environment);
	for (size_t i = 0; i < s->n_setup; i++)
		strv_env_merge(env, &s->setup[i].handed_on);
	strv_env_merge(env, &one->config->env);
	strv_env_set(env, "XTEST", "1");
	strv_env_set(env, "XTEST_RUN_ID", s->w->run_id);
	strv_env_set(env, "XTEST_WORKSPACE_ROOT", s->w->project->root);
	strv_env_set(env, "PWD", s->w->project->root);
}

static void run_one(struct script_set *s, struct script *one, const struct strv *env)
{
	const struct script_run_options options = {
		.argv = &one->config->command,
		.env = env,
		.cwd = s->w->project->root,
		.timeout_ms = one->config->timeout_us != CONFIG_UNSET
				      ? one->config->timeout_us / 1000
				      : DEFAULT_TIMEOUT_MS,
		.check = check,
		.ctx = s,
	};

	script_run(&one->run, &options);
}

/* ---- the file by which variables are handed on */

static char *bad_line(size_t number, const char *why)
{
	return xasprintf("line %zu of $XTEST_ENV: %s", number, why);
}

/* NULL, or what is wrong with it. */
static char *take_variables(const char *path, struct strv *out)
{
	autorelease(buf) struct buf text = BUF_INIT;
	struct err e = {0};
	const char *line;
	size_t len, pos = 0, number = 0;

	if (fs_read_file(path, &text, &e) < 0)
		return xstrdup(e.msg);
	while (text.len && buf_next_line(text.data, text.len, &pos, &line, &len)) {
		autofree char *one = xstrndup(line, len);

		number++;
		if (!*one)
			continue;
		if (*one == '=' || !strchr(one, '='))
			return bad_line(number, "NAME=VALUE is expected");
		if (starts_with(one, "XTEST") || starts_with(one, "NEXTEST"))
			return bad_line(number, "names that begin with XTEST or NEXTEST "
						"are not for scripts");
		strv_env_put(out, one);
	}
	return NULL;
}

static void set_one_up(struct script_set *s, struct script *one)
{
	autorelease(strv) struct strv env = STRV_INIT;
	const char *dir = getenv("TMPDIR");
	autofree char *path =
		xasprintf("%s/xtest-env-XXXXXX", dir && *dir ? dir : "/tmp");
	autoclose int fd = mkostemp(path, O_CLOEXEC);

	send(s, EVENT_SCRIPT_START, true, one);
	if (fd < 0) {
		one->run.reason = xasprintf("%s cannot be made", path);
	} else {
		make_environment(s, one, &env);
		strv_env_set(&env, "XTEST_ENV", path);
		strv_env_set(&env, "NEXTEST_ENV", path);
		run_one(s, one, &env);
		if (!one->run.reason)
			one->run.reason = take_variables(path, &one->handed_on);
		unlink(path);
	}
	one->failed = one->run.reason != NULL;
	send(s, EVENT_SCRIPT_END, true, one);
	if (one->failed)
		script_run_end_group(&one->run);
}

/* ---- which scripts, and for whom */

static struct filter_subject subject_of(
	const struct script_set *s, const struct plan_item *item)
{
	struct filter_subject subject =
		launch_subject(&s->w->columns[item->column].event, item->suite);

	subject.test = *item->test->name ? item->test->name : item->suite->name;
	return subject;
}

static int names_of(const struct script_set *s, const struct filter_subject *subject,
	bool is_setup, struct strv *names, struct err *e)
{
	return config_script_names(
		s->w->project->config, s->w->profile, subject, is_setup, names, e);
}

static int find_needed(struct script_set *s, const struct plan *plan, struct err *e)
{
	autorelease(strv) struct strv setup = STRV_INIT, teardown = STRV_INIT;

	for (size_t i = 0; i < plan->len; i++) {
		struct filter_subject subject = subject_of(s, &plan->items[i]);

		if (names_of(s, &subject, true, &setup, e) < 0 ||
			names_of(s, &subject, false, &teardown, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < s->n_setup; i++)
		s->setup[i].needed = strv_has(&setup, s->setup[i].config->name);
	for (size_t i = 0; i < s->n_teardown; i++)
		s->teardown[i].needed = strv_has(&teardown, s->teardown[i].config->name);
	return 0;
}

/* The first script of a case that failed, or NULL. */
static const struct script *failed_of(
	const struct script_set *s, const struct strv *names)
{
	for (size_t i = 0; i < s->n_setup; i++)
		if (s->setup[i].failed && strv_has(names, s->setup[i].config->name))
			return &s->setup[i];
	return NULL;
}

static int block(struct script_set *s, struct plan *plan, struct err *e)
{
	for (size_t i = 0; i < plan->len; i++) {
		struct plan_item *item = &plan->items[i];
		struct filter_subject subject = subject_of(s, item);
		autorelease(strv) struct strv names = STRV_INIT;
		const struct script *failed;

		if (names_of(s, &subject, true, &names, e) < 0)
			return -1;
		failed = failed_of(s, &names);
		if (!failed)
			continue;
		strv_pushf(&plan->blocks, "not run: its set-up script '%s' failed: %s",
			failed->config->name, failed->run.reason);
		item->blocked = plan->blocks.v[plan->blocks.len - 1];
	}
	return 0;
}

int script_set_up(struct script_set *s, struct plan *plan, struct err *e)
{
	bool any_failed = false;

	if (!s->n_setup && !s->n_teardown)
		return 0;
	if (find_needed(s, plan, e) < 0)
		return -1;
	s->begun = true;
	for (size_t i = 0; i < s->n_setup; i++) {
		if (!s->setup[i].needed || interrupt_check(s->w->interrupt))
			continue;
		set_one_up(s, &s->setup[i]);
		any_failed |= s->setup[i].failed;
	}
	return any_failed ? block(s, plan, e) : 0;
}

static void hand_on(const struct script_set *s, const struct filter_subject *subject,
	struct strv *env)
{
	autorelease(strv) struct strv names = STRV_INIT;
	struct err ignored;

	if (!s->n_setup || names_of(s, subject, true, &names, &ignored) < 0)
		return;
	for (size_t i = 0; i < s->n_setup; i++)
		if (strv_has(&names, s->setup[i].config->name))
			strv_env_merge(env, &s->setup[i].handed_on);
}

/* ---- wrappers */

/* A relative path is the project's; a text is what a shell puts in front. */
static void push_wrapper(struct strv *argv, const struct config_wrapper *wrapper,
	const char *workspace_root)
{
	const struct strv *c = &wrapper->command;
	bool is_text = c->len == 3 && streq(c->v[0], "sh") && streq(c->v[1], "-c");
	bool is_relative = c->v[0][0] != '/' && strchr(c->v[0], '/');

	if (is_text)
		strv_pushf(argv, "/bin/sh");
	else if (is_relative)
		strv_push_take(argv, fs_join(workspace_root, c->v[0]));
	else
		strv_push(argv, c->v[0]);
	for (size_t i = 1; i < c->len; i++)
		strv_pushf(argv, "%s%s", c->v[i], is_text && i == 2 ? " \"$@\"" : "");
	if (is_text)
		strv_push(argv, "sh");
}

/* A wrapper stands in front of the test, and of the emulator where there is one, as the
 * configuration wants it. */
static void wrap(const struct config_wrapper *wrapper, const char *workspace_root,
	struct task *task)
{
	autorelease(strv) struct strv argv = STRV_INIT;
	bool emulated = task->prefix.len > 0;

	if (!wrapper || (emulated && wrapper->target_runner == CONFIG_RUNNER_OVERRIDES))
		return;
	push_wrapper(&argv, wrapper, workspace_root);
	if (emulated && wrapper->target_runner != CONFIG_RUNNER_AROUND) {
		if (wrapper->target_runner != CONFIG_RUNNER_IGNORE)
			strv_push_all(&argv, &task->prefix);
		strv_clear(&task->prefix);
	}
	strv_push_all(&argv, &task->argv);
	strv_copy(&task->argv, &argv);
}

static const struct config_wrapper *wrapper_of(
	const struct script_set *s, const struct filter_subject *subject, bool is_listing)
{
	const struct config_wrapper *wrapper = NULL;
	struct err ignored;

	if (config_script_wrapper(s->w->project->config, s->w->profile, subject,
		    is_listing, &wrapper, &ignored) < 0)
		return NULL;
	return wrapper;
}

bool script_set_wraps_listing(
	const struct script_set *s, const struct filter_subject *subject)
{
	return wrapper_of(s, subject, true) != NULL;
}

void script_set_prepare_case(const struct script_set *s,
	const struct filter_subject *subject, struct task *task)
{
	hand_on(s, subject, &task->env);
	wrap(wrapper_of(s, subject, false), s->w->project->root, task);
}

void script_set_prepare_listing(const struct script_set *s,
	const struct filter_subject *subject, struct task *task)
{
	wrap(wrapper_of(s, subject, true), s->w->project->root, task);
}

/* ---- the end */

void script_set_down(struct script_set *s)
{
	if (!s->begun || s->done)
		return;
	s->done = true;
	/* Ctrl-C has ended the tests; another one is meant for the script. */
	interrupt_check(s->w->interrupt);
	s->signals_before = s->w->interrupt->count;
	for (size_t i = s->n_teardown; i-- > 0;) {
		struct script *one = &s->teardown[i];
		autorelease(strv) struct strv env = STRV_INIT;

		if (!one->needed)
			continue;
		send(s, EVENT_SCRIPT_START, false, one);
		make_environment(s, one, &env);
		run_one(s, one, &env);
		one->failed = one->run.reason != NULL;
		send(s, EVENT_SCRIPT_END, false, one);
		script_run_end_group(&one->run);
	}
	for (size_t i = s->n_setup; i-- > 0;)
		script_run_end_group(&s->setup[i].run);
}

static bool has_failed(const struct script *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (all[i].failed)
			return true;
	return false;
}

bool script_set_spoils(const struct script_set *s, int exit_code)
{
	return has_failed(s->setup, s->n_setup) ||
	       (exit_code == 0 && has_failed(s->teardown, s->n_teardown));
}

static void release(struct script *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		script_run_release(&all[i].run);
		strv_release(&all[i].handed_on);
	}
	free(all);
}

void script_set_free(struct script_set *s)
{
	if (!s)
		return;
	script_set_down(s);
	release(s->setup, s->n_setup);
	release(s->teardown, s->n_teardown);
	free(s);
}
