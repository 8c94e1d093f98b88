#include "base/elf.h"
#include "base/proc.h"
#include "adapter/autotools-regen.h"
#include "model/config.h"
#include "tests/unit/adapter-bed.h"

#define SHELL_ENV "\"FROM_AM=cat; export FROM_AM; DATA=./data WORD=\\\"two words\\\""

static const struct bed_row autotools[] = {
	{"sample::top.sh", "cwd", "\"@B/src\""},
	{"sample::top.sh", "env", "[\"srcdir=.\"]"},
	{"sample::top.sh", "shell-env", "-"},
	{"sample::pass", "command", "[\"@B/src/tests/pass\"]"},
	{"sample::pass", "binary", "\"@B/src/tests/pass\""},
	{"sample::pass", "cwd", "\"@B/src/tests\""},
	{"sample::pass", "env", "[\"EXPORTED=by make\",\"srcdir=.\"]"},
	{"sample::pass", "shell-env", SHELL_ENV "\""},
	{"sample::pass", "labels", "[\"tests\"]"},
	{"sample::pass", "expect-fail", "-"},
	{"sample::pass", "protocol", "\"exitcode\""},
	{"sample::fail", "expect-fail", "true"},
	{"sample::script.sh", "env",
		"[\"EXPORTED=by make\",\"srcdir=.\",\"SHELL_FLAG=on\"]"},
	{"sample::script.sh", "platform", "\"target\""},
	{"sample::points.tap", "protocol", "\"tap\""},
	{"sample::points.tap", "framework", "\"tap\""},
	{"sample::odd.up", "depends", "[\"sample::script.sh\",\"sample::tests/twin\"]"},
	{"sample::pass", "depends", "-"},
	{"sample::odd.up", "shell-env", SHELL_ENV " $FROM_AM\""},
	{"sample::odd.up", "command", "[\"@B/src/tests/odd.up\"]"},
	{"sample::made", "required-files", "-"},
	{"sample::gone", "required-files", "[\"@B/src/tests/gone\"]"},
	{"sample::tests/twin", "depends", "-"},
	{"sample::serial/twin", "depends", "-"},
	{"sample::second", "depends", "[\"sample::serial/twin\"]"},
};

static const struct bed_row make[] = {
	{"make::one", "command", "[\"@B/src/one\"]"},
	{"make::one", "binary", "\"@B/src/one\""},
	{"make::one", "cwd", "\"@B/src\""},
	{"make::one", "env", "[\"WHERE=@B/src\"]"},
	{"make::two", "depends", "[\"make::one\"]"},
	{"make::late", "binary", "\"@B/src/late\""},
};

static const struct bed_row byhand[] = {
	{"byhand::check", "command", "[\"make\",\"--no-print-directory\",\"check\"]"},
	{"byhand::check", "cwd", "\"@B/src\""},
	{"byhand::check", "platform", "\"target\""},
	{"byhand::check", "timeout-ms", "1800000"},
};

static const struct bed_row manifest[] = {
	{"manifest::prog", "command", "[\"@B/prog\"]"},
	{"manifest::prog", "binary", "\"@B/prog\""},
	{"manifest::prog", "cwd", "\"@B\""},
	{"manifest::prog", "timeout-ms", "2500"},
	{"manifest::prog", "platform", "\"target\""},
	{"manifest::tool", "command", "[\"@B/tool\",\"x\"]"},
	{"manifest::tool", "skip-code", "5"},
	{"manifest::tool", "depends", "[\"manifest::prog\"]"},
	{"other::script", "command", "[\"@S/script.sh\"]"},
	{"other::script", "cwd", "\"@S/data\""},
	{"other::script", "env",
		"[\"XTEST_SOURCE_DIR=@S\",\"XTEST_BUILD_DIR=@B\",\"A=1\"]"},
	{"other::script", "expect-fail", "true"},
	{"other::script", "serial", "true"},
	{"other::script", "labels", "[\"slow\"]"},
	{"manifest::said", "platform", "\"host\""},
	{"manifest::said", "platform-reason", "\"xtest.json:12\""},
};

static const struct {
	const char *fixture;
	const struct adapter *adapter;
	int bid;
	const struct bed_row *rows;
	size_t n_rows, n_suites;
	const char *product; /* must not appear in the source */
	const char *host_program;
} trees[] = {
	{"autotools", &adapter_autotools, 70, autotools, ARRAY_LEN(autotools), 11,
		"configure", NULL},
	{"make", &adapter_make, 20, make, ARRAY_LEN(make), 3, "one", "src/generator"},
	{"byhand", &adapter_autotools, 50, byhand, ARRAY_LEN(byhand), 1, "prog", NULL},
	{"manifest", &adapter_manifest, 100, manifest, ARRAY_LEN(manifest), 4, "prog",
		"tool"},
};

