#include "filter/filter-lex.h"

#include <ctype.h>
#include <stdio.h>

void filter_lex_blanks(struct filter_lex *l)
{
	for (;; l->at++) {
		const char *s = l->text + l->at;

		if (*s != ' ' && *s != '\n' && !(s[0] == '\r' && s[1] == '\n'))
			return;
	}
}

size_t filter_lex_word(const struct filter_lex *l)
{
	const char *s = l->text + l->at;
	size_t len = 0;

	if (!isalpha((unsigned char)*s) && *s != '_')
		return 0;
	while (isalnum((unsigned char)s[len]) || s[len] == '_' ||
		(s[len] == '-' && isalpha((unsigned char)s[len + 1])))
		len++;
	return len;
}

bool filter_lex_take_word(struct filter_lex *l, const char *word)
{
	const char *s = l->text + l->at;
	size_t len = strlen(word);

	if (strncmp(s, word, len) != 0 || isalnum((unsigned char)s[len]) || s[len] == '_')
		return false;
	l->at += len;
	return true;
}

bool filter_lex_take_char(struct filter_lex *l, char c)
{
	if (l->text[l->at] != c)
		return false;
	l->at++;
	return true;
}

bool filter_lex_at_end(const struct filter_lex *l)
{
	return !l->text[l->at];
}

