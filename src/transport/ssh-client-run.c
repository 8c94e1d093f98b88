/* Using a connection: commands, and bytes to and fro. */
#include "transport/ssh-client-private.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

enum {
	BLOCK = 32768,
	WORDS_MAX = 4096, /* kept of a command's standard error */
	OPEN_LIMIT_MS = 30000,
	ALIVE_INTERVAL_MS = 5000,
	ALIVE_COUNT = 4,
	LAST_BYTES_MS = 10000, /* from the end of the output to the exit status */
};

void ssh_command_release(struct ssh_command *c)
{
	buf_release(&c->out);
	buf_release(&c->err);
}

static ssh_channel open_command(struct ssh_client *c, const char *line, struct err *e)
{
	const struct ssh_client_options *o = &c->options;
	ssh_channel channel = ssh_channel_new(c->session);

	o->allow(o->ctx, OPEN_LIMIT_MS, "run a command");
	if (channel && ssh_channel_open_session(channel) == SSH_OK &&
		ssh_channel_request_exec(channel, line) == SSH_OK) {
		o->allow(o->ctx, 0, NULL);
		return channel;
	}
	ssh_client_fault(c, "run a command", e);
	if (channel)
		ssh_channel_free(channel);
	return NULL;
}

/* Waits for the connection, for what it has to send, and for `fd`. */
static void wait_for(struct ssh_client *c, struct pollfd *fd, int64_t limit_ms)
{
	struct pollfd fds[] = {
		{ssh_get_fd(c->session), POLLIN, 0},
		*fd,
	};

	if (ssh_get_poll_flags(c->session) & SSH_WRITE_PENDING)
		fds[0].events |= POLLOUT;
	if (poll(fds, 2, (int)limit_ms) < 0)
		fds[1].revents = 0;
	fd->revents = fds[1].revents;
}

/* Takes what has come; -1: the connection broke. */
static int read_some(ssh_channel channel, struct buf *out, int is_stderr, size_t *got)
{
	char block[BLOCK];

	for (;;) {
		int n = ssh_channel_read_nonblocking(
			channel, block, sizeof block, is_stderr);

		if (n == SSH_ERROR)
			return -1;
		if (n <= 0)
			return 0;
		buf_append(out, block, (size_t)n);
		*got += (size_t)n;
		if (out->len > 16 * BLOCK)
			return 0;
	}
}

static void keep_words(struct buf *words, const struct buf *more)
{
	if (words->len < WORDS_MAX)
		buf_append(words, more->data, MIN(more->len, WORDS_MAX - words->len));
}

/* Bytes the channel takes now: what lies in the library unsent is not to grow. */
static size_t room(struct ssh_client *c, ssh_channel channel)
{
	if (ssh_get_poll_flags(c->session) & SSH_WRITE_PENDING)
		return 0;
	return MIN(ssh_channel_window_size(channel), BLOCK);
}

/* How many bytes went; -1: none can. */
static ssize_t write_some(
	struct ssh_client *c, ssh_channel channel, const void *data, size_t len)
{
	size_t n = MIN(len, room(c, channel));
	int wrote = n ? ssh_channel_write(channel, data, (uint32_t)n) : 0;

	return wrote == SSH_ERROR ? -1 : MAX(0, wrote);
}

static bool has_ended(ssh_channel channel)
{
	return ssh_channel_is_eof(channel) || ssh_channel_is_closed(channel);
}

/* After the last byte comes the exit status, or the end of the channel. */
static int wait_status(struct ssh_client *c, ssh_channel channel)
{
	int64_t deadline = now_ms() + LAST_BYTES_MS;
	struct pollfd none = {-1, 0, 0};

	while (ssh_channel_get_exit_status(channel) < 0 &&
		!ssh_channel_is_closed(channel) && now_ms() < deadline &&
		ssh_is_connected(c->session)) {
		char byte;

		wait_for(c, &none, 50);
		ssh_channel_read_nonblocking(channel, &byte, 1, 0);
	}
	return ssh_channel_get_exit_status(channel);
}

