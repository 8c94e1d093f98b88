#include "report/reporter.h"

#include "base/fs.h"

#include <errno.h>

enum { KEEP_MAX = 1 << 20 };

const struct reporter *const report_table[] = {
	&reporter_human,
	&reporter_jsonl,
	&reporter_junit,
	&reporter_libtest_json,
	&reporter_libtest_json_plus,
	&reporter_tap,
	&reporter_trace,
	NULL,
};

const struct reporter *report_find(const char *name)
{
	for (size_t i = 0; report_table[i]; i++)
		if (streq(report_table[i]->name, name))
			return report_table[i];
	return NULL;
}

int report_write(int fd, struct buf *text, struct err *e)
{
	int r = fs_write_all(fd, buf_str(text), text->len);
	int errnum = errno;

	/* One test with a huge output must not cost its size until the end of the run. */
	if (text->cap > KEEP_MAX)
		buf_release(text);
	else
		buf_clear(text);
	if (r < 0)
		return err_set(
			e, ERR_OUTPUT, "cannot write the report: %s", strerror(errnum));
	return 0;
}
