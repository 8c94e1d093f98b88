#include "framework/ctest-regex.h"

#include <ctype.h>

/* Seen with ctest 3.25: '^' and '$' are the ends of the whole output, so "good$" does not
 * match "good\n"; '.' matches a newline too; braces mean themselves; a backslash takes
 * the next character as it is, so "\d" is a "d"; inside brackets it means itself. */

static void literal(struct buf *out, char c)
{
	if (ispunct((unsigned char)c))
		buf_append_char(out, '\\');
	buf_append_char(out, c);
}

/* At '['. Returns what follows the class. */
static const char *class(const char *text, struct buf *out)
{
	buf_append_char(out, *text++);
	if (*text == '^')
		buf_append_char(out, *text++);
	for (bool first = true; *text && (*text != ']' || first); first = false) {
		if (*text == '-' && !first && text[1] && text[1] != ']')
			buf_append_char(out, *text++);
		else
			literal(out, *text++);
	}
	if (*text)
		buf_append_char(out, *text++);
	return text;
}

void ctest_regex_translate(const char *text, struct buf *out)
{
	buf_append_str(out, "(?s)");
	while (*text) {
		char c = *text++;

		if (c == '[')
			text = class(text - 1, out);
		else if (c == '^')
			buf_append_str(out, "\\A");
		else if (c == '$')
			buf_append_str(out, "\\z");
		else if (c == '\\' && *text)
			literal(out, *text++);
		else if (strchr("{}#", c))
			literal(out, c);
		else
			buf_append_char(out, c);
	}
}
