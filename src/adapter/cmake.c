#include "adapter/cmake.h"

#include "base/fs.h"
#include "base/hash.h"
#include "model/toolchain.h"

static int cmake_bid(const char *source_dir, char **why)
{
	autofree char *path = fs_join(source_dir, "CMakeLists.txt");
	autofree char *cmake = NULL;

	if (!fs_is_file(path))
		return 0;
	*why = xstrdup("CMakeLists.txt");
	cmake = fs_find_program("cmake", NULL);
	return cmake ? 60 : 10;
}

static bool names_generator(const struct strv *args)
{
	for (size_t i = 0; i < args->len; i++)
		if (starts_with(args->v[i], "-G") || streq(args->v[i], "--preset") ||
			starts_with(args->v[i], "--preset="))
			return true;
	return false;
}

static void configure_argv(const struct build_request *request,
	const char *toolchain_file, struct strv *argv)
{
	autofree char *ninja = fs_find_program("ninja", NULL);

	strv_push_array(argv, (const char *const[]){"cmake", "-S", request->source_dir,
				      "-B", request->build_dir, NULL});
	if (!names_generator(request->args))
		strv_pushf(argv, "-G%s", ninja ? "Ninja" : "Unix Makefiles");
	strv_pushf(argv, "-DCMAKE_TOOLCHAIN_FILE=%s", toolchain_file);
	strv_push(argv, "-DBUILD_TESTING=ON");
	strv_push_all(argv, request->args);
}

/* A cache made for other arguments would keep what they set. Objects stay: the build
 * knows the command that made each. */
static int forget_cache(const struct build_request *request, struct err *e)
{
	autofree char *cache = fs_join(request->build_dir, "CMakeCache.txt");
	autofree char *files = fs_join(request->build_dir, "CMakeFiles");

	if (!fs_exists(cache))
		return 0;
	return fs_remove_tree(cache, e) < 0 ? -1 : fs_remove_tree(files, e);
}

static int need_cmake(struct err *e)
{
	autofree char *cmake = fs_find_program("cmake", NULL);

	return cmake ? 0
		     : err_set(e, ERR_SETUP,
			       "cmake is needed for CMakeLists.txt and not installed: "
			       "apt-get install cmake ninja-build");
}

static int cmake_configure(const struct build_request *request, struct err *e)
{
	autofree char *toolchain_file =
		fs_join(request->build_dir, "xtest-toolchain.cmake");
	autorelease(buf) struct buf toolchain = BUF_INIT;
	autorelease(strv) struct strv argv = STRV_INIT;
	const char *no_cxx = request->toolchain->missing[TOOLCHAIN_CXX];
	char digest[HASH_HEX_SIZE];

	if (need_cmake(e) < 0)
		return -1;
	cmake_toolchain_write(request, &toolchain);
	configure_argv(request, toolchain_file, &argv);
	adapter_stamp_digest(&argv, &toolchain, digest);
	if (adapter_stamp_holds(request, digest))
		return 0;
	if (request->step)
		request->step(request->ctx, "configure");
	if (adapter_stamp_remove(request, e) < 0 || forget_cache(request, e) < 0 ||
		fs_write_if_changed(toolchain_file, buf_str(&toolchain), toolchain.len,
			0644, e) < 0 ||
		cmake_model_query(request, e) < 0)
		return -1;
	if (adapter_run(request, &argv, NULL, NULL, e) < 0)
		return no_cxx && e->kind == ERR_BUILD ? err_context(e, "%s", no_cxx) : -1;
	return adapter_stamp_write(request, digest, e);
}

static void build_argv(const struct build_request *request, struct strv *argv)
{
	strv_push_array(argv,
		(const char *const[]){"cmake", "--build", request->build_dir, NULL});
	if (request->jobs)
		strv_pushf(argv, "--parallel=%u", request->jobs);
	if (request->verbose)
		strv_push(argv, "--verbose");
}

/* Programs outside the default target, when some test misses its program: they may be
 * what it misses. One that does not build leaves its test without a program, which the
 * test's verdict says. */
static void build_the_rest(
	const struct build_request *request, const struct cmake_model *model)
{
	autorelease(strv) struct strv argv = STRV_INIT;
	struct err ignored = {0};
	bool any = false;

	build_argv(request, &argv);
	strv_push(&argv, "--target");
	for (size_t i = 0; i < model->n_targets; i++) {
		if (!model->targets[i].executable ||
			fs_exists(model->targets[i].artifact))
			continue;
		strv_push(&argv, model->targets[i].name);
		any = true;
	}
	if (any && adapter_run(request, &argv, NULL, NULL, &ignored) < 0 &&
		request->output)
		request->output(request->ctx, ignored.msg, strlen(ignored.msg));
}

static struct json *ask_ctest(const struct build_request *request, struct err *e)
{
	autorelease(strv) struct strv argv = STRV_INIT;
	autorelease(buf) struct buf answer = BUF_INIT;
	struct json *root;

	strv_push_array(
		&argv, (const char *const[]){"ctest", "--show-only=json-v1", NULL});
	if (adapter_capture(request, &argv, request->build_dir, NULL, &answer, e) < 0)
		return NULL;
	root = json_parse(buf_str(&answer), answer.len, "ctest --show-only=json-v1", e);
	if (!root)
		e->kind = ERR_METADATA;
	return root;
}

static int read_suites(const struct build_request *request,
	const struct cmake_model *model, struct suite_list *suites, struct err *e)
{
	autofree char *tests = fs_join(request->build_dir, "CTestTestfile.cmake");
	autorelease_json struct json *answer = NULL;

	if (!fs_exists(tests)) /* no enable_testing(): ctest would have no answer */
		return 0;
	answer = ask_ctest(request, e);
	if (answer && cmake_tests_missing(answer)) {
		build_the_rest(request, model);
		json_free(answer);
		answer = ask_ctest(request, e);
	}
	return answer ? cmake_tests_read(answer, model, request, suites, e) : -1;
}

static int cmake_build(
	const struct build_request *request, struct suite_list *suites, struct err *e)
{
	autorelease(cmake_model) struct cmake_model model = {0};
	autorelease(suite_list) struct suite_list own = {0};
	autorelease(strv) struct strv argv = STRV_INIT, artifacts = STRV_INIT;

	if (request->step)
		request->step(request->ctx, "build");
	build_argv(request, &argv);
	if (adapter_run(request, &argv, NULL, NULL, e) < 0 ||
		cmake_model_read(&model, request, e) < 0 ||
		read_suites(request, &model, &own, e) < 0)
		return -1;
	for (size_t i = 0; i < model.n_targets; i++)
		if (fs_exists(model.targets[i].artifact))
			strv_push(&artifacts, model.targets[i].artifact);
	if (adapter_platform_decide(&own, request, e) < 0)
		return -1;
	adapter_platform_mark_selections(&own);
	adapter_files_add_artifacts(&own, request, &artifacts);
	adapter_move_suites(&own, suites);
	return 0;
}

const struct adapter adapter_cmake = {
	.name = "cmake",
	.help = "CMakeLists.txt, its tests by ctest",
	.bid = cmake_bid,
	.configure = cmake_configure,
	.build = cmake_build,
};
