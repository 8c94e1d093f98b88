#include "filter/filter-ast.h"
#include "filter/filter-lex.h"

#include "base/json.h"

#include <ctype.h>
#include <strings.h>

enum {
	FILTER_MAX_LENGTH = 64 << 10,
	FILTER_MAX_DEPTH = 200, /* of parentheses and negations: bounds every recursion */
};

#define BAN(context) (1u << (context))

const struct filter_predicate filter_parse_predicates[] = {
	{"all", FILTER_FIELD_ALL, FILTER_MATCH_NOTHING, 0, "every test"},
	{"none", FILTER_FIELD_NONE, FILTER_MATCH_NOTHING, 0, "no test"},
	{"default", FILTER_FIELD_DEFAULT, FILTER_MATCH_NOTHING, BAN(FILTER_DEFAULT),
		"what the default filter selects"},
	{"test", FILTER_FIELD_TEST, FILTER_MATCH_CONTAINS, BAN(FILTER_ARCHIVE),
		"tests by name"},
	{"binary", FILTER_FIELD_BINARY, FILTER_MATCH_GLOB, 0, "tests of suites by name"},
	{"binary_id", FILTER_FIELD_BINARY_ID, FILTER_MATCH_GLOB, 0,
		"tests of suites by id, package::suite"},
	{"package", FILTER_FIELD_PACKAGE, FILTER_MATCH_GLOB, 0,
		"tests of a package: the project or a sub-project"},
	{"deps", FILTER_FIELD_DEPS, FILTER_MATCH_GLOB, 0,
		"tests linked with a library; a suite and what it comes after"},
	{"rdeps", FILTER_FIELD_RDEPS, FILTER_MATCH_GLOB, 0,
		"a suite and what comes after it; tests linked with a library"},
	{"kind", FILTER_FIELD_KIND, FILTER_MATCH_EQUAL, 0,
		"tests of suites by kind: test, lib, bin, example, bench, proc-macro"},
	{"platform", FILTER_FIELD_PLATFORM, FILTER_MATCH_EQUAL, 0,
		"tests of one side: host or target"},
	{"group", FILTER_FIELD_GROUP, FILTER_MATCH_GLOB,
		BAN(FILTER_OVERRIDE) | BAN(FILTER_ARCHIVE) | BAN(FILTER_DEFAULT),
		"tests of a test group of the configuration, or @global"},
	{"tag", FILTER_FIELD_TAG, FILTER_MATCH_GLOB, 0, "tests of suites with a label"},
	{"target", FILTER_FIELD_TARGET, FILTER_MATCH_GLOB, 0,
		"tests built for a target, as aarch64; host for those of the host"},
	{"place", FILTER_FIELD_PLACE, FILTER_MATCH_GLOB, BAN(FILTER_ARCHIVE),
		"tests that run in a place: local, user, system"},
	{"framework", FILTER_FIELD_FRAMEWORK, FILTER_MATCH_EQUAL, 0,
		"tests of suites of a framework, as gtest"},
	{NULL, 0, 0, 0, NULL},
};

static const char *const context_names[] = {
	[FILTER_COMMAND_LINE] = "on the command line",
	[FILTER_OVERRIDE] = "in an override",
	[FILTER_ARCHIVE] = "when an archive is made",
	[FILTER_DEFAULT] = "in the default filter",
};

struct parser {
	struct filter_lex lex;
	enum filter_context context;
	unsigned depth;
};

static struct filter_node *parse_or(struct parser *p);

static void node_free(struct filter_node *node)
{
	if (!node)
		return;
	for (size_t i = 0; i < node->len; i++)
		node_free(node->kids[i]);
	free(node->kids);
	free(node->matcher.value);
	pattern_free(node->matcher.pattern);
	free(node);
}

static struct filter_node *node_new(enum filter_op op)
{
	struct filter_node *node = xcalloc(1, sizeof(*node));

	node->op = op;
	return node;
}

static void node_push(struct filter_node *node, struct filter_node *kid)
{
	node->kids = xgrow(
		node->kids, &node->cap, node->len + 1, sizeof(struct filter_node *));
	node->kids[node->len++] = kid;
}

static struct filter_node *negate(struct filter_node *kid)
{
	struct filter_node *node = node_new(FILTER_NOT);

	node_push(node, kid);
	return node;
}

