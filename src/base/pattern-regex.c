#include "base/pattern.h"

#include <ctype.h>
#include <stdio.h>

/* Checks that an expression keeps to the strict language, and rewrites the few
 * constructs that PCRE2 reads differently: a repeated repetition ("a++" is "(?:a+)+",
 * not possessive), "\u{41}", "\v", and the flags "u" and "R". What is left to find fault
 * with (ranges, counts, unclosed groups) PCRE2 finds. */

struct level {
	size_t open;   /* in the text */
	size_t output; /* in the output: where the group starts */
	bool extended; /* flag x, as it was before the group */
};

struct regex {
	const char *text;
	size_t at;
	struct buf *out;
	struct level group[200];
	size_t depth;
	bool extended; /* flag x: blanks and comments are skipped */
	bool has_atom; /* something that can be repeated ends here… */
	bool is_alone; /* …and must become a group to be repeated (once more) */
	size_t atom;   /* where in the output it starts */
	size_t *fault;
	struct err *e;
};

static int fault_at(struct regex *r, size_t at, const char *message)
{
	if (r->fault)
		*r->fault = at;
	return err_set(r->e, ERR_SETUP, "%s", message);
}

static void begin_atom(struct regex *r)
{
	r->atom = r->out->len;
	r->has_atom = true;
	r->is_alone = false;
}

static void copy(struct regex *r, size_t len)
{
	buf_append(r->out, r->text + r->at, len);
	r->at += len;
}

/* "\x41", "\u{1F600}", "\U0001F600"; at the letter. */
static int hexadecimal(struct regex *r)
{
	const char *s = r->text + r->at;
	size_t digits = *s == 'x' ? 2 : *s == 'u' ? 4 : 8, n = 0, start = 1;
	unsigned long value = 0;

	if (s[1] == '{') {
		start = 2;
		digits = 8;
	}
	for (; n < digits && isxdigit((unsigned char)s[start + n]); n++) {
		char digit[2] = {s[start + n], '\0'};

		value = value * 16 + strtoul(digit, NULL, 16);
	}
	if (start == 2 ? !n || s[2 + n] != '}' : n != digits)
		return fault_at(
			r, r->at - 1, "expected hexadecimal digits, as in '\\x{41}'");
	if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return fault_at(r, r->at - 1, "there is no such Unicode character");
	buf_printf(r->out, "\\x{%lx}", value);
	r->at += start + n + (start == 2);
	return 0;
}

/* "\b{start}" and its three kin; at the letter. */
static int named_boundary(struct regex *r)
{
	static const struct {
		const char *name, *meaning;
	} boundaries[] = {
		{"b{start}", "\\b(?=\\w)"},
		{"b{end}", "\\b(?<=\\w)"},
		{"b{start-half}", "(?<!\\w)"},
		{"b{end-half}", "(?!\\w)"},
	};

	for (size_t i = 0; i < ARRAY_LEN(boundaries); i++) {
		if (!starts_with(r->text + r->at, boundaries[i].name))
			continue;
		buf_append_str(r->out, boundaries[i].meaning);
		r->at += strlen(boundaries[i].name);
		r->is_alone = true;
		return 0;
	}
	return fault_at(r, r->at + 1, "expected '\\b{start}' or '\\b{end}'");
}

/* "\p{Greek}"; at the brace. General categories and scripts may be named with their kind.
 */
static int property(struct regex *r, char letter)
{
	const char *s = r->text + r->at + 1, *end = strchr(s, '}'), *name = s;

	if (!end)
		return fault_at(r, r->at, "'{' without its '}'");
	if (*s == '^')
		return fault_at(
			r, r->at + 1, "no such property; '\\P{…}' is its opposite");
	for (const char *c = s; c < end; c++)
		if (*c == '=' || *c == ':')
			name = c + 1;
	buf_printf(r->out, "\\%c{%.*s}", letter, (int)(end - name), name);
	r->at += (size_t)(end + 1 - (r->text + r->at));
	return 0;
}

static int escape(struct regex *r, bool in_class)
{
	unsigned char c = (unsigned char)r->text[r->at + 1];

	if (!c)
		return fault_at(r, r->at, "a backslash at the end");
	if (isdigit(c))
		return fault_at(r, r->at, "back references are not supported");
	if (c >= 0x80 || (isalpha(c) && !strchr("aftnrvxuUdDsSwWpPbBAz", c)) ||
		(in_class && strchr("bBAz", c)))
		return fault_at(r, r->at, "unknown escape");
	r->at++;
	if (strchr("xuU", c))
		return hexadecimal(r);
	if (c == 'b' && r->text[r->at + 1] == '{' &&
		isalpha((unsigned char)r->text[r->at + 2]))
		return named_boundary(r);
	r->is_alone = !in_class && strchr("bBAz<>", c);
	r->at++;
	if (strchr("pP", c) && r->text[r->at] == '{')
		return property(r, (char)c);
	if (c == 'v')
		buf_append_str(r->out, "\\x0b");
	else if (c == '<' && !in_class)
		buf_append_str(r->out, "\\b(?=\\w)");
	else if (c == '>' && !in_class)
		buf_append_str(r->out, "\\b(?<=\\w)");
	else
		buf_printf(r->out, "\\%c", c);
	return 0;
}

