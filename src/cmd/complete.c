#include "cmd/complete.h"

#include "adapter/adapter.h"
#include "cmd/topic.h"
#include "cmd/verb.h"
#include "model/target.h"
#include "report/reporter.h"
#include "transport/transport.h"

/* What may stand behind an option. */
struct candidates {
	bool files, directories;
	struct strv words;
};

static void candidates_release(struct candidates *c)
{
	strv_release(&c->words);
}

static void push_targets(const struct target_list *targets, struct strv *words)
{
	for (size_t i = 0; i < targets->len; i++)
		strv_push(words, targets->v[i].name);
}

/* The names of a family, where the option's own row has no choices. */
static void push_family(
	const char *option, const struct target_list *targets, struct strv *words)
{
	if (streq(option, "target"))
		push_targets(targets, words);
	if (streq(option, "on"))
		for (const struct transport *const *t = transport_table; *t; t++)
			strv_push(words, (*t)->name);
	if (streq(option, "adapter"))
		for (const struct adapter *const *a = adapter_table; *a; a++)
			strv_push(words, (*a)->name);
	if (streq(option, "report"))
		for (const struct reporter *const *r = report_table; *r; r++)
			strv_push(words, (*r)->name);
}

static void candidates_fill(
	struct candidates *c, const struct opt *o, const struct target_list *targets)
{
	c->files = o->arg && streq(o->arg, "FILE");
	c->directories = o->arg && streq(o->arg, "DIR");
	if (o->choices)
		strv_push_array(&c->words, o->choices);
	else
		push_family(o->name, targets, &c->words);
}

/* What may follow the verb and is no option. */
static void verb_first_words(
	const struct verb *verb, const struct target_list *targets, struct strv *words)
{
	strv_push_array(words, verb->words);
	if (streq(verb->name, "target"))
		push_targets(targets, words);
	if (!streq(verb->name, "help"))
		return;
	for (const struct verb *const *v = verb_table; *v; v++)
		strv_push(words, (*v)->name);
	for (const struct topic *t = topic_table; t->name; t++)
		strv_push(words, t->name);
}

/* Calls `print` for each option of a verb that the help shows. */
static void each_option(const struct verb *verb, const struct target_list *targets,
	void (*print)(const struct verb *, const struct opt *, const struct candidates *,
		struct buf *),
	struct buf *out)
{
	for (const struct opt_group *g = verb->groups; g && g->title; g++)
		for (const struct opt *o = g->opts; o->name; o++) {
			autorelease(candidates) struct candidates c = {0};

			if (!o->help)
				continue;
			candidates_fill(&c, o, targets);
			print(verb, o, &c, out);
		}
}

static void push_verbs(struct strv *words)
{
	for (const struct verb *const *v = verb_table; *v; v++)
		strv_push(words, (*v)->name);
}

/* ---- bash: one function, two `case`s. Nothing of the bash-completion package. */

static void bash_option(const struct verb *verb, const struct opt *o,
	const struct candidates *c, struct buf *out)
{
	autofree char *words = strv_join(&c->words, " ");

	if (!o->arg)
		return;
	buf_printf(out, "\t%s:--%s", verb->name, o->name);
	if (o->letter)
		buf_printf(out, " | %s:-%c", verb->name, o->letter);
	if (c->files || c->directories)
		buf_printf(out,
			") compopt -o filenames; COMPREPLY=($(compgen -%c -- \"$cur\")) "
			";;\n",
			c->files ? 'f' : 'd');
	else
		buf_printf(out, ") COMPREPLY=($(compgen -W \"%s\" -- \"$cur\")) ;;\n",
			words);
}

static void bash_word(const struct verb *verb UNUSED, const struct opt *o,
	const struct candidates *c UNUSED, struct buf *out)
{
	buf_printf(out, " --%s", o->name);
}

