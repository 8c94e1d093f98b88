#include "engine/workload.h"

#include "base/fs.h"
#include "base/threads.h"
#include "engine/workload-board.h"
#include "engine/workload-content.h"
#include "engine/script.h"
#include "engine/workload-machine.h"
#include "engine/workload-nextest.h"
#include "framework/framework.h"
#include "base/version.h"
#include "wire/wire.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum {
	DEFAULT_GRACE_MS = 10000,
	DEFAULT_LEAK_MS = 200,
	OUTPUT_BYTES = 8 << 20, /* kept of each stream of a case */
	NOBODY = 65534,
	EMULATION_FACTOR = 4, /* a time limit made for the real CPU, under emulation */
};

/* A sortable, unique name of the run: UTC time to the millisecond and four
 * random bytes. */
static char *make_run_id(void)
{
	struct timespec now;
	unsigned random = 0;
	char stamp[32];
	struct tm tm;

	if (getrandom(&random, sizeof random, 0) < 0)
		random = (unsigned)getpid();
	clock_gettime(CLOCK_REALTIME, &now);
	strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%S", gmtime_r(&now.tv_sec, &tm));
	return xasprintf("%s%03ldZ-%08x", stamp, now.tv_nsec / 1000000, random);
}

int workload_add_target(struct workload *w, const struct target *target, struct err *e)
{
	struct workload_target *t;

	for (size_t i = 0; i < w->n_targets; i++)
		if (w->targets[i].target == target)
			return 0;
	w->targets = xrealloc(w->targets, (w->n_targets + 1) * sizeof *w->targets);
	t = &w->targets[w->n_targets++];
	*t = (struct workload_target){.target = target};
	return toolchain_resolve(&t->toolchain, target, w->host, NULL, e);
}

static int resolve_targets(struct workload *w, const struct strv *names, struct err *e)
{
	for (size_t i = 0; i < names->len; i++) {
		const struct target *target = target_list_get(&w->known, names->v[i], e);

		if (!target || workload_add_target(w, target, e) < 0)
			return -1;
	}
	return 0;
}

static void advise_version(const struct workload *w)
{
	const char *recommended = w->project->config->version.recommended;

	autofree char *text = NULL;

	if (!recommended || version_compare(version_own(), recommended) >= 0)
		return;
	text = xasprintf("xtest.json recommends xtest %s, and this is %s", recommended,
		version_own());
	emit_note(w->emit, text);
}

int workload_open(struct workload *w, const struct project *project,
	const struct workload_options *o, const struct emit *emit,
	struct interrupt *interrupt, struct err *e)
{
	*w = (struct workload){
		.project = project,
		.emit = emit,
		.interrupt = interrupt,
		.run_id = make_run_id(),
	};
	if (config_profile_settings(project->config, o->profile, &w->settings, e) < 0)
		return -1;
	advise_version(w);
	w->jobs = o->jobs                            ? o->jobs
		  : w->settings.jobs != CONFIG_UNSET ? (unsigned)w->settings.jobs
		  : o->user_jobs                     ? o->user_jobs
						     : threads_processors();
	w->jobs = MIN(w->jobs, WIRE_JOBS_MAX);
	w->jobs_said = o->jobs || w->settings.jobs != CONFIG_UNSET;
	w->fresh = o->fresh > CONFIG_FRESH_UNSET ? o->fresh
		   : w->settings.fresh > CONFIG_FRESH_UNSET
			   ? (enum config_fresh)w->settings.fresh
			   : CONFIG_FRESH_RUN;
	w->profile = o->profile;
	w->machine = o->machine;
	w->board = o->board;
	w->partition = o->partition;
	w->verbose = o->verbose;
	launch_environment(&w->environment);
	launch_staged_environment(&w->staged_environment);
	if (target_list_load(&w->known, NULL, e) < 0)
		return -1;
	w->host = target_list_host(&w->known);
	if (w->host &&
		toolchain_resolve(&w->host_toolchain, w->host, w->host, NULL, e) < 0)
		return -1;
	return workload_config_check(w, e) < 0 ? -1 : resolve_targets(w, o->targets, e);
}

