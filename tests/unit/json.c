#include "base/json.h"

#include "tests/tap.h"

static void test_errors(void)
{
	static const struct {
		const char *name, *text, *error;
	} table[] = {
		{"empty", "", "x:1:1: unexpected end of data"},
		{"cut short", "{\"a\":", "x:1:6: unexpected end of data"},
		{"position", "{\n  \"a\": 1,\n  b\n}",
			"x:3:3: quoted object property name expected"},
		{"something after the end", "{} {}",
			"x:1:4: something follows the end of the JSON value"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct err e = {0};
		struct json *root =
			json_parse(table[i].text, strlen(table[i].text), "x", &e);

		ok(root == NULL, "%s is refused", table[i].name);
		is_str(e.msg, table[i].error, table[i].name);
		json_free(root);
	}
}

static void test_read(void)
{
	static const char text[] =
		"// comment\n{\"s\":\"v\", \"n\": 7, \"b\": true, /* here too */"
		" \"a\": [\"x\", 1, \"y\"], \"d\": 1.5}\n";
	struct err e = {0};
	autorelease_json struct json *root = json_parse(text, sizeof text - 1, "x", &e);
	autorelease(strv) struct strv items = STRV_INIT;
	autorelease(buf) struct buf keys = BUF_INIT;

	if (!ok(root != NULL, "comments are read over"))
		return;
	is_str(json_find_string(root, "s", NULL), "v", "string");
	is_str(json_find_string(root, "n", "no"), "no", "a number is no string");
	is_int(json_int(json_find(root, "n"), -1), 7, "number");
	is_int(json_boolean(json_find(root, "b"), false), 1, "boolean");
	ok(json_double(json_find(root, "d"), 0) == 1.5, "fraction");
	json_strv(json_find(root, "a"), &items);
	is_int((long long)items.len, 2, "the strings of an array");
	for (struct json_iter it = json_iter(root); json_next(&it);)
		buf_append_str(&keys, it.key);
	is_str(buf_str(&keys), "snbad", "members in file order");
	ok(json_find(NULL, "x") == NULL, "nothing in nothing");
}

static void test_write(void)
{
	autorelease(buf) struct buf out = BUF_INIT;
	struct jsonw w;

	jsonw_init(&w, &out);
	jsonw_open(&w, NULL, '{');
	jsonw_string(&w, "a", "q\"\\\n\x01\x7f");
	jsonw_bytes(&w, "b", "\xff\xc3\xa4\xed\xa0\x80\0", 7);
	jsonw_open(&w, "c", '[');
	jsonw_int(&w, NULL, -5);
	jsonw_fixed(&w, NULL, 1.25, 3);
	jsonw_null(&w, NULL);
	jsonw_close(&w, ']');
	jsonw_bool(&w, "d", true);
	jsonw_close(&w, '}');
	is_str(buf_str(&out),
		"{\"a\":\"q\\\"\\\\\\n\\u0001\\u007f\","
		"\"b\":\"\\ufffd\xc3\xa4\\ufffd\\ufffd\\ufffd\\u0000\","
		"\"c\":[-5,1.250,null],\"d\":true}",
		"every kind of value, and bytes that are not text");
}

int main(void)
{
	test_errors();
	test_read();
	test_write();
	return tap_done();
}
