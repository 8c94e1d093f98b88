/* xtest debug: what xtest makes of its input, for people who wonder and for the build. */
#include "cmd/complete.h"
#include "cmd/verb.h"
#include "filter/filter.h"

#include <stdio.h>

struct debug_options {
	const char *kind;
};

static const struct {
	const char *name;
	enum filter_context context;
} kinds[] = {
	{"test", FILTER_COMMAND_LINE},
	{"override-filter", FILTER_OVERRIDE},
	{"archive-filter", FILTER_ARCHIVE},
	{"default-filter", FILTER_DEFAULT},
};
static const char *const kind_choices[] = {
	"test", "override-filter", "archive-filter", "default-filter", NULL};

static const struct opt debug_opts[] = {
	{"kind", 0, "KIND", kind_choices, OPT_STRING,
		offsetof(struct debug_options, kind),
		"where the filterset stands: test (-E), override-filter, archive-filter, "
		"default-filter"},
	{0},
};

static const struct opt_group groups[] = {
	{"Debug", debug_opts},
	{0},
};
static const char *const verb_words[] = {"parse-filterset", "completions", NULL};

/* The canonical form, and the tree it was read as. */
static int parse_filterset(
	const struct debug_options *o, const char *text, struct buf *out, struct err *e)
{
	enum filter_context context = FILTER_COMMAND_LINE;
	struct filter *filter;

	for (size_t i = 0; o->kind && i < ARRAY_LEN(kinds); i++)
		if (streq(o->kind, kinds[i].name))
			context = kinds[i].context;
	filter = filter_parse(text, context, e);

	if (!filter)
		return -1;
	filter_print(filter, out);
	buf_append_char(out, '\n');
	filter_print_tree(filter, out);
	buf_append_char(out, '\n');
	filter_free(filter);
	return 0;
}

static int print_completions(const struct debug_options *o UNUSED, const char *shell,
	struct buf *out, struct err *e)
{
	return complete_print(shell, out, e);
}

static int debug_main(int argc, char **argv, struct err *e)
{
	static const struct {
		const char *word;
		int (*run)(const struct debug_options *o, const char *argument,
			struct buf *out, struct err *e);
	} table[] = {
		{"parse-filterset", parse_filterset},
		{"completions", print_completions},
	};
	struct debug_options o = {0};
	autorelease(strv) struct strv words = STRV_INIT;
	autorelease(buf) struct buf out = BUF_INIT;

	if (opts_parse(groups, argc, argv, &o, &words, NULL, e) < 0)
		return -1;
	for (size_t i = 0; words.len == 2 && i < ARRAY_LEN(table); i++) {
		if (!streq(words.v[0], table[i].word))
			continue;
		if (table[i].run(&o, words.v[1], &out, e) < 0)
			return -1;
		fputs(buf_str(&out), stdout);
		return 0;
	}
	return err_set(e, ERR_USAGE,
		"xtest debug needs one of: parse-filterset EXPR, completions SHELL");
}

const struct verb verb_debug = {
	.name = "debug",
	.usage = "parse-filterset [--kind KIND] EXPR | completions SHELL",
	.summary = "Show how a filterset is read, or print the completions of a shell",
	.details = "`parse-filterset` prints the canonical form and the tree; "
		   "`completions` knows bash, fish and zsh.",
	.groups = groups,
	.words = verb_words,
	.run = debug_main,
};
