#include "adapter/adapter.h"
#include "adapter/cargo-build.h"
#include "adapter/cargo-config.h"
#include "adapter/cargo-nextest.h"

#include "base/fs.h"
#include "base/proc.h"
#include "model/toolchain.h"

#include <ctype.h>

/* One build under way. */
struct work {
	const struct build_request *request;
	struct cargo_config config;
	struct cargo_workspace workspace;
	struct cargo_build build;
	struct strv env;            /* for every command */
	struct strv general;        /* of the user's words, those every command takes */
	struct strv config_options; /* those `cargo config` takes */
	const char *triple;         /* what --target says; NULL: not given */
	char *rustc;
};

static void work_release(struct work *w)
{
	cargo_config_release(&w->config);
	cargo_workspace_release(&w->workspace);
	cargo_build_release(&w->build);
	strv_release(&w->env);
	strv_release(&w->general);
	strv_release(&w->config_options);
	free(w->rustc);
}

static int bid(const char *source_dir, char **why)
{
	autofree char *path = fs_join(source_dir, "Cargo.toml"), *cargo = NULL;

	if (!fs_is_file(path))
		return 0;
	*why = xstrdup("Cargo.toml");
	cargo = fs_find_program("cargo", NULL);
	/* A tree with a build system around its crates is built by that one. */
	return cargo ? 62 : 10;
}

/* ---- the user's words */

/* The value of "--name=value", "--name value" or "-nvalue"; NULL when it is not there. */
static const char *option_value(
	const struct strv *args, const char *name, const char *letter)
{
	const char *found = NULL;

	for (size_t i = 0; i < args->len; i++) {
		const char *word = args->v[i],
			   *next = i + 1 < args->len ? args->v[i + 1] : NULL;
		size_t len = strlen(name);

		if (starts_with(word, name) && word[len] == '=')
			found = word + len + 1;
		else if (streq(word, name) || (letter && streq(word, letter)))
			found = next ? next : found;
		else if (letter && starts_with(word, letter))
			found = word + strlen(letter);
	}
	return found;
}

static bool has_word(const struct strv *args, const char *name, const char *letter)
{
	return strv_has(args, name) || (letter && strv_has(args, letter));
}

/* The words that mean the same to `cargo metadata` and `cargo config`. */
static void split_words(struct work *w)
{
	static const char *const flags[] = {"--locked", "--offline", "--frozen"};
	static const char *const values[] = {"--manifest-path", "--config", "-Z"};
	const struct strv *args = w->request->args;

	for (size_t i = 0; i < args->len; i++) {
		const char *word = args->v[i];

		for (size_t k = 0; k < ARRAY_LEN(flags); k++)
			if (streq(word, flags[k]))
				strv_push(&w->general, word);
		for (size_t k = 0; k < ARRAY_LEN(values); k++) {
			size_t len = strlen(values[k]);
			bool alone = streq(word, values[k]);

			if (!starts_with(word, values[k]) ||
				(!alone && len > 2 && word[len] != '='))
				continue;
			strv_push(&w->general, word);
			if (k == 1)
				strv_push(&w->config_options, word);
			if (!alone || i + 1 == args->len)
				continue;
			strv_push(&w->general, args->v[++i]);
			if (k == 1)
				strv_push(&w->config_options, args->v[i]);
			break;
		}
	}
}

/* The Cargo Book, "Profiles": the name, and the directory its results are in. */
static const char *profile_of(const struct strv *args)
{
	const char *profile = option_value(args, "--profile", NULL);

	return has_word(args, "--release", "-r") ? "release" : profile ? profile : "test";
}

static const char *profile_dir(const char *profile)
{
	return streq(profile, "test") || streq(profile, "dev")        ? "debug"
	       : streq(profile, "bench") || streq(profile, "release") ? "release"
								      : profile;
}

/* ---- asking */

/* What a command answers; a failure shows what it said. */
static int ask(
	const struct work *w, const struct strv *argv, struct buf *out, struct err *e)
{
	return adapter_capture(w->request, argv, w->request->source_dir, &w->env, out, e);
}

static int ask_rustc(const struct work *w, const char *const *words, const char *triple,
	struct buf *out, struct err *e)
{
	autorelease(strv) struct strv argv = STRV_INIT;

	strv_push(&argv, w->rustc);
	strv_push_array(&argv, words);
	if (triple)
		strv_push_array(&argv, (const char *const[]){"--target", triple, NULL});
	return ask(w, &argv, out, e);
}

