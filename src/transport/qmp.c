#include "transport/qmp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	LINE_MAX_BYTES = 1 << 20, /* the longest answer we ask for is a few KiB */
	SEND_LIMIT_MS = 2000,
	READS_AT_ONCE = 16,
};

struct qmp {
	int fd; /* owned; -1 after the end */
	void (*on_event)(void *ctx, const char *event, const struct json *data);
	void *ctx;
	struct buf in;
	int64_t last_id;
	char *failure, *version;

	/* The answer that is waited for. */
	int64_t awaited_id;
	bool answered;
	struct json *answer; /* owned: the whole message */
};

struct qmp *qmp_new(int fd,
	void (*on_event)(void *ctx, const char *event, const struct json *data),
	void *ctx)
{
	struct qmp *q = xcalloc(1, sizeof *q);
	struct err e = {0};

	fcntl(fd, F_SETFL, O_NONBLOCK);
	q->fd = fd;
	q->on_event = on_event;
	q->ctx = ctx;
	if (qmp_send(q, "qmp_capabilities", NULL, -1, &e) < 0)
		q->failure = xstrdup(e.msg);
	return q;
}

static void hang_up(struct qmp *q)
{
	if (q->fd >= 0)
		close(take_fd(q->fd));
}

void qmp_free(struct qmp *q)
{
	if (!q)
		return;
	hang_up(q);
	buf_release(&q->in);
	json_free(q->answer);
	free(q->failure);
	free(q->version);
	free(q);
}

const char *qmp_failure(const struct qmp *q)
{
	return q->failure;
}

const char *qmp_version(const struct qmp *q)
{
	return q->version;
}

int qmp_fd(const struct qmp *q)
{
	return q->fd;
}

/* ---- out */

/* Bytes written, or -1 with errno. A descriptor travels with the first byte. */
static ssize_t send_some(int fd, const char *data, size_t len, int pass_fd)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {.space = {0}};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *head;

	if (pass_fd >= 0) {
		msg.msg_control = control.space;
		msg.msg_controllen = sizeof control.space;
		head = CMSG_FIRSTHDR(&msg);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(head), &pass_fd, sizeof pass_fd);
	}
	return sendmsg(fd, &msg, MSG_NOSIGNAL);
}

static int send_all(
	struct qmp *q, const char *data, size_t len, int pass_fd, struct err *e)
{
	int64_t deadline = now_ms() + SEND_LIMIT_MS;

	while (len) {
		ssize_t n = send_some(q->fd, data, len, pass_fd);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN && now_ms() < deadline) {
			poll(&(struct pollfd){.fd = q->fd, .events = POLLOUT}, 1, 100);
			continue;
		}
		if (n < 0)
			return err_set(e, ERR_INFRA,
				"QEMU's monitor takes no command: %s",
				errno == EAGAIN ? "it reads nothing" : strerror(errno));
		pass_fd = -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int qmp_send(struct qmp *q, const char *command, const char *arguments, int pass_fd,
	struct err *e)
{
	autorelease(buf) struct buf line = BUF_INIT;

	if (q->fd < 0)
		return err_set(e, ERR_INFRA, "QEMU's monitor has been closed");
	buf_printf(&line, "{\"execute\":\"%s\",\"id\":%lld", command,
		(long long)++q->last_id);
	if (arguments)
		buf_printf(&line, ",\"arguments\":%s", arguments);
	buf_append_str(&line, "}\n");
	return send_all(q, line.data, line.len, pass_fd, e);
}

/* ---- in */

static const char *error_words(const struct json *message)
{
	return json_find_string(json_find(message, "error"), "desc", "refused");
}

static void take_greeting(struct qmp *q, const struct json *greeting)
{
	const struct json *v = json_find(json_find(greeting, "version"), "qemu");

	if (v && !q->version)
		q->version =
			xasprintf("%d.%d.%d", (int)json_int(json_find(v, "major"), 0),
				(int)json_int(json_find(v, "minor"), 0),
				(int)json_int(json_find(v, "micro"), 0));
}

/* Takes the message over. */
static void take_message(struct qmp *q, struct json *message)
{
	const char *event = json_find_string(message, "event", NULL);
	int64_t id = json_int(json_find(message, "id"), 0);

	if (event) {
		if (q->on_event)
			q->on_event(q->ctx, event, json_find(message, "data"));
	} else if (id && id == q->awaited_id && !q->answered) {
		q->answered = true;
		q->answer = message;
		return;
	} else if (json_find(message, "error") && !q->failure) {
		q->failure = xstrdup(error_words(message));
	} else {
		take_greeting(q, json_find(message, "QMP"));
	}
	json_free(message);
}

/* False when a line is no message. */
static bool take_lines(struct qmp *q)
{
	size_t done = 0;
	char *end;

	while (q->in.len > done &&
		(end = memchr(q->in.data + done, '\n', q->in.len - done))) {
		size_t len = (size_t)(end - q->in.data) - done;
		struct err e = {0};
		struct json *message = NULL;

		if (len && q->in.data[done + len - 1] != '\0')
			message = json_parse(q->in.data + done, len, "monitor", &e);
		if (!message || json_kind(message) != JSON_OBJECT) {
			json_free(message);
			return false;
		}
		done += len + 1;
		take_message(q, message);
	}
	buf_consume(&q->in, done);
	return q->in.len <= LINE_MAX_BYTES;
}

bool qmp_pump(struct qmp *q)
{
	for (int i = 0; q->fd >= 0 && i < READS_AT_ONCE; i++) {
		ssize_t n = read(q->fd, buf_reserve(&q->in, 4096), 4096);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			hang_up(q);
			break;
		}
		q->in.len += (size_t)n;
		q->in.data[q->in.len] = '\0';
		if (!take_lines(q))
			hang_up(q);
	}
	return q->fd >= 0;
}

static int await(struct qmp *q, const char *command, int64_t limit_ms, struct err *e)
{
	int64_t deadline = now_ms() + limit_ms;

	while (!q->answered) {
		int64_t left = deadline - now_ms();

		if (!qmp_pump(q) && !q->answered)
			return err_set(e, ERR_INFRA,
				"QEMU has gone before it answered \"%s\"", command);
		if (q->answered)
			break;
		if (left <= 0)
			return err_set(e, ERR_INFRA,
				"QEMU has not answered \"%s\" within %.1f s", command,
				(double)limit_ms / 1000);
		poll(&(struct pollfd){.fd = q->fd, .events = POLLIN}, 1, (int)left);
	}
	return 0;
}

int qmp_call(struct qmp *q, const char *command, const char *arguments, int pass_fd,
	int64_t limit_ms, struct json **result, struct err *e)
{
	struct json *answer;
	int status;

	q->awaited_id = q->last_id + 1;
	q->answered = false;
	if (qmp_send(q, command, arguments, pass_fd, e) < 0 ||
		await(q, command, limit_ms, e) < 0) {
		q->awaited_id = 0;
		return -1;
	}
	q->awaited_id = 0;
	answer = take_ptr(q->answer);
	status = json_find(answer, "error")
			 ? err_set(e, ERR_INFRA, "QEMU refused \"%s\": %s", command,
				   error_words(answer))
			 : 0;
	if (result && status == 0)
		*result = answer;
	else
		json_free(answer);
	return status;
}