/* `left op right`; a chain of one operator is one node, so its length costs no depth. */
static struct filter_node *join(
	enum filter_op op, struct filter_node *left, struct filter_node *right)
{
	struct filter_node *node = left;

	if (left->op != op) {
		node = node_new(op);
		node_push(node, left);
	}
	if (right->op != op) {
		node_push(node, right);
		return node;
	}
	for (size_t i = 0; i < right->len; i++)
		node_push(node, right->kids[i]);
	right->len = 0;
	node_free(right);
	return node;
}

static void fault_here(struct parser *p, size_t len, const char *message)
{
	filter_fault_add(&p->lex.faults, p->lex.at, len, "%s", message);
}

/* An operator of one level, right or nearly right (which is a fault, and then taken). */
static bool take_operator(
	struct parser *p, const char *symbols, const char *word, const char *expected)
{
	struct filter_lex *l = &p->lex;
	const char *s = l->text + l->at;
	size_t len;

	if (*s && strchr(symbols, *s)) {
		len = (*s == '&' || *s == '|') && s[1] == *s ? 2 : 1;
		if (len == 2)
			filter_fault_add(&l->faults, l->at, 2,
				"unknown operator; expected %s", expected);
		l->at += len;
		return true;
	}
	len = filter_lex_word(l);
	if (len != strlen(word) || strncasecmp(s, word, len) != 0)
		return false;
	if (!starts_with(s, word))
		filter_fault_add(
			&l->faults, l->at, len, "operators are written in small letters");
	l->at += len;
	return true;
}

/* Everything up to the ')' of the '(' at the cursor, or to the end. */
static void skip_parentheses(struct filter_lex *l)
{
	size_t open = 0;

	for (; l->text[l->at]; l->at++) {
		char c = l->text[l->at];

		if (c == '\\' && l->text[l->at + 1]) {
			l->at++;
		} else if (c == '(') {
			open++;
		} else if (c == ')' && --open == 0) {
			l->at++;
			return;
		}
	}
}

static bool is_operator(const char *word, size_t len)
{
	return (len == 3 &&
		       (!strncasecmp(word, "and", 3) || !strncasecmp(word, "not", 3))) ||
	       (len == 2 && !strncasecmp(word, "or", 2));
}

/* The word that was probably meant: a predicate, or an operator when it is that short. */
static const char *nearest_word(const char *word)
{
	const char *known[32] = {NULL};
	size_t n = 0, len = strlen(word);

	for (const struct filter_predicate *i = filter_parse_predicates; i->name; i++)
		known[n++] = i->name;
	if (len == 3 || len == 4) {
		known[n++] = "and";
		known[n++] = "not";
	}
	return len < 3 ? NULL : util_nearest(word, known);
}

/* A name that is no predicate; at its first character. True when an operator was probably
 * meant: what follows "nott" is parsed as after "not", so that further faults are found.
 */
static bool unknown_word(struct parser *p, size_t len)
{
	struct filter_lex *l = &p->lex;
	autofree char *word = xstrndup(l->text + l->at, len);
	const char *near = nearest_word(word);
	size_t start = l->at;
	bool called, is_near_operator = near && is_operator(near, strlen(near));

	l->at += len;
	filter_lex_blanks(l);
	called = l->text[l->at] == '(';
	if (near)
		filter_fault_add(&l->faults, start, len,
			"unknown %s '%.40s'; did you mean '%s'?",
			called ? "predicate" : "word", word, near);
	else if (called)
		filter_fault_add(&l->faults, start, len,
			"unknown predicate '%.40s'; `xtest help filterset` lists them",
			word);
	else
		filter_fault_add(&l->faults, start, len,
			"unknown word '%.40s'; a test is selected by test(%.40s)", word,
			word);
	if (called && !is_near_operator)
		skip_parentheses(l);
	return is_near_operator;
}

static const struct filter_predicate *find_predicate(const char *name, size_t len)
{
	for (const struct filter_predicate *i = filter_parse_predicates; i->name; i++)
		if (strlen(i->name) == len && memcmp(i->name, name, len) == 0)
			return i;
	return NULL;
}

/* The argument of all(), none() and default(): blanks only. */
static void parse_nothing(struct parser *p, const struct filter_predicate *predicate)
{
	struct filter_lex *l = &p->lex;
	size_t start = l->at + strspn(l->text + l->at, " \t\r\n"), end;

	l->at += strcspn(l->text + l->at, ")");
	for (end = l->at; end > start && isspace((unsigned char)l->text[end - 1]);)
		end--;
	if (end > start)
		filter_fault_add(&l->faults, start, end - start, "%s() takes no argument",
			predicate->name);
}

