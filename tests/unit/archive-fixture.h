/*
 * A small project as an adapter would leave it, for the archive's tests: sources with
 * fixtures, a build directory with two programs (copies of this machine's true), a
 * script, links, and names that are not ASCII.
 */
#ifndef XTEST_TESTS_ARCHIVE_FIXTURE_H
#define XTEST_TESTS_ARCHIVE_FIXTURE_H

#include "base/fs.h"
#include "engine/archive.h"

#include "tests/tap.h"

#include <sys/stat.h>
#include <unistd.h>

struct fixture {
	char *dir, *source, *build;
	struct suite_list suites;
	struct archive_runner runner;
	struct archive_request request;
};

static inline void fixture_must(int result, const struct err *e)
{
	if (result == 0)
		return;
	printf("Bail out! %s\n", e->msg);
	exit(EXIT_FAILURE);
}

static inline void fixture_write(
	const char *dir, const char *name, const char *text, mode_t mode)
{
	autofree char *path = fs_join(dir, name), *parent = fs_dirname(path);
	struct err e = {0};

	fixture_must(fs_mkdir_p(parent, &e), &e);
	fixture_must(fs_write_file(path, text, strlen(text), mode, &e), &e);
}

static inline void fixture_copy(const char *from, const char *dir, const char *name)
{
	autofree char *path = fs_join(dir, name), *parent = fs_dirname(path);
	struct err e = {0};

	fixture_must(fs_mkdir_p(parent, &e), &e);
	fixture_must(fs_copy_file(from, path, &e), &e);
}

static inline void fixture_link(const char *text, const char *dir, const char *name)
{
	autofree char *path = fs_join(dir, name);

	if (symlink(text, path) < 0)
		printf("# symlink %s: it is there already\n", path);
}

static inline struct suite *fixture_suite(
	struct fixture *f, const char *id, const char *program)
{
	struct suite *s = suite_list_add(&f->suites);

	s->id = xstrdup(id);
	s->cwd = fs_join(f->build, "tests");
	strv_push_take(&s->command, fs_join(f->build, program));
	return s;
}

/* Fills the two directories; `backwards` makes the files in the opposite order. */
static inline void fixture_fill(struct fixture *f, bool backwards)
{
	static const struct {
		bool in_build;
		const char *name, *text;
		mode_t mode;
	} files[] = {
		{true, "tests/run.sh",
			"#!/bin/sh\n. \"$srcdir/data/lib.sh\"\n../tools/gen\n", 0755},
		{true, "tests/test_a.o", "object", 0644},
		{true, "tests/test_a.log", "log", 0644},
		{true, "tools/gen", "#!/bin/sh\necho hello\n", 0775},
		{true, "tools/unrelated", "nobody names this\n", 0644},
		{false, "data/lib.sh", "echo lib\n", 0664},
		{false, "data/b.txt", "bbb\n", 0600},
		{false, "data/a.txt", "aaa\n", 0644},
		{false, "data/sub/deep.txt", "deep\n", 0644},
		{false, "data/gr\303\274n.txt", "a name that is not ASCII\n", 0644},
		{false, ".git/config", "[core]\n", 0644},
		{false, "secret.txt", "nobody names this\n", 0644},
	};

	for (size_t k = 0; k < ARRAY_LEN(files); k++) {
		size_t i = backwards ? ARRAY_LEN(files) - 1 - k : k;

		fixture_write(files[i].in_build ? f->build : f->source, files[i].name,
			files[i].text, files[i].mode);
	}
	fixture_copy("/bin/true", f->build, "tests/test_a");
	fixture_copy("/bin/true", f->build, "tests/test_b");
	fixture_link("a.txt", f->source, "data/link-inside");
	fixture_link("/etc/hostname", f->source, "data/link-outside");
	fixture_link("sub", f->source, "data/dirlink");
}

static inline void fixture_init(struct fixture *f)
{
	struct err e = {0};
	struct suite *s;

	*f = (struct fixture){.dir = fs_temp_dir("xtest-archive", &e)};
	f->source = fs_join(f->dir, "project");
	f->build = fs_join(f->source, ".xtest/build/native");
	fixture_fill(f, false);
	s = fixture_suite(f, "p::a", "tests/test_a");
	s->binary = xstrdup(s->command.v[0]);
	strv_pushf(&s->env, "DATA=%s/data", f->source);
	strv_push(&s->env, "MAIL=user@host");
	s = fixture_suite(f, "p::b", "tests/test_b");
	s->binary = xstrdup(s->command.v[0]);
	strv_pushf(&s->files, "%s/data/a.txt", f->source);
	s = fixture_suite(f, "p::script", "tests/run.sh");
	strv_pushf(&s->env, "srcdir=%s", f->source);
	s->expect_fail = true;
	fixture_must(suite_list_check(&f->suites, "fixture", &e), &e);
	f->runner = (struct archive_runner){"native", "/bin/true"};
	f->request = (struct archive_request){
		.project = "p",
		.target = "native",
		.triple = "native-linux-gnu",
		.source_dir = f->source,
		.target_build_dir = f->build,
		.target_suites = &f->suites,
		.runners = &f->runner,
		.n_runners = 1,
	};
}

static inline void fixture_release(struct fixture *f)
{
	struct err e = {0};

	fixture_must(fs_remove_tree(f->dir, &e), &e);
	suite_list_release(&f->suites);
	free(f->source);
	free(f->build);
	free(f->dir);
}

#endif
