#include "filter/filter-ast.h"

#include <ctype.h>

static const char prefixes[] = {
	[FILTER_MATCH_EQUAL] = '=',
	[FILTER_MATCH_CONTAINS] = '~',
	[FILTER_MATCH_GLOB] = '#',
	[FILTER_MATCH_REGEX] = '/',
};

static void print_string(const char *value, struct buf *out)
{
	static const char from[] = "\n\r\t\\),", to[] = "nrt\\),";

	for (; *value; value++) {
		const char *known = strchr(from, *value);

		if (known)
			buf_printf(out, "\\%c", to[known - from]);
		else if (iscntrl((unsigned char)*value))
			buf_printf(out, "\\u{%x}", (unsigned char)*value);
		else
			buf_append_char(out, *value);
	}
}

static void print_regex(const char *value, struct buf *out)
{
	buf_append_char(out, '/');
	for (; *value; value++) {
		if (*value == '/')
			buf_append_char(out, '\\');
		buf_append_char(out, *value);
	}
	buf_append_char(out, '/');
}

static void print_term(const struct filter_node *node, struct buf *out)
{
	const struct filter_matcher *m = &node->matcher;

	buf_printf(out, "%s(", node->predicate->name);
	if (m->kind == FILTER_MATCH_REGEX) {
		print_regex(m->value, out);
	} else if (m->kind != FILTER_MATCH_NOTHING) {
		if (node->predicate->field != FILTER_FIELD_PLATFORM)
			buf_append_char(out, prefixes[m->kind]);
		print_string(m->value, out);
	}
	buf_append_char(out, ')');
}

static void print(const struct filter_node *node, enum filter_op parent, struct buf *out)
{
	bool parentheses = (parent == FILTER_NOT && node->len > 1) ||
			   (parent == FILTER_AND && node->op == FILTER_OR);

	if (parentheses)
		buf_append_char(out, '(');
	if (node->op == FILTER_TERM)
		print_term(node, out);
	if (node->op == FILTER_NOT)
		buf_append_str(out, "not ");
	for (size_t i = 0; i < node->len; i++) {
		if (i)
			buf_append_str(out, node->op == FILTER_AND ? " and " : " or ");
		print(node->kids[i], node->op, out);
	}
	if (parentheses)
		buf_append_char(out, ')');
}

void filter_print(const struct filter *f, struct buf *out)
{
	print(f->root, FILTER_TERM, out);
}

static void print_tree(const struct filter_node *node, struct buf *out)
{
	static const char *const names[] = {
		[FILTER_NOT] = "not", [FILTER_AND] = "and", [FILTER_OR] = "or"};
	const struct filter_matcher *m = &node->matcher;

	buf_printf(out, "(%s",
		node->op == FILTER_TERM ? node->predicate->name : names[node->op]);
	if (node->op == FILTER_TERM && m->kind == FILTER_MATCH_REGEX) {
		buf_append_char(out, ' ');
		print_regex(m->value, out);
	} else if (node->op == FILTER_TERM && m->kind != FILTER_MATCH_NOTHING) {
		buf_printf(out, " %c ", prefixes[m->kind]);
		print_string(m->value, out);
	}
	for (size_t i = 0; i < node->len; i++) {
		buf_append_char(out, ' ');
		print_tree(node->kids[i], out);
	}
	buf_append_char(out, ')');
}

void filter_print_tree(const struct filter *f, struct buf *out)
{
	print_tree(f->root, out);
}

void filter_print_predicates(struct buf *out)
{
	for (const struct filter_predicate *i = filter_parse_predicates; i->name; i++) {
		autofree char *call =
			i->implicit == FILTER_MATCH_NOTHING ? xasprintf("%s()", i->name)
			: i->field == FILTER_FIELD_PLATFORM
				? xasprintf("%s(NAME)", i->name)
				: xasprintf("%s(%cNAME)", i->name, prefixes[i->implicit]);

		buf_printf(out, "  %-17s %s\n", call, i->help);
	}
}
