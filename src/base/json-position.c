#include "base/json-position.h"

#include <ctype.h>

struct scan {
	const char *text;
	size_t len, at;
	const char *name;
	struct err *e;
};

void json_position_find(const char *text, size_t offset, unsigned *line, unsigned *column)
{
	*line = *column = 1;
	for (size_t i = 0; i < offset; i++) {
		*column = text[i] == '\n' ? 1 : *column + 1;
		*line += text[i] == '\n';
	}
}

void json_position_release(struct json_position *root)
{
	for (size_t i = 0; i < root->len; i++)
		json_position_release(&root->kids[i]);
	free(root->kids);
	*root = (struct json_position){0};
}

static char peek(const struct scan *s)
{
	return s->at < s->len ? s->text[s->at] : '\0';
}

/* Blanks and both kinds of comment. */
static void skip_blanks(struct scan *s)
{
	for (;;) {
		const char *rest = s->text + s->at, *end = NULL;
		size_t left = s->len - s->at;

		if (left && isspace((unsigned char)*rest)) {
			s->at++;
			continue;
		}
		if (left < 2 || *rest != '/' || (rest[1] != '/' && rest[1] != '*'))
			return;
		if (rest[1] == '/')
			end = memchr(rest, '\n', left);
		else if ((end = memmem(rest + 2, left - 2, "*/", 2)))
			end += 2;
		s->at = end ? (size_t)(end - s->text) : s->len;
	}
}

static void skip_string(struct scan *s)
{
	char quote = peek(s);

	for (s->at++; s->at < s->len && s->text[s->at] != quote; s->at++)
		if (s->text[s->at] == '\\')
			s->at++;
	s->at = MIN(s->at + 1, s->len);
}

static struct json_position *add(struct json_position *parent, size_t key)
{
	parent->kids =
		xgrow(parent->kids, &parent->cap, parent->len + 1, sizeof(*parent->kids));
	parent->kids[parent->len] = (struct json_position){.key = key, .value = key};
	return &parent->kids[parent->len++];
}

static void scan_value(struct scan *s, struct json_position *p);

/* After the opening bracket. The text is known to be well formed; whatever else is found
 * ends the scan, so that it ends in any case. */
static void scan_members(struct scan *s, struct json_position *p, char close)
{
	for (;;) {
		struct json_position *kid;

		skip_blanks(s);
		if (s->at >= s->len || peek(s) == close)
			break;
		kid = add(p, s->at);
		if (close == '}') {
			skip_string(s);
			skip_blanks(s);
			s->at += peek(s) == ':';
			skip_blanks(s);
		}
		scan_value(s, kid);
		skip_blanks(s);
		if (peek(s) != ',')
			break;
		s->at++;
	}
	s->at = MIN(s->at + 1, s->len);
}

static void scan_value(struct scan *s, struct json_position *p)
{
	char c = peek(s);

	p->value = s->at;
	if (c == '{' || c == '[') {
		s->at++;
		scan_members(s, p, c == '{' ? '}' : ']');
	} else if (c == '"' || c == '\'') {
		skip_string(s);
	} else {
		while (s->at < s->len && !strchr(",]}/ \t\r\n", s->text[s->at]))
			s->at++;
	}
}

/* Keys are compared as written; two spellings of one key ("a", "\u0061") are not worth
 * it. */
static int check_doubles(const struct scan *s, const struct json_position *p)
{
	bool is_object = s->text[p->value] == '{';

	for (size_t i = 0; i < p->len; i++) {
		const char *key = s->text + p->kids[i].key;
		const char *end = s->text + p->kids[i].value;
		size_t len = 1;
		unsigned line, column;

		while (key + len < end && key[len] != *key)
			len += key[len] == '\\' ? 2 : 1;
		for (size_t k = 0; is_object && k < i; k++) {
			if (strncmp(s->text + p->kids[k].key, key, len + 1) != 0)
				continue;
			json_position_find(s->text, p->kids[i].key, &line, &column);
			return err_set(s->e, ERR_SETUP, "%s:%u:%u: '%.*s' is there twice",
				s->name, line, column, (int)MIN(len - 1, 100), key + 1);
		}
		if (check_doubles(s, &p->kids[i]) < 0)
			return -1;
	}
	return 0;
}

int json_position_scan(struct json_position *root, const char *text, size_t len,
	const char *name, struct err *e)
{
	struct scan s = {.text = text, .len = len, .name = name, .e = e};

	*root = (struct json_position){0};
	skip_blanks(&s);
	scan_value(&s, root);
	if (check_doubles(&s, root) == 0)
		return 0;
	json_position_release(root);
	return -1;
}
