#include "adapter/meson.h"

#include "base/fs.h"
#include "base/hash.h"
#include "model/toolchain.h"

static int meson_bid(const char *source_dir, char **why)
{
	autofree char *path = fs_join(source_dir, "meson.build");
	autofree char *meson = NULL;

	if (!fs_is_file(path))
		return 0;
	*why = xstrdup("meson.build");
	meson = fs_find_program("meson", NULL);
	/* More than Autotools: a tree with both is on its way from there to here. */
	return meson ? 75 : 10;
}

static bool has_option(const struct strv *args, const char *option)
{
	for (size_t i = 0; i < args->len; i++)
		if (starts_with(args->v[i], option))
			return true;
	return false;
}

static void configure_argv(
	const struct build_request *request, const char *cross_file, struct strv *argv)
{
	strv_push_array(argv, (const char *const[]){"meson", "setup", request->build_dir,
				      request->source_dir, "--backend=ninja", NULL});
	if (request->cross)
		strv_pushf(argv, "--cross-file=%s", cross_file);
	/* A wrap that is downloaded would be unpacked in the source tree. */
	if (!has_option(request->args, "--wrap-mode") &&
		!has_option(request->args, "-Dwrap_mode"))
		strv_push(argv, "--wrap-mode=nodownload");
	strv_push_all(argv, request->args);
}

/* The old state cannot be brought to another cross file or to fewer options than it was
 * made with, and what a failed set-up leaves is no start either. */
static int empty_build_dir(const struct build_request *request, struct err *e)
{
	autorelease(strv) struct strv names = STRV_INIT;

	if (fs_list_dir(request->build_dir, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.len; i++) {
		autofree char *path = fs_join(request->build_dir, names.v[i]);

		if (fs_remove_tree(path, e) < 0)
			return -1;
	}
	return 0;
}

static char *find_ninja(void)
{
	static const char *const names[] = {"ninja", "ninja-build", "samu"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char *path = fs_find_program(names[i], NULL);

		if (path)
			return path;
	}
	return NULL;
}

static int need_programs(struct err *e)
{
	autofree char *meson = fs_find_program("meson", NULL), *ninja = find_ninja();

	if (meson && ninja)
		return 0;
	return adapter_misses(
		meson ? "ninja" : "meson", "meson.build", "meson ninja-build", e);
}

static int meson_configure(const struct build_request *request, struct err *e)
{
	autofree char *cross_file = fs_join(request->build_dir, "xtest-cross.ini");
	autorelease(buf) struct buf cross = BUF_INIT;
	autorelease(strv) struct strv argv = STRV_INIT;
	const char *no_cxx = request->toolchain->missing[TOOLCHAIN_CXX];
	char digest[HASH_HEX_SIZE];

	if (need_programs(e) < 0)
		return -1;
	if (request->cross)
		meson_cross_write(request, &cross);
	configure_argv(request, cross_file, &argv);
	adapter_stamp_digest(&argv, &cross, digest);
	if (adapter_stamp_holds(request, digest))
		return 0;
	if (request->step)
		request->step(request->ctx, "configure");
	if (empty_build_dir(request, e) < 0 ||
		fs_write_file(cross_file, buf_str(&cross), cross.len, 0644, e) < 0)
		return -1;
	if (adapter_run(request, &argv, NULL, NULL, e) < 0)
		return no_cxx && e->kind == ERR_BUILD ? err_context(e, "%s", no_cxx) : -1;
	return adapter_stamp_write(request, digest, e);
}

/* Since Meson 1.7 "all" leaves out what only tests need; the target for that is younger
 * than the oldest Meson that is understood. */
static bool has_test_target(const struct build_request *request)
{
	autofree char *path = fs_join(request->build_dir, "meson-info/meson-info.json");
	struct err ignored;
	autorelease_json struct json *info = json_load(path, &ignored);

	return json_int(json_find(json_find(info, "meson_version"), "major"), 0) >= 1;
}

static int run_ninja(const struct build_request *request, struct err *e)
{
	autofree char *ninja = find_ninja();
	autorelease(strv) struct strv argv = STRV_INIT;

	strv_push_array(&argv, (const char *const[]){ninja ? ninja : "ninja", "-C",
				       request->build_dir, NULL});
	if (request->jobs)
		strv_pushf(&argv, "-j%u", request->jobs);
	if (request->verbose)
		strv_push(&argv, "-v");
	strv_push(&argv, "all");
	if (has_test_target(request))
		strv_push(&argv, "meson-test-prereq");
	return adapter_run(request, &argv, NULL, NULL, e);
}

static int meson_build(
	const struct build_request *request, struct suite_list *suites, struct err *e)
{
	autorelease_json struct json *answer = NULL;
	autorelease(suite_list) struct suite_list own = {0};
	autorelease(strv) struct strv artifacts = STRV_INIT;

	if (request->step)
		request->step(request->ctx, "build");
	if (run_ninja(request, e) < 0)
		return -1;
	answer = meson_ask(request, e);
	if (!answer || meson_tests_read(answer, request, &own, &artifacts, e) < 0 ||
		adapter_platform_decide(&own, request, e) < 0)
		return -1;
	adapter_platform_mark_selections(&own);
	adapter_files_add_artifacts(&own, request, &artifacts);
	adapter_move_suites(&own, suites);
	return 0;
}

const struct adapter adapter_meson = {
	.name = "meson",
	.help = "meson.build",
	.bid = meson_bid,
	.configure = meson_configure,
	.build = meson_build,
};
