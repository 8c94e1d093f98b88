/* The runner on the port of a machine: its host goes away in the middle of a frame, comes
 * back, and comes back as another one. A FIFO reads as such a port does: end of file
 * while nobody is there, and then not. */
#include "runner/serve.h"

#include "tests/tap.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char fifo[] = "/tmp/xtest-port-XXXXXX";
static struct link host;
static struct frame_reader reader;
static int in_fd = -1, out_fd = -1;
static pid_t server;

/* The last of each that was heard. */
static struct {
	int welcomes, pongs, started;
	struct wire_welcome welcome;
	struct wire_ping pong;
} heard;

static void start(void)
{
	int pair[2], fd = mkstemp(fifo);

	if (fd < 0 || close(fd) < 0 || unlink(fifo) < 0 || mkfifo(fifo, 0600) < 0 ||
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		exit(99);
	server = fork();
	if (server == 0) {
		struct serve_options options = {
			.in_fd = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC),
			.out_fd = pair[1],
			.machine = true,
			.mounts_fd = -1,
			.cages_fd = -1,
		};

		close(pair[0]);
		exit(serve(&options));
	}
	close(pair[1]);
	in_fd = pair[0];
}

static void come(void)
{
	out_fd = open(fifo, O_WRONLY | O_CLOEXEC);
	if (out_fd < 0)
		exit(99);
}

static void go(void)
{
	close(out_fd);
	out_fd = -1;
}

static void flush_link(void)
{
	const uint8_t *data;
	size_t len;
	ssize_t n;

	while ((data = link_output(&host, &len))) {
		n = write(out_fd, data, len);
		if (n <= 0)
			exit(99);
		link_wrote(&host, (size_t)n);
	}
}

static void hear(const struct wire_header *h, const uint8_t *body)
{
	if (h->sequence && link_is_next(&host, h->sequence))
		link_take(&host);
	heard.started += h->type == WIRE_STARTED;
	if (h->type == WIRE_WELCOME) {
		heard.welcomes++;
		msg_decode(msg_find(h->type), body, h->length, &heard.welcome);
	} else if (h->type == WIRE_PONG) {
		heard.pongs++;
		msg_decode(msg_find(h->type), body, h->length, &heard.pong);
	}
}

/* Until *count is `want`, for at most ten seconds. */
static bool listen_until(const int *count, int want)
{
	int64_t until = runner_now_us() + 10 * 1000000ll;

	flush_link();
	while (*count < want && runner_now_us() < until) {
		struct pollfd p = {.fd = in_fd, .events = POLLIN};
		struct wire_header h;
		const uint8_t *body;
		size_t room;
		uint8_t *to;
		ssize_t n;

		if (poll(&p, 1, 1000) <= 0)
			continue;
		to = frame_reader_room(&reader, &room);
		n = read(in_fd, to, room);
		if (n <= 0)
			return false;
		frame_reader_add(&reader, (size_t)n);
		while (frame_reader_next(&reader, &h, &body))
			hear(&h, body);
	}
	return *count >= want;
}

static bool greet(uint64_t session)
{
	struct wire_hello hello = {
		.version = WIRE_VERSION, .session = session, .silence_ms = 1};
	int before = heard.welcomes;

	link_say(&host, WIRE_HELLO, &hello);
	return listen_until(&heard.welcomes, before + 1);
}

/* How many jobs run, by the runner's word; -1 without an answer. */
static int running(void)
{
	struct wire_ping ping = {.last_sent = link_last_sent(&host)};
	int before = heard.pongs;

	link_say(&host, WIRE_PING, &ping);
	return listen_until(&heard.pongs, before + 1) ? (int)heard.pong.running : -1;
}

static bool run_for_ever(uint32_t id)
{
	static const char *const argv[] = {"/bin/sleep", "1000", NULL};
	struct wire_run run = {.argv = {.v = argv}};
	int before = heard.started;

	link_send(&host, WIRE_RUN, id, &run);
	return listen_until(&heard.started, before + 1);
}

static bool is_running(void)
{
	return waitpid(server, NULL, WNOHANG) == 0;
}

static void test_absence(void)
{
	const uint8_t half[] = {0xc1, 0x57, 0x7e, 0xb1, 0xff, 0xff, 0, 0, 2, 0};

	ok(greet(1) && !heard.welcome.resumed, "a host comes");
	ok(run_for_ever(1) && running() == 1, "a job runs");
	ok(write(out_fd, half, sizeof(half)) == (ssize_t)sizeof(half),
		"the host begins a frame");
	go();
	poll(NULL, 0, 200);
	ok(is_running(), "and goes: the runner waits, whatever silence it was told");
	come();
	is_int(running(), 1, "it comes back: its job runs, the half frame is forgotten");
	ok(greet(1) && heard.welcome.resumed, "it goes on with its session");
	go();
	come();
	link_release(&host);
	link_init_growing(&host);
	ok(greet(2) && !heard.welcome.resumed, "another host comes");
	for (int i = 0; i < 100 && running() > 0; i++)
		poll(NULL, 0, 20);
	is_int(running(), 0, "the old one's job is gone");
}

static void test_signals(void)
{
	int status = 0;

	ok(run_for_ever(1), "a job runs");
	kill(server, SIGHUP);
	is_int(running(), 1, "SIGHUP is nothing to the first process");
	kill(server, SIGTERM);
	waitpid(server, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGTERM,
		"SIGTERM ends it, without a word about the job");
}

int main(void)
{
	/* Who lives through a failure of ours would keep the pipes of `make` open. */
	alarm(120);
	start();
	come();
	link_init_growing(&host);
	test_absence();
	test_signals();
	go();
	close(in_fd);
	link_release(&host);
	unlink(fifo);
	return tap_done();
}
