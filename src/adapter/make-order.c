#include "adapter/make-order.h"

#include "base/fs.h"

/* "dir/x.log" for the test dir/x.sh, by TEST_EXTENSIONS. The caller's. */
static char *log_name(const struct make_dir *dir, const char *test)
{
	autorelease(strv) struct strv extensions = STRV_INIT;
	const char *dot = strrchr(fs_basename(test), '.');
	size_t len = strlen(test);

	strv_split(&extensions, make_ask_value(dir, "TEST_EXTENSIONS"), " \t");
	if (dot && strv_has(&extensions, dot))
		len = (size_t)(dot - test);
	return xasprintf("%.*s.log", (int)len, test);
}

static void in_sequence(struct suite *tests, size_t n)
{
	for (size_t i = 1; i < n; i++)
		strv_push(&tests[i].depends, tests[i - 1].id);
}

/* One rule line: targets, a colon, prerequisites; those that are logs of tests count. */
static void read_rule(
	const char *line, size_t len, const struct strv *logs, struct suite *tests)
{
	autofree char *targets = xstrndup(line, len);
	autorelease(strv) struct strv left = STRV_INIT, right = STRV_INIT;
	char *colon = strchr(targets, ':');

	if (!colon || colon[1] == '=' || colon[1] == ':')
		return;
	*colon = '\0';
	strv_split(&left, targets, " \t");
	strv_split(&right, colon + 1, " \t|");
	for (size_t i = 0; i < logs->len; i++) {
		if (!strv_has(&left, logs->v[i]))
			continue;
		for (size_t k = 0; k < logs->len; k++)
			if (k != i && strv_has(&right, logs->v[k]))
				strv_push(&tests[i].depends, tests[k].id);
	}
}

void make_order_set(const struct make_dir *dir, struct suite *tests, size_t n)
{
	const char *name = make_ask_makefile(dir->path);
	autofree char *path = fs_join(dir->path, name ? name : "Makefile");
	autorelease(buf) struct buf text = BUF_INIT;
	autorelease(strv) struct strv logs = STRV_INIT;
	const char *line;
	size_t pos = 0, len;
	struct err ignored;

	if (!*make_ask_value(dir, "TEST_SUITE_LOG") ||
		fs_read_file(path, &text, &ignored) < 0 ||
		strstr(buf_str(&text), "\n.NOTPARALLEL:")) {
		in_sequence(tests, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		strv_push_take(&logs, log_name(dir, tests[i].name));
	while (buf_next_line(buf_str(&text), text.len, &pos, &line, &len)) {
		const char *first = len ? memmem(line, len, ".log", 4) : NULL;

		/* Automake's own rules have a log on the left only. */
		if (first && *line != '\t' && *line != '#' &&
			memmem(first + 4, len - (size_t)(first + 4 - line), ".log", 4))
			read_rule(line, len, &logs, tests);
	}
}