const struct history *workload_history(struct workload *w)
{
	if (!w->history)
		w->history = history_load(w->project->state_dir);
	return w->history;
}

void workload_release(struct workload *w)
{
	history_free(w->history);
	script_set_free(w->scripts);
	workload_close_places(w);
	for (size_t i = 0; i < w->n_columns; i++) {
		struct workload_column *c = &w->columns[i];

		workload_board_free(c->board);
		workload_machine_free(c->machine);
		workload_content_free(c->content);
		free(c->label);
		free(c->uri);
		free(c->detail);
		free(c->emulator);
		free(c->kernel);
		free(c->unreachable);
		free(c->runner_path);
	}
	for (size_t i = 0; i < w->n_targets; i++) {
		toolchain_release(&w->targets[i].toolchain);
		build_result_release(&w->targets[i].build);
		archive_roots_release(&w->targets[i].roots);
		strv_release(&w->targets[i].binds);
		archive_unpack_close(w->targets[i].archive);
		workload_nextest_free(w->targets[i].nextest);
	}
	free(w->columns);
	free(w->targets);
	toolchain_release(&w->host_toolchain);
	target_list_release(&w->known);
	strv_release(&w->environment);
	strv_release(&w->staged_environment);
	image_recipe_list_release(&w->recipes);
	free(w->run_id);
	*w = (struct workload){0};
}

void workload_exec_wrapper(const struct workload_target *t, struct strv *wrapper)
{
	autofree char *self = fs_self_path();

	if (!t->toolchain.native && t->toolchain.emulator.len)
		strv_push_array(wrapper, (const char *const[]){self, "exec", "--target",
						 t->target->name, "--", NULL});
}

