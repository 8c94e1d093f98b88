/* What is passed on to cargo: the options of `cargo test` that select and build, named as
 * cargo-nextest names them where xtest has another meaning for the word. */
#include "cmd/common.h"

#define O offsetof(struct common, cargo)
#define FLAG(name, letter, help)                                                         \
	{                                                                                \
		name, letter, NULL, NULL, OPT_PASS, O, help                              \
	}
#define VALUE(name, letter, arg, help)                                                   \
	{                                                                                \
		name, letter, arg, NULL, OPT_PASS_VALUE, O, help                         \
	}

const struct opt common_cargo_opts[] = {
	VALUE("package", 'p', "SPEC", "test this package"),
	FLAG("workspace", 0, "test all packages of the workspace"),
	FLAG("all", 0, "the same; cargo's older word"),
	VALUE("exclude", 0, "SPEC", "leave this package out"),
	FLAG("lib", 0, "test the package's library"),
	FLAG("bins", 0, "test all programs"),
	VALUE("bin", 0, "NAME", "test this program"),
	FLAG("examples", 0, "test all examples"),
	VALUE("example", 0, "NAME", "test this example"),
	FLAG("tests", 0, "test all that has \"test = true\""),
	VALUE("test", 0, "NAME", "test this integration test"),
	FLAG("benches", 0, "test all that has \"bench = true\""),
	VALUE("bench", 0, "NAME", "test this benchmark"),
	FLAG("all-targets", 0, "test libraries, programs, examples, tests, benchmarks"),
	VALUE("features", 'F', "LIST", "features to build with"),
	FLAG("all-features", 0, "build with all features"),
	FLAG("no-default-features", 0, "build without the default features"),
	FLAG("release", 'r', "build optimised"),
	VALUE("cargo-profile", 0, "NAME", "build with this profile of cargo's"),
	VALUE("build-jobs", 0, "N", "build jobs of cargo (default: as --jobs)"),
	VALUE("target-dir", 0, "DIR", "build there (default: below .xtest)"),
	VALUE("manifest-path", 0, "FILE", "the Cargo.toml"),
	FLAG("frozen", 0, "use neither network nor another Cargo.lock"),
	FLAG("locked", 0, "use no other Cargo.lock"),
	FLAG("offline", 0, "use no network"),
	FLAG("ignore-rust-version", 0, "do not heed rust-version of packages"),
	VALUE("config", 0, "KEY=VALUE", "a value or a file over cargo's configuration"),
	VALUE("unstable", 'Z', "FLAG", "an unstable feature of cargo"),
	{0},
};

/* Those whose name is not cargo's. */
static const struct {
	const char *ours, *cargos;
} names[] = {
	{"--cargo-profile=", "--profile="},
	{"--build-jobs=", "--jobs="},
	{"--unstable=", "-Z"},
};

static char *in_cargos_words(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (starts_with(word, names[i].ours))
			return xasprintf(
				"%s%s", names[i].cargos, word + strlen(names[i].ours));
	return xstrdup(word);
}

int common_cargo_words(struct common *c, struct err *e)
{
	autorelease(strv) struct strv after = c->build_args;

	if (c->cargo.len && c->adapter && !streq(c->adapter, "cargo"))
		return err_set(e, ERR_USAGE, "%s is for Cargo, not for --adapter %s",
			c->cargo.v[0], c->adapter);
	if (c->cargo.len)
		c->adapter = "cargo";
	c->build_args = (struct strv)STRV_INIT;
	for (size_t i = 0; i < c->cargo.len; i++)
		strv_push_take(&c->build_args, in_cargos_words(c->cargo.v[i]));
	strv_push_all(&c->build_args, &after);
	return 0;
}
