/* xtest debug: what xtest makes of its input, for people who wonder and for the build. */
#include "cmd/complete.h"
#include "cmd/verb.h"
#include "filter/filter.h"

#include <stdio.h>

/* None, but a word with a dash is told so. */
static const struct opt_group groups[] = {{0}};
static const char *const verb_words[] = {"parse-filterset", "completions", NULL};

/* The canonical form, and the tree it was read as. */
static int parse_filterset(const char *text, struct buf *out, struct err *e)
{
	struct filter *filter = filter_parse(text, FILTER_COMMAND_LINE, e);

	if (!filter)
		return -1;
	filter_print(filter, out);
	buf_append_char(out, '\n');
	filter_print_tree(filter, out);
	buf_append_char(out, '\n');
	filter_free(filter);
	return 0;
}

static int debug_main(int argc, char **argv, struct err *e)
{
	static const struct {
		const char *word;
		int (*run)(const char *argument, struct buf *out, struct err *e);
	} table[] = {
		{"parse-filterset", parse_filterset},
		{"completions", complete_print},
	};
	autorelease(strv) struct strv words = STRV_INIT;
	autorelease(buf) struct buf out = BUF_INIT;

	if (opts_parse(groups, argc, argv, NULL, &words, NULL, e) < 0)
		return -1;
	for (size_t i = 0; words.len == 2 && i < ARRAY_LEN(table); i++) {
		if (!streq(words.v[0], table[i].word))
			continue;
		if (table[i].run(words.v[1], &out, e) < 0)
			return -1;
		fputs(buf_str(&out), stdout);
		return 0;
	}
	return err_set(e, ERR_USAGE,
		"xtest debug needs one of: parse-filterset EXPR, completions SHELL");
}

const struct verb verb_debug = {
	.name = "debug",
	.usage = "parse-filterset EXPR | completions SHELL",
	.summary = "Show how a filterset is read, or print the completions of a shell",
	.details = "`parse-filterset` prints the canonical form and the tree; "
		   "`completions` knows bash, fish and zsh.",
	.words = verb_words,
	.run = debug_main,
};
