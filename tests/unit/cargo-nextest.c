#include "adapter/cargo-nextest.h"

#include "base/fs.h"

#include "tests/tap.h"

/* What nextest has written since archives began, each with the fields it had then. */
#define BINARY                                                                           \
	"\"a::it\":{\"binary-id\":\"a::it\",\"binary-name\":\"it\",\"package-id\":\"a "  \
	"0.1.0 (path+file:///w)\",\"binary-path\":\"/w/target/debug/deps/it-1\","        \
	"\"build-platform\":\"target\",\"kind\":\"test\"}"
#define META(more)                                                                       \
	"{\"rust-build-meta\":{\"target-directory\":\"/w/target\","                      \
	"\"base-output-directories\":[\"debug\"],\"linked-paths\":[\"debug/l\"],"        \
	"\"non-test-binaries\":{\"a 0.1.0 (path+file:///w)\":[{\"name\":\"tool\","       \
	"\"kind\":\"bin-exe\",\"path\":\"debug/tool\"}]}" more                           \
	"},\"rust-binaries\":{" BINARY "}}"
#define TRIPLE "\"triple\":\"aarch64-unknown-linux-gnu\",\"target-features\":\"unknown\""
#define HOST                                                                             \
	"\"host\":{\"platform\":{\"triple\":\"x86_64-unknown-linux-gnu\","               \
	"\"target-features\":\"unknown\"},\"libdir\":{\"status\":\"available\","         \
	"\"path\":\"/r/lib\"}}"

/* "host|libdir|target|reason|build directory|scripts" */
static const struct {
	const char *name, *text, *want;
} formats[] = {
	{"0.9.15, May 2022", META(""), "-|-|-|-|/w/target|0"},
	{"0.9.34: the target platform", META(",\"target-platform\":null"),
		"-|-|-|-|/w/target|0"},
	{"0.9.34 for another target",
		META(",\"target-platform\":\"aarch64-unknown-linux-gnu\""),
		"-|-|aarch64-unknown-linux-gnu|old-summary|/w/target|0"},
	{"0.9.42: target platforms",
		META(",\"target-platforms\":[{" TRIPLE "}],\"target-platform\":\"x\""),
		"-|-|aarch64-unknown-linux-gnu|old-summary|/w/target|0"},
	{"0.9.65: directories of build scripts",
		META(",\"target-platforms\":[{" TRIPLE
		     "}],\"build-script-out-dirs\":{\"a "
		     "0.1.0 (path+file:///w)\":\"debug/build/a-1/out\"}"),
		"-|-|aarch64-unknown-linux-gnu|old-summary|/w/target|1"},
	{"0.9.71: platforms", META(",\"platforms\":{" HOST ",\"targets\":[]}"),
		"x86_64-unknown-linux-gnu|/r/lib|-|-|/w/target|0"},
	{"0.9.71 for another target",
		META(",\"platforms\":{" HOST ",\"targets\":[{\"platform\":{" TRIPLE
		     "},\"libdir\":{\"status\":\"unavailable\",\"reason\":\"rustc-output-"
		     "error\"}}]}"),
		"x86_64-unknown-linux-gnu|/r/lib|aarch64-unknown-linux-gnu|rustc-output-"
		"error|/w/target|0"},
	{"a list with its build directory", META(",\"build-directory\":\"/w/build\""),
		"-|-|-|-|/w/build|0"},
	{"members of the future",
		META(",\"colour\":{\"a\":[1]},\"platforms\":{" HOST
		     ",\"targets\":[],\"more\":1}"),
		"x86_64-unknown-linux-gnu|/r/lib|-|-|/w/target|0"},
};

static const char *or_dash(const char *text)
{
	return text ? text : "-";
}

static void test_formats(void)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		struct cargo_build b = {0};
		struct err e = {0};
		autofree char *got = NULL;
		int status = cargo_nextest_read(
			&b, formats[i].text, strlen(formats[i].text), "f", &e);

		got = status < 0
			      ? xstrdup(e.msg)
			      : xasprintf("%s|%s|%s|%s|%s|%zu", or_dash(b.host.triple),
					or_dash(b.host.libdir),
					b.n_targets ? b.targets[0].triple : "-",
					b.n_targets ? or_dash(b.targets[0].libdir_reason)
						    : "-",
					b.build_dir, b.n_scripts);
		is_str(got, formats[i].want, formats[i].name);
		is_int((long long)(b.n_binaries + b.n_artifacts), 2,
			"  and its programs");
		cargo_build_release(&b);
	}
}

