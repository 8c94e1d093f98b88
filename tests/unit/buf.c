#include "base/buf.h"

#include "tests/tap.h"

static void test_lines(void)
{
	static const struct {
		const char *name, *text, *joined;
	} table[] = {
		{"empty", "", ""},
		{"one line", "a\n", "a|"},
		{"last line without a newline", "a\nbc", "a|bc|"},
		{"carriage returns go", "a\r\nb\r\n", "a|b|"},
		{"a carriage return alone stays", "a\rb", "a\rb|"},
		{"empty lines count", "\n\nx\n", "||x|"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autorelease(buf) struct buf out = BUF_INIT;
		size_t pos = 0, len;
		const char *line;

		while (buf_next_line(
			table[i].text, strlen(table[i].text), &pos, &line, &len)) {
			buf_append(&out, line, len);
			buf_append_char(&out, '|');
		}
		is_str(buf_str(&out), table[i].joined, table[i].name);
	}
}

int main(void)
{
	autorelease(buf) struct buf b = BUF_INIT;

	is_str(buf_str(&b), "", "a new buffer reads as an empty string");
	buf_printf(&b, "%d-%s", 42, "x");
	buf_append(&b, "\0y", 2);
	is_mem(b.data, b.len, "42-x\0y", 6, "printf and binary append");
	buf_consume(&b, 5);
	is_str(buf_str(&b), "y", "consume drops the front");
	buf_truncate(&b, 0);
	is_str(buf_str(&b), "", "truncate");
	test_lines();
	return tap_done();
}
