#include "adapter/adapter.h"

#include "adapter/make-copy.h"
#include "adapter/make-tests.h"
#include "adapter/make-words.h"
#include "base/fs.h"
#include "base/hash.h"
#include "model/toolchain.h"

static int bid(const char *source_dir, char **why)
{
	const char *makefile = make_ask_makefile(source_dir);

	if (!makefile)
		return 0;
	*why = xstrdup(makefile);
	return 20;
}

/* Arguments of make go before what a makefile assigns. Not LD: `LD = $(CC)` is common,
 * and the flags that follow are then the compiler's. A native build takes what the
 * project names. */
static void cross_overrides(const struct build_request *request, struct strv *overrides)
{
	static const char *const names[] = {"CC", "CXX", "AR", "RANLIB", "STRIP", "NM",
		"OBJCOPY", "PKG_CONFIG", "CC_FOR_BUILD", "BUILD_CC", "HOSTCC"};
	autorelease(strv) struct strv env = STRV_INIT;

	if (!request->cross)
		return;
	make_ask_env(request, &env);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *value = strv_env_find(&env, names[i]);

		if (value)
			strv_pushf(overrides, "%s=%s", names[i], value);
	}
	strv_pushf(overrides, "CROSS_COMPILE=%s-", request->toolchain->triple);
}

/* The user's arguments: assignments reach every make, other words only the build. */
static void split_args(const struct build_request *request, struct strv *overrides,
	struct strv *build_args)
{
	for (size_t i = 0; request->args && i < request->args->len; i++) {
		const char *word = request->args->v[i];

		if (make_words_assignment(word))
			strv_env_put(overrides, word);
		else
			strv_push(build_args, word);
	}
}

/* TESTS can be run one by one when each of them is a program that is there, and when the
 * recipe of `check` does nothing for them that would then be left out. */
static int can_run_apart(const struct build_request *request,
	const struct make_tree *tree, const struct suite_list *suites, bool *apart,
	struct err *e)
{
	static const char *const targets[] = {"check", "test"};

	*apart = suites->len > 0;
	for (size_t i = 0; i < suites->len; i++) {
		const char *program =
			suites->v[i].command.v[suites->v[i].command.len - 1];

		*apart = *apart && fs_is_executable(program);
	}
	for (size_t i = 0; i < ARRAY_LEN(targets) && *apart; i++) {
		autorelease(strv) struct strv argv = STRV_INIT;
		autorelease(buf) struct buf dry = BUF_INIT;
		struct build_request quiet = *request;

		quiet.output = NULL;
		make_ask_argv(request, tree->overrides, &argv);
		strv_push(&argv, "-n");
		strv_push(&argv, targets[i]);
		if (adapter_capture(&quiet, &argv, tree->top, tree->env, &dry, e) < 0) {
			if (e->kind != ERR_BUILD)
				return -1;
			*e = (struct err){0};
			continue;
		}
		*apart = !make_words_set_up(buf_str(&dry));
		break;
	}
	return 0;
}

static int find_tests(const struct build_request *request, const struct make_tree *tree,
	struct suite_list *suites, struct err *e)
{
	autorelease(suite_list) struct suite_list found = {0};
	bool apart;

	if (make_tests_find(request, tree, &found, NULL, e) < 0 ||
		can_run_apart(request, tree, &found, &apart, e) < 0)
		return -1;
	if (!apart)
		return make_tests_whole(request, tree, suites, e);
	adapter_move_suites(&found, suites);
	return 0;
}

static int build(
	const struct build_request *request, struct suite_list *suites, struct err *e)
{
	autofree char *dir = fs_join(request->build_dir, "src");
	autofree char *record = fs_join(request->build_dir, "xtest-copy");
	autofree char *all = NULL;
	autorelease(strv) struct strv argv = STRV_INIT, env = STRV_INIT,
				      overrides = STRV_INIT, args = STRV_INIT;
	struct make_tree tree = {
		.adapter = "make",
		.top = dir,
		.package = fs_basename(request->source_dir),
		.env = &env,
		.overrides = &overrides,
	};
	autorelease(suite_list) struct suite_list own = {0};
	char key[HASH_HEX_SIZE];
	struct make_copy done;

	make_ask_env(request, &env);
	cross_overrides(request, &overrides);
	split_args(request, &overrides, &args);
	all = strv_quote(&overrides);
	hash_memory(all, strlen(all), key);
	if (make_copy_refresh(request->source_dir, dir, record, key, &done, e) < 0)
		return -1;
	if (request->step)
		request->step(request->ctx, "build");
	make_ask_argv(request, &overrides, &argv);
	strv_push_all(&argv, &args);
	if (adapter_run(request, &argv, dir, &env, e) < 0 ||
		find_tests(request, &tree, &own, e) < 0 ||
		make_tests_finish(request, &tree, &own, e) < 0)
		return -1;
	adapter_move_suites(&own, suites);
	return 0;
}

const struct adapter adapter_make = {
	.name = "make",
	.help = "Makefile without configure: TESTS, else its check or test target",
	.bid = bid,
	.build = build,
};
