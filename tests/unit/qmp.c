/* The monitor's client against a peer that says what a script tells it. */
#include "transport/qmp.h"

#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define VERSION "{\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}}"
#define GREETING "{\"QMP\": {\"version\": " VERSION ", \"capabilities\": [\"oob\"]}}\r\n"
#define READY GREETING "{\"return\": {}, \"id\": 1}\r\n"
#define LIMIT_MS 2000

static char events[256];

static void on_event(void *ctx, const char *event, const struct json *data)
{
	size_t len = strlen(events);

	(void)ctx;
	snprintf(events + len, sizeof events - len, "%s(%s) ", event,
		json_find_string(data, "reason", ""));
}

/* One command is sent; the peer writes `says` once it has read it. */
static const struct {
	const char *name, *says, *result, *error, *failure, *events;
} scripts[] = {
	{"an answer", READY "{\"return\": {\"status\": \"running\"}, \"id\": 2}\r\n",
		.result = "running"},
	{"an answer after events",
		READY
		"{\"event\": \"RESUME\", \"timestamp\": {}}\r\n"
		"{\"event\": \"SHUTDOWN\", \"data\": {\"reason\": \"guest-reset\"}}\r\n"
		"{\"return\": {\"status\": \"paused\"}, \"id\": 2}\r\n",
		.result = "paused", .events = "RESUME() SHUTDOWN(guest-reset) "},
	{"a refusal",
		READY
		"{\"error\": {\"class\": \"GenericError\", \"desc\": \"No such fd\"},"
		" \"id\": 2}\r\n",
		.error = "QEMU refused \"query-status\": No such fd"},
	{"a refusal nobody waited for",
		GREETING "{\"error\": {\"desc\": \"no capability\"}, \"id\": 1}\r\n"
			 "{\"return\": {\"status\": \"running\"}, \"id\": 2}\r\n",
		.result = "running", .failure = "no capability"},
	{"an answer with another id is not ours",
		READY "{\"return\": {\"status\": \"wrong\"}, \"id\": 7}\r\n"
		      "{\"return\": {\"status\": \"right\"}, \"id\": 2}\r\n",
		.result = "right"},
	{"the end instead of an answer", READY,
		.error = "QEMU has gone before it answered \"query-status\""},
	{"no JSON", READY "qemu: what?\r\n",
		.error = "QEMU has gone before it answered \"query-status\""},
	{"no object", READY "[1, 2]\r\n",
		.error = "QEMU has gone before it answered \"query-status\""},
};

/* The peer's process: waits for the second command, writes in pieces of `step` bytes. */
static pid_t start_peer(int fd, const char *says, size_t step)
{
	char block[1024];
	size_t len = 0;
	pid_t pid = fork();

	if (pid)
		return pid;
	alarm(20);
	while (len < sizeof block - 1) {
		ssize_t n = read(fd, block + len, sizeof block - 1 - len);

		if (n <= 0)
			_exit(1);
		len += (size_t)n;
		block[len] = '\0';
		if (strstr(block, "query-status"))
			break;
	}
	for (size_t at = 0; says[at];) {
		size_t piece = strnlen(says + at, step);

		if (write(fd, says + at, piece) < 0)
			_exit(1);
		at += piece;
	}
	_exit(0);
}

static struct qmp *connect_peer(const char *says, size_t step, pid_t *pid)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		exit(99);
	fflush(stdout);
	*pid = start_peer(pair[1], says, step);
	close(pair[1]);
	return qmp_new(pair[0], on_event, NULL);
}

static void test_scripts(void)
{
	static const size_t steps[] = {1, 7, 4096};

	for (size_t i = 0; i < ARRAY_LEN(scripts) * ARRAY_LEN(steps); i++) {
		size_t step = steps[i % ARRAY_LEN(steps)];
		__typeof__(&scripts[0]) t = &scripts[i / ARRAY_LEN(steps)];
		struct json *result = NULL;
		struct err e = {0};
		struct qmp *q;
		pid_t pid;

		events[0] = '\0';
		q = connect_peer(t->says, step, &pid);
		qmp_call(q, "query-status", NULL, -1, LIMIT_MS, &result, &e) < 0
			? is_str(e.msg, t->error, t->name)
			: is_str(json_find_string(
					 json_find(result, "return"), "status", NULL),
				  t->result, t->name);
		is_str(qmp_version(q), "7.2.22", "the greeting tells the version");
		ok(streq_null(qmp_failure(q), t->failure) &&
				streq(events, t->events ? t->events : ""),
			"%s: what else was heard, in pieces of %zu", t->name, step);
		json_free(result);
		qmp_free(q);
		waitpid(pid, NULL, 0);
	}
}

static void test_no_answer(void)
{
	struct err e = {0};
	struct qmp *q;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		exit(99);
	q = qmp_new(pair[0], on_event, NULL);
	is_int(qmp_call(q, "stop", NULL, -1, 50, NULL, &e), -1, "a peer that is silent");
	is_str(e.msg, "QEMU has not answered \"stop\" within 0.1 s", "is given up");
	/* The late answer must not be taken for that of the next command. */
	ok(write(pair[1], READY "{\"return\": {}, \"id\": 2}\r\n",
		   strlen(READY "{\"return\": {}, \"id\": 2}\r\n")) > 0,
		"it answers late");
	is_int(qmp_call(q, "cont", NULL, -1, 50, NULL, &e), -1,
		"a late answer is none to the next command");
	qmp_free(q);
	close(pair[1]);
}

/* A peer that never ends its line. */
static void test_flood(void)
{
	static char block[65536];
	struct qmp *q;
	size_t sent = 0;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		exit(99);
	signal(SIGPIPE, SIG_IGN);
	memset(block, 'x', sizeof block);
	q = qmp_new(pair[0], on_event, NULL);
	while (sent < 64u << 20) {
		ssize_t n = write(pair[1], block, sizeof block);

		if (n > 0)
			sent += (size_t)n;
		if ((n < 0 && errno != EAGAIN) || !qmp_pump(q))
			break;
	}
	ok(sent < 4u << 20, "a line without end is cut off after %zu bytes", sent);
	is_int(qmp_fd(q), -1, "and there is nothing to poll any more");
	qmp_free(q);
	close(pair[1]);
}

static void test_descriptor(void)
{
	char block[512], space[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {block, sizeof block};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = space,
		.msg_controllen = sizeof space};
	struct cmsghdr *head;
	struct err e = {0};
	struct qmp *q;
	int pair[2], pipes[2], got = -1;
	char c = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ||
		pipe2(pipes, O_CLOEXEC) < 0)
		exit(99);
	q = qmp_new(pair[0], on_event, NULL);
	ok(read(pair[1], block, sizeof block) > 0, "the capabilities come first");
	is_int(qmp_send(q, "getfd", "{\"fdname\":\"state\"}", pipes[1], &e), 0,
		"a descriptor is sent");
	ok(recvmsg(pair[1], &msg, MSG_CMSG_CLOEXEC) > 0 && strstr(block, "\"getfd\""),
		"with its command");
	head = CMSG_FIRSTHDR(&msg);
	if (head && head->cmsg_type == SCM_RIGHTS)
		memcpy(&got, CMSG_DATA(head), sizeof got);
	ok(got >= 0 && write(got, "y", 1) == 1 && read(pipes[0], &c, 1) == 1 && c == 'y',
		"and is the same file there");
	qmp_free(q);
	close(pair[1]);
	close(got);
	close(pipes[0]);
	close(pipes[1]);
}

int main(void)
{
	test_scripts();
	test_no_answer();
	test_flood();
	test_descriptor();
	return tap_done();
}
