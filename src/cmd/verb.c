#include "cmd/verb.h"

#include <stdio.h>

const struct verb *const verb_table[] = {
	&verb_run,
	&verb_list,
	&verb_target,
	&verb_archive,
	&verb_image,
	&verb_exec,
	&verb_shell,
	&verb_parse,
	&verb_show_config,
	&verb_replay,
	&verb_runs,
	&verb_merge,
	&verb_compare,
	&verb_explain,
	&verb_debug,
	&verb_help,
	NULL,
};

const struct verb *verb_find(const char *name)
{
	for (const struct verb *const *v = verb_table; *v; v++)
		if (streq((*v)->name, name))
			return *v;
	return NULL;
}

void verb_print_help(const struct verb *verb)
{
	autorelease(buf) struct buf out = BUF_INIT;

	buf_printf(&out, "%s\n\nUsage: xtest %s %s\n", verb->summary, verb->name,
		verb->usage);
	if (verb->details)
		buf_printf(&out, "\n%s\n", verb->details);
	if (verb->groups)
		opts_print(verb->groups, &out);
	fputs(buf_str(&out), stdout);
}

bool verb_wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && !streq(argv[i], "--"); i++)
		if (streq(argv[i], "--help") || streq(argv[i], "-h"))
			return true;
	return false;
}
