#include "model/suite.h"

#include "tests/tap.h"

#include <stdio.h>

/* What is written is read back to the same text. */
static void test_round_trip(void)
{
	static const char text[] =
		"{\"id\":\"p::a\",\"package\":\"p\",\"name\":\"a\",\"kind\":\"test\","
		"\"command\":[\"/b/a\",\"-x\"],"
		"\"cwd\":\"/"
		"b\",\"env\":[\"A=1\"],\"labels\":[\"slow\"],\"timeout-ms\":1500,"
		"\"expect-fail\":true,"
		"\"skip-code\":77,\"processors\":2,\"cost\":1.500,\"platform\":\"host\","
		"\"cases\":[{\"name\":\"x\"},{\"name\":\"y\",\"ignored\":true}]}";
	autorelease(suite) struct suite s = {0};
	autorelease(buf) struct buf out = BUF_INIT;
	struct err e = {0};
	autorelease_json struct json *root = json_parse(text, sizeof text - 1, "t", &e);
	struct jsonw w;

	is_int(suite_read(&s, root, &e), 0, "a suite is read");
	jsonw_init(&w, &out);
	suite_write(&s, &w, NULL);
	is_str(buf_str(&out), text, "and written as it was");
}

static void test_refused(void)
{
	static const struct {
		const char *name, *text, *error;
	} table[] = {
		{"unknown member", "{\"id\":\"a\",\"colour\":1}",
			"suite a: \"colour\" is not known here"},
		{"wrong type", "{\"id\":\"a\",\"cwd\":1}",
			"suite a: \"cwd\" is of the wrong type"},
		{"nameless case", "{\"cases\":[{}]}", "case 1 has no \"name\""},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct err e = {0};
		autorelease(suite) struct suite s = {0};
		autorelease_json struct json *root =
			json_parse(table[i].text, strlen(table[i].text), "t", &e);

		is_int(suite_read(&s, root, &e), -1, table[i].name);
		is_str(e.msg, table[i].error, table[i].name);
	}
}

static struct suite *add(struct suite_list *list, const char *id)
{
	struct suite *s = suite_list_add(list);

	s->id = xstrdup(id);
	s->cwd = xstrdup("/b");
	strv_push(&s->command, "/b/a");
	return s;
}

static void test_check(void)
{
	autorelease(suite_list) struct suite_list list = {0};
	struct err e = {0};

	add(&list, "p::a");
	add(&list, "q");
	is_int(suite_list_check(&list, "cmake", &e), 0, "a good list");
	is_str(list.v[0].package, "p", "the package comes from the id");
	is_str(list.v[0].name, "a", "and so does the name");
	is_str(list.v[1].name, "q", "an id without a package is both");
	add(&list, "p::a")->platform = PLATFORM_HOST;
	is_int(suite_list_check(&list, "cmake", &e), 0,
		"host and target may have the same name");
	add(&list, "p::a");
	is_int(suite_list_check(&list, "cmake", &e), -1, "one platform may not");
	is_str(e.msg, "cmake names two tests \"p::a\"; their names must differ",
		"which is said");
}

static void test_libraries(void)
{
	static const struct {
		const char *word, *names;
	} table[] = {
		{"libz.so.1", "libz.so.1 libz z"},
		{"/usr/lib/libz.so", "libz.so libz z"},
		{"sub/libfoo.a", "libfoo.a libfoo foo"},
		{"plugin.so", "plugin.so plugin"},
		{"ld-linux-aarch64.so.1", "ld-linux-aarch64.so.1 ld-linux-aarch64"},
		{"-lm", "libm m"},
		{"-l", ""},
		{"-Wl,-rpath,/x/liby.so", ""},
		{"-Wl,-Bstatic", ""},
		{"main.o", ""},
		{"x.sort", ""},
		{"lib.a", "lib.a lib"},
		{".so", ""},
		{"", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autorelease(strv) struct strv names = STRV_INIT;
		autofree char *joined = NULL;

		suite_add_library(&names, table[i].word);
		suite_add_library(&names, table[i].word);
		joined = strv_join(&names, " ");
		is_str(joined, table[i].names, table[i].word);
	}
}

int main(void)
{
	autorelease(suite) struct suite s = {0};
	char name[16];

	test_round_trip();
	test_refused();
	test_check();
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "c%d", i);
		suite_add_case(&s, name);
	}
	is_str(s.cases[999].name, "c999", "a thousand cases");
	ok(suite_find_case(&s, "c500") == &s.cases[500], "are found by name");
	test_libraries();
	return tap_done();
}
