#include "adapter/adapter.h"

#include "adapter/autotools-regen.h"
#include "adapter/make-copy.h"
#include "adapter/make-tests.h"
#include "base/fs.h"
#include "base/hash.h"
#include "model/toolchain.h"

#include <sys/stat.h>

/*
 * The whole build happens in a copy of the source in the build directory, in place: there
 * every project builds, also one whose rules write into their source directory, that was
 * configured in its own folder, or that has to be given a new configure first.
 */
static char *copy_dir(const struct build_request *request)
{
	return fs_join(request->build_dir, "src");
}

static bool has(const char *dir, const char *name)
{
	autofree char *path = fs_join(dir, name);

	return fs_is_file(path);
}

static int bid(const char *source_dir, char **why)
{
	bool made = has(source_dir, "configure");

	if ((has(source_dir, "configure.ac") || has(source_dir, "configure.in")) &&
		(made || has(source_dir, "Makefile.am") ||
			has(source_dir, "Makefile.in"))) {
		*why = xstrdup(has(source_dir, "configure.ac") ? "configure.ac"
							       : "configure.in");
		return 70;
	}
	switch (autotools_regen_kind(source_dir)) {
	case AUTOTOOLS_AUTOCONF:
		*why = xstrdup("configure");
		return 65;
	case AUTOTOOLS_BY_HAND:
		*why = xstrdup("configure (not made by Autoconf)");
		return 50;
	case AUTOTOOLS_NONE:
		break;
	}
	return 0;
}

static void step(const struct build_request *request, const char *what)
{
	if (request->step)
		request->step(request->ctx, what);
}

/* Everything but the script itself that configure depends on. */
static void options(const struct build_request *request, struct strv *words)
{
	make_ask_env(request, words);
	strv_push(words, request->cross ? "cross" : "native");
	strv_push(words, request->toolchain->triple ? request->toolchain->triple : "");
	if (request->args)
		strv_push_all(words, request->args);
}

/* Autoconf keeps NAME=VALUE arguments for config.status; the environment it would forget.
 */
static int autoconf_argv(const struct build_request *request, const char *dir,
	const struct strv *env, struct strv *argv, struct err *e)
{
	autofree char *build = NULL;
	const char *triple = request->toolchain->triple;

	if (request->cross) {
		if (autotools_regen_config_sub(request, dir, triple, e) < 0)
			return -1;
		strv_pushf(argv, "--host=%s", triple);
		build = autotools_regen_build_triple(dir);
		if (build)
			strv_pushf(argv, "--build=%s", build);
	}
	for (size_t i = 0; i < env->len; i++)
		if (!starts_with(env->v[i], "MAKEFILES=") &&
			!starts_with(env->v[i], "GIT_OPTIONAL_LOCKS="))
			strv_push(argv, env->v[i]);
	return 0;
}

/* A script of a person's own: told in the ways it has words for. */
static int by_hand_argv(const struct build_request *request, const char *dir,
	struct strv *argv, struct strv *env, struct err *e)
{
	autofree char *path = fs_join(dir, "configure");
	autorelease(buf) struct buf text = BUF_INIT;
	const char *triple = request->toolchain->triple;

	if (!request->cross)
		return 0;
	if (fs_read_file(path, &text, e) < 0)
		return -1;
	if (strstr(buf_str(&text), "CHOST"))
		strv_env_set(env, "CHOST", triple);
	if (strstr(buf_str(&text), "--host=") || strstr(buf_str(&text), "--host)"))
		strv_pushf(argv, "--host=%s", triple);
	else if (strstr(buf_str(&text), "--cross-prefix"))
		strv_pushf(argv, "--cross-prefix=%s-", triple);
	return 0;
}

static int run_configure(
	const struct build_request *request, const char *dir, struct err *e)
{
	autorelease(strv) struct strv argv = STRV_INIT, env = STRV_INIT;
	autofree char *script = fs_join(dir, "configure");
	int r;

	make_ask_env(request, &env);
	if (!fs_is_executable(script))
		strv_push(&argv, "sh");
	strv_push(&argv, "./configure");
	if (autotools_regen_kind(dir) == AUTOTOOLS_AUTOCONF)
		r = autoconf_argv(request, dir, &env, &argv, e);
	else
		r = by_hand_argv(request, dir, &argv, &env, e);
	if (r < 0)
		return -1;
	if (request->args)
		strv_push_all(&argv, request->args);
	return adapter_run(request, &argv, dir, &env, e);
}

/* What the last configure was made of: the options and the script. */
static int configure_digest(
	const char *dir, const char *key, char hex[HASH_HEX_SIZE], struct err *e)
{
	autofree char *script = fs_join(dir, "configure");
	char content[HASH_HEX_SIZE];
	autofree char *both = NULL;

	if (hash_file(script, content, e) < 0)
		return -1;
	both = xasprintf("%s %s", key, content);
	hash_memory(both, strlen(both), hex);
	return 0;
}

static int configure(const struct build_request *request, struct err *e)
{
	autofree char *dir = copy_dir(request);
	autofree char *record = fs_join(request->build_dir, "xtest-copy");
	autofree char *reason = NULL, *all = NULL;
	autorelease(strv) struct strv words = STRV_INIT;
	char key[HASH_HEX_SIZE], digest[HASH_HEX_SIZE];
	struct make_copy done;

	options(request, &words);
	all = strv_quote(&words);
	hash_memory(all, strlen(all), key);
	if (make_copy_refresh(request->source_dir, dir, record, key, &done, e) < 0)
		return -1;
	if (done.fresh && adapter_stamp_remove(request, e) < 0)
		return -1;
	reason = autotools_regen_reason(dir);
	if (reason) {
		step(request, "autoreconf");
		if (adapter_stamp_remove(request, e) < 0 ||
			autotools_regen_run(request, dir, reason, e) < 0)
			return -1;
	}
	if (configure_digest(dir, key, digest, e) < 0)
		return -1;
	if (adapter_stamp_holds(request, digest) && make_ask_makefile(dir))
		return 0;
	step(request, "configure");
	if (adapter_stamp_remove(request, e) < 0 || run_configure(request, dir, e) < 0)
		return -1;
	return adapter_stamp_write(request, digest, e);
}

static int build(
	const struct build_request *request, struct suite_list *suites, struct err *e)
{
	autofree char *dir = copy_dir(request);
	autorelease(strv) struct strv argv = STRV_INIT, env = STRV_INIT;
	struct make_tree tree = {
		.adapter = "autotools",
		.top = dir,
		.package = fs_basename(request->source_dir),
		.env = &env,
	};
	autorelease(suite_list) struct suite_list own = {0};
	size_t n = 0;

	make_ask_env(request, &env);
	make_ask_argv(request, NULL, &argv);
	step(request, "build");
	if (adapter_run(request, &argv, dir, &env, e) < 0 ||
		make_tests_find(request, &tree, &own, &n, e) < 0)
		return -1;
	if ((!n && make_tests_whole(request, &tree, &own, e) < 0) ||
		make_tests_finish(request, &tree, &own, e) < 0)
		return -1;
	adapter_move_suites(&own, suites);
	return 0;
}

const struct adapter adapter_autotools = {
	.name = "autotools",
	.help = "configure.ac or configure, Automake's TESTS",
	.bid = bid,
	.configure = configure,
	.build = build,
};
