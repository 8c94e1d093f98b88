#include "cmd/opts.h"

#include "base/duration.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

/* The words that are still to be read, and what was among them. */
struct cursor {
	int argc, next;
	char **argv;
	const struct opt *given[256];
	size_t n_given;
};

/* Of the help: an option, and what is said of it. */
enum { LEFT_WIDTH = 28, HELP_WIDTH = 68 };

static const struct opt *find_opt(
	const struct opt_group *groups, const char *name, size_t len, char letter)
{
	for (; groups->title; groups++)
		for (const struct opt *o = groups->opts; o->name; o++)
			if (letter ? o->letter == letter
				   : strlen(o->name) == len &&
						strncmp(o->name, name, len) == 0)
				return o;
	return NULL;
}

static const char *nearest_opt(const struct opt_group *groups, const char *name)
{
	const char *names[256];
	size_t n = 0;

	for (; groups->title; groups++)
		for (const struct opt *o = groups->opts;
			o->name && n < ARRAY_LEN(names) - 1; o++)
			names[n++] = o->name;
	names[n] = NULL;
	return util_nearest(name, names);
}

static bool takes_value(const struct opt *o)
{
	return o->type > OPT_COUNT;
}

static int parse_number(const struct opt *o, const char *value, long min, long max,
	long *out, struct err *e)
{
	char *end;

	errno = 0;
	*out = strtol(value, &end, 10);
	if (errno || end == value || *end || *out < min || *out > max)
		return err_set(e, ERR_USAGE, "--%s takes a whole number%s, not \"%s\"",
			o->name, min >= 0 ? " from 0 on" : "", value);
	return 0;
}

static int check_choice(const struct opt *o, const char *value, struct err *e)
{
	autorelease(strv) struct strv all = STRV_INIT;
	autofree char *joined = NULL;

	for (const char *const *c = o->choices; c && *c; c++) {
		if (streq(*c, value))
			return 0;
		strv_push(&all, *c);
	}
	if (!o->choices)
		return 0;
	joined = strv_join(&all, ", ");
	return err_set(e, ERR_USAGE, "--%s takes one of: %s; not \"%s\"", o->name, joined,
		value);
}

static void note_given(struct cursor *c, const struct opt *o)
{
	for (size_t i = 0; i < c->n_given; i++)
		if (c->given[i] == o)
			return;
	if (c->n_given < ARRAY_LEN(c->given))
		c->given[c->n_given++] = o;
}

/* Without `values` it is only looked at. */
static int set_value(const struct opt *o, const char *value, void *values, struct err *e)
{
	void *at;
	long number;

	if (value && check_choice(o, value, e) < 0)
		return -1;
	if (!values)
		return 0;
	at = (char *)values + o->offset;
	switch (o->type) {
	case OPT_FLAG:
		*(bool *)at = true;
		return 0;
	case OPT_NO_FLAG:
		*(bool *)at = false;
		return 0;
	case OPT_PASS:
		strv_pushf(at, "--%s", o->name);
		return 0;
	case OPT_PASS_VALUE:
		strv_pushf(at, "--%s=%s", o->name, value);
		return 0;
	case OPT_COUNT:
		++*(unsigned *)at;
		return 0;
	case OPT_STRING:
		*(const char **)at = value;
		return 0;
	case OPT_LIST:
		strv_push(at, value);
		return 0;
	case OPT_UNSIGNED:
		if (parse_number(o, value, 0, INT_MAX, &number, e) < 0)
			return -1;
		*(unsigned *)at = (unsigned)number;
		return 0;
	case OPT_INT:
		if (parse_number(o, value, INT_MIN, INT_MAX, &number, e) < 0)
			return -1;
		*(int *)at = (int)number;
		return 0;
	case OPT_DURATION:
		if (duration_parse(value, at, e) < 0) {
			e->kind = ERR_USAGE;
			return err_context(e, "--%s", o->name);
		}
		*(int64_t *)at /= 1000;
		return 0;
	}
	return 0;
}