static const struct {
	const char *name, *text, *want;
} faults[] = {
	{"no JSON", "{\"rust-build-meta\":", "f:1"},
	{"something else", "{\"tests\":[]}", "\"rust-build-meta\" is not an object"},
	{"an array", "[]", "\"rust-build-meta\" is not an object"},
	{"no target directory", "{\"rust-build-meta\":{},\"rust-binaries\":{}}",
		"\"target-directory\""},
	{"a path of Windows", "{\"rust-build-meta\":{\"target-directory\":\"C:\\\\w\"}}",
		"C:\\w is not an absolute path of a Unix system"},
	{"no programs", "{\"rust-build-meta\":{\"target-directory\":\"/w\"}}",
		"\"rust-binaries\" is not an object"},
	{"a path out of the tree",
		META(",\"build-script-out-dirs\":{\"a\":\"../../etc\"}"),
		"../../etc is not a path below"},
	{"an absolute path in a list", META(",\"build-script-out-dirs\":{\"a\":\"/e\"}"),
		"/e is not a path below"},
	{"a platform without a triple", META(",\"target-platform\":{}"), "\"triple\""},
	{"several targets",
		META(",\"platforms\":{" HOST ",\"targets\":[{\"platform\":{" TRIPLE
		     "}},{\"platform\":\"riscv64gc-unknown-linux-gnu\"}]}"),
		"2 targets at once"},
	{"a side of the future",
		"{\"rust-build-meta\":{\"target-directory\":\"/w\"},\"rust-binaries\":{"
		"\"a\":{\"binary-id\":\"a\",\"binary-name\":\"a\",\"package-id\":\"p\","
		"\"binary-path\":\"/w/a\",\"build-platform\":\"wasm\"}}}",
		"wasm is not a platform"},
	{"a relative program",
		"{\"rust-build-meta\":{\"target-directory\":\"/w\"},\"rust-binaries\":{"
		"\"a\":{\"binary-id\":\"a\",\"binary-name\":\"a\",\"package-id\":\"p\","
		"\"binary-path\":\"a\"}}}",
		"a is not an absolute path"},
	{"a number for an id",
		"{\"rust-build-meta\":{\"target-directory\":\"/w\"},\"rust-binaries\":{"
		"\"a\":{\"binary-id\":7}}}",
		"\"binary-id\" of a is not a string"},
	{"a list for an object", META(",\"build-script-info\":[]"),
		"\"build-script-info\" is not an object"},
};

static void test_faults(void)
{
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		struct cargo_build b = {0};
		struct err e = {0};
		int status = cargo_nextest_read(
			&b, faults[i].text, strlen(faults[i].text), "f", &e);

		is_int(status < 0 ? (long long)e.kind : 0, ERR_SETUP, faults[i].name);
		if (!ok(strstr(e.msg, faults[i].want) != NULL, "  and why"))
			printf("# %s\n", e.msg);
		cargo_build_release(&b);
	}
}

/* What nextest itself wrote comes out as it went in. */
static void test_round(const char *file)
{
	const char *dir = getenv("top_srcdir");
	autofree char *path =
		xasprintf("%s/tests/fixtures/nextest/%s", dir ? dir : ".", file);
	autorelease(buf) struct buf text = BUF_INIT, out = BUF_INIT;
	struct cargo_build b = {0};
	struct err e = {0};

	is_int(fs_read_file(path, &text, &e), 0, file);
	is_int(cargo_nextest_read(&b, buf_str(&text), text.len, file, &e), 0,
		"  is understood");
	cargo_nextest_write(&b, NULL, NULL, &out);
	is_str(buf_str(&out), buf_str(&text), "  and written as it was read");
	cargo_build_release(&b);
}

int main(void)
{
	test_formats();
	test_faults();
	test_round("plain.json");
	test_round("target.json");
	return tap_done();
}
