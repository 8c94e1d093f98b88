#include "adapter/adapter.h"

#include "adapter/make-ask.h"
#include "base/fs.h"
#include "model/config.h"
#include "model/target.h"
#include "model/toolchain.h"

/*
 * Tests that xtest.json spells out. Paths in it are relative to the build directory when
 * they are there, else to the project.
 */
static int bid(const char *source_dir, char **why)
{
	autofree char *path = fs_join(source_dir, "xtest.json");
	autorelease_json struct json *root = NULL;
	struct err ignored;

	root = fs_is_file(path) ? json_load(path, &ignored) : NULL;
	if (!json_len(json_find(root, "suites")))
		return 0;
	*why = xstrdup("suites in xtest.json");
	return 100;
}

static void directories(const struct build_request *request, struct strv *env)
{
	strv_env_set(env, "XTEST_SOURCE_DIR", request->source_dir);
	strv_env_set(env, "XTEST_BUILD_DIR", request->build_dir);
}

static void build_env(const struct build_request *request, struct strv *env)
{
	autofree char *wrapper =
		request->exec_wrapper ? strv_quote(request->exec_wrapper) : xstrdup("");

	make_ask_env(request, env);
	directories(request, env);
	strv_env_set(env, "XTEST_TRIPLE", request->toolchain->triple);
	strv_env_set(env, "XTEST_TARGET", request->target->name);
	/* In front of a program of the target that the build has to run. */
	strv_env_set(env, "XTEST_EXEC", wrapper);
}

static int run_commands(const struct build_request *request, struct err *e)
{
	const struct config *config = request->config;
	autorelease(strv) struct strv env = STRV_INIT;

	build_env(request, &env);
	if (config->build_commands.len && request->step)
		request->step(request->ctx, "build");
	for (size_t i = 0; i < config->build_commands.len; i++) {
		autorelease(strv) struct strv argv = STRV_INIT;

		strv_copy(&argv, &config->build_commands.v[i]);
		if (i + 1 == config->build_commands.len && request->args)
			strv_push_all(&argv, request->args);
		if (adapter_run(request, &argv, request->build_dir, &env, e) < 0)
			return err_context(e, "build-commands[%zu]", i);
	}
	return 0;
}

/* The caller's, absolute. What is nowhere is expected in the build directory. */
static char *resolve(const struct build_request *request, const char *path)
{
	autofree char *built = fs_normalize(path, request->build_dir);
	autofree char *own = fs_normalize(path, request->source_dir);

	return fs_exists(built) || !fs_exists(own) ? take_ptr(built) : take_ptr(own);
}

/* A program with a slash in its name is a path; one without is one of the system. */
static void set_command(const struct build_request *request, struct suite *s,
	const struct config_suite *from)
{
	if (from->binary)
		s->binary = resolve(request, from->binary);
	if (!from->command.len) {
		strv_push(&s->command, s->binary);
		return;
	}
	strv_copy(&s->command, &from->command);
	if (strchr(s->command.v[0], '/')) {
		char *path = resolve(request, s->command.v[0]);

		free(s->command.v[0]);
		s->command.v[0] = path;
	}
}

static char *where(const struct config *config, size_t i, const char *member)
{
	autofree char *key = xasprintf("suites[%zu].%s", i, member);
	const struct config_origin *origin = config_origin_find(config, key);
	const char *file = config->path ? fs_basename(config->path) : "xtest.json";

	return origin ? xasprintf("%s:%u", file, origin->line) : xstrdup(file);
}

/* One that is said here; else the ELF file decides, also behind a command of another
 * name. */
static void set_platform(const struct config *config, size_t i, struct suite *s)
{
	const struct config_suite *from = &config->suites.v[i];

	if (from->platform != CONFIG_PLATFORM_UNSET) {
		s->platform =
			from->platform == CONFIG_HOST ? PLATFORM_HOST : PLATFORM_TARGET;
		s->platform_reason = where(config, i, "platform");
	} else if (s->binary && !streq(s->binary, s->command.v[0])) {
		s->platform = PLATFORM_TARGET;
		s->platform_reason = where(config, i, "binary");
	}
}

static void add_suite(
	const struct build_request *request, size_t i, struct suite_list *suites)
{
	const struct config_suite *from = &request->config->suites.v[i];
	struct suite *s = suite_list_add(suites);

	s->name = xstrdup(from->name);
	s->package =
		xstrdup(from->package ? from->package : fs_basename(request->source_dir));
	set_command(request, s, from);
	s->cwd = from->cwd ? resolve(request, from->cwd) : xstrdup(request->build_dir);
	directories(request, &s->env);
	strv_env_merge(&s->env, &from->env);
	s->framework = xstrdup_null(from->framework);
	set_platform(request->config, i, s);
	strv_copy(&s->labels, &from->labels);
	if (from->timeout_us != CONFIG_UNSET)
		s->timeout_ms = (from->timeout_us + 999) / 1000;
	s->expect_fail = from->expect_fail > 0;
	if (from->skip_code != CONFIG_UNSET)
		s->skip_code = (int)from->skip_code;
	for (size_t k = 0; k < from->files.len; k++)
		strv_push_take(&s->files, resolve(request, from->files.v[k]));
	strv_copy(&s->depends, &from->depends);
	s->serial = from->serial > 0;
}

static int build(
	const struct build_request *request, struct suite_list *suites, struct err *e)
{
	autorelease(suite_list) struct suite_list own = {0};

	if (!request->config || !request->config->suites.len)
		return err_set(e, ERR_SETUP,
			"%s: the manifest adapter needs 'suites' in xtest.json",
			request->source_dir);
	if (run_commands(request, e) < 0)
		return -1;
	for (size_t i = 0; i < request->config->suites.len; i++)
		add_suite(request, i, &own);
	adapter_ids_assign(&own);
	if (adapter_platform_decide(&own, request, e) < 0 ||
		suite_list_check(&own, "manifest", e) < 0)
		return -1;
	adapter_move_suites(&own, suites);
	return 0;
}

const struct adapter adapter_manifest = {
	.name = "manifest",
	.help = "suites in xtest.json, built by its build-commands",
	.bid = bid,
	.build = build,
};