/* "--name", "--name=value" or "--name value". */
static int parse_long(
	const struct opt_group *groups, struct cursor *c, void *values, struct err *e)
{
	const char *word = c->argv[c->next++] + 2;
	size_t len = strcspn(word, "=");
	const struct opt *o = find_opt(groups, word, len, 0);
	const char *value = word[len] ? word + len + 1 : NULL;

	if (!o) {
		autofree char *name = xstrndup(word, len);
		const char *near = nearest_opt(groups, name);

		return err_set(e, ERR_USAGE, "there is no option --%s%s%s%s", name,
			near ? "; did you mean --" : "", near ? near : "",
			near ? "?" : "");
	}
	note_given(c, o);
	if (!takes_value(o))
		return value ? err_set(e, ERR_USAGE, "--%s takes no value", o->name)
			     : set_value(o, NULL, values, e);
	if (!value && c->next >= c->argc)
		return err_set(e, ERR_USAGE, "--%s needs a value: --%s %s", o->name,
			o->name, o->arg);
	return set_value(o, value ? value : c->argv[c->next++], values, e);
}

/* "-v", "-vv", "-j4", "-j 4". */
static int parse_short(
	const struct opt_group *groups, struct cursor *c, void *values, struct err *e)
{
	const char *word = c->argv[c->next++];

	for (const char *p = word + 1; *p; p++) {
		const struct opt *o = find_opt(groups, NULL, 0, *p);

		if (!o)
			return err_set(e, ERR_USAGE, "there is no option -%c (in \"%s\")",
				*p, word);
		note_given(c, o);
		if (!takes_value(o)) {
			if (set_value(o, NULL, values, e) < 0)
				return -1;
			continue;
		}
		if (p[1])
			return set_value(o, p[1] == '=' ? p + 2 : p + 1, values, e);
		if (c->next >= c->argc)
			return err_set(e, ERR_USAGE, "-%c needs a value: -%c %s", *p, *p,
				o->arg);
		return set_value(o, c->argv[c->next++], values, e);
	}
	return 0;
}

/* ---- the environment */

static int set_flag(const struct opt *o, const char *value, void *values, struct err *e)
{
	if (streq(value, "true") || streq(value, "1"))
		return set_value(o, NULL, values, e);
	if (streq(value, "false") || streq(value, "0"))
		return 0;
	return err_set(e, ERR_USAGE, "true or false is expected, not \"%s\"", value);
}

static int set_from(const struct opt *o, const char *value, void *values, struct err *e)
{
	autorelease(strv) struct strv items = STRV_INIT;

	if (o->type == OPT_COUNT) {
		long count;

		if (parse_number(o, value, 0, 10, &count, e) < 0)
			return -1;
		*(unsigned *)(void *)((char *)values + o->offset) = (unsigned)count;
		return 0;
	}
	if (o->type < OPT_COUNT)
		return set_flag(o, value, values, e);
	if (o->type != OPT_LIST)
		return set_value(o, value, values, e);
	strv_split(&items, value, ", ");
	for (size_t i = 0; i < items.len; i++)
		if (set_value(o, items.v[i], values, e) < 0)
			return -1;
	return 0;
}

static bool is_option(const char *word)
{
	return word[0] == '-' && word[1] && !streq(word, "--");
}

static int read_words(const struct opt_group *groups, struct cursor *c, void *values,
	struct strv *words, struct strv *rest, struct err *e)
{
	while (c->next < c->argc) {
		const char *word = c->argv[c->next];

		if (streq(word, "--")) {
			while (++c->next < c->argc)
				strv_push(rest, c->argv[c->next]);
			return 0;
		}
		if (!is_option(word)) {
			strv_push(words, word);
			c->next++;
		} else if ((word[1] == '-' ? parse_long : parse_short)(
				   groups, c, values, e) < 0) {
			return -1;
		}
	}
	return 0;
}

int opts_parse(const struct opt_group *groups, int argc, char **argv, void *values,
	struct strv *words, struct strv *rest, struct err *e)
{
	struct cursor c = {.argc = argc, .next = 1, .argv = argv};

	return read_words(groups, &c, values, words, rest ? rest : words, e);
}

/* What is among argv[1…]; that it is right was seen before. */
static void look_at(struct cursor *c, const struct opt_group *groups)
{
	autorelease(strv) struct strv words = STRV_INIT;
	struct err ignored;

	if (read_words(groups, c, NULL, &words, &words, &ignored) < 0)
		c->next = c->argc;
}

static unsigned family_of(const struct opt_variable *variables, const struct opt *o)
{
	for (; variables->option; variables++)
		if (streq(variables->option, o->name))
			return variables->family;
	return 0;
}

/* The value of a variable that counts, or NULL. */
static const char *variable_value(const struct opt_variable *variables,
	const struct opt_variable *v, const struct opt *o, const struct cursor *c)
{
	const char *value = getenv(v->name);

	for (size_t i = 0; i < c->n_given; i++)
		if (c->given[i] == o ||
			(v->family && family_of(variables, c->given[i]) == v->family))
			return NULL;
	return value && *value ? value : NULL;
}

