/* Cargo's own words: metadata, ids, and their order. */
#include "adapter/cargo-build.h"

#include "tests/tap.h"

static void test_ids(void)
{
	static const struct {
		const char *package, *kind, *name, *expected;
	} rows[] = {
		{"alpha", "lib", "alpha", "alpha"},
		{"alpha-derive", "proc-macro", "alpha_derive", "alpha-derive"},
		{"alpha", "test", "it", "alpha::it"},
		{"alpha", "bin", "tool", "alpha::bin/tool"},
		{"alpha", "example", "ex", "alpha::example/ex"},
		{"alpha", "bench", "be", "alpha::bench/be"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		autofree char *id = cargo_build_binary_id(
			rows[i].package, rows[i].kind, rows[i].name);

		is_str(id, rows[i].expected, rows[i].expected);
	}
}

static void test_order(void)
{
	/* As cargo-nextest 0.9.143 lists them. */
	static const char *const ids[] = {"alpha", "alpha::custom", "alpha::it",
		"alpha::bench/be", "alpha::bin/alpha-bin", "alpha::example/ex", "alpha-x",
		"beta"};

	for (size_t i = 0; i + 1 < ARRAY_LEN(ids); i++)
		ok(cargo_build_compare_ids(ids[i], ids[i + 1]) < 0 &&
				cargo_build_compare_ids(ids[i + 1], ids[i]) > 0,
			"%s comes before %s", ids[i], ids[i + 1]);
	is_int(cargo_build_compare_ids("a::bin/x", "a::bin/x"), 0, "one is itself");
}

static const char metadata[] =
	"{\"packages\":["
	"{\"name\":\"alpha\",\"version\":\"1.2.3-rc.1+b\",\"id\":\"path+file:///w/a#1\","
	"\"manifest_path\":\"/w/a/Cargo.toml\",\"authors\":[\"A <a@b>\",\"B\"],"
	"\"description\":\"d\",\"links\":\"z\"},"
	"{\"name\":\"beta\",\"version\":\"0.1.0\",\"id\":\"b 0.1.0 (path+file:///w/b)\","
	"\"manifest_path\":\"/w/b/Cargo.toml\",\"authors\":[],\"license\":null}],"
	"\"workspace_members\":[\"path+file:///w/a#1\"],"
	"\"resolve\":{\"nodes\":[{\"id\":\"path+file:///w/a#1\","
	"\"dependencies\":[\"b 0.1.0 (path+file:///w/b)\",\"nobody\"]}]},"
	"\"target_directory\":\"/w/target\",\"workspace_root\":\"/w\"}";

static void test_workspace(void)
{
	static const char *const env[] = {"CARGO_MANIFEST_DIR=/w/a",
		"CARGO_MANIFEST_PATH=/w/a/Cargo.toml", "CARGO_MANIFEST_LINKS=z",
		"CARGO_PKG_NAME=alpha", "CARGO_PKG_AUTHORS=A <a@b>:B",
		"CARGO_PKG_VERSION=1.2.3-rc.1+b", "CARGO_PKG_VERSION_MAJOR=1",
		"CARGO_PKG_VERSION_MINOR=2", "CARGO_PKG_VERSION_PATCH=3",
		"CARGO_PKG_VERSION_PRE=rc.1", "CARGO_PKG_DESCRIPTION=d",
		"CARGO_PKG_HOMEPAGE=", "CARGO_PKG_LICENSE="};
	struct cargo_workspace w;
	struct err e = {0};
	const struct cargo_package *a, *b;

	if (!ok(cargo_workspace_read(&w, metadata, strlen(metadata), &e) == 0,
		    "metadata is read")) {
		printf("# %s\n", e.msg);
		return;
	}
	is_str(w.root, "/w", "its root");
	is_str(w.build_dir, "/w/target", "an older cargo has one directory for both");
	a = cargo_workspace_find(&w, "path+file:///w/a#1");
	b = cargo_workspace_find(&w, "b 0.1.0 (path+file:///w/b)");
	if (ok(a && b, "packages are found by id")) {
		for (size_t i = 0; i < ARRAY_LEN(env); i++)
			ok(strv_has(&a->env, env[i]), "%s", env[i]);
		ok(a->member && !b->member, "one is a member");
		ok(a->n_depends == 1 && &w.packages[a->depends[0]] == b,
			"a package depends on those there are");
		is_int((long long)b->n_depends, 0, "the other on none");
	}
	is_str(w.text, metadata, "the text is kept");
	cargo_workspace_release(&w);
}

static void test_faults(void)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{"{", "cargo metadata:1:"},
		{"[]", "cargo metadata: no workspace_root in it"},
		{"{\"workspace_root\":\"/w\"}",
			"cargo metadata: no target_directory in it"},
		{"{\"workspace_root\":\"/w\",\"target_directory\":\"/w/t\"}",
			"cargo metadata: no packages in it"},
		{"{\"workspace_root\":\"/w\",\"target_directory\":\"/w/t\",\"packages\":["
		 "{\"id\":\"i\",\"name\":\"n\"}]}",
			"cargo metadata: packages[0] lacks version"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cargo_workspace w;
		struct err e = {0};
		int status =
			cargo_workspace_read(&w, rows[i].text, strlen(rows[i].text), &e);

		if (!ok(status < 0 && e.kind == ERR_METADATA &&
				    starts_with(e.msg, rows[i].message),
			    "%s", rows[i].message))
			printf("# %s\n", e.msg);
	}
}

int main(void)
{
	test_ids();
	test_order();
	test_workspace();
	test_faults();
	return tap_done();
}
