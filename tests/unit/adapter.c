#include "adapter/adapter.h"

#include "base/fs.h"
#include "tests/tap.h"

static struct buf lines, outputs;

static void on_line(void *ctx, const char *line, size_t len)
{
	(void)ctx;
	buf_append(&lines, line, len);
	buf_append_char(&lines, '|');
}

static void on_output(void *ctx, const char *data, size_t len)
{
	(void)ctx;
	buf_append(&outputs, data, len);
}

static void test_run(void)
{
	static const struct {
		const char *name, *script, *lines, *outputs, *message;
	} table[] = {
		{"success", "echo one; echo two >&2", "one|two|", "", NULL},
		{"failure", "echo one; exit 3", "one|", "one\n",
			"sh -c 'echo one; exit 3': exit status 3"},
		{"signal", "kill -SEGV $$", "", "",
			"sh -c 'kill -SEGV $$': signal 11 (SIGSEGV)"},
		{"environment", "echo ${A-unset} ${MAKEFLAGS-unset}", "1 unset|", "",
			NULL},
	};
	struct build_request request = {.line = on_line, .output = on_output};
	autorelease(strv) struct strv env = STRV_INIT;

	setenv("MAKEFLAGS", "-j --jobserver-auth=3,4", 1);
	strv_push(&env, "A=1");
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autorelease(strv) struct strv argv = STRV_INIT;
		struct err e = {0};
		int status;

		buf_clear(&lines);
		buf_clear(&outputs);
		strv_push_array(
			&argv, (const char *const[]){"sh", "-c", table[i].script, NULL});
		status = adapter_run(&request, &argv, NULL, &env, &e);
		is_int(status, table[i].message ? -1 : 0, table[i].name);
		is_str(buf_str(&lines), table[i].lines, "its lines");
		is_str(buf_str(&outputs), table[i].outputs, "its output when it fails");
		is_str(status < 0 ? e.msg : NULL, table[i].message, "its message");
		is_int(e.kind, status < 0 ? ERR_BUILD : ERR_NONE, "and kind");
	}
}

static void test_capture(void)
{
	struct build_request request = {.line = on_line, .output = on_output};
	autorelease(strv) struct strv argv = STRV_INIT;
	autorelease(buf) struct buf out = BUF_INIT;
	struct err e = {0};

	buf_clear(&lines);
	strv_push_array(&argv,
		(const char *const[]){"sh", "-c", "echo '{}'; echo noise >&2", NULL});
	is_int(adapter_capture(&request, &argv, NULL, NULL, &out, &e), 0, "an answer");
	is_str(buf_str(&out), "{}\n", "is standard output alone");
	is_str(buf_str(&lines), "", "and not shown");
}

static void test_stamp(void)
{
	struct err e = {0};
	autofree char *dir = fs_temp_dir("xtest-adapter", &e);
	struct build_request request = {.build_dir = dir};

	if (!ok(dir != NULL, "temporary directory"))
		return;
	ok(!adapter_stamp_holds(&request, "a"), "no stamp at first");
	is_int(adapter_stamp_write(&request, "a", &e), 0, "write one");
	ok(adapter_stamp_holds(&request, "a"), "it holds");
	ok(!adapter_stamp_holds(&request, "ab"), "not for another digest");
	is_int(adapter_stamp_remove(&request, &e), 0, "remove it");
	ok(!adapter_stamp_holds(&request, "a"), "it is gone");
	is_int(adapter_stamp_remove(&request, &e), 0, "removing none is no error");
	is_int(fs_remove_tree(dir, &e), 0, "clean up");
}

static void put(const char *dir, const char *name)
{
	autofree char *path = fs_join(dir, name);
	struct err e = {0};

	if (fs_write_file(path, "", 0, 0644, &e) < 0)
		ok(0, "%s", e.msg);
}

/* A tree with three build systems: all bid, the likelier one first. */
static void test_rank(void)
{
	struct err e = {0};
	autofree char *dir = fs_temp_dir("xtest-adapter", &e);
	const struct adapter *ranked[ADAPTER_MAX];
	autorelease(strv) struct strv reasons = STRV_INIT;
	autofree char *cmake = fs_find_program("cmake", NULL);
	autofree char *meson = fs_find_program("meson", NULL);
	autofree char *joined = NULL;
	size_t n = 9;

	if (!ok(dir != NULL, "temporary directory"))
		return;
	is_int(adapter_rank(dir, ranked, &n, &reasons, &e), -1, "an empty directory");
	is_int(e.kind, ERR_SETUP, "is ERR_SETUP");
	ok(strstr(e.msg, "CMakeLists.txt") != NULL, "which says what is looked for");
	put(dir, "CMakeLists.txt");
	put(dir, "meson.build");
	put(dir, "configure.ac");
	put(dir, "Makefile.am");
	is_int(adapter_rank(dir, ranked, &n, &reasons, &e), 0, "three build systems");
	is_int((long long)n, 3, "bid all");
	joined = strv_join(&reasons, " ");
	if (cmake && meson) {
		is_str(joined, "meson.build configure.ac CMakeLists.txt",
			"by what they saw");
		is_str(ranked[0]->name, "meson", "meson first");
		is_str(ranked[1]->name, "autotools", "then autotools");
		is_str(ranked[2]->name, "cmake", "then cmake");
	} else {
		skip("their order", "cmake meson");
	}
	ok(adapter_find("cmake") == &adapter_cmake, "found by name");
	ok(!adapter_find("scons"), "or not");
	is_int(fs_remove_tree(dir, &e), 0, "clean up");
}

int main(void)
{
	test_rank();
	test_run();
	test_capture();
	test_stamp();
	buf_release(&lines);
	buf_release(&outputs);
	return tap_done();
}
