#include "model/compare-cause.h"

#include <signal.h>

enum {
	READ_BYTES =
		64 << 10, /* of the end of each stream: what went wrong is said last */
	LINE_BYTES = 160, /* of a line that is quoted */
};

/* The first row that fits counts. The words are the emulator's (linux-user/syscall.c),
 * the C library's (glibc and musl have errno words in common, but for some), the dynamic
 * loaders' and the shell's. */
static const struct {
	const char *place; /* NULL: any */
	const char *words;
	const char *cause;
} rows[] = {
	{"user", "Unsupported syscall", "an emulator limit of user mode"},
	{"user", "Unsupported ioctl", "an emulator limit of user mode"},
	{"user", "Unsupported setsockopt", "an emulator limit of user mode"},
	{"user", "Unsupported ancillary data", "an emulator limit of user mode"},
	{"user", "unimplemented", "an emulator limit of user mode"},
	{"user", "Function not implemented", "an emulator limit of user mode"},
	{"user", "ENOSYS", "an emulator limit of user mode"},
	{"user", "SIGSYS", "an emulator limit of user mode"},
	{"user", "Bad system call", "an emulator limit of user mode"},
	{"user", "qemu: uncaught target signal", "the emulator ended it"},
	{"user", "Operation not permitted",
		"it is no root in user mode, as it is in a machine"},
	{"user", "Permission denied",
		"it is no root in user mode, as it is in a machine"},
	{NULL, "kernel too old", "the kernel is too old for its C library"},
	{"system", "Function not implemented", "the machine's kernel lacks something"},
	{"system", "ENOSYS", "the machine's kernel lacks something"},
	{"system", "Operation not supported", "the machine's kernel lacks something"},
	{"system", "Protocol not supported", "the machine's kernel lacks something"},
	{"system", "Address family not supported",
		"the machine's kernel lacks something"},
	{"system", "error while loading shared libraries",
		"a library is missing in the machine"},
	{"system", "Error loading shared library", "a library is missing in the machine"},
	{"system", "command not found", "a program is missing in the machine"},
	{"system", ": not found", "a program is missing in the machine"},
	{"system", "No such file or directory", "a file is missing in the machine"},
	{"system", "No space left on device", "the machine's disk is its memory"},
	{"system", "Cannot allocate memory", "the machine has less memory"},
	{"system", "Out of memory", "the machine has less memory"},
	{"system", "Network is unreachable", "the machine has no network"},
	{"system", "name resolution", "the machine has no network"},
};

/* The line around `at`, without what would not print. */
static char *line_at(const char *text, size_t len, const char *at)
{
	const char *begin = memrchr(text, '\n', (size_t)(at - text));
	const char *end = memchr(at, '\n', (size_t)(text + len - at));
	char *line;

	begin = begin ? begin + 1 : text;
	end = end ? end : text + len;
	if (at - begin > LINE_BYTES / 2)
		begin = at - LINE_BYTES / 2;
	line = xstrndup(begin, MIN((size_t)(end - begin), LINE_BYTES));
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	return line;
}

static char *find_in(const char *data, size_t len, size_t row)
{
	size_t skip = len > READ_BYTES ? len - READ_BYTES : 0;
	const char *at = len ? memmem(data + skip, len - skip, rows[row].words,
				       strlen(rows[row].words))
			     : NULL;
	autofree char *line = at ? line_at(data + skip, len - skip, at) : NULL;

	return line ? xasprintf("%s: \"%s\"", rows[row].cause, line) : NULL;
}

char *compare_cause_find(const struct compare_result *result)
{
	const struct outcome *o = result->outcome;

	if (!o || result->verdict == VERDICT_LOST)
		return NULL;
	if (result->verdict == VERDICT_TIMEOUT)
		return xasprintf(
			"it takes longer in %s than its time limit", result->place);
	if (o->kind == END_SIGNAL && o->code == SIGSYS && streq(result->place, "user"))
		return xstrdup("an emulator limit of user mode");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *found = NULL;

		if (rows[i].place && !streq(rows[i].place, result->place))
			continue;
		found = find_in(o->err.data, o->err.len, i);
		if (!found)
			found = find_in(o->out.data, o->out.len, i);
		if (found)
			return found;
	}
	return NULL;
}
