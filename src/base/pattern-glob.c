#include "base/pattern.h"

/* PCRE2's own glob conversion knows neither '{a,b}' nor where a fault is, so the few
 * rules are written out here; the result is an anchored regular expression. */

struct glob {
	const char *text;
	size_t at;
	unsigned flags;
	struct buf *out;
	size_t brace[32]; /* where each open '{' is */
	size_t depth;
};

static int fault_at(size_t *fault, size_t at, struct err *e, const char *message)
{
	if (fault)
		*fault = at;
	return err_set(e, ERR_SETUP, "%s", message);
}

static void literal(struct buf *out, const char *c, size_t len)
{
	if (len == 1 && strchr("\\^$.[]|()?*+{}-#", *c))
		buf_append_char(out, '\\');
	buf_append(out, c, len);
}

/* Bytes of the character at `s`; the text is known to be UTF-8. */
static size_t character(const char *s)
{
	size_t len = 1;

	while ((s[len] & 0xc0) == 0x80)
		len++;
	return len;
}

/* '[abc]', '[!a-z]', '[]a]'; no escapes inside. */
static int class(struct glob *g, size_t *fault, struct err *e)
{
	const char *s = g->text;
	size_t open = g->at, i = open + 1, first;

	buf_append_str(g->out, g->flags & PATTERN_PATH ? "(?!/)[" : "[");
	if (s[i] == '!' || s[i] == '^') {
		buf_append_char(g->out, '^');
		i++;
	}
	for (first = i; s[i] && (s[i] != ']' || i == first);) {
		size_t len = character(s + i), to = i + len;

		literal(g->out, s + i, len);
		if (s[to] == '-' && s[to + 1] && s[to + 1] != ']') {
			size_t to_len = character(s + to + 1);
			int order = memcmp(s + i, s + to + 1, MIN(len, to_len));

			if (order > 0 || (order == 0 && len > to_len))
				return fault_at(
					fault, i, e, "the range in '[…]' runs backwards");
			buf_append_char(g->out, '-');
			literal(g->out, s + to + 1, to_len);
			to += 1 + to_len;
		}
		i = to;
	}
	if (!s[i])
		return fault_at(fault, open, e, "'[' without its ']'");
	buf_append_char(g->out, ']');
	g->at = i + 1;
	return 0;
}

/* Two stars at the start of a path level are any number of levels when a slash follows;
 * anywhere else two stars are one that also crosses slashes. */
static void star(struct glob *g)
{
	const char *s = g->text + g->at;
	bool level = s[1] == '*' && (g->at == 0 || s[-1] == '/');

	if (level && s[2] == '/') {
		buf_append_str(g->out, "(?:.*/)?");
		g->at += 3;
	} else if (s[1] == '*') {
		buf_append_str(g->out, ".*");
		g->at += 2;
	} else {
		buf_append_str(g->out, g->flags & PATTERN_PATH ? "[^/]*" : ".*");
		g->at++;
	}
}

static int brace(struct glob *g, size_t *fault, struct err *e)
{
	char c = g->text[g->at];

	if (c == '{') {
		if (g->depth == ARRAY_LEN(g->brace))
			return fault_at(fault, g->at, e, "'{' nested too deeply");
		g->brace[g->depth++] = g->at;
		buf_append_str(g->out, "(?:");
	} else if (c == ',') {
		buf_append_str(g->out, g->depth ? "|" : ",");
	} else if (!g->depth) {
		return fault_at(fault, g->at, e, "'}' without its '{'; write '[}]'");
	} else {
		g->depth--;
		buf_append_char(g->out, ')');
	}
	g->at++;
	return 0;
}

int pattern_glob_translate(
	const char *text, unsigned flags, struct buf *out, size_t *fault, struct err *e)
{
	struct glob g = {.text = text, .flags = flags, .out = out};

	buf_append_str(out, "\\A(?:");
	while (text[g.at]) {
		size_t len;

		switch (text[g.at]) {
		case '*':
			star(&g);
			break;
		case '?':
			buf_append_str(out, flags & PATTERN_PATH ? "[^/]" : ".");
			g.at++;
			break;
		case '[':
			if (class(&g, fault, e) < 0)
				return -1;
			break;
		case '{':
		case ',':
		case '}':
			if (brace(&g, fault, e) < 0)
				return -1;
			break;
		default:
			len = character(text + g.at);
			literal(out, text + g.at, len);
			g.at += len;
		}
	}
	if (g.depth)
		return fault_at(fault, g.brace[g.depth - 1], e,
			"'{' without its '}'; write '[{]' for the character");
	buf_append_str(out, ")\\z");
	return 0;
}
