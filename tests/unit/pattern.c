#include "base/pattern.h"

#include "tests/tap.h"

/* kind: 'r' regular expression, 's' strict one, 'g' glob, 'p' path glob. `expected`: the
 * texts that match of those given, in the order given, or "!OFFSET part of message". */
static const struct {
	char kind;
	const char *pattern;
	const char *texts[6];
	const char *expected;
} table[] = {
	{'r', "b+c", {"abbc", "ac", "xbc"}, "abbc xbc"},
	{'r', "(a)\\1", {"aa", "a"}, "aa"},
	{'r', "a$", {"a", "a\n"}, "a"},
	{'r', "(", {0}, "!1 missing closing parenthesis"},
	{'s', "^a++$", {"aaa", "b"}, "aaa"},
	{'s', "^a++a$", {"aaa", "b"}, "aaa"},
	{'s', "^(ab){2}{2}$", {"abab", "abababab"}, "abababab"},
	{'s', "^\\u{e9}\\x41$",
		{"\xc3\xa9"
		 "A"},
		"\xc3\xa9"
		"A"},
	{'s', "^.$", {"\xc3\xa9", "ab", "\xff"}, "\xc3\xa9 \xff"},
	{'s', "^\\w$", {"\xc3\xa9", "-"}, "\xc3\xa9"},
	{'s', "^[]a]+$", {"]a", "b"}, "]a"},
	{'s', "(?x) a b # (", {"ab", "a b"}, "ab"},
	{'s', "(?i:A)b", {"ab", "aB"}, "ab"},
	{'s', "\\<foo\\>", {"a foo b", "afoo"}, "a foo b"},
	{'s', "\\b{start}foo\\b{end}", {"a foo b", "afoo"}, "a foo b"},
	{'s', "^*\\b{2}a", {"xa", "x a"}, "x a"},
	{'s', "^\\p{script=Greek}$", {"\xce\xb1", "a"}, "\xce\xb1"},
	{'s', "^[:a]$", {":", "b"}, ":"},
	{'s', "(?ui)A", {"a"}, "a"},
	{'s', "|", {"a"}, "a"},
	{'s', "(a)\\1", {0}, "!3 back references"},
	{'s', "(?=a)", {0}, "!2 look-around"},
	{'s', "(?<!a)b", {0}, "!0 look-around"},
	{'s', "(?>a)", {0}, "!2 unknown kind of group"},
	{'s', "(*LIMIT_MATCH=9)a", {0}, "!1 nothing here"},
	{'s', "(?i)*", {0}, "!4 nothing here"},
	{'s', "a)b", {0}, "!1 ')' without"},
	{'s', "a(b", {0}, "!1 '(' without"},
	{'s', "[a", {0}, "!0 '[' without"},
	{'s', "[z-a]", {0}, "!3 range out of order"},
	{'s', "[a&&b]", {0}, "!2 class set operations"},
	{'s', "[[a]b]", {0}, "!1 a class inside a class"},
	{'s', "a{2,1}", {0}, "!5 numbers out of order"},
	{'s', "a{x}", {0}, "!1 expected a count"},
	{'s', "\\q", {0}, "!0 unknown escape"},
	{'s', "a\\", {0}, "!1 a backslash at the end"},
	{'s', "\\u{110000}", {0}, "!0 no such Unicode character"},
	{'s', "(?ii)a", {0}, "!3 given before"},
	{'s', "\xff", {0}, "!0 must be UTF-8"},
	{'g', "a*c",
		{"abc", "a/c", "ac", "abcd",
			"a\xff"
			"c"},
		"abc a/c ac a\xff"
		"c"},
	{'g', "a?c",
		{"a\xc3\xa9"
		 "c",
			"ac"},
		"a\xc3\xa9"
		"c"},
	{'g', "[!a-c]x", {"dx", "ax"}, "dx"},
	{'g', "[]-]", {"]", "-", "a"}, "] -"},
	{'g', "{a,{b,c}d}", {"a", "bd", "cd", "b"}, "a bd cd"},
	{'g', "a,b", {"a,b"}, "a,b"},
	{'g', "[*]", {"*", "a"}, "*"},
	{'g', "a.c", {"a.c", "abc"}, "a.c"},
	{'g', "a?b*", {"a\nb\n"}, "a\nb\n"},
	{'g', "foo[", {0}, "!3 '[' without"},
	{'g', "{a,b", {0}, "!0 '{' without"},
	{'g', "a}", {0}, "!1 '}' without"},
	{'g', "[z-a]", {0}, "!1 backwards"},
	{'p', "*.o", {"a.o", "b/a.o"}, "a.o"},
	{'p', "**/*.o", {"a.o", "b/a.o", "b/c/a.o"}, "a.o b/a.o b/c/a.o"},
	{'p', "a/**/b", {"a/b", "a/x/b", "a/x/y/b", "ab"}, "a/b a/x/b a/x/y/b"},
	{'p', "a/**", {"a/b", "a/b/c", "a"}, "a/b a/b/c"},
	{'p', "a[!b]c", {"axc", "a/c"}, "axc"},
	{'p', "a?c", {"axc", "a/c"}, "axc"},
};

static struct pattern *make(char kind, const char *text, size_t *fault, struct err *e)
{
	if (kind == 'r' || kind == 's')
		return pattern_regex(text, kind == 's' ? PATTERN_STRICT : 0, fault, e);
	return pattern_glob(text, kind == 'p' ? PATTERN_PATH : 0, fault, e);
}

static void catastrophic_expressions_give_up(void)
{
	struct err e = {0};
	struct pattern *p = pattern_regex("^(a|aa|b?a)+$", PATTERN_STRICT, NULL, &e);
	const char *text = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac";

	if (ok(p != NULL, "a catastrophic expression compiles")) {
		is_int(pattern_match(p, text, strlen(text), &e), -1, "and gives up");
		ok(strstr(e.msg, "match limit") != NULL, "saying why: %s", e.msg);
	}
	pattern_free(p);
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autorelease(buf) struct buf got = BUF_INIT;
		struct err e = {0};
		size_t fault = 999;
		struct pattern *p = make(table[i].kind, table[i].pattern, &fault, &e);
		const char *want = table[i].expected;

		if (!p) {
			char *message;
			size_t at = *want == '!' ? strtoul(want + 1, &message, 10) : 0;

			ok(*want == '!' && at == fault && strstr(e.msg, message + 1),
				"%c %s is refused at %zu: %s", table[i].kind,
				table[i].pattern, fault, e.msg);
			continue;
		}
		for (size_t k = 0; table[i].texts[k]; k++)
			if (pattern_match(p, table[i].texts[k], strlen(table[i].texts[k]),
				    &e) == 1)
				buf_printf(&got, "%s%s", got.len ? " " : "",
					table[i].texts[k]);
		is_str(buf_str(&got), want, table[i].pattern);
		pattern_free(p);
	}
	catastrophic_expressions_give_up();
	return tap_done();
}