static void print_bash(const struct target_list *targets, struct buf *out)
{
	autorelease(strv) struct strv verbs = STRV_INIT;
	autofree char *joined = NULL;

	push_verbs(&verbs);
	joined = strv_join(&verbs, "|");
	buf_printf(out,
		"# bash completion of xtest, printed by `xtest debug completions bash`\n"
		"_xtest()\n{\n"
		"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - "
		"1]}\n"
		"\tlocal verb=run word\n\n"
		"\tCOMPREPLY=()\n"
		"\t# `--option=value` comes as three words\n"
		"\tif [ \"$cur\" = = ]; then\n"
		"\t\tcur=\n"
		"\telif [ \"$prev\" = = ] && [ \"$COMP_CWORD\" -gt 2 ]; then\n"
		"\t\tprev=${COMP_WORDS[COMP_CWORD - 2]}\n"
		"\tfi\n"
		"\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD - 1}\"; do\n"
		"\t\t[ \"$word\" != -- ] || return 0\n"
		"\tdone\n"
		"\tif [ \"$COMP_CWORD\" -gt 1 ]; then\n"
		"\t\tcase ${COMP_WORDS[1]} in\n"
		"\t\t%s) verb=${COMP_WORDS[1]} ;;\n"
		"\t\tesac\n"
		"\tfi\n"
		"\tcase $verb:$prev in\n",
		joined);
	for (const struct verb *const *v = verb_table; *v; v++)
		each_option(*v, targets, bash_option, out);
	buf_append_str(out, "\t*) _xtest_words ;;\n\tesac\n}\n\n_xtest_words()\n{\n"
			    "\tlocal words\n\n\tcase $verb in\n");
	for (const struct verb *const *v = verb_table; *v; v++) {
		autorelease(strv) struct strv first = STRV_INIT;
		autofree char *words = NULL;

		verb_first_words(*v, targets, &first);
		words = strv_join(&first, " ");
		buf_printf(out, "\t%s) words=\"%s", (*v)->name, words);
		each_option(*v, targets, bash_word, out);
		buf_append_str(out, " --help\" ;;\n");
	}
	free(take_ptr(joined));
	joined = strv_join(&verbs, " ");
	buf_printf(out,
		"\tesac\n"
		"\t[ \"$COMP_CWORD\" -gt 1 ] || words+=\" %s --version\"\n"
		"\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
		"\tif [ $verb = exec ] && [ \"${cur#-}\" = \"$cur\" ]; then\n"
		"\t\tcompopt -o filenames\n"
		"\t\tCOMPREPLY+=($(compgen -f -- \"$cur\"))\n"
		"\tfi\n"
		"}\n\ncomplete -F _xtest xtest\n",
		joined);
}

/* ---- fish: a line for each option */

/* In single quotes a shell sees nothing; a ' itself is written as fish and zsh want it.
 */
static void print_quoted(const char *text, const char *quote, struct buf *out)
{
	for (; *text; text++) {
		if (*text == '\'')
			buf_append_str(out, quote);
		else
			buf_append_char(out, *text);
	}
}

/* Without a verb, `run` is meant. */
static void fish_condition(const struct verb *verb, struct buf *out)
{
	if (verb == &verb_run) {
		buf_append_str(out, "not __fish_seen_subcommand_from");
		for (const struct verb *const *v = verb_table; *v; v++)
			if (*v != &verb_run)
				buf_printf(out, " %s", (*v)->name);
	} else {
		buf_printf(out, "__fish_seen_subcommand_from %s", verb->name);
	}
}

static void fish_option(const struct verb *verb, const struct opt *o,
	const struct candidates *c, struct buf *out)
{
	autofree char *words = strv_join(&c->words, " ");

	buf_append_str(out, "complete -c xtest -n '");
	fish_condition(verb, out);
	buf_printf(out, "' -l %s", o->name);
	if (o->letter)
		buf_printf(out, " -s %c", o->letter);
	if (c->files)
		buf_append_str(out, " -r -F");
	else if (c->directories)
		buf_append_str(out, " -x -a '(__fish_complete_directories)'");
	else if (*words)
		buf_printf(out, " -x -a '%s'", words);
	else if (o->arg)
		buf_append_str(out, " -x");
	buf_append_str(out, " -d '");
	print_quoted(o->help, "\\'", out);
	buf_append_str(out, "'\n");
}

static void print_fish(const struct target_list *targets, struct buf *out)
{
	buf_append_str(out, "# fish completion of xtest, printed by `xtest debug "
			    "completions fish`\ncomplete -c xtest -f\n");
	for (const struct verb *const *v = verb_table; *v; v++) {
		autorelease(strv) struct strv first = STRV_INIT;
		autofree char *words = NULL;

		verb_first_words(*v, targets, &first);
		words = strv_join(&first, " ");
		buf_printf(out, "complete -c xtest -n __fish_use_subcommand -a %s -d '",
			(*v)->name);
		print_quoted((*v)->summary, "\\'", out);
		buf_append_str(out, "'\n");
		if (*words)
			buf_printf(out,
				"complete -c xtest -n '__fish_seen_subcommand_from %s' "
				"-a '%s'\n",
				(*v)->name, words);
		each_option(*v, targets, fish_option, out);
	}
}

