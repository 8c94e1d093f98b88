#include "engine/run-summary.h"

#include "base/buf.h"
#include "report/jsonl-read.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { BLOCK = 1 << 16, LINE_MAX_BYTES = 1 << 24 };

void run_summary_release(struct run_summary *s)
{
	free(s->command_line);
	free(s->rerun_of);
	*s = (struct run_summary){0};
}

static ssize_t read_at(int fd, struct buf *out, off_t at)
{
	ssize_t n;

	do
		n = pread(fd, buf_reserve(out, BLOCK), BLOCK, at);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		out->len += (size_t)n;
	return n;
}

/* The first line, or nothing when it is not whole. */
static void read_first(int fd, struct buf *line)
{
	const char *end = NULL;

	while (!end && line->len < LINE_MAX_BYTES &&
		read_at(fd, line, (off_t)line->len) > 0)
		end = memchr(line->data, '\n', line->len);
	buf_truncate(line, end ? (size_t)(end - line->data) : 0);
}

/* The last line; longer and longer pieces of the end are looked at. */
static void read_last(int fd, struct buf *line)
{
	off_t size = lseek(fd, 0, SEEK_END);

	for (off_t piece = BLOCK; piece <= LINE_MAX_BYTES; piece *= 4) {
		off_t from = MAX(size - piece, 0);
		const char *newline;

		buf_clear(line);
		while (from + (off_t)line->len < size &&
			read_at(fd, line, from + (off_t)line->len) > 0)
			;
		if (!line->len || line->data[line->len - 1] != '\n')
			break;
		buf_truncate(line, line->len - 1);
		newline = line->len ? memrchr(line->data, '\n', line->len) : NULL;
		if (newline) {
			buf_consume(line, (size_t)(newline - line->data) + 1);
			return;
		}
		if (from == 0)
			break;
	}
	buf_clear(line);
}

int run_summary_read(struct run_summary *s, const char *path, struct err *e)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	autorelease(buf) struct buf line = BUF_INIT;
	struct jsonl_read *reader;
	struct event event;
	struct err ignored;
	int r;

	*s = (struct run_summary){0};
	if (fd < 0)
		return err_sys(e, errno, "open %s", path);
	reader = jsonl_read_new(NULL);
	read_first(fd, &line);
	r = line.len ? jsonl_read_line(reader, line.data, line.len, &event, e)
		     : err_set(e, ERR_SETUP, "%s: the run was killed before it began",
			       path);
	if (r > 0) {
		s->command_line = xstrdup(event.run.command_line);
		s->rerun_of = xstrdup_null(event.run.rerun_of);
		s->wall_clock_ms = event.run.wall_clock_ms;
		read_last(fd, &line);
		if (line.len &&
			jsonl_read_line(reader, line.data, line.len, &event, &ignored) >
				0 &&
			event.type == EVENT_RUN_END) {
			s->ended = true;
			s->elapsed_ms = event.time_ms;
			s->counts = *event.end.counts;
			s->exit_code = event.end.exit_code;
		}
	}
	jsonl_read_free(reader);
	return r < 0 ? err_context(e, "%s", path) : 0;
}