static int class(struct regex *r)
{
	const char *s = r->text;
	size_t open = r->at;

	copy(r, s[r->at + 1] == '^' ? 2 : 1);
	if (s[r->at] == ']' || s[r->at] == ':')
		buf_append_char(r->out, '\\');
	for (bool first = true; s[r->at] && (s[r->at] != ']' || first); first = false) {
		const char *end = NULL;

		if (s[r->at] == '\\') {
			if (escape(r, true) < 0)
				return -1;
			continue;
		}
		if (s[r->at] == '[' && s[r->at + 1] == ':')
			end = strstr(s + r->at, ":]");
		if (end) {
			copy(r, (size_t)(end + 2 - (s + r->at)));
			continue;
		}
		if (s[r->at] == '[')
			return fault_at(r, r->at,
				"a class inside a class is not supported; write '\\['");
		if (strchr("&-~", s[r->at]) && s[r->at] == s[r->at + 1])
			return fault_at(
				r, r->at, "class set operations are not supported");
		copy(r, 1);
	}
	if (!s[r->at])
		return fault_at(r, open, "'[' without its ']'");
	copy(r, 1);
	return 0;
}

/* The letters of "(?i-s)" and "(?i-s:"; at the first. Sets *opens for the second. */
static int flags(struct regex *r, size_t open, bool *opens, bool *extended)
{
	bool on = true, seen[128] = {false};
	size_t count = 0;

	buf_append_str(r->out, "(?");
	for (;; r->at++) {
		unsigned char c = (unsigned char)r->text[r->at];

		if (c == ')' || c == ':') {
			if (!on && r->text[r->at - 1] == '-')
				return fault_at(r, r->at, "expected a flag after '-'");
			if (c == ')' && !count)
				return fault_at(r, r->at, "expected a flag");
			*opens = c == ':';
			buf_append_char(r->out, (char)c);
			r->at++;
			return 0;
		}
		if (c == '-' && on) {
			on = false;
			buf_append_char(r->out, '-');
			continue;
		}
		if (!c || !strchr("imsxURu", c))
			return fault_at(r, c ? r->at : open,
				c && strchr("=!<", c) ? "look-around is not supported"
						      : "unknown kind of group");
		if (seen[c])
			return fault_at(r, r->at, "a flag that was given before");
		seen[c] = true;
		count++;
		if (c == 'x')
			*extended = on;
		if (c != 'u' && c != 'R')
			buf_append_char(r->out, (char)c);
	}
}

static int group(struct regex *r)
{
	const char *s = r->text + r->at;
	size_t open = r->at, start = r->out->len, name;
	bool opens = true, extended = r->extended;

	if (s[1] == '*')
		return fault_at(r, r->at + 1, "nothing here that could be repeated");
	if (r->depth == ARRAY_LEN(r->group))
		return fault_at(r, r->at, "groups nested too deeply");
	name = s[1] != '?' ? 0 : starts_with(s + 2, "P<") ? 4 : s[2] == '<' ? 3 : 0;
	if (name && (isalpha((unsigned char)s[name]) || s[name] == '_')) {
		copy(r, name);
	} else if (name == 3 && strchr("=!", s[3]) && s[3]) {
		return fault_at(r, open, "look-around is not supported");
	} else if (s[1] == '?') {
		r->at += 2;
		if (flags(r, open, &opens, &extended) < 0)
			return -1;
	} else {
		copy(r, 1);
	}
	if (opens)
		r->group[r->depth++] = (struct level){open, start, r->extended};
	r->extended = extended;
	r->has_atom = false;
	return 0;
}

/* At '*', '+', '?' or a counted '{'. */
static int repeat(struct regex *r)
{
	const char *s = r->text + r->at;
	size_t len = 1;

	if (!r->has_atom)
		return fault_at(r, r->at, "nothing here that could be repeated");
	if (*s == '{') {
		len += strspn(s + len, "0123456789");
		if (len > 1 && s[len] == ',')
			len += 1 + strspn(s + len + 1, "0123456789");
		if (len == 1 || s[len++] != '}')
			return fault_at(r, r->at,
				"expected a count as in '{2}', '{2,}' or '{2,4}', or "
				"'\\{'");
	}
	if (s[len] == '?')
		len++;
	if (r->is_alone) {
		autofree char *inner = xstrdup(r->out->data + r->atom);

		buf_truncate(r->out, r->atom);
		buf_printf(r->out, "(?:%s)", inner);
	}
	r->is_alone = true;
	copy(r, len);
	return 0;
}

static int step(struct regex *r)
{
	char c = r->text[r->at];

	if (r->extended && strchr(" \t\r\n\f\v#", c)) {
		r->at += c == '#' ? strcspn(r->text + r->at, "\n") : 1;
		return 0;
	}
	if (strchr("*+?{", c))
		return repeat(r);
	if (c == '(')
		return group(r);
	if (c == ')') {
		if (!r->depth)
			return fault_at(r, r->at, "')' without its '('");
		r->depth--;
		r->extended = r->group[r->depth].extended;
		copy(r, 1);
		begin_atom(r);
		r->atom = r->group[r->depth].output;
		return 0;
	}
	if (c == '|') {
		copy(r, 1);
		r->has_atom = false;
		return 0;
	}
	begin_atom(r);
	r->is_alone = c == '^' || c == '$';
	if (c == '\\')
		return escape(r, false);
	if (c == '[')
		return class(r);
	copy(r, 1);
	while ((r->text[r->at] & 0xc0) == 0x80)
		copy(r, 1);
	return 0;
}

int pattern_regex_translate(
	const char *text, struct buf *out, size_t *fault, struct err *e)
{
	struct regex r = {.text = text, .out = out, .fault = fault, .e = e};

	while (text[r.at])
		if (step(&r) < 0)
			return -1;
	if (r.depth)
		return fault_at(&r, r.group[r.depth - 1].open, "'(' without its ')'");
	return 0;
}
