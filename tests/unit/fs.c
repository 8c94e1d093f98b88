#include "base/fs.h"

#include "tests/tap.h"

#include <sys/stat.h>

static void test_paths(void)
{
	static const struct {
		const char *path, *base, *want;
	} table[] = {
		{"/a/b/../c//./d", NULL, "/a/c/d"},
		{"x/../../y", "/a/b", "/a/y"},
		{"/../..", NULL, "/"},
		{".", "/a", "/a"},
		{"c/..", "a//b/", "/a/b"},
		{"/a/.../..b/b../", NULL, "/a/.../..b/b.."},
		{"/a/./..", NULL, "/"},
	};
	autofree char *joined = fs_join("/a/", "b"), *absolute = fs_join("/a", "/b");

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autofree char *got = fs_normalize(table[i].path, table[i].base);

		is_str(got, table[i].want, table[i].path);
	}
	is_str(joined, "/a/b", "join");
	is_str(absolute, "/b", "joining an absolute path gives it back");
	is_str(fs_below("/a/b/c", "/a/b"), "c", "below");
	is_str(fs_below("/a/bc", "/a/b"), NULL, "a longer name is not below");
	is_str(fs_below("/a", "/"), "a", "below the root");
	ok(fs_is_within("/a/b", "/a/b/"), "a directory is within itself");
}

static void test_files(void)
{
	struct err e = {0};
	autofree char *dir = fs_temp_dir("xtest-unit", &e);
	autofree char *file = fs_join(dir, "sub/deep/file"),
		      *sub = fs_join(dir, "sub/deep");
	autofree char *locked = fs_join(dir, "sub");
	autorelease(buf) struct buf b = BUF_INIT;
	autorelease(strv) struct strv names = STRV_INIT;
	struct stat before, after;

	is_int(fs_write_file(file, "x", 1, 0644, &e), -1,
		"a missing directory is an error");
	is_int(fs_mkdir_p(sub, &e), 0, "mkdir -p");
	is_int(fs_write_file(file, "abc", 3, 0600, &e), 0, "write");
	stat(file, &before);
	is_int(fs_write_if_changed(file, "abc", 3, 0600, &e), 0, "write the same");
	stat(file, &after);
	ok(before.st_ino == after.st_ino, "the same content keeps the same file");
	is_int(fs_read_file(file, &b, &e), 0, "read");
	is_str(buf_str(&b), "abc", "content");
	is_int(fs_list_dir(sub, &names, &e), 0, "list");
	is_int((long long)names.len, 1, "no temporary file is left");
	is_int(fs_mkdir_p(file, &e), -1, "a file is no directory");
	chmod(locked, 0);
	is_int(fs_remove_tree(dir, &e), 0, "remove a tree with a locked directory");
	ok(!fs_exists(dir), "it is gone");
	is_int(fs_remove_tree(dir, &e), 0, "removing nothing is fine");
}

int main(void)
{
	test_paths();
	test_files();
	return tap_done();
}