/* platform() takes two words and no matcher. */
static void parse_platform(struct parser *p, struct filter_node *node)
{
	struct filter_matcher *m = &node->matcher;
	size_t start, faults = p->lex.faults.len;
	char *s, *end;

	filter_lex_blanks(&p->lex);
	start = p->lex.at;
	filter_lex_argument(&p->lex, FILTER_MATCH_EQUAL, m);
	if (p->lex.faults.len > faults)
		return;
	s = m->value + strspn(m->value, " \t\r\n");
	for (end = s + strlen(s); end > s && isspace((unsigned char)end[-1]);)
		*--end = '\0';
	memmove(m->value, s, strlen(s) + 1);
	if (strchr("=~#/", p->lex.text[start]) ||
		(!streq(m->value, "host") && !streq(m->value, "target")))
		filter_fault_add(&p->lex.faults, start, p->lex.at - start,
			"expected 'host' or 'target'");
}

static struct filter_node *parse_predicate(
	struct parser *p, const struct filter_predicate *predicate)
{
	struct filter_node *node = node_new(FILTER_TERM);
	struct filter_lex *l = &p->lex;
	size_t start = l->at;

	node->predicate = predicate;
	l->at += strlen(predicate->name);
	if (predicate->banned & BAN(p->context))
		filter_fault_add(&l->faults, start, l->at - start,
			"%s() is not allowed %s", predicate->name,
			context_names[p->context]);
	filter_lex_blanks(l);
	if (!filter_lex_take_char(l, '(')) {
		filter_fault_add(&l->faults, start + strlen(predicate->name), 0,
			"expected '(' after '%s'", predicate->name);
		return node;
	}
	node->argument = l->at;
	if (predicate->implicit == FILTER_MATCH_NOTHING)
		parse_nothing(p, predicate);
	else if (predicate->field == FILTER_FIELD_PLATFORM)
		parse_platform(p, node);
	else
		filter_lex_argument(l, predicate->implicit, &node->matcher);
	node->argument_len = l->at - node->argument;
	if (!filter_lex_take_char(l, ')'))
		filter_fault_add(&l->faults, start, node->argument - start,
			"'%s(' without its ')'", predicate->name);
	return node;
}

static struct filter_node *parse_parentheses(struct parser *p)
{
	size_t open = p->lex.at++;
	struct filter_node *node = parse_or(p);

	if (!filter_lex_take_char(&p->lex, ')'))
		filter_fault_add(&p->lex.faults, open, 1, "'(' without its ')'");
	return node;
}

/* Stands where an expression is missing or faulty; never evaluated. */
static struct filter_node *placeholder(void)
{
	struct filter_node *node = node_new(FILTER_TERM);

	node->predicate = &filter_parse_predicates[0];
	return node;
}

/* An operator, or any other character, where an expression is expected. Takes it and
 * returns true; false at a ')' or the end, which the caller needs. */
static bool take_stray(struct parser *p)
{
	struct filter_lex *l = &p->lex;
	char c = l->text[l->at];
	size_t len = 1;

	if (!c || c == ')') {
		fault_here(p, c ? 1 : 0,
			l->text[strspn(l->text, " \r\n")]
				? "expected an expression"
				: "expected an expression; all() selects every test");
		return false;
	}
	if (starts_with(l->text + l->at, "and") || starts_with(l->text + l->at, "or"))
		len = filter_lex_word(l);
	else if (c == '\t' || c == '\r')
		len = strspn(l->text + l->at, "\t\r");
	else
		while ((l->text[l->at + len] & 0xc0) == 0x80)
			len++;
	if (c == '\t' || c == '\r')
		fault_here(p, len, "only blanks and line breaks may separate words");
	else
		fault_here(p, len, "expected an expression here");
	l->at += len;
	return true;
}

static bool take_not(struct parser *p)
{
	struct filter_lex *l = &p->lex;
	size_t len = filter_lex_word(l);

	if (filter_lex_take_char(l, '!') || filter_lex_take_word(l, "not"))
		return true;
	if (len != 3 || strncasecmp(l->text + l->at, "not", 3) != 0)
		return false;
	fault_here(p, 3, "operators are written in small letters");
	l->at += 3;
	return true;
}