/* ---- zsh: `_arguments` for each verb */

/* Brackets and colons have a meaning in the specifications of _arguments. */
static void zsh_text(const char *text, struct buf *out)
{
	for (; *text; text++) {
		if (strchr("[]:\\", *text))
			buf_append_char(out, '\\');
		if (*text == '\'')
			buf_append_str(out, "'\\''");
		else
			buf_append_char(out, *text);
	}
}

static void zsh_value(const struct opt *o, const struct candidates *c, struct buf *out)
{
	autofree char *words = strv_join(&c->words, " ");

	if (!o->arg)
		return;
	buf_append_char(out, ':');
	zsh_text(o->arg, out);
	if (c->files)
		buf_append_str(out, ":_files");
	else if (c->directories)
		buf_append_str(out, ":_files -/");
	else
		buf_printf(out, ":(%s)", words);
}

static void zsh_option(const struct verb *verb UNUSED, const struct opt *o,
	const struct candidates *c, struct buf *out)
{
	autofree char *long_name = xasprintf("--%s%s", o->name, o->arg ? "=" : "");
	char short_name[] = {'-', o->letter, o->arg ? '+' : '\0', '\0'};
	const char *const names[] = {long_name, o->letter ? short_name : NULL};

	for (size_t i = 0; i < ARRAY_LEN(names) && names[i]; i++) {
		buf_printf(out, "\t\t\t'%s%s[",
			o->type == OPT_LIST || o->type == OPT_COUNT ||
					o->type == OPT_PASS_VALUE
				? "*"
				: "",
			names[i]);
		zsh_text(o->help, out);
		buf_append_char(out, ']');
		zsh_value(o, c, out);
		buf_append_str(out, "' \\\n");
	}
}

static void print_zsh(const struct target_list *targets, struct buf *out)
{
	buf_append_str(out, "#compdef xtest\n"
			    "# zsh completion of xtest, printed by `xtest debug "
			    "completions zsh`\n"
			    "_xtest() {\n\tlocal verb=run\n\tlocal -a verbs=(\n");
	for (const struct verb *const *v = verb_table; *v; v++) {
		buf_printf(out, "\t\t'%s:", (*v)->name);
		zsh_text((*v)->summary, out);
		buf_append_str(out, "'\n");
	}
	buf_append_str(out, "\t)\n"
			    "\tif (( CURRENT == 2 )); then\n"
			    "\t\t_describe -t verbs verb verbs\n"
			    "\telif (( ${verbs[(I)${words[2]}:*]} )); then\n"
			    "\t\tverb=${words[2]}\n"
			    "\t\tshift words\n\t\t(( CURRENT-- ))\n"
			    "\tfi\n"
			    "\tcase $verb in\n");
	for (const struct verb *const *v = verb_table; *v; v++) {
		autorelease(strv) struct strv first = STRV_INIT;
		autofree char *words = NULL;

		verb_first_words(*v, targets, &first);
		words = strv_join(&first, " ");
		buf_printf(out, "\t%s)\n\t\t_arguments -s \\\n", (*v)->name);
		each_option(*v, targets, zsh_option, out);
		if (*v == &verb_exec)
			buf_append_str(out, "\t\t\t'*:: :_normal' ;;\n");
		else
			buf_printf(out, "\t\t\t'*:word:(%s)' ;;\n", words);
	}
	buf_append_str(out, "\tesac\n}\n\n_xtest \"$@\"\n");
}

int complete_print(const char *shell, struct buf *out, struct err *e)
{
	static const struct {
		const char *name;
		void (*print)(const struct target_list *targets, struct buf *out);
	} shells[] = {{"bash", print_bash}, {"fish", print_fish}, {"zsh", print_zsh}};
	autorelease(target_list) struct target_list targets = {0};

	for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
		if (!streq(shell, shells[i].name))
			continue;
		if (target_list_load(&targets, NULL, e) < 0)
			return -1;
		shells[i].print(&targets, out);
		return 0;
	}
	return err_set(e, ERR_USAGE, "completions are for bash, fish and zsh, not \"%s\"",
		shell);
}