/* The directory of the libraries of one side. That there is none is found out by the
 * build, which then says it better. */
static void find_libdir(
	const struct work *w, struct cargo_platform *side, const char *triple)
{
	static const char *const words[] = {"--print", "target-libdir", NULL};
	autorelease(buf) struct buf out = BUF_INIT;
	struct err ignored = {0};

	if (ask_rustc(w, words, triple, &out, &ignored) < 0) {
		side->libdir_reason = xstrdup("rustc-failed");
		return;
	}
	side->libdir = xstrndup(buf_str(&out), strcspn(buf_str(&out), "\r\n"));
}

static int find_platforms(struct work *w, struct err *e)
{
	static const char *const words[] = {"-vV", NULL};
	autorelease(buf) struct buf out = BUF_INIT;
	const char *line;
	size_t pos = 0, len;

	if (ask_rustc(w, words, NULL, &out, e) < 0)
		return -1;
	while (buf_next_line(buf_str(&out), out.len, &pos, &line, &len))
		if (len > 6 && starts_with(line, "host: "))
			w->build.host.triple = xstrndup(line + 6, len - 6);
	if (!w->build.host.triple)
		return err_set(e, ERR_METADATA, "%s -vV names no host", w->rustc);
	find_libdir(w, &w->build.host, NULL);
	if (w->triple) {
		struct cargo_platform *side = cargo_build_add_target(&w->build);

		side->triple = xstrdup(w->triple);
		find_libdir(w, side, w->triple);
	}
	return 0;
}

static int read_metadata(struct work *w, struct err *e)
{
	autorelease(strv) struct strv argv = STRV_INIT;
	autorelease(buf) struct buf out = BUF_INIT;

	strv_push_array(
		&argv, (const char *const[]){"cargo", "metadata", "--format-version", "1",
			       "--all-features", "--filter-platform", NULL});
	strv_push(&argv, w->triple ? w->triple : w->build.host.triple);
	strv_push_all(&argv, &w->general);
	if (ask(w, &argv, &out, e) < 0) {
		if (e->kind == ERR_BUILD)
			e->kind = ERR_METADATA;
		return -1;
	}
	return cargo_workspace_read(&w->workspace, buf_str(&out), out.len, e);
}

/* ---- building */

static void set_unless(
	const struct work *w, struct strv *env, const char *name, const char *value)
{
	if (value && !getenv(name) && !cargo_config_sets_env(&w->config, name))
		strv_env_set(env, name, value);
}

/* For rustc, and for build scripts that compile C (the crates cc and pkg-config), as far
 * as the project says nothing itself. */
static void set_toolchain(struct work *w)
{
	static const char *const names[] = {"CC", "CXX", "AR", "RANLIB"};
	const struct toolchain *t = w->request->toolchain;
	autofree char *cc = strv_join(&t->cc, " "), *cxx = strv_join(&t->cxx, " ");
	const char *values[] = {
		t->cc.len ? cc : NULL, t->cxx.len ? cxx : NULL, t->ar, t->ranlib};
	autofree char *linker = cargo_config_variable(w->triple, "LINKER");
	autofree char *plain = xstrdup(w->triple), *libdir = NULL;

	for (char *p = plain; *p; p++)
		*p = isalnum((unsigned char)*p) ? *p : '_';
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		autofree char *own = xasprintf("%s_%s", names[i], plain);
		autofree char *dashed = xasprintf("%s_%s", names[i], w->triple);

		if (!getenv(dashed) && !cargo_config_sets_env(&w->config, dashed))
			set_unless(w, &w->env, own, values[i]);
	}
	libdir = xasprintf("PKG_CONFIG_LIBDIR_%s", plain);
	if (t->pkg_config_libdir && *t->pkg_config_libdir) {
		set_unless(w, &w->env, libdir, t->pkg_config_libdir);
		set_unless(w, &w->env, "PKG_CONFIG_ALLOW_CROSS", "1");
	}
	if (t->cc.len && !cargo_config_has_target(&w->config, w->triple, "linker"))
		strv_env_set(&w->env, linker, t->cc.v[0]);
}