static bool is_of(const struct bed *bed, const char *below, const struct target *target)
{
	autofree char *path = fs_join(bed->dir, below);
	autorelease(elf) struct elf elf = {0};
	struct err e = {0};

	return elf_open(path, &elf, &e) == 1 && target_matches_elf(target, &elf.id);
}

static void test_tree(size_t i, const char *target)
{
	autofree char *fixture = xasprintf("adapters/%s", trees[i].fixture);
	autorelease(bed) struct bed bed;
	autorelease(suite_list) struct suite_list suites = {0}, again = {0};
	autorelease_config struct config *config = NULL;
	const char *why_not = bed_make(&bed, fixture, target);
	autofree char *why = NULL, *product = NULL,
		      *autoreconf = fs_find_program("autoreconf", NULL);
	struct err e = {0};

	if (!why_not && !autoreconf && streq(trees[i].fixture, "autotools"))
		why_not = "autoreconf (apt-get install autoconf automake)";
	if (why_not) {
		skip(fixture, why_not);
		return;
	}
	config = config_load_project(bed.source, &e);
	bed.request.config = config;
	is_int(trees[i].adapter->bid(bed.source, &why), trees[i].bid, fixture);
	if (!ok(config && bed_run(&bed, trees[i].adapter, &suites), "%s for %s", fixture,
		    target ? target : "this machine"))
		return;
	bed_compare(&bed, &suites, trees[i].rows, trees[i].n_rows);
	is_int((long long)suites.len, (long long)trees[i].n_suites, "suites");
	product = fs_join(bed.source, trees[i].product);
	if (streq(trees[i].fixture, "byhand"))
		ok(is_of(&bed, "src/prog", bed.request.target), "CHOST is heard");
	ok(!fs_exists(product), "nothing is made in the source");
	if (trees[i].host_program)
		ok(is_of(&bed, trees[i].host_program, target_list_host(&bed.targets)),
			"%s is of this machine", trees[i].host_program);
	ok(bed_run(&bed, trees[i].adapter, &again), "a second time");
	is_int(bed.steps, 0, "nothing is configured again");
	is_int((long long)again.len, (long long)suites.len, "the same suites");
}

/* Files and their times in seconds; what is said about them. */
static const struct {
	const char *name, *script, *expected;
} stale[] = {
	{"no configure", ":", "there is no configure"},
	{"in order",
		"echo '# Generated by GNU Autoconf 2.71' >configure; touch -d @20 "
		"configure;"
		"touch -d @10 configure.ac aclocal.m4 Makefile.am d/Makefile.am;"
		"touch -d @20 Makefile.in d/Makefile.in",
		NULL},
	{"a changed Makefile.am below", "touch -d @30 d/Makefile.am",
		"Makefile.in is older than Makefile.am"},
	{"a new macro",
		"echo 'm4_include([m4/x.m4])' >aclocal.m4; touch -d @10 aclocal.m4;"
		"touch -d @15 m4/x.m4",
		"aclocal.m4 is older than m4/x.m4"},
	{"aclocal.m4 made again", "touch -d @25 aclocal.m4",
		"configure is older than aclocal.m4"},
	{"a changed configure.ac", "touch -d @40 configure.ac",
		"configure is older than configure.ac"},
	{"a script of a person's", "echo '#!/bin/sh' >configure; touch -d @1 configure",
		NULL},
};

static void test_stale(void)
{
	struct err e = {0};
	autofree char *dir = fs_temp_dir("xtest-stale", &e);

	for (size_t i = 0; i < ARRAY_LEN(stale) && dir; i++) {
		autofree char *script =
			xasprintf("cd '%s' && mkdir -p d m4 && %s", dir, stale[i].script);
		const char *const argv[] = {"sh", "-ec", script, NULL};
		autofree char *out = proc_capture(argv);
		autofree char *reason = autotools_regen_reason(dir);

		ok(out != NULL, "%s: made", stale[i].name);
		is_str(reason, stale[i].expected, stale[i].name);
	}
	if (!dir || fs_remove_tree(dir, &e) < 0)
		printf("# %s\n", e.msg);
}

int main(void)
{
	/* What this test's own harness exports would reach the projects' make. */
	unsetenv("top_builddir");
	unsetenv("top_srcdir");
	test_stale();
	for (size_t i = 0; i < ARRAY_LEN(trees); i++) {
		test_tree(i, NULL);
		test_tree(i, "aarch64");
	}
	return tap_done();
}
