#include "report/spill.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { TAIL_MAX = 1 << 20 };

void spill_init(struct spill *s)
{
	*s = (struct spill){.fd = -1};
}

void spill_release(struct spill *s)
{
	buf_release(&s->tail);
	if (s->fd >= 0)
		close(take_fd(s->fd));
}

static int open_unnamed(void)
{
	const char *dir = getenv("TMPDIR");
	autofree char *name = xasprintf("%s/xtest.XXXXXX", dir && *dir ? dir : "/tmp");
	int fd = mkostemp(name, O_CLOEXEC);

	if (fd >= 0)
		unlink(name);
	return fd;
}

static int flush(struct spill *s, struct err *e)
{
	if (s->fd < 0 && (s->fd = open_unnamed()) < 0)
		return err_set(
			e, ERR_OUTPUT, "make a temporary file: %s", strerror(errno));
	if (fs_write_all(s->fd, s->tail.data, s->tail.len) < 0)
		return err_set(
			e, ERR_OUTPUT, "write a temporary file: %s", strerror(errno));
	s->flushed += (off_t)s->tail.len;
	buf_clear(&s->tail);
	return 0;
}

int spill_append(struct spill *s, const void *data, size_t len, off_t *at, struct err *e)
{
	*at = s->flushed + (off_t)s->tail.len;
	buf_append(&s->tail, data, len);
	return s->tail.len > TAIL_MAX ? flush(s, e) : 0;
}

int spill_read(struct spill *s, off_t at, size_t len, struct buf *out, struct err *e)
{
	if (at >= s->flushed) {
		buf_append(out, s->tail.data + (at - s->flushed), len);
		return 0;
	}
	/* An entry is flushed as a whole, so it lies in the file as a whole. */
	while (len) {
		char *to = buf_reserve(out, len);
		ssize_t n = pread(s->fd, to, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(e, ERR_OUTPUT, "read a temporary file: %s",
				n < 0 ? strerror(errno) : "it is shorter than it was");
		out->len += (size_t)n;
		to[n] = 0;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}