static void close_channel(struct ssh_client *c, ssh_channel channel)
{
	ssh_channel_close(channel);
	ssh_channel_free(channel);
	ssh_set_blocking(c->session, 1);
}

/* ---- a command to its end */

static int feed(
	struct ssh_client *c, ssh_channel channel, struct ssh_command *k, size_t *done)
{
	ssize_t n;

	if (*done > k->input_len)
		return 0;
	while (*done < k->input_len) {
		n = write_some(
			c, channel, (const char *)k->input + *done, k->input_len - *done);
		if (n < 0)
			return -1;
		if (n == 0)
			return 0;
		*done += (size_t)n;
		if (k->progress)
			k->progress(k->ctx, *done);
	}
	(*done)++; /* told once */
	return ssh_channel_send_eof(channel) == SSH_ERROR ? -1 : 0;
}

static int run(
	struct ssh_client *c, ssh_channel channel, struct ssh_command *k, struct err *e)
{
	struct pollfd none = {-1, 0, 0};
	size_t done = 0, before = SIZE_MAX, got = 0;
	int64_t moved_ms = now_ms();
	autorelease(buf) struct buf words = BUF_INIT;

	for (;;) {
		/* One that has read enough and left is not a broken connection. */
		if (feed(c, channel, k, &done) < 0 && !has_ended(channel))
			return ssh_client_fault(c, "the connection broke", e);
		if (read_some(channel, &k->out, 0, &got) < 0 ||
			read_some(channel, &words, 1, &got) < 0)
			return ssh_client_fault(c, "the connection broke", e);
		keep_words(&k->err, &words);
		buf_clear(&words);
		if (k->out.len > k->output_max)
			return err_set(e, ERR_INFRA,
				"%s: a command's output does not end", c->name);
		if (has_ended(channel))
			break;
		if (!ssh_is_connected(c->session))
			return ssh_client_fault(c, "the connection broke", e);
		if (done + got != before)
			moved_ms = now_ms();
		else if (now_ms() - moved_ms > k->limit_ms)
			return err_set(e, ERR_INFRA,
				"%s: a command has not answered for %.0f s; what the "
				"login shell there does first (such as ~/.bashrc) counts",
				c->name, (double)k->limit_ms / 1000);
		before = done + got;
		/* Reading has made room for writing, too. */
		wait_for(c, &none, done < k->input_len && room(c, channel) ? 0 : 200);
	}
	k->status = wait_status(c, channel);
	return 0;
}

int ssh_client_run(struct ssh_client *c, struct ssh_command *k, struct err *e)
{
	ssh_channel channel = open_command(c, k->line, e);
	int status;

	if (!channel)
		return -1;
	ssh_set_blocking(c->session, 0);
	status = run(c, channel, k, e);
	close_channel(c, channel);
	return status;
}

/* ---- to and fro */

struct pump {
	struct ssh_client *c;
	ssh_channel channel;
	int fd;
	struct buf in, out, words; /* from the descriptor; from the channel */
	bool fd_ended, told_end;
	uint64_t heard;
	int64_t heard_ms, asked_ms;
};

/* A cut that nobody tells of shows by silence after a question. */
static int keep_alive(struct pump *p, struct err *e)
{
	const struct ssh_settings *s = &p->c->settings;
	int64_t every = s->alive_interval_ms ? s->alive_interval_ms : ALIVE_INTERVAL_MS;
	unsigned count = s->alive_count ? s->alive_count : ALIVE_COUNT;
	int64_t now = now_ms();

	if (p->c->heard.in_bytes != p->heard) {
		p->heard = p->c->heard.in_bytes;
		p->heard_ms = p->asked_ms = now;
	}
	if (now - p->heard_ms > every * count)
		return err_set(e, ERR_INFRA,
			"%s: the connection is dead: nothing was heard for %.0f s",
			p->c->name, (double)(now - p->heard_ms) / 1000);
	if (now - p->asked_ms >= every) {
		p->asked_ms = now;
		if (ssh_send_keepalive(p->c->session) == SSH_ERROR)
			return ssh_client_fault(p->c, "the connection broke", e);
	}
	return 0;
}