static void build_argv(const struct work *w, struct strv *argv)
{
	const struct build_request *r = w->request;

	strv_push_array(
		argv, (const char *const[]){"cargo", "test", "--no-run",
			      "--message-format", "json-render-diagnostics", NULL});
	if (w->triple)
		strv_pushf(argv, "--target=%s", w->triple);
	if (r->jobs && !option_value(r->args, "--jobs", "-j"))
		strv_pushf(argv, "--jobs=%u", r->jobs);
	if (r->verbose)
		strv_push(argv, "--verbose");
	/* The target directory is in the environment. Said twice in two ways, it and a
	 * build directory are two for cargo, which then waits for its own lock. */
	for (size_t i = 0; i < r->args->len; i++) {
		if (streq(r->args->v[i], "--target-dir"))
			i++;
		else if (!starts_with(r->args->v[i], "--target-dir="))
			strv_push(argv, r->args->v[i]);
	}
}

/* Each thing that is compiled is a message. */
static void on_message(void *ctx, const char *line, size_t len)
{
	const struct build_request *request = ((struct work *)ctx)->request;
	struct err ignored;
	autorelease_json struct json *message =
		len && *line == '{' ? json_parse(line, len, "cargo", &ignored) : NULL;
	const char *name = json_find_string(json_find(message, "target"), "name", NULL);
	autofree char *text = name ? xasprintf("Compiled %s", name) : NULL;

	if (text && request->line &&
		streq(json_find_string(message, "reason", ""), "compiler-artifact") &&
		!json_boolean(json_find(message, "fresh"), false))
		request->line(request->ctx, text, strlen(text));
}

static bool on_cancelled(void *ctx)
{
	const struct build_request *request = ((struct work *)ctx)->request;

	return request->cancelled && request->cancelled(request->ctx);
}

/* "   Compiling alpha v1.2.3 (…)": what cargo is doing stands in twelve columns. */
static bool is_status(const char *line, size_t len)
{
	size_t blanks = 0, end;

	while (blanks < len && line[blanks] == ' ')
		blanks++;
	end = blanks;
	while (end < len && isalpha((unsigned char)line[end]))
		end++;
	return end == 12 && end > blanks && end < len && line[end] == ' ' &&
	       isupper((unsigned char)line[blanks]);
}

/* Warnings of a build that succeeded: what is not about its progress. */
static void show_diagnostics(const struct build_request *request, const struct buf *text)
{
	autorelease(buf) struct buf rest = BUF_INIT;
	const char *line;
	size_t pos = 0, len;

	while (buf_next_line(buf_str(text), text->len, &pos, &line, &len)) {
		if (is_status(line, len))
			continue;
		buf_append(&rest, line, len);
		buf_append_char(&rest, '\n');
	}
	if (request->output && rest.len)
		request->output(request->ctx, buf_str(&rest), rest.len);
}

static int run_build(struct work *w, struct err *e)
{
	const struct build_request *r = w->request;
	autorelease(proc_result) struct proc_result result = {0};
	autorelease(strv) struct strv argv = STRV_INIT;
	struct build_request shown = *r;
	char how[64];

	if (r->step)
		r->step(r->ctx, "build");
	build_argv(w, &argv);
	shown.ctx = w;
	shown.cancelled = on_cancelled;
	if (adapter_ask(&shown, &argv, r->source_dir, &w->env, on_message, &result, e) <
		0)
		return -1;
	if (!proc_succeeded(&result)) {
		autofree char *command = strv_quote(&argv);

		if (r->output)
			r->output(r->ctx, buf_str(&result.err), result.err.len);
		return err_set(e, ERR_BUILD, "%s: %s", command,
			proc_describe(&result, how, sizeof how));
	}
	show_diagnostics(r, &result.err);
	return cargo_messages_read(
		&w->build, &w->workspace, buf_str(&result.out), result.out.len, e);
}

/* ---- the suites */

/* What cargo would put in front of the programs of a side. */
static int find_runner(
	const struct work *w, const char *triple, struct strv *words, struct err *e)
{
	static const char *const print[] = {"--print", "cfg", NULL};
	autorelease(buf) struct buf out = BUF_INIT;
	autorelease(strv) struct strv cfgs = STRV_INIT;

	if (cargo_config_needs_cfgs(&w->config)) {
		if (ask_rustc(w, print, triple, &out, e) < 0)
			return -1;
		strv_split(&cfgs, buf_str(&out), "\r\n");
	}
	cargo_config_runner(&w->config, triple, &cfgs, words);
	if (words->len) {
		char *found = fs_find_program(words->v[0], NULL);

		if (!found)
			return err_set(e, ERR_SETUP,
				"the project's runner for %s, %s, is not there", triple,
				words->v[0]);
		free(words->v[0]);
		words->v[0] = found;
	}
	return 0;
}

