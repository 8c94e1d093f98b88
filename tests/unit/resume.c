/* The link is cut after every single byte that goes either way during a job, and cut
 * again while it resumes: each event of each job comes exactly once, and no byte of its
 * output is lost or doubled. */
#include "engine/session.h"

#include "base/util.h"

#include "tests/tap.h"
#include "tests/unit/runner-bed.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#define WORDS_SIZE 401

static struct session *session;
static int fd = -1;
static char words[WORDS_SIZE];

/* What was heard of the job that runs. */
static struct {
	unsigned int started, exited, failed, lost;
	size_t out_len;
	char out[2 * WORDS_SIZE];
} heard;

static void on_started(
	void *ctx UNUSED, uint32_t job UNUSED, const struct wire_started *s UNUSED)
{
	heard.started++;
}

static void on_output(void *ctx UNUSED, uint32_t job UNUSED, int stream UNUSED,
	uint64_t skipped UNUSED, const uint8_t *data, size_t len)
{
	len = MIN(len, sizeof(heard.out) - heard.out_len);
	memcpy(heard.out + heard.out_len, data, len);
	heard.out_len += len;
}

static void on_exited(
	void *ctx UNUSED, uint32_t job UNUSED, const struct wire_exited *e UNUSED)
{
	heard.exited++;
}

static void on_failed(void *ctx UNUSED, uint32_t job UNUSED, const struct wire_failed *f)
{
	printf("# %s\n", f->text);
	heard.failed++;
}

static void on_lost(void *ctx UNUSED, uint32_t job UNUSED)
{
	heard.lost++;
}

static const struct session_ops ops = {
	.started = on_started,
	.output = on_output,
	.exited = on_exited,
	.failed = on_failed,
	.lost = on_lost,
};

/* How many bytes still pass before the cut. */
static size_t left_out, left_in;
static bool is_cut;

static void write_some(void)
{
	const void *out;
	size_t len;
	ssize_t n;

	while (!is_cut && (out = session_output(session, &len))) {
		n = write(fd, out, MIN(len, left_out));
		if (n < 0)
			return;
		session_wrote(session, (size_t)n);
		left_out -= (size_t)n;
		is_cut = left_out == 0;
	}
}

static bool read_some(void)
{
	uint8_t chunk[4096];
	struct err e = {0};
	ssize_t n = read(fd, chunk, MIN(sizeof(chunk), left_in));

	if (n < 0)
		return errno == EAGAIN;
	left_in -= (size_t)n;
	is_cut |= left_in == 0;
	if (n > 0 && session_feed(session, chunk, (size_t)n, &e) == 0)
		return true;
	printf("# %s\n", e.msg);
	return false;
}

/* Whatever is under way is lost. */
static void reconnect(void)
{
	uint8_t waste[4096];

	while (read(fd, waste, sizeof(waste)) > 0)
		continue;
	session_greet(session);
	is_cut = false;
}

/* One job over a link that is cut after so many bytes out or in, and `again` bytes later
 * once more. Returns whether that many went by before the job had ended. */
static bool run_cut(uint32_t job, size_t out, size_t in, size_t again)
{
	const char *const argv[] = {"/bin/echo", "-n", words, NULL};
	const char *const env[] = {NULL};
	struct wire_run run = {.argv = {.v = argv}, .env = {.v = env}};
	int64_t until = now_ms() + 20000;
	struct err e = {0};
	int cuts = 0;

	memset(&heard, 0, sizeof(heard));
	left_out = out;
	left_in = in;
	if (session_run(session, job, &run, NULL, 0, &e) < 0)
		return false;
	while (!heard.exited && !heard.failed && !heard.lost && now_ms() < until) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		session_tick(session, now_ms());
		write_some();
		if (!is_cut && poll(&p, 1, 20) > 0 && !read_some())
			break;
		if (!is_cut)
			continue;
		reconnect();
		left_out = left_in = cuts++ || !again ? SIZE_MAX : again;
	}
	return cuts > 0;
}

static bool is_right(void)
{
	return heard.started == 1 && heard.exited == 1 && !heard.failed && !heard.lost &&
	       heard.out_len == strlen(words) &&
	       memcmp(heard.out, words, heard.out_len) == 0;
}

/* All positions of one direction, `step` apart. */
static void test_positions(bool outwards, size_t step, bool twice)
{
	static uint32_t job;
	size_t at = 1, cuts = 0, wrong = 0;
	int64_t began = now_ms();

	for (;; at += step) {
		bool cut = run_cut(++job, outwards ? at : SIZE_MAX,
			outwards ? SIZE_MAX : at, twice ? 1 + at * 7 % 1500 : 0);

		cuts += cut;
		if (!is_right() && wrong++ < 5)
			printf("# cut at %zu: started %u, exited %u, failed %u, lost %u, "
			       "%zu bytes\n",
				at, heard.started, heard.exited, heard.failed, heard.lost,
				heard.out_len);
		if (!cut || wrong > 20)
			break;
	}
	ok(!wrong && cuts >= 400 / step, "%zu positions %s%s", cuts,
		outwards ? "to the runner" : "from it",
		twice ? ", and again after it" : "");
	printf("# %lld ms\n", (long long)(now_ms() - began));
}

int main(void)
{
	struct session_options options = {.id = 77};
	struct session_counts counts;
	pid_t runner;

	signal(SIGPIPE, SIG_IGN);
	fd = runner_bed_start(NULL, &runner);
	if (fd < 0) {
		skip("a link that is cut", "no xtest-runner was built for this machine");
		return tap_done();
	}
	memset(words, 'w', sizeof(words) - 1);
	session = session_new(&options, &ops, NULL);
	session_tick(session, now_ms());
	session_greet(session);
	for (int twice = 0; twice < 2; twice++) {
		test_positions(true, twice ? 3 : 1, twice);
		test_positions(false, twice ? 3 : 1, twice);
	}
	session_counts(session, &counts);
	ok(counts.queue_bytes < 65536, "nothing stays in the queue for ever");
	close(fd);
	waitpid(runner, NULL, 0);
	session_free(session);
	return tap_done();
}