static int to_channel(struct pump *p)
{
	while (p->in.len) {
		ssize_t n = write_some(p->c, p->channel, p->in.data, p->in.len);

		if (n < 0)
			return -1;
		if (n == 0)
			return 0;
		buf_consume(&p->in, (size_t)n);
	}
	if (!p->fd_ended || p->told_end)
		return 0;
	p->told_end = true;
	return ssh_channel_send_eof(p->channel) == SSH_ERROR ? -1 : 0;
}

static void from_fd(struct pump *p)
{
	char *at = buf_reserve(&p->in, BLOCK);
	ssize_t n = read(p->fd, at, BLOCK);

	if (n > 0)
		p->in.len += (size_t)n;
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		p->fd_ended = true;
}

static void to_fd(struct pump *p)
{
	while (p->out.len) {
		ssize_t n = write(p->fd, p->out.data, p->out.len);

		if (n < 0) {
			if (errno == EAGAIN || errno == EINTR)
				return;
			p->fd_ended = true;
			buf_clear(&p->out);
			return;
		}
		buf_consume(&p->out, (size_t)n);
	}
}

/* 1: it is over. */
static int pump_once(struct pump *p, struct buf *words, struct err *e)
{
	struct pollfd fd = {p->fd, 0, 0};
	size_t got = 0;

	if (!has_ended(p->channel) && to_channel(p) < 0)
		return ssh_client_fault(p->c, "the connection broke", e);
	if ((p->out.len < 16 * BLOCK && read_some(p->channel, &p->out, 0, &got) < 0) ||
		read_some(p->channel, &p->words, 1, &got) < 0)
		return ssh_client_fault(p->c, "the connection broke", e);
	keep_words(words, &p->words);
	buf_clear(&p->words);
	to_fd(p);
	if (has_ended(p->channel) && !p->out.len)
		return 1;
	if (!ssh_is_connected(p->c->session))
		return ssh_client_fault(p->c, "the connection broke", e);
	if (keep_alive(p, e) < 0)
		return -1;
	/* Who has gone would be told of again and again. */
	if (p->fd_ended)
		fd.fd = -1;
	if (!p->fd_ended && p->in.len < 4 * BLOCK)
		fd.events |= POLLIN;
	if (p->out.len)
		fd.events |= POLLOUT;
	wait_for(p->c, &fd, got || (p->in.len && room(p->c, p->channel)) ? 0 : 500);
	if (fd.revents & (POLLIN | POLLHUP | POLLERR) && !p->fd_ended)
		from_fd(p);
	return 0;
}

int ssh_client_pump(struct ssh_client *c, ssh_channel channel, int fd, struct buf *words,
	struct err *e)
{
	struct pump p = {.c = c, .channel = channel, .fd = fd};
	int64_t ended_ms = 0;
	int status;

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	ssh_set_blocking(c->session, 0);
	p.heard_ms = p.asked_ms = now_ms();
	do {
		status = pump_once(&p, words, e);
		if (p.told_end && !ended_ms)
			ended_ms = now_ms();
		/* The other side has been told that this is the end. */
		if (ended_ms && now_ms() - ended_ms > LAST_BYTES_MS)
			status = 1;
	} while (status == 0);
	buf_release(&p.in);
	buf_release(&p.out);
	buf_release(&p.words);
	return MIN(status, 0);
}

int ssh_client_carry(struct ssh_client *c, const char *line, int fd, struct buf *words,
	int *status, struct err *e)
{
	ssh_channel channel = open_command(c, line, e);
	int pumped;

	if (!channel)
		return -1;
	pumped = ssh_client_pump(c, channel, fd, words, e);
	if (pumped == 0)
		*status = wait_status(c, channel);
	close_channel(c, channel);
	return pumped;
}
