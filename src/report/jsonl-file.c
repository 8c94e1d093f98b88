#include "report/jsonl-file.h"

#include "report/jsonl-read.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 256 << 20 };

struct source {
	const char *path;
	struct jsonl_read *reader;
	void (*send)(void *ctx, const struct event *event);
	void *ctx;
	struct jsonl_seen *seen;
	size_t lines;
};

static int take_line(struct source *s, const char *line, size_t len, struct err *e)
{
	struct event event;
	int r;

	s->lines++;
	if (s->seen->ended)
		return err_set(e, ERR_SETUP, "%s:%zu: there is more behind run-end",
			s->path, s->lines);
	r = jsonl_read_line(s->reader, line, len, &event, e);
	if (r < 0)
		return err_context(e, "%s:%zu", s->path, s->lines);
	if (r == 0)
		return 0;
	s->seen->events++;
	s->seen->ended = event.type == EVENT_RUN_END;
	s->send(s->ctx, &event);
	return 0;
}

/* Takes all whole lines out of `text`. */
static int take_lines(
	struct source *s, struct buf *text, size_t *looked_at, struct err *e)
{
	size_t done = 0;
	const char *end;

	while ((end = memchr(text->data + *looked_at, '\n', text->len - *looked_at))) {
		size_t len = (size_t)(end - text->data) - done;

		if (take_line(s, text->data + done, len, e) < 0)
			return -1;
		done += len + 1;
		*looked_at = done;
	}
	buf_consume(text, done);
	*looked_at = text->len;
	return 0;
}

static int read_all(struct source *s, int fd, struct err *e)
{
	autorelease(buf) struct buf text = BUF_INIT;
	size_t looked_at = 0;

	for (;;) {
		char *at = buf_reserve(&text, 1 << 16);
		ssize_t n = read(fd, at, 1 << 16);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "read %s", s->path);
		/* What is left has no newline: xtest was killed while it wrote. */
		if (n == 0)
			return 0;
		text.len += (size_t)n;
		if (take_lines(s, &text, &looked_at, e) < 0)
			return -1;
		if (text.len > LINE_MAX_BYTES)
			return err_set(e, ERR_SETUP, "%s:%zu: the line is too long",
				s->path, s->lines + 1);
	}
}

int jsonl_file_read(const char *path, const struct jsonl_outputs *outputs,
	void (*send)(void *ctx, const struct event *event), void *ctx,
	struct jsonl_seen *seen, struct err *e)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct source s = {.path = path, .send = send, .ctx = ctx, .seen = seen};
	int r;

	*seen = (struct jsonl_seen){0};
	if (fd < 0)
		return err_sys(e, errno, "open %s", path);
	s.reader = jsonl_read_new(outputs);
	r = read_all(&s, fd, e);
	jsonl_read_free(s.reader);
	if (r == 0 && !seen->events)
		return err_set(e, ERR_SETUP,
			"%s holds no event: the run was killed before it began", path);
	return r;
}