static int set_runners(const struct work *w, struct suite_list *suites, struct err *e)
{
	autorelease(strv) struct strv host = STRV_INIT, target = STRV_INIT;

	if (find_runner(w, w->build.host.triple, &host, e) < 0)
		return -1;
	if (w->triple && find_runner(w, w->triple, &target, e) < 0)
		return -1;
	for (size_t i = 0; i < suites->len; i++) {
		struct suite *s = &suites->v[i];

		strv_copy(&s->runner,
			w->triple && s->platform == PLATFORM_TARGET ? &target : &host);
	}
	return 0;
}

static int make_suites(const struct work *w, struct suite_list *suites, struct err *e)
{
	autorelease(strv) struct strv env = STRV_INIT;
	struct cargo_suite_options options = {.config_env = &env};

	cargo_config_env(&w->config, NULL, &env);
	if (cargo_suites_make(&w->build, &w->workspace, &options, suites, e) < 0 ||
		cargo_libstd_provide(&w->build, w->build.target_dir, suites, e) < 0)
		return -1;
	return set_runners(w, suites, e);
}

/* ---- all of it */

static int need_cargo(struct err *e)
{
	autofree char *cargo = fs_find_program("cargo", NULL);

	return cargo ? 0 : adapter_misses("cargo", "Cargo.toml", "cargo", e);
}

/* A build directory that is in neither the project nor the target directory is one for
 * many projects: an archive could not say what of it is this one's. */
static int bring_together(struct work *w, struct err *e)
{
	const char *target_dir = w->workspace.target_dir,
		   *build_dir = w->workspace.build_dir;

	if (fs_is_within(build_dir, target_dir) ||
		fs_is_within(build_dir, w->request->source_dir))
		return 0;
	strv_env_set(&w->env, "CARGO_BUILD_BUILD_DIR", target_dir);
	cargo_workspace_release(&w->workspace);
	return read_metadata(w, e);
}

/* What is asked before anything is built. */
static int prepare(struct work *w, struct err *e)
{
	const struct build_request *r = w->request;
	const char *dir = option_value(r->args, "--target-dir", NULL);
	autofree char *target_dir = fs_normalize(dir ? dir : r->build_dir, r->source_dir);
	const struct json *own;
	const char *rustc = getenv("RUSTC");

	split_words(w);
	/* Not an option: `cargo metadata` must know it, too. */
	strv_env_set(&w->env, "CARGO_TARGET_DIR", target_dir);
	if (cargo_config_load(&w->config, r, &w->config_options, e) < 0)
		return -1;
	own = json_find(w->config.root, "build");
	if (!rustc || !*rustc)
		rustc = json_find_string(own, "rustc", "rustc");
	w->rustc = xstrdup(rustc);
	/* A project that is built for something else by default is built for what was
	 * asked for. */
	if (r->cross || json_find(own, "target") || getenv("CARGO_BUILD_TARGET"))
		w->triple = r->target->rust;
	if (find_platforms(w, e) < 0 || read_metadata(w, e) < 0 ||
		bring_together(w, e) < 0)
		return -1;
	if (r->cross)
		set_toolchain(w);
	return 0;
}

static void set_directories(struct work *w)
{
	const struct strv *args = w->request->args;
	const char *profile = profile_of(args), *dir = profile_dir(profile);

	w->build.target_dir = xstrdup(w->workspace.target_dir);
	w->build.build_dir = xstrdup(w->workspace.build_dir);
	w->build.profile = xstrdup(profile);
	strv_copy(&w->build.flags, args);
	strv_push(&w->build.base_dirs, dir);
	if (w->triple)
		strv_pushf(&w->build.base_dirs, "%s/%s", w->triple, dir);
}

static int build(
	const struct build_request *request, struct suite_list *suites, struct err *e)
{
	autorelease(suite_list) struct suite_list own = {0};
	autorelease(work) struct work w = {.request = request};

	if (need_cargo(e) < 0 || prepare(&w, e) < 0)
		return -1;
	set_directories(&w);
	if (run_build(&w, e) < 0 || make_suites(&w, &own, e) < 0 ||
		cargo_nextest_store(request->build_dir, &w.build, &w.workspace, e) < 0)
		return -1;
	if (request->built_in && !fs_is_within(w.build.target_dir, request->build_dir))
		request->built_in(request->ctx, w.build.target_dir);
	adapter_move_suites(&own, suites);
	return 0;
}

const struct adapter adapter_cargo = {
	.name = "cargo",
	.help = "Cargo.toml, its test programs by cargo's messages",
	.bid = bid,
	.build = build,
};
