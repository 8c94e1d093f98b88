#include "report/term.h"

#include "tests/tap.h"

/* Longer than any sequence that is taken for one. */
#define LONG "[1;2;3;4;5;6;7;8;9;1;2;3;4;5;6;7;8;9;1;2;3;4;5;6;7;8;9;1;2;3;4;5;6;7;8;9m"

static void test_append(void)
{
	static const struct {
		const char *name, *input, *color, *plain;
	} table[] = {
		{"text stays", "a b\tc\n", "a b\tc\n", "a b\tc\n"},
		{"colours", "\x1b[1;31mx\x1b[0m", "\x1b[1;31mx\x1b[0m", "x"},
		{"colours with colons", "\x1b[38:5:1mx\x1b[m", "\x1b[38:5:1mx\x1b[m",
			"x"},
		{"erasing the screen", "\x1b[2Jx", "\\x1b[2Jx", "\\x1b[2Jx"},
		{"setting the title", "\x1b]0;t\x07x", "\\x1b]0;t\\x07x",
			"\\x1b]0;t\\x07x"},
		{"an escape at the end", "x\x1b", "x\\x1b", "x\\x1b"},
		{"a sequence that never ends", "x\x1b[1;3", "x\\x1b[1;3", "x\\x1b[1;3"},
		{"no sequence is that long", "\x1b" LONG, "\\x1b" LONG, "\\x1b" LONG},
		{"eight-bit controls",
			"\xc2\x9b"
			"2Jx",
			"\\xc2\\x9b2Jx", "\\xc2\\x9b2Jx"},
		{"not UTF-8", "\xff\xe2\x82x", "\\xff\\xe2\\x82x", "\\xff\\xe2\\x82x"},
		{"UTF-8", "\xe2\x82\xac\xc3\xa9", "\xe2\x82\xac\xc3\xa9",
			"\xe2\x82\xac\xc3\xa9"},
		{"bell, backspace, delete", "\a\b\x7f", "\\x07\\x08\\x7f",
			"\\x07\\x08\\x7f"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autorelease(buf) struct buf color = BUF_INIT, plain = BUF_INIT,
					    raw = BUF_INIT;
		size_t len = strlen(table[i].input);

		term_append(&color, table[i].input, len, TERM_BYTES_COLOR);
		term_append(&plain, table[i].input, len, TERM_BYTES_PLAIN);
		term_append(&raw, table[i].input, len, TERM_BYTES_RAW);
		ok(strcmp(buf_str(&color), table[i].color) == 0 &&
				strcmp(buf_str(&plain), table[i].plain) == 0 &&
				strcmp(buf_str(&raw), table[i].input) == 0,
			"%s", table[i].name);
	}
}

static void test_block(void)
{
	static const struct {
		const char *name, *input, *want;
		enum term_bytes mode;
	} table[] = {
		{"nothing", "", "", TERM_BYTES_COLOR},
		{"lines are indented, empty ones stay empty", "a\n\nb\n", "> a\n\n> b\n",
			TERM_BYTES_RAW},
		{"a line without an end gets one", "a", "> a\n", TERM_BYTES_RAW},
		{"a rewritten line shows its last state", "1%\r50%\r\rdone\r\nx",
			"> done\n> x\n", TERM_BYTES_PLAIN},
		{"a pipe gets all states", "1%\rdone\n", "> 1%\rdone\n", TERM_BYTES_RAW},
		{"colours end with the text", "\x1b[31mred\n", "> \x1b[31mred\x1b[0m\n",
			TERM_BYTES_COLOR},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autorelease(buf) struct buf out = BUF_INIT;

		term_append_block(&out, table[i].input, strlen(table[i].input), "> ",
			table[i].mode);
		is_str(buf_str(&out), table[i].want, table[i].name);
	}
}

static void test_whole(void)
{
	static const struct {
		const char *name, *input;
		size_t want;
	} table[] = {
		{"empty", "", 0},
		{"text", "abc", 3},
		{"half of a character", "a\xe2\x82", 1},
		{"a whole character", "a\xe2\x82\xac", 4},
		{"never a character", "a\xff", 2},
		{"a stray byte after text", "a\x82", 2},
		{"an escape alone", "a\x1b", 1},
		{"half of a colour", "ab\x1b[1;3", 2},
		{"a whole colour", "a\x1b[1m", 5},
		{"text after a colour", "\x1b[1mx", 5},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		is_int((long long)term_whole(table[i].input, strlen(table[i].input)),
			(long long)table[i].want, table[i].name);
}

static void test_fit(void)
{
	static const struct {
		const char *name, *text;
		unsigned columns;
		size_t bytes;
		unsigned used;
	} table[] = {
		{"all of it", "abc", 10, 3, 3},
		{"cut", "abcdef", 4, 4, 4},
		{"nothing fits", "abc", 0, 0, 0},
		{"two bytes, one column", "\xc3\xa9t\xc3\xa9", 2, 3, 2},
		{"wide characters are not split", "\xe6\xbc\xa2\xe5\xad\x97", 3, 3, 2},
		{"combining characters take nothing", "e\xcc\x81x", 2, 4, 2},
	};
	struct term_ruler ruler;

	term_ruler_init(&ruler);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		unsigned used;
		size_t bytes = term_fit(&ruler, table[i].text, table[i].columns, &used);

		if (!ruler.utf8)
			skip(table[i].name, "no C.UTF-8 locale (package libc-bin)");
		else
			ok(bytes == table[i].bytes && used == table[i].used, "%s",
				table[i].name);
	}
	term_ruler_release(&ruler);

	/* Without a locale to ask, what is not ASCII is taken for wide: cut too much,
	 * never too little. */
	unsigned used;

	is_int((long long)term_fit(&ruler, "\xc3\xa9\xc3\xa9", 3, &used), 2,
		"an unknown width is a wide one");
}

int main(void)
{
	autorelease(buf) struct buf name = BUF_INIT;

	test_append();
	test_block();
	test_whole();
	test_fit();
	term_append_line(&name, "a\nb\tc\x1b[31md\r");
	is_str(buf_str(&name), "a b cd\\x0d", "a name is one line");
	return tap_done();
}