int opts_read_environment(const struct opt_group *groups,
	const struct opt_variable *variables, int argc, char **argv, void *values,
	struct err *e)
{
	struct cursor c = {.argc = argc, .next = 1, .argv = argv};

	look_at(&c, groups);
	for (const struct opt_variable *v = variables; v->option; v++) {
		const struct opt *o = find_opt(groups, v->option, strlen(v->option), 0);
		const char *value = o ? variable_value(variables, v, o, &c) : NULL;

		if (value && set_from(o, value, values, e) < 0)
			return err_context(e, "environment variable %s", v->name);
	}
	return 0;
}

const char *opts_origin(const struct opt_group *groups,
	const struct opt_variable *variables, int argc, char **argv, const char *name,
	char buffer[64])
{
	const struct opt *o = find_opt(groups, name, strlen(name), 0);
	struct cursor c = {.argc = argc, .next = 1, .argv = argv};

	look_at(&c, groups);
	for (size_t i = 0; o && i < c.n_given; i++)
		if (c.given[i] == o) {
			snprintf(buffer, 64, "--%s", name);
			return buffer;
		}
	for (const struct opt_variable *v = variables; o && v->option; v++)
		if (streq(v->option, name) && variable_value(variables, v, o, &c))
			return v->name;
	return NULL;
}

void opts_print_value(const struct opt_group *groups, const void *values,
	const char *name, struct buf *out)
{
	const struct opt *o = find_opt(groups, name, strlen(name), 0);
	const void *at = o ? (const char *)values + o->offset : NULL;
	autofree char *text = NULL;

	if (!o)
		return;
	switch (o->type) {
	case OPT_FLAG:
	case OPT_NO_FLAG:
		buf_append_str(out, *(const bool *)at ? "true" : "false");
		break;
	case OPT_COUNT:
	case OPT_UNSIGNED:
		buf_printf(out, "%u", *(const unsigned *)at);
		break;
	case OPT_INT:
		buf_printf(out, "%d", *(const int *)at);
		break;
	case OPT_STRING:
		buf_append_str(out, *(const char *const *)at);
		break;
	case OPT_LIST:
	case OPT_PASS:
	case OPT_PASS_VALUE:
		text = strv_join(at, ",");
		buf_append_str(out, text);
		break;
	case OPT_DURATION:
		text = duration_format(*(const int64_t *)at * 1000);
		buf_append_str(out, text);
		break;
	}
}

int opts_parse_leading(const struct opt_group *groups, int argc, char **argv,
	void *values, struct strv *words, struct err *e)
{
	struct cursor c = {.argc = argc, .next = 1, .argv = argv};

	while (c.next < argc && is_option(argv[c.next]))
		if ((argv[c.next][1] == '-' ? parse_long : parse_short)(
			    groups, &c, values, e) < 0)
			return -1;
	if (c.next < argc && streq(argv[c.next], "--"))
		c.next++;
	while (c.next < argc)
		strv_push(words, argv[c.next++]);
	return 0;
}

/* In lines that stand below each other. */
static void print_help(const char *text, struct buf *out)
{
	size_t left = HELP_WIDTH;

	while (*text) {
		size_t n = strcspn(text, " ");

		if (n > left) {
			while (out->data[out->len - 1] == ' ')
				buf_truncate(out, out->len - 1);
			buf_printf(out, "\n  %-*s  ", LEFT_WIDTH, "");
			left = HELP_WIDTH;
		}
		buf_append(out, text, n);
		left -= MIN(n, left);
		text += n;
		if (*text) {
			buf_append_char(out, ' ');
			left -= MIN(1, left);
			text++;
		}
	}
	buf_append_char(out, '\n');
}

void opts_print(const struct opt_group *groups, struct buf *out)
{
	for (; groups->title; groups++) {
		buf_printf(out, "\n%s:\n", groups->title);
		for (const struct opt *o = groups->opts; o->name; o++) {
			char left[64], letter[5] = "    ";

			if (!o->help)
				continue;
			if (o->letter)
				snprintf(letter, sizeof letter, "-%c, ", o->letter);
			snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name,
				o->arg ? " " : "", o->arg ? o->arg : "");
			if (strlen(left) > LEFT_WIDTH)
				buf_printf(out, "  %s\n  %-*s  ", left, LEFT_WIDTH, "");
			else
				buf_printf(out, "  %-*s  ", LEFT_WIDTH, left);
			print_help(o->help, out);
		}
	}
}