static void append_utf8(struct buf *out, unsigned long c)
{
	if (c < 0x80) {
		buf_append_char(out, (char)c);
		return;
	}
	if (c < 0x800) {
		buf_append_char(out, (char)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			buf_append_char(out, (char)(0xe0 | c >> 12));
		} else {
			buf_append_char(out, (char)(0xf0 | c >> 18));
			buf_append_char(out, (char)(0x80 | (c >> 12 & 0x3f)));
		}
		buf_append_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	buf_append_char(out, (char)(0x80 | (c & 0x3f)));
}

/* "\u{7FFF}": one to six digits. Returns the length of the whole, or 0. */
static size_t unicode_escape(const char *s, struct buf *out)
{
	size_t digits = 0;
	unsigned long c;

	if (s[2] != '{')
		return 0;
	while (isxdigit((unsigned char)s[3 + digits]))
		digits++;
	if (!digits || digits > 6 || s[3 + digits] != '}')
		return 0;
	c = strtoul(s + 3, NULL, 16);
	if (!c || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	append_utf8(out, c);
	return digits + 4;
}

/* One character of an argument, with its escape undone. Returns its length in the text,
 * or 0 for an unknown escape. */
static size_t character(const char *s, struct buf *out)
{
	static const char from[] = "nrt\\/),", to[] = "\n\r\t\\/),";
	const char *known;

	if (s[0] != '\\') {
		buf_append_char(out, s[0]);
		return 1;
	}
	if (s[1] == 'u')
		return unicode_escape(s, out);
	known = s[1] ? strchr(from, s[1]) : NULL;
	if (!known)
		return 0;
	buf_append_char(out, to[known - from]);
	return 2;
}

/* Where in the text the byte `offset` of an argument's value comes from. */
static size_t text_offset(
	const struct filter_lex *l, size_t start, size_t offset, bool regex)
{
	autorelease(buf) struct buf value = BUF_INIT;
	size_t at = start;

	while (l->text[at]) {
		const char *s = l->text + at;
		size_t before = value.len;

		if (regex && s[0] == '\\' && s[1] == '/') {
			buf_append_char(&value, '/');
			at += 2;
		} else if (regex) {
			buf_append_char(&value, s[0]);
			at++;
		} else {
			at += MAX(character(s, &value), (size_t)1);
		}
		if (value.len > offset)
			return before <= offset ? (size_t)(s - l->text) : at;
	}
	return at;
}

/* Up to an unescaped ')' or the end. True when all of it was good. */
static bool read_string(struct filter_lex *l, struct buf *value)
{
	bool good = true;

	while (l->text[l->at] && l->text[l->at] != ')') {
		size_t len;

		if (l->text[l->at] == ',') {
			filter_fault_add(&l->faults, l->at, 1,
				"one argument only; a literal comma is written '\\,'");
			while (l->text[l->at] && l->text[l->at] != ')')
				l->at += l->text[l->at] == '\\' && l->text[l->at + 1] ? 2
										      : 1;
			return false;
		}
		len = character(l->text + l->at, value);
		if (!len) {
			const char *next = l->text + l->at + 1;

			len = *next && !(*next & 0x80) ? 2 : 1;
			filter_fault_add(&l->faults, l->at, len,
				"unknown escape; there are \\n \\r \\t \\\\ \\/ \\) \\, "
				"and "
				"\\u{7FFF}");
			good = false;
		}
		l->at += len;
	}
	return good;
}

static void compile(
	struct filter_lex *l, struct filter_matcher *m, size_t start, struct buf *value)
{
	bool regex = m->kind == FILTER_MATCH_REGEX;
	struct err e = {0};
	size_t fault = 0, at;

	if (regex)
		m->pattern = pattern_regex(buf_str(value), PATTERN_STRICT, &fault, &e);
	else
		m->pattern = pattern_glob(buf_str(value), 0, &fault, &e);
	if (m->pattern) {
		m->value = buf_take(value);
		return;
	}
	m->kind = FILTER_MATCH_NOTHING;
	at = text_offset(l, start, fault, regex);
	filter_fault_add(&l->faults, at, l->text[at] ? 1 : 0, "%s", e.msg);
}

/* After the opening '/'. Every slash behind a backslash belongs to the expression. */
static void read_regex(struct filter_lex *l, struct filter_matcher *m)
{
	autorelease(buf) struct buf value = BUF_INIT;
	size_t start = l->at;

	for (; l->text[l->at] && l->text[l->at] != '/'; l->at++) {
		if (l->text[l->at] == '\\' && l->text[l->at + 1] == '/')
			l->at++;
		buf_append_char(&value, l->text[l->at]);
	}
	if (!filter_lex_take_char(l, '/')) {
		filter_fault_add(&l->faults, start - 1, 1,
			"a regular expression without its closing '/'");
		return;
	}
	m->kind = FILTER_MATCH_REGEX;
	compile(l, m, start, &value);
	filter_lex_blanks(l);
	if (l->text[l->at] && l->text[l->at] != ')') {
		filter_fault_add(&l->faults, l->at, 1,
			"expected ')' after the regular expression; a slash inside it is "
			"written '\\/'");
		l->at += strcspn(l->text + l->at, ")");
	}
}

void filter_lex_argument(
	struct filter_lex *l, enum filter_matcher_kind implicit, struct filter_matcher *m)
{
	static const char prefixes[] = "=~#";
	static const enum filter_matcher_kind kinds[] = {
		FILTER_MATCH_EQUAL, FILTER_MATCH_CONTAINS, FILTER_MATCH_GLOB};
	autorelease(buf) struct buf value = BUF_INIT;
	const char *prefix;
	size_t start;

	*m = (struct filter_matcher){.kind = FILTER_MATCH_NOTHING};
	filter_lex_blanks(l);
	if (filter_lex_take_char(l, '/')) {
		read_regex(l, m);
		return;
	}
	prefix = l->text[l->at] ? strchr(prefixes, l->text[l->at]) : NULL;
	if (prefix)
		l->at++;
	start = l->at;
	if (!read_string(l, &value))
		return;
	if (!value.len) {
		filter_fault_add(&l->faults, l->at, 0, "expected a name");
		return;
	}
	m->kind = prefix ? kinds[prefix - prefixes] : implicit;
	if (m->kind == FILTER_MATCH_GLOB)
		compile(l, m, start, &value);
	else
		m->value = buf_take(&value);
}
