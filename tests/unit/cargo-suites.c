/* From cargo's messages and configuration to suites. */
#include "adapter/cargo-build.h"
#include "adapter/cargo-config.h"

#include "tests/tap.h"

static const char metadata[] =
	"{\"packages\":["
	"{\"name\":\"alpha\",\"version\":\"1.2.3\",\"id\":\"a\",\"manifest_path\":\"/w/a/"
	"Cargo.toml\"},"
	"{\"name\":\"mac\",\"version\":\"0.1.0\",\"id\":\"m\",\"manifest_path\":\"/w/m/"
	"Cargo.toml\"},"
	"{\"name\":\"leaf\",\"version\":\"0.1.0\",\"id\":\"l\",\"manifest_path\":\"/r/l/"
	"Cargo.toml\"}],"
	"\"workspace_members\":[\"a\",\"m\"],\"resolve\":{\"nodes\":["
	"{\"id\":\"a\",\"dependencies\":[\"m\"]},{\"id\":\"m\",\"dependencies\":[\"l\"]}]"
	"},"
	"\"target_directory\":\"/t\",\"build_directory\":\"/b\",\"workspace_root\":\"/"
	"w\"}";

#define ARTIFACT(package, kind, name, test, executable, files)                           \
	"{\"reason\":\"compiler-artifact\",\"package_id\":\"" package                    \
	"\",\"target\":{\"kind\":[" kind "],\"name\":\"" name                            \
	"\"},\"profile\":{\"test\":" test "},\"filenames\":[" files                      \
	"],\"executable\":" executable "}\n"

static const char messages[] =
	"a build script printed this\n"
	"{\"reason\":\"build-script-executed\",\"package_id\":\"a\",\"linked_paths\":"
	"[\"native=/b/debug/build/a-1/out\",\"/usr/lib\"],\"env\":[],"
	"\"out_dir\":\"/b/debug/build/a-1/out\"}\n"
	"{\"reason\":\"build-script-executed\",\"package_id\":\"a\",\"linked_paths\":"
	"[\"native=/b/arm/debug/build/a-2/out\"],"
	"\"env\":[[\"SAYS\",\"a=b\"]],\"out_dir\":\"/b/arm/debug/build/a-2/"
	"out\"}\n" ARTIFACT("a", "\"lib\"", "alpha", "true",
		"\"/b/arm/debug/deps/alpha-1\"", "") ARTIFACT("a", "\"test\"", "it",
		"true", "\"/b/arm/debug/deps/it-1\"", "") ARTIFACT("a", "\"bin\"",
		"a-tool", "false", "\"/t/arm/debug/a-tool\"", "") ARTIFACT("a", "\"bin\"",
		"a-tool", "true", "\"/b/arm/debug/deps/a_tool-1\"", "") ARTIFACT("a",
		"\"custom-build\"", "build-script-build", "false", "null",
		"\"/b/x\"") ARTIFACT("a", "\"lib\",\"cdylib\"", "plug", "false", "null",
		"\"/t/arm/debug/libplug.so\",\"/b/arm/debug/deps/libplug.rlib\"")
		ARTIFACT("m", "\"proc-macro\"", "mac", "true", "\"/b/debug/deps/mac-1\"",
			"") ARTIFACT("m", "\"proc-macro\"", "mac", "false", "null",
			"\"/b/debug/deps/libmac.so\"") "{\"reason\":\"build-finished\","
						       "\"success\":true}\n";

static struct suite *find(struct suite_list *list, const char *id)
{
	struct suite *s = suite_list_find(list, id);

	ok(s != NULL, "there is %s", id);
	return s;
}

static void is_env(const struct suite *s, const char *name, const char *value)
{
	autofree char *label = xasprintf("%s: %s", s->id, name);

	is_str(strv_env_find(&s->env, name), value, label);
}

static void is_names(const struct strv *list, const char *expected, const char *what)
{
	autofree char *joined = strv_join(list, " ");

	is_str(joined, expected, what);
}