int workload_build(struct workload *w, const struct workload_options *o, struct err *e)
{
	autorelease(strv) struct strv args = STRV_INIT;

	if (!w->n_targets && resolve_targets(w, &w->settings.targets, e) < 0)
		return -1;
	if (!w->n_targets && !w->host)
		return err_set(e, ERR_SETUP,
			"no target file describes this machine; name one with --target");
	if (!w->n_targets && workload_add_target(w, w->host, e) < 0)
		return -1;
	strv_copy(&args, &w->project->config->build.args);
	strv_push_all(&args, o->build_args);
	for (size_t i = 0; i < w->n_targets; i++) {
		struct workload_target *t = &w->targets[i];
		autorelease(strv) struct strv wrapper = STRV_INIT;
		struct build_options build = {
			.adapter = o->adapter ? o->adapter : w->project->config->adapter,
			.args = &args,
			.jobs = w->jobs,
			.verbose = o->verbose,
			.exec_wrapper = &wrapper,
			.emit = w->emit,
			.interrupt = w->interrupt,
		};

		if (toolchain_need_build(&t->toolchain, false, e) < 0)
			return -1;
		workload_exec_wrapper(t, &wrapper);
		if (build_project(w->project, &t->toolchain, &build, &t->build, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- columns */

bool workload_in_column(const struct workload_column *column, const struct suite *suite)
{
	return suite->platform == column->platform;
}

struct suite_list *workload_suites(
	struct workload *w, const struct workload_column *column)
{
	return &w->targets[column->target].build.suites;
}

static bool has_platform(const struct suite_list *suites, enum platform platform)
{
	for (size_t i = 0; i < suites->len; i++)
		if (suites->v[i].platform == platform)
			return true;
	return false;
}

/* A machine has these two and nobody else. */
static int set_staged_user(
	const char *name, struct launch *l, struct strv *environment, struct err *e)
{
	if (!name || streq(name, "root"))
		return 0;
	if (!streq(name, "nobody"))
		return err_set(e, ERR_SETUP,
			"--user %s: a machine knows the users root and nobody", name);
	l->change_user = true;
	l->uid = l->gid = NOBODY;
	strv_env_set(environment, "HOME", "/");
	strv_env_set(environment, "USER", name);
	strv_env_set(environment, "LOGNAME", name);
	return 0;
}

static int set_user(
	const char *name, struct launch *l, struct strv *environment, struct err *e)
{
	struct passwd *pw;

	if (!name)
		return 0;
	errno = 0;
	pw = getpwnam(name);
	if (!pw)
		return err_set(e, ERR_SETUP, "--user %s: there is no such user%s%s", name,
			errno ? ": " : "", errno ? strerror(errno) : "");
	if (geteuid() != 0 && geteuid() != pw->pw_uid)
		return err_set(e, ERR_SETUP,
			"--user %s: only root can run tests as another user", name);
	l->change_user = geteuid() == 0;
	l->uid = pw->pw_uid;
	l->gid = pw->pw_gid;
	strv_env_set(environment, "HOME", pw->pw_dir);
	strv_env_set(environment, "USER", name);
	strv_env_set(environment, "LOGNAME", name);
	return 0;
}

/* What tests take for the project's root. */
static const char *workspace_root(
	const struct workload *w, const struct workload_target *t)
{
	const char *original = t->roots.v[ARCHIVE_SOURCE].original,
		   *extracted = t->roots.v[ARCHIVE_SOURCE].extracted;

	return t->mounted && original ? original
	       : extracted            ? extracted
	       : t->nextest           ? t->nextest->workspace_dir
				      : w->project->root;
}

static int add_column(struct workload *w, size_t target, enum platform platform,
	const char *uri, char *label, const struct workload_options *o, struct err *e)
{
	const struct workload_target *t = &w->targets[target];
	bool host = platform == PLATFORM_HOST;
	const struct toolchain *toolchain = host ? &w->host_toolchain : &t->toolchain;
	const struct transport *transport = workload_transport(w, uri);
	bool emulate = !host && streq(uri, "user"), staged = transport->staged;
	const char *user = o->user ? o->user : w->settings.user;
	struct workload_column *c;

	w->columns = xrealloc(w->columns, (w->n_columns + 1) * sizeof *w->columns);
	c = &w->columns[w->n_columns++];
	*c = (struct workload_column){.target = target,
		.platform = platform,
		.label = label,
		.uri = xstrdup(uri),
		.staged = staged,
		.renewable = transport->save != NULL};
	if (emulate)
		c->detail = xasprintf("%s %s", fs_basename(toolchain->emulator.v[0]),
			toolchain->emulator_version ? toolchain->emulator_version : "");
	c->event = (struct event_column){
		.label = c->label,
		.target = host ? "host" : t->target->name,
		.place = c->uri,
		.detail = c->detail,
		.slots = w->jobs,
	};
	c->launch = (struct launch){
		.toolchain = toolchain,
		.emulate = emulate,
		.environment = staged ? &w->staged_environment : &w->environment,
		.elsewhere = staged,
		.run_id = w->run_id,
		.roots = t->mounted ? &t->roots : NULL,
		.workspace_root = workspace_root(w, t),
		.timeout_factor = emulate || c->renewable ? EMULATION_FACTOR : 1,
		.grace_ms = o->grace_ms ? o->grace_ms : DEFAULT_GRACE_MS,
		.leak_ms = DEFAULT_LEAK_MS,
		.output_bytes = OUTPUT_BYTES,
	};
	/* Both local and user mode run on this machine, under the runner made for it. */
	c->runner_path = target_runner_path(staged ? t->target : w->host, e);
	if (!c->runner_path)
		return -1;
	if (staged && !c->renewable && user)
		return err_set(e, ERR_SETUP,
			"--user %s: on a board tests run as who is let in there", user);
	return staged ? set_staged_user(user, &c->launch, &w->staged_environment, e)
		      : set_user(user, &c->launch, &w->environment, e);
}

void workload_split_places(
	const struct workload *w, const struct strv *places, struct strv *uris)
{
	for (size_t i = 0; i < places->len; i++)
		strv_split(uris, places->v[i], ",");
	if (!uris->len && w->settings.place)
		strv_split(uris, w->settings.place, ",");
}

const struct transport *workload_transport(const struct workload *w, const char *word)
{
	/* A list of boards is as its first one. */
	autofree char *first = xstrndup(word, strcspn(word, ","));

	return workload_board_is(w, first) ? transport_find("ssh://")
					   : transport_find(word);
}

static int check_place(const struct workload *w, const struct workload_target *t,
	const char *uri, struct err *e)
{
	const struct transport *transport = workload_transport(w, uri);

	if (!transport)
		return err_set(e, ERR_USAGE,
			"--on %s: no such place; there are `local` (this CPU), `user` "
			"(QEMU user mode), `system` (a machine in QEMU), "
			"ssh://[user@]host (a board), and the names and labels of "
			"`boards` in xtest.json",
			uri);
	if (!transport->staged && toolchain_need_run(&t->toolchain, e) < 0)
		return -1;
	if (streq(uri, "local") && !t->toolchain.native)
		return err_set(e, ERR_SETUP,
			"--on local: this machine cannot run %s programs itself; use "
			"--on user",
			t->target->name);
	if (streq(uri, "user") && !t->toolchain.emulator.len)
		return toolchain_need_run(&t->toolchain, e) < 0
			       ? -1
			       : err_set(e, ERR_SETUP,
					 "--on user: %s programs run on this machine as "
					 "they are; use --on local",
					 t->target->name);
	return 0;
}

/* Boards share one column, or have one each; what else there is has its own. */
static int gather_places(const struct workload *w, const struct workload_target *t,
	const struct workload_options *o, struct strv *columns, struct err *e)
{
	const char *usual = t->toolchain.native ? "local" : "user";
	autorelease(strv) struct strv words = STRV_INIT, boards = STRV_INIT;
	autofree char *shared = NULL;

	workload_split_places(w, o->places, &words);
	if (!words.len)
		strv_push(&words, usual);
	for (size_t i = 0; i < words.len; i++) {
		if (check_place(w, t, words.v[i], e) < 0)
			return -1;
		if (!workload_board_is(w, words.v[i]))
			strv_push(columns, words.v[i]);
		else if (workload_board_expand(
				 w, words.v[i], t->target->name, &boards, e) < 0)
			return -1;
	}
	if (o->board.each)
		strv_push_all(columns, &boards);
	else if (boards.len)
		strv_push_take(columns, strv_join(&boards, ","));
	return 0;
}

static int add_target_columns(struct workload *w, size_t target,
	const struct workload_options *o, struct err *e)
{
	const struct workload_target *t = &w->targets[target];
	autorelease(strv) struct strv uris = STRV_INIT;

	if (gather_places(w, t, o, &uris, e) < 0)
		return -1;
	for (size_t i = 0; i < uris.len; i++) {
		char *label = uris.len > 1
				      ? xasprintf("%s@%s", t->target->name, uris.v[i])
				      : xstrdup(t->target->name);

		if (add_column(w, target, PLATFORM_TARGET, uris.v[i], label, o, e) < 0)
			return -1;
	}
	return 0;
}

/* Asking for new machines where there are none must not look as if it had been done. */
static int check_fresh(
	const struct workload *w, const struct workload_options *o, struct err *e)
{
	bool any = false;

	for (size_t i = 0; i < w->n_columns; i++)
		any |= w->columns[i].renewable;
	if (any || o->fresh <= CONFIG_FRESH_RUN)
		return 0;
	return err_set(e, ERR_USAGE,
		"--fresh %s: nothing here runs in a machine that can be made anew; use "
		"it "
		"with --on system",
		o->fresh == CONFIG_FRESH_CASE ? "case" : "suite");
}

/* Host suites of several targets' builds are the same programs: the first build that has
 * them counts. */
static int add_columns(
	struct workload *w, const struct workload_options *o, struct err *e)
{
	bool host_done = false;

	for (size_t i = 0; i < w->n_targets; i++) {
		const struct suite_list *suites = &w->targets[i].build.suites;

		if (!host_done && w->host && has_platform(suites, PLATFORM_HOST)) {
			host_done = true;
			if (add_column(w, i, PLATFORM_HOST, "local", xstrdup("host"), o,
				    e) < 0)
				return -1;
		}
		if (has_platform(suites, PLATFORM_TARGET) &&
			add_target_columns(w, i, o, e) < 0)
			return -1;
	}
	/* The columns do not move any more. */
	for (size_t i = 0; i < w->n_columns; i++)
		w->columns[i].launch.column = &w->columns[i].event;
	return check_fresh(w, o, e);
}

/* ---- frameworks */

static void recognise(struct suite *s)
{
	autorelease(elf) struct elf elf = {0};
	struct err ignored;
	const struct framework *f;
	bool is_elf =
		s->binary && !s->framework && elf_open(s->binary, &elf, &ignored) == 1;

	f = framework_detect(s, is_elf ? &elf : NULL);
	if (!s->framework)
		s->framework = xstrdup(f->name);
	if (s->binary && framework_splits(f, s))
		return;
	suite_clear_cases(s);
	suite_add_case(s, "");
	s->listed = true;
}

/* What the configuration says of the suite, over what its build system and its ELF file
 * say. */
static int override_suite(const struct workload *w, const char *profile,
	const struct workload_target *t, struct suite *s, struct err *e)
{
	struct event_column column = {
		.target = s->platform == PLATFORM_HOST ? "host" : t->target->name};
	struct filter_subject subject = launch_subject(&column, s);
	enum config_platform platform = CONFIG_PLATFORM_UNSET;
	const struct config *config = w->project->config;
	const char *framework = NULL;

	if (config_override_platform(config, profile, &subject, &platform, e) < 0 ||
		config_override_framework(config, profile, &subject, &framework, e) < 0)
		return -1;
	if (platform != CONFIG_PLATFORM_UNSET) {
		s->platform = platform == CONFIG_HOST ? PLATFORM_HOST : PLATFORM_TARGET;
		free(s->platform_reason);
		s->platform_reason = xstrdup("xtest.json");
	}
	if (framework) {
		free(s->framework);
		s->framework = xstrdup(framework);
	}
	if (s->framework && !framework_find(s->framework))
		return err_set(e, ERR_SETUP, "suite %s: there is no framework \"%s\"",
			s->id, s->framework);
	return 0;
}

/* Tests write where they were built. When they run as somebody else, what xtest made is
 * that user's. */
static int give_trees(const struct workload *w, struct err *e)
{
	for (size_t i = 0; i < w->n_columns; i++) {
		const struct launch *l = &w->columns[i].launch;
		const struct workload_target *t = &w->targets[w->columns[i].target];

		if (!l->change_user || w->columns[i].staged)
			continue;
		if (t->build.build_dir &&
			fs_chown_tree(t->build.build_dir, l->uid, l->gid, e) < 0)
			return -1;
		for (size_t k = 0; k < ARCHIVE_N_ROOTS; k++)
			if (t->roots.v[k].original &&
				fs_chown_tree(
					t->roots.v[k].extracted, l->uid, l->gid, e) < 0)
				return -1;
	}
	return 0;
}

int workload_arrange(struct workload *w, const struct workload_options *o, struct err *e)
{
	if (workload_filter_needs_links(w))
		workload_links(w);
	for (size_t i = 0; i < w->n_targets; i++) {
		struct suite_list *suites = &w->targets[i].build.suites;

		for (size_t k = 0; k < suites->len; k++) {
			if (override_suite(
				    w, o->profile, &w->targets[i], &suites->v[k], e) < 0)
				return -1;
			if (!suites->v[k].listed)
				recognise(&suites->v[k]);
		}
	}
	if (add_columns(w, o, e) < 0)
		return -1;
	w->scripts = script_set_new(w);
	for (size_t i = 0; i < w->n_columns; i++)
		w->columns[i].launch.scripts = w->scripts;
	return give_trees(w, e);
}
