#include "adapter/make-words.h"
#include "tests/tap.h"

static const struct {
	const char *name, *text, *expected; /* NULL: only a shell can tell */
} splits[] = {
	{"nothing", "  ", ""},
	{"plain words", "env  -i\tprog", "env -i prog"},
	{"quotes", "a 'b c' \"d e\"f", "a 'b c' 'd ef'"},
	{"an empty word", "X= '' y", "X= '' y"},
	{"escapes", "a\\ b \"c\\\"d\\e\"", "'a b' 'c\"d\\e'"},
	{"a variable", "$HOME/x", NULL},
	{"a variable in double quotes", "\"$HOME\"", NULL},
	{"a variable in single quotes", "'$HOME'", "'$HOME'"},
	{"command substitution", "`pwd`/x", NULL},
	{"an operator", "a; b", NULL},
	{"a glob", "a *", NULL},
	{"an open quote", "a 'b", NULL},
};

static const struct {
	const char *name, *command, *text, *left, *env;
} envs[] = {
	{"assignments move", "env A=1 B= prog x", "", "prog x", "A=1 B="},
	{"no env", "A=1 prog", "", "A=1 prog", ""},
	{"an option stays", "env -i A=1 prog", "", "env -i A=1 prog", ""},
	{"nothing would remain", "env A=1", "", "env A=1", ""},
	{"the text speaks of it", "env A=1 prog", "A=2", "env A=1 prog", ""},
	{"the text speaks of another", "env A=1 prog", "B=2", "prog", "A=1"},
};

static const struct {
	const char *name, *text;
	bool expected;
} set_ups[] = {
	{"a loop", "for t in a b; do ./$t || exit 1; done", false},
	{"a counter", "failed=0; for t in a; do ./$t || failed=1; done", false},
	{"a variable for one command", "LD_LIBRARY_PATH=. ./a", true},
	{"the same in a loop", "for t in a; do X=1 ./$t; done", true},
	{"export", "export X=1\n./a", true},
	{"another directory", "cd sub && ./a", true},
	{"an option that looks like it", "./a X=1 y", false},
	{"a compiler's definition", "cc -DX=1 -o a a.c", false},
	{"in a condition", "if X=1 ./a; then echo ok; fi", true},
};

int main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(splits); i++) {
		autorelease(strv) struct strv words = STRV_INIT;
		bool can = make_words_split(splits[i].text, &words);
		autofree char *got = can ? strv_quote(&words) : NULL;

		is_str(got, splits[i].expected, splits[i].name);
	}
	for (size_t i = 0; i < ARRAY_LEN(envs); i++) {
		autorelease(strv) struct strv words = STRV_INIT, env = STRV_INIT;
		autofree char *left = NULL, *moved = NULL;

		strv_split(&words, envs[i].command, " ");
		make_words_take_env(&words, envs[i].text, &env);
		left = strv_join(&words, " ");
		moved = strv_join(&env, " ");
		is_str(left, envs[i].left, envs[i].name);
		is_str(moved, envs[i].env, envs[i].name);
	}
	for (size_t i = 0; i < ARRAY_LEN(set_ups); i++)
		is_int(make_words_set_up(set_ups[i].text), set_ups[i].expected,
			set_ups[i].name);
	return tap_done();
}