static void test_built(struct suite_list *list)
{
	struct suite *lib, *it, *mac;

	is_int((long long)list->len, 4, "four test programs");
	is_str(list->v[0].id, "alpha", "in nextest's order");
	lib = find(list, "alpha");
	it = find(list, "alpha::it");
	mac = find(list, "mac");
	find(list, "alpha::bin/a-tool");
	if (!lib || !it || !mac)
		return;
	is_str(it->package, "alpha", "its package");
	is_str(it->kind, "test", "its kind");
	is_str(it->cwd, "/w/a", "its directory");
	is_str(it->binary, "/b/arm/debug/deps/it-1", "its program");
	ok(it->platform == PLATFORM_TARGET && mac->platform == PLATFORM_HOST,
		"macros are the host's");
	is_env(it, "CARGO_MANIFEST_DIR", "/w/a");
	is_env(it, "CARGO_BIN_EXE_a-tool", "/t/arm/debug/a-tool");
	is_env(it, "NEXTEST_BIN_EXE_a_tool", "/t/arm/debug/a-tool");
	is_env(lib, "CARGO_BIN_EXE_a-tool", NULL);
	is_env(it, "OUT_DIR", "/b/arm/debug/build/a-2/out");
	is_env(it, "SAYS", "a=b");
	is_env(it, "OF_CONFIG", "1");
	is_env(mac, "OUT_DIR", NULL);
	is_str(strv_env_find(&it->env_prepend, "LD_LIBRARY_PATH"),
		"/b/arm/debug/build/a-2/out:/t/arm/debug:/b/arm/debug/deps:/rust/arm",
		"libraries of the target");
	is_str(strv_env_find(&mac->env_prepend, "LD_LIBRARY_PATH"),
		"/b/debug/build/a-1/out:/t/debug:/b/debug/deps:/rust/host",
		"libraries of the host");
	is_names(&it->deps, "alpha", "deps() of what nobody needs");
	is_names(&it->rdeps, "alpha leaf mac", "rdeps() of what needs others");
	is_names(&mac->deps, "alpha mac", "deps() of what is needed");
	is_names(&mac->rdeps, "leaf mac", "its rdeps()");
}

static void test_remapped(struct suite_list *list)
{
	struct suite *it = find(list, "alpha::it");

	if (!it)
		return;
	is_str(it->cwd, "/ww/a", "the workspace is elsewhere");
	is_env(it, "CARGO_MANIFEST_DIR", "/ww/a");
	is_env(it, "NEXTEST_WORKSPACE_ROOT", "/ww");
	is_env(it, "CARGO_BIN_EXE_a-tool", "/tt/arm/debug/a-tool");
	is_env(it, "OUT_DIR", "/bb/arm/debug/build/a-2/out");
	is_str(it->binary, "/bb/arm/debug/deps/it-1", "and so is the build");
}

static void test_suites(void)
{
	struct cargo_workspace w = {0};
	struct cargo_build b = {.target_dir = xstrdup("/t"), .build_dir = xstrdup("/b")};
	struct suite_list list = {0}, moved = {0};
	struct strv env = STRV_INIT;
	struct cargo_suite_options here = {.config_env = &env},
				   there = {.workspace_remap = "/ww",
					   .target_remap = "/tt",
					   .build_remap = "/bb"};
	struct cargo_platform *target;
	struct err e = {0};
	int status = cargo_workspace_read(&w, metadata, strlen(metadata), &e);

	strv_push(&env, "OF_CONFIG=1");
	b.host.triple = xstrdup("pc");
	b.host.libdir = xstrdup("/rust/host");
	target = cargo_build_add_target(&b);
	target->triple = xstrdup("arm");
	target->libdir = xstrdup("/rust/arm");
	strv_push(&b.base_dirs, "debug");
	strv_push(&b.base_dirs, "arm/debug");
	if (status == 0)
		status = cargo_messages_read(&b, &w, messages, strlen(messages), &e);
	if (ok(status == 0 && cargo_suites_make(&b, &w, &here, &list, &e) == 0,
		    "suites are made")) {
		is_int((long long)b.n_artifacts, 2,
			"a program and a library beside them");
		is_str(b.artifacts[1].path, "arm/debug/libplug.so",
			"the library, below the target directory");
		test_built(&list);
	} else {
		printf("# %s\n", e.msg);
	}
	if (ok(cargo_suites_make(&b, &w, &there, &moved, &e) == 0, "and made elsewhere"))
		test_remapped(&moved);
	suite_list_release(&list);
	suite_list_release(&moved);
	cargo_build_release(&b);
	cargo_workspace_release(&w);
	strv_release(&env);
}

