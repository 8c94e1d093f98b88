#include "base/fs.h"
#include "filter/filter.h"

#include "tests/tap.h"

/* Every entry of tests/golden/filter/NAME.txt: a context and an expression ("> test(a)",
 * "archive> …"; further lines begin with "| "), then the tree or the whole error text,
 * then an empty line. Lines with '#' are comments. `make golden` sets XTEST_GOLDEN, and
 * then the files are rewritten with what the program says now. */

static const struct {
	const char *mark;
	enum filter_context context;
} contexts[] = {
	{"> ", FILTER_COMMAND_LINE},
	{"override> ", FILTER_OVERRIDE},
	{"archive> ", FILTER_ARCHIVE},
	{"default> ", FILTER_DEFAULT},
};

static void answer(const char *text, enum filter_context context, struct buf *out)
{
	autorelease(buf) struct buf canonical = BUF_INIT, again = BUF_INIT;
	struct err e = {0};
	struct filter *f = filter_parse(text, context, &e), *g;

	if (!f) {
		buf_printf(out, "%s\n", e.msg);
		return;
	}
	filter_print_tree(f, out);
	filter_print(f, &canonical);
	g = filter_parse(buf_str(&canonical), context, &e);
	if (g)
		filter_print_tree(g, &again);
	if (!streq(buf_str(&again), buf_str(out)))
		buf_printf(out, "\ncanonical form '%s' differs: %s%s",
			buf_str(&canonical), buf_str(&again), e.msg);
	buf_append_char(out, '\n');
	filter_free(g);
	filter_free(f);
}

static bool entry_start(
	const char *line, size_t len, size_t *skip, enum filter_context *context)
{
	for (size_t i = 0; i < ARRAY_LEN(contexts); i++) {
		*skip = strlen(contexts[i].mark);
		*context = contexts[i].context;
		if (len >= *skip && strncmp(line, contexts[i].mark, *skip) == 0)
			return true;
	}
	return false;
}

struct entry {
	struct buf expression, expected;
	enum filter_context context;
};

static void finish(struct entry *t, struct buf *fresh)
{
	autorelease(buf) struct buf got = BUF_INIT;
	autofree char *name = NULL;

	if (t->expression.data) {
		answer(buf_str(&t->expression), t->context, &got);
		name = xstrdup(buf_str(&t->expression));
		for (char *c = name; *c; c++)
			if ((unsigned char)*c < ' ' || *c == '#')
				*c = '_';
		is_str(buf_str(&got), buf_str(&t->expected), name);
		buf_append_str(fresh, buf_str(&got));
	}
	buf_release(&t->expression);
	buf_release(&t->expected);
	*t = (struct entry){BUF_INIT, BUF_INIT, FILTER_COMMAND_LINE};
}

static void corpus(const char *dir, const char *name)
{
	autofree char *path = xasprintf("%s/tests/golden/filter/%s", dir, name);
	autorelease(buf) struct buf text = BUF_INIT, fresh = BUF_INIT;
	struct entry t = {BUF_INIT, BUF_INIT, FILTER_COMMAND_LINE};
	struct err e = {0};
	const char *line;
	size_t pos = 0, len, skip;

	if (!ok(fs_read_file(path, &text, &e) == 0, "%s is read %s", name, e.msg))
		return;
	while (buf_next_line(text.data, text.len, &pos, &line, &len)) {
		bool started = t.expression.data != NULL;

		if (!started && entry_start(line, len, &skip, &t.context)) {
			buf_append(&t.expression, line + skip, len - skip);
		} else if (started && !t.expected.len && len > 1 &&
			   !strncmp(line, "| ", 2)) {
			buf_append_char(&t.expression, '\n');
			buf_append(&t.expression, line + 2, len - 2);
		} else if (started && len) {
			buf_append(&t.expected, line, len);
			buf_append_char(&t.expected, '\n');
			continue;
		} else if (!len) {
			finish(&t, &fresh);
		}
		buf_append(&fresh, line, len);
		buf_append_char(&fresh, '\n');
	}
	finish(&t, &fresh);
	if (getenv("XTEST_GOLDEN"))
		ok(fs_write_file(path, fresh.data, fresh.len, 0644, &e) == 0,
			"%s is rewritten %s", name, e.msg);
}

int main(void)
{
	const char *dir = getenv("srcdir");

	corpus(dir ? dir : "..", "valid.txt");
	corpus(dir ? dir : "..", "invalid.txt");
	return tap_done();
}