static struct filter_node *parse_operand(struct parser *p)
{
	struct filter_lex *l = &p->lex;

	for (;;) {
		const struct filter_predicate *predicate;
		size_t len;

		filter_lex_blanks(l);
		if (l->text[l->at] == '(')
			return parse_parentheses(p);
		len = filter_lex_word(l);
		predicate = find_predicate(l->text + l->at, len);
		if (predicate)
			return parse_predicate(p, predicate);
		if (len && !is_operator(l->text + l->at, len)) {
			if (!unknown_word(p, len))
				return placeholder();
			continue;
		}
		if (!take_stray(p))
			return placeholder();
	}
}

static struct filter_node *parse_unary(struct parser *p)
{
	struct filter_node *node;

	if (p->depth == FILTER_MAX_DEPTH) {
		filter_fault_final(&p->lex.faults, p->lex.at, "nested too deeply");
		p->lex.at = strlen(p->lex.text);
		return placeholder();
	}
	p->depth++;
	filter_lex_blanks(&p->lex);
	node = take_not(p) ? negate(parse_unary(p)) : parse_operand(p);
	p->depth--;
	return node;
}

static struct filter_node *parse_and(struct parser *p)
{
	struct filter_node *left = parse_unary(p);

	for (;;) {
		bool minus;

		filter_lex_blanks(&p->lex);
		minus = p->lex.text[p->lex.at] == '-';
		if (!take_operator(p, "&-", "and", "'&' or 'and'"))
			return left;
		if (minus)
			left = join(FILTER_AND, left, negate(parse_unary(p)));
		else
			left = join(FILTER_AND, left, parse_unary(p));
	}
}

/* Until a ')' or the end. Two expressions without an operator between them are a fault,
 * and read as if there were one. */
static struct filter_node *parse_or(struct parser *p)
{
	struct filter_node *left = parse_and(p);

	for (;;) {
		struct filter_lex *l = &p->lex;
		size_t len;

		filter_lex_blanks(l);
		if (!l->text[l->at] || l->text[l->at] == ')')
			return left;
		if (!take_operator(p, "|+", "or", "'|', '+' or 'or'")) {
			len = filter_lex_word(l);
			if (len && !find_predicate(l->text + l->at, len) &&
				!is_operator(l->text + l->at, len)) {
				unknown_word(p, len);
				filter_lex_blanks(l);
				if (!l->text[l->at] || l->text[l->at] == ')')
					return left;
			} else if (len || strchr("(!", l->text[l->at])) {
				fault_here(p, len ? len : 1,
					"expected an operator before this: 'and', 'or' "
					"or '-'");
			}
		}
		left = join(FILTER_OR, left, parse_and(p));
	}
}

static bool is_acceptable_text(struct parser *p)
{
	size_t len = strlen(p->lex.text);

	if (len > FILTER_MAX_LENGTH) {
		filter_fault_add(&p->lex.faults, 0, 0, "longer than %d KiB",
			FILTER_MAX_LENGTH >> 10);
		return false;
	}
	for (size_t i = 0, step; i < len; i += step) {
		step = json_utf8_len(p->lex.text + i, len - i);
		if (!step) {
			filter_fault_add(&p->lex.faults, i, 1, "not UTF-8");
			return false;
		}
	}
	return true;
}

struct filter *filter_parse(const char *text, enum filter_context context, struct err *e)
{
	struct parser p = {.lex = {.text = text}, .context = context};
	struct filter *f = xcalloc(1, sizeof(*f));
	int status;

	f->text = xstrdup(text);
	if (is_acceptable_text(&p)) {
		f->root = parse_or(&p);
		while (!filter_lex_at_end(&p.lex)) {
			if (filter_lex_take_char(&p.lex, ')'))
				filter_fault_add(&p.lex.faults, p.lex.at - 1, 1,
					"')' without its '('; inside an argument it is "
					"written '\\)'");
			else
				node_free(parse_or(&p));
			filter_lex_blanks(&p.lex);
		}
	}
	status = filter_fault_report(&p.lex.faults, text, e);
	filter_fault_release(&p.lex.faults);
	if (!status)
		return f;
	filter_free(f);
	return NULL;
}

void filter_free(struct filter *f)
{
	if (!f)
		return;
	node_free(f->root);
	free(f->text);
	free(f);
}
