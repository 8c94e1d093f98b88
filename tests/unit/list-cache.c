#include "engine/list-cache.h"

#include "base/fs.h"

#include "tests/tap.h"

/* A suite whose binary is `path`. */
static void make_suite(struct suite *s, const char *path)
{
	*s = (struct suite){.id = xstrdup("p::s"), .binary = xstrdup(path)};
	strv_push(&s->command, path);
}

static void fill(const char *dir, const char *program)
{
	struct list_cache *c = list_cache_open(dir);
	autorelease(suite) struct suite s = {0};

	make_suite(&s, program);
	ok(!list_cache_get(c, &s, program, &framework_gtest),
		"an empty cache knows nothing");
	suite_add_case(&s, "A.b");
	suite_add_case(&s, "A.c \"quoted\"")->ignored = true;
	list_cache_put(c, &s, program, &framework_gtest);
	list_cache_close(c);
}

static void test_hit(const char *dir, const char *program)
{
	struct list_cache *c = list_cache_open(dir);
	autorelease(suite) struct suite s = {0};

	make_suite(&s, program);
	ok(!list_cache_get(c, &s, program, &framework_catch2),
		"another framework is another listing");
	ok(list_cache_get(c, &s, program, &framework_gtest),
		"an unchanged program is known");
	is_int((long long)s.n_cases, 2, "with its cases");
	is_str(s.cases[1].name, "A.c \"quoted\"", "under their names");
	ok(s.cases[1].ignored && !s.cases[0].ignored, "and whether they are ignored");
	{
		autofree char *other = xasprintf("%s-2", program);
		struct err e = {0};

		is_int(fs_copy_file(program, other, &e), 0, "a copy of it");
		ok(!list_cache_get(c, &s, other, &framework_gtest),
			"under another name is another listing");
	}
	strv_push(&s.command, "--x");
	ok(!list_cache_get(c, &s, program, &framework_gtest),
		"other arguments are another listing");
	list_cache_close(c);
}

static void test_miss(const char *dir, const char *program)
{
	struct list_cache *c = list_cache_open(dir);
	autorelease(suite) struct suite s = {0};
	struct err e = {0};

	make_suite(&s, program);
	is_int(fs_write_file(program, "twO", 3, 0755, &e), 0,
		"one byte of the program changes");
	ok(!list_cache_get(c, &s, program, &framework_gtest), "it must be asked again");
	list_cache_close(c);
}

static void test_damaged(const char *dir, const char *program)
{
	autofree char *file = fs_join(dir, "list-cache.json");
	autorelease(suite) struct suite s = {0};
	struct list_cache *c;
	struct err e = {0};

	make_suite(&s, program);
	is_int(fs_write_file(file, "{\"version\":1,\"listings\":[", 24, 0644, &e), 0,
		"the cache is damaged");
	c = list_cache_open(dir);
	ok(!list_cache_get(c, &s, program, &framework_gtest), "and counts as empty");
	list_cache_close(c);
}

int main(void)
{
	struct err e = {0};
	autofree char *dir = fs_temp_dir("xtest-unit", &e),
		      *program = fs_join(dir, "program");

	is_int(fs_write_file(program, "two", 3, 0755, &e), 0, "a program");
	fill(dir, program);
	test_hit(dir, program);
	test_miss(dir, program);
	test_damaged(dir, program);
	return fs_remove_tree(dir, &e) < 0 ? 1 : tap_done();
}
