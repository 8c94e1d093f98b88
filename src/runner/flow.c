#include "runner/flow.h"

#include "runner/later.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool flow_has_room(const struct runner *r)
{
	return link_room(&r->link) >= RUNNER_CHUNK + RUNNER_JOURNAL_RESERVE;
}

static int send_output(
	struct runner *r, struct job *j, int stream, const uint8_t *data, size_t len)
{
	struct stream *s = &j->streams[stream];
	struct wire_output output = {
		.stream = (uint32_t)stream + 1,
		.skipped = s->skipped_bytes,
		.data = {data, (uint32_t)len},
	};
	int err;

	if (j->mute)
		return 0;
	err = j->prompt ? link_send(&r->link, WIRE_OUTPUT, j->id, &output)
			: later_send(r, WIRE_OUTPUT, j->id, &output);
	if (!err)
		s->skipped_bytes = 0;
	return err;
}

/* Beyond the bound only the end is remembered, in a ring that is made when it is first
 * needed. */
static void keep_tail(struct job *j, struct stream *s, const uint8_t *data, size_t len)
{
	size_t size = j->tail_bytes;

	s->dropped_bytes += len;
	if (!size)
		return;
	if (!s->tail)
		s->tail = malloc(size);
	if (!s->tail)
		return;
	if (len > size) {
		s->tail_bytes += len - size;
		data += len - size;
		len = size;
	}
	for (size_t done = 0, piece; done < len; done += piece) {
		size_t at = s->tail_bytes % size;

		piece = len - done < size - at ? len - done : size - at;
		memcpy(s->tail + at, data + done, piece);
		s->tail_bytes += piece;
	}
}

static int take(
	struct runner *r, struct job *j, int stream, const uint8_t *data, size_t len)
{
	struct stream *s = &j->streams[stream];
	size_t allowed = len;

	if (j->output_bytes && s->taken_bytes + len > j->output_bytes)
		allowed = (size_t)(j->output_bytes - s->taken_bytes);
	s->taken_bytes += allowed;
	if (allowed < len)
		keep_tail(j, s, data + allowed, len - allowed);
	return allowed ? send_output(r, j, stream, data, allowed) : 0;
}

int flow_read(struct runner *r, struct job *j, int stream)
{
	struct stream *s = &j->streams[stream];
	uint8_t chunk[RUNNER_CHUNK];
	ssize_t n;

	if (s->fd < 0)
		return 0;
	if (!flow_has_room(r))
		return -ENOBUFS;
	n = read(s->fd, chunk, sizeof(chunk));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	if (n <= 0) {
		runner_close(&s->fd);
		return 0;
	}
	j->heard_ms = runner_now_us() / 1000;
	if (!j->mute)
		take(r, j, stream, chunk, (size_t)n);
	return (int)n;
}

static int send_tail(struct runner *r, struct job *j, int stream)
{
	struct stream *s = &j->streams[stream];
	size_t size = j->tail_bytes, held, from;
	uint8_t chunk[RUNNER_TAIL_MAX];
	int err;

	if (!s->tail)
		return 0;
	if (!flow_has_room(r))
		return -ENOBUFS;
	held = s->tail_bytes < size ? (size_t)s->tail_bytes : size;
	from = (size_t)(s->tail_bytes - held) % size;
	for (size_t i = 0; i < held; i++)
		chunk[i] = s->tail[(from + i) % size];
	s->dropped_bytes -= held;
	s->skipped_bytes = s->dropped_bytes;
	err = send_output(r, j, stream, chunk, held);
	if (err < 0)
		return err;
	free(s->tail);
	s->tail = NULL;
	return 0;
}

int flow_finish(struct runner *r, struct job *j)
{
	int err = send_tail(r, j, 0);

	return err ? err : send_tail(r, j, 1);
}

void flow_feed(struct job *j)
{
	ssize_t n;

	if (j->input_fd < 0)
		return;
	if (j->input_len) {
		n = write(j->input_fd, j->input, j->input_len);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		/* The job has closed it: nobody will read the rest. */
		if (n < 0) {
			runner_close(&j->input_fd);
			j->input_len = 0;
			return;
		}
		j->input_len -= (size_t)n;
		memmove(j->input, j->input + n, j->input_len);
	}
	if (!j->input_len && j->input_eof)
		runner_close(&j->input_fd);
}

void flow_release(struct job *j)
{
	for (int i = 0; i < 2; i++) {
		runner_close(&j->streams[i].fd);
		free(j->streams[i].tail);
		j->streams[i].tail = NULL;
	}
	runner_close(&j->input_fd);
	free(j->input);
	j->input = NULL;
}

int flow_open_nothing(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), fds[2];

	if (fd >= 0 || pipe2(fds, O_CLOEXEC) < 0)
		return fd;
	close(fds[1]);
	return fds[0];
}