static void test_cfg(void)
{
	static const struct {
		const char *text;
		bool expected;
	} rows[] = {
		{"cfg(unix)", true},
		{"cfg(windows)", false},
		{"cfg(target_arch = \"aarch64\")", true},
		{"cfg(target_arch=\"x86_64\")", false},
		{"cfg(all())", true},
		{"cfg(any())", false},
		{"cfg(all(unix, target_arch = \"aarch64\"))", true},
		{"cfg(all(unix, windows,))", false},
		{"cfg(any(windows, unix))", true},
		{"cfg(not(windows))", true},
		{"cfg(not(any(unix, windows)))", false},
		{"cfg(unix", false},
		{"cfg(unix) x", false},
		{"cfg(none(unix))", false},
		{"cfg(target_arch = aarch64)", false},
		{"unix", false},
	};
	struct strv cfgs = STRV_INIT;

	strv_push(&cfgs, "unix");
	strv_push(&cfgs, "target_arch=\"aarch64\"");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ok(cargo_config_cfg_holds(rows[i].text, &cfgs) == rows[i].expected,
			"%s %s", rows[i].text,
			rows[i].expected ? "holds" : "does not hold");
	strv_release(&cfgs);
}

static const char config[] =
	"{\"env\":{\"PLAIN\":\"p\",\"THERE\":\"t\","
	"\"FORCED\":{\"value\":\"f\",\"force\":true},"
	"\"RELATIVE\":{\"value\":\"data\",\"relative\":true}},"
	"\"target\":{\"arm\":{\"runner\":\"./run.sh -x\",\"linker\":\"ld\"},"
	"\"cfg(unix)\":{\"runner\":[\"qemu\",\"-L\",\"/a b\"]}}}";

static void test_config(void)
{
	struct err e = {0};
	struct cargo_config c = {.root = json_parse(config, strlen(config), "c", &e)};
	struct strv environment = STRV_INIT, env = STRV_INIT, own = STRV_INIT,
		    general = STRV_INIT, cfgs = STRV_INIT, none = STRV_INIT;

	strv_push(&c.origins, "env.RELATIVE.value=/w/.cargo/config.toml");
	strv_push(&c.origins, "target.arm.runner=/w/.cargo/config.toml");
	strv_push(&environment, "THERE=already");
	strv_push(&environment, "FORCED=already");
	strv_push(&cfgs, "unix");
	cargo_config_env(&c, &environment, &env);
	is_names(&env, "PLAIN=p FORCED=f RELATIVE=/w/data",
		"[env]: what is forced, and what was not there");
	ok(cargo_config_sets_env(&c, "THERE") && !cargo_config_sets_env(&c, "OTHER"),
		"what the table has");
	ok(cargo_config_has_target(&c, "arm", "linker") &&
			!cargo_config_has_target(&c, "mips", "linker"),
		"a linker of the project's own");
	ok(cargo_config_needs_cfgs(&c), "a condition has to be looked at");
	cargo_config_runner(&c, "arm", &cfgs, &own);
	is_names(&own, "/w/run.sh -x", "a target's own runner, from where it was said");
	cargo_config_runner(&c, "mips", &cfgs, &general);
	is_int((long long)general.len, 3, "the runner of a condition, in words");
	cargo_config_runner(&c, "mips", &none, &none);
	is_int((long long)none.len, 0, "and none when it does not hold");
	cargo_config_release(&c);
	strv_release(&environment);
	strv_release(&env);
	strv_release(&own);
	strv_release(&general);
	strv_release(&cfgs);
	strv_release(&none);
}

int main(void)
{
	test_suites();
	test_cfg();
	test_config();
	return tap_done();
}
