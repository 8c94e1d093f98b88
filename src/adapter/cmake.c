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
		     : adapter_misses("cmake", "CMakeLists.txt", "cmake ninja-build", e);
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

/* Programs outside the default target that tests wanted, remembered in a file of the
 * build directory, one name a line: they must be kept up to date as well. */
static char *extra_path(const struct build_request *request)
{
	return fs_join(request->build_dir, "xtest-extra-targets");
}

static void read_extra(const struct build_request *request,
	const struct cmake_model *model, struct strv *extra)
{
	autofree char *path = extra_path(request);
	autorelease(strv) struct strv names = STRV_INIT;
	autorelease(buf) struct buf text = BUF_INIT;
	struct err ignored;

	if (!fs_exists(path) || fs_read_file(path, &text, &ignored) < 0)
		return;
	strv_split(&names, buf_str(&text), "\n");
	for (size_t i = 0; i < model->n_targets; i++)
		if (strv_has(&names, model->targets[i].name))
			strv_push(extra, model->targets[i].name);
}

static int build_extra(
	const struct build_request *request, const struct strv *extra, struct err *e)
{
	autorelease(strv) struct strv argv = STRV_INIT;

	if (!extra->len)
		return 0;
	build_argv(request, &argv);
	strv_push(&argv, "--target");
	strv_push_all(&argv, extra);
	return adapter_run(request, &argv, NULL, NULL, e);
}

/* Some test misses its program: the programs outside the default target may be it. One
 * that does not build leaves its test without a program, which the test's verdict says.
 * Returns 1 when something was built. */
static int build_the_rest(const struct build_request *request,
	const struct cmake_model *model, struct strv *extra, struct err *e)
{
	autofree char *path = extra_path(request), *text = NULL;
	autorelease(strv) struct strv rest = STRV_INIT;
	struct err failure = {0};

	for (size_t i = 0; i < model->n_targets; i++)
		if (model->targets[i].executable &&
			!fs_exists(model->targets[i].artifact))
			strv_push(&rest, model->targets[i].name);
	if (!rest.len)
		return 0;
	if (build_extra(request, &rest, &failure) < 0) {
		if (failure.kind != ERR_BUILD) {
			*e = failure;
			return -1;
		}
		return 0;
	}
	strv_push_all(extra, &rest);
	strv_unique(extra);
	text = strv_join(extra, "\n");
	return fs_write_if_changed(path, text, strlen(text), 0644, e) < 0 ? -1 : 1;
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
	autorelease(strv) struct strv extra = STRV_INIT;

	if (!fs_exists(tests)) /* no enable_testing(): ctest would have no answer */
		return 0;
	read_extra(request, model, &extra);
	if (build_extra(request, &extra, e) < 0)
		return -1;
	answer = ask_ctest(request, e);
	if (answer && cmake_tests_missing(answer)) {
		int built = build_the_rest(request, model, &extra, e);

		if (built < 0)
			return -1;
		if (built) {
			json_free(answer);
			answer = ask_ctest(request, e);
		}
	}
	return answer ? cmake_tests_read(answer, model, request, suites, e) : -1;
}

static void add_libraries(struct suite_list *suites, const struct cmake_model *model)
{
	for (size_t i = 0; i < suites->len; i++)
		for (size_t k = 0; suites->v[i].binary && k < model->n_targets; k++)
			if (streq(suites->v[i].binary, model->targets[k].artifact))
				strv_copy(&suites->v[i].libraries,
					&model->targets[k].libraries);
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
	add_libraries(&own, &model);
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
