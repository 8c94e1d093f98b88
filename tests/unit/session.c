/* The session against the real runner over a socketpair, and against a hostile one. */
#include "engine/session.h"

#include "base/util.h"
#include "wire/link.h"

#include "tests/tap.h"
#include "tests/unit/runner-bed.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

struct tally {
	unsigned int ready, started[4096], exited[4096], failed, lost, missing, stored,
		staged, gone, entered;
	uint64_t out_bytes, skipped, dropped;
	uint32_t sum; /* of all output, in order */
	uint32_t error;
	char path[512], content[64], binfmt_why[512];
	size_t ended;
};

static struct tally tally;
static struct session *session;
static int fd = -1;
static pid_t runner;

static void on_ready(void *ctx UNUSED, const struct wire_welcome *w UNUSED)
{
	tally.ready++;
}

static void on_started(
	void *ctx UNUSED, uint32_t job, const struct wire_started *s UNUSED)
{
	tally.started[job % 4096]++;
}

static void on_output(void *ctx UNUSED, uint32_t job, int stream UNUSED, uint64_t skipped,
	const uint8_t *data, size_t len)
{
	tally.out_bytes += len;
	tally.skipped += skipped;
	for (size_t i = 0; i < len; i++)
		tally.sum = tally.sum * 31 + data[i] + job;
}

static void on_exited(void *ctx UNUSED, uint32_t job, const struct wire_exited *e)
{
	tally.exited[job % 4096]++;
	tally.dropped += e->dropped_out_bytes;
	tally.ended++;
}

static void on_failed(
	void *ctx UNUSED, uint32_t job UNUSED, const struct wire_failed *f UNUSED)
{
	tally.failed++;
	tally.ended++;
}

static void on_lost(void *ctx UNUSED, uint32_t job UNUSED)
{
	tally.lost++;
}

static void on_missing(void *ctx UNUSED, uint32_t request UNUSED,
	const uint8_t *digests UNUSED, size_t count)
{
	tally.missing = (unsigned int)count;
	tally.ended++;
}

static void on_stored(
	void *ctx UNUSED, uint32_t request UNUSED, const struct wire_stored *s)
{
	tally.stored++;
	tally.error = s->error;
	tally.ended++;
}

static void on_staged(
	void *ctx UNUSED, uint32_t request UNUSED, const struct wire_result *r)
{
	snprintf(tally.path, sizeof(tally.path), "%s", r->path);
	tally.error = r->error;
	tally.staged++;
	tally.ended++;
}

static void on_content(
	void *ctx UNUSED, uint32_t request UNUSED, const struct wire_content *c)
{
	snprintf(tally.content, sizeof(tally.content), "%.*s", (int)c->data.len,
		(const char *)c->data.data);
	tally.ended += c->last;
}

static void on_gone(void *ctx UNUSED)
{
	tally.gone++;
}

static const struct session_ops ops = {
	.ready = on_ready,
	.started = on_started,
	.output = on_output,
	.exited = on_exited,
	.failed = on_failed,
	.lost = on_lost,
	.missing = on_missing,
	.stored = on_stored,
	.staged = on_staged,
	.content = on_content,
	.gone = on_gone,
};

static bool start(const char *work)
{
	struct session_options options = {.id = (uint64_t)now_us(), .heartbeat_ms = 100};

	fd = runner_bed_start(work, &runner);
	if (fd < 0)
		return false;
	memset(&tally, 0, sizeof(tally));
	session = session_new(&options, &ops, NULL);
	session_tick(session, now_ms());
	session_greet(session);
	return true;
}

static void stop(void)
{
	close(fd);
	waitpid(runner, NULL, 0);
	session_free(session);
}

/* One turn. With `limit`, at most so many bytes are read. False when the session or the
 * runner is dead. */
static bool turn(size_t limit)
{
	static uint8_t chunk[65536];
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct err e = {0};
	const void *out;
	size_t len;
	ssize_t n;

	session_tick(session, now_ms());
	while ((out = session_output(session, &len)) && (n = write(fd, out, len)) > 0)
		session_wrote(session, (size_t)n);
	poll(&p, 1, 50);
	n = read(fd, chunk, limit && limit < sizeof(chunk) ? limit : sizeof(chunk));
	if (n < 0)
		return errno == EAGAIN;
	if (n == 0 || session_feed(session, chunk, (size_t)n, &e) < 0) {
		if (e.kind)
			printf("# %s\n", e.msg);
		return false;
	}
	return true;
}

static void wait_ended(size_t count)
{
	int64_t until = now_ms() + 60000;

	while (tally.ended < count && now_ms() < until && turn(0))
		continue;
}

static void run(uint32_t job, const char *script, uint64_t bound)
{
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	const char *const env[] = {"PATH=/usr/bin:/bin", NULL};
	struct wire_run r = {
		.argv = {.v = argv}, .env = {.v = env}, .output_bytes = bound};
	struct err e;

	if (session_run(session, job, &r, NULL, 0, &e) < 0)
		printf("# %s\n", e.msg);
}

static long peak_kib(void)
{
	autofree char *path = xasprintf("/proc/%d/status", (int)runner);
	FILE *f = fopen(path, "re");
	char line[256];
	long kib = -1;

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "VmHWM:", 6) == 0)
			kib = atol(line + 6);
	if (f)
		fclose(f);
	return kib;
}

static void test_flood(void)
{
	int64_t began = now_ms();
	long kib;

	start(NULL);
	for (uint32_t job = 1; job <= 8; job++)
		run(job, "head -c 20000000 /dev/zero", job % 2 ? 0 : 1000000);
	wait_ended(8);
	kib = peak_kib();
	is_int((long long)tally.out_bytes, 4 * 20000000 + 4 * 1000000,
		"8 jobs flood, half of them over their bound");
	is_int((long long)tally.dropped, 4 * 19000000,
		"what is over is dropped and counted");
	ok(kib > 0 && kib <= 2048, "at most 2 MiB resident (%ld KiB, %lld ms)", kib,
		(long long)(now_ms() - began));
	stop();
}

static void test_back_pressure(void)
{
	long before;

	start(NULL);
	run(1, "head -c 5000000 /dev/zero", 0);
	while (!tally.out_bytes && turn(0))
		continue;
	usleep(500000);
	before = peak_kib();
	ok(before > 0 && before <= 2048,
		"the runner holds no more when nobody reads (%ld KiB)", before);
	wait_ended(1);
	is_int((long long)tally.out_bytes, 5000000, "and loses nothing");
	session_bye(session, false);
	while (turn(0))
		continue;
	is_int(tally.gone, 1, "BYE is answered");
	stop();
}

static void test_many(void)
{
	int64_t began, took;
	const uint32_t count = 500;

	start(NULL);
	while (!tally.ready && turn(0))
		continue;
	began = now_us();
	for (uint32_t job = 1; job <= count; job++) {
		const char *const argv[] = {"/bin/true", NULL};
		const char *const env[] = {NULL};
		struct wire_run r = {.argv = {.v = argv}, .env = {.v = env}};
		struct err e;

		if (session_run(session, job, &r, NULL, 0, &e) < 0)
			break;
		wait_ended(job);
	}
	took = now_us() - began;
	is_int((long long)tally.ended, count, "500 jobs, one after another");
	printf("# %lld us per job\n", (long long)took / count);
	stop();
}

/* Cuts the stream: what is under way in both directions is lost, then the session greets
 * again. */
static void cut(void)
{
	static uint8_t waste[65536];

	while (read(fd, waste, sizeof(waste)) > 0)
		continue;
	session_greet(session);
}

static void test_cuts(void)
{
	uint32_t x = 7, sum = 0, bad = 0, jobs = 60;
	int cuts = 0;

	for (int round = 0; round < 2; round++) {
		int64_t until = now_ms() + 60000, next = 0;

		start(NULL);
		/* One after another, so that the order of the output is the same in both
		 * rounds. */
		for (uint32_t job = 1; job <= jobs; job++) {
			run(job,
				"i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); "
				"done",
				0);
			while (tally.ended < job && now_ms() < until) {
				x = x * 1664525 + 1013904223;
				turn(round ? 1 + (x >> 20) : 0);
				if (round && now_us() > next) {
					next = now_us() + (x >> 8) % 20000;
					cut();
					cuts++;
				}
			}
		}
		for (uint32_t job = 1; job <= jobs; job++)
			bad += tally.exited[job] != 1 || tally.started[job] != 1;
		if (round == 0)
			sum = tally.sum;
		stop();
	}
	ok(bad == 0 && sum == tally.sum && !tally.failed && !tally.lost,
		"%u jobs over a link that is cut %d times: each once, no byte lost or "
		"doubled",
		jobs, cuts);
	if (bad || sum != tally.sum)
		printf("# bad %u, failed %u, lost %u, same output %d\n", bad,
			tally.failed, tally.lost, sum == tally.sum);
}

/* SHA-256 of "hello, store\n" */
static const uint8_t digest[32] = {
	0x7b,
	0x78,
	0xd8,
	0xe7,
	0xe5,
	0x02,
	0x5a,
	0x44,
	0x92,
	0xb4,
	0xd0,
	0x4d,
	0xb3,
	0x59,
	0xd4,
	0x1e,
	0x84,
	0xaa,
	0x08,
	0xef,
	0xf0,
	0x30,
	0x28,
	0x3b,
	0xe0,
	0x77,
	0xdb,
	0xd0,
	0x8d,
	0xe7,
	0xde,
	0x82,
};

static void test_store(void)
{
	char work[] = "/tmp/xtest-unit-XXXXXX";
	struct wire_blob blob = {.digest = {digest, 32},
		.size_bytes = 13,
		.coded_bytes = 13,
		.data = {(const uint8_t *)"hello, store\n", 13}};
	struct wire_entry file = {.kind = WIRE_ENTRY_FILE,
		.mode = 0644,
		.path = "a/b/file",
		.digest = {digest, 32}};
	static const struct {
		const char *name, *path;
		uint32_t error;
	} bad[] = {{"upwards", "../x", EINVAL}, {"absolute", "/tmp/x", EINVAL},
		{"through a link", "link/x", ENOTDIR}, {"empty", "", EINVAL}};
	struct wire_entry link = {
		.kind = WIRE_ENTRY_SYMLINK, .path = "link", .target = "/tmp"};
	struct err e;

	if (!mkdtemp(work) || !start(work))
		return;
	session_have(session, 1, digest, 1);
	wait_ended(1);
	is_int(tally.missing, 1, "a fresh store lacks the blob");
	blob.data.data = (const uint8_t *)"hello, stork\n";
	session_blob(session, 2, &blob);
	wait_ended(2);
	is_int(tally.error, EBADMSG, "a blob with a changed byte is refused");
	blob.data.data = (const uint8_t *)"hello, store\n";
	session_blob(session, 3, &blob);
	wait_ended(3);
	is_int(tally.error, 0, "the right one is stored");
	session_have(session, 4, digest, 1);
	wait_ended(4);
	is_int(tally.missing, 0, "and there");
	if (session_tree(session, 5, "tree", &file, &e) < 0 ||
		session_tree(session, 5, "tree", &link, &e) < 0)
		return;
	session_tree_end(session, 5, "tree");
	wait_ended(5);
	ok(!tally.error && ends_with(tally.path, "/tree"), "a tree is made");
	session_read(session, 6, "tree/a/b/file", 7, 5);
	wait_ended(6);
	is_str(tally.content, "store", "a file is read back");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		file.path = bad[i].path;
		if (session_tree(session, 7, "tree", &file, &e) < 0)
			return;
		session_tree_end(session, 7, "tree");
		wait_ended(7 + i);
		is_int(tally.error, bad[i].error, bad[i].name);
	}
	session_bye(session, true);
	while (turn(0))
		continue;
	ok(access(work, F_OK) < 0, "BYE removes the work directory");
	stop();
}

/* ---- a runner that breaks the rules */

static int feed_message(struct session *s, struct link *l, unsigned int type,
	uint32_t job, const void *m, struct err *e)
{
	const uint8_t *out;
	size_t len;
	int err = 0;

	if (type == WIRE_WELCOME)
		link_say(l, type, m);
	else
		link_send(l, type, job, m);
	while (err == 0 && (out = link_output(l, &len))) {
		err = session_feed(s, out, len, e);
		link_wrote(l, len);
	}
	return err;
}

static void test_hostile(void)
{
	static const struct {
		const char *name, *said;
		unsigned int types[3];
		uint32_t job, version;
	} table[] = {
		{"another version",
			"speaks version 77 of the protocol, this xtest speaks version 1",
			{0}, 0, 77},
		{"the end of a job that was never asked for", "not asked for",
			{WIRE_EXITED}, 9, 1},
		{"an end before the start", "not in the life", {WIRE_EXITED}, 1, 1},
		{"two ends", "has ended", {WIRE_STARTED, WIRE_EXITED, WIRE_EXITED}, 1, 1},
		{"two starts", "not in the life", {WIRE_STARTED, WIRE_STARTED}, 1, 1},
		{"a failure after the start", "not in the life",
			{WIRE_STARTED, WIRE_FAILED}, 1, 1},
		{"a limit before the start", "not in the life", {WIRE_STRUCK}, 1, 1},
		{"a limit after the end", "has ended",
			{WIRE_STARTED, WIRE_EXITED, WIRE_STRUCK}, 1, 1},
		{"output of no stream", "neither 1 nor 2", {WIRE_STARTED, WIRE_OUTPUT}, 1,
			1},
		{"a message of the host", "not a message of a runner", {WIRE_RUN}, 1, 1},
		{"a kept message that passes", "not a message that is kept", {WIRE_PONG},
			1, 1},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct session_options options = {.id = 5};
		struct session *s = session_new(&options, &ops, NULL);
		struct wire_welcome w = {.version = table[i].version, .session = 5};
		static const union {
			struct wire_run run;
			struct wire_exited exited;
			struct wire_blob blob;
		} zero;
		struct err e = {0};
		struct link l;
		int err;

		link_init_growing(&l);
		session_greet(s);
		err = feed_message(s, &l, WIRE_WELCOME, 0, &w, &e);
		session = s;
		run(1, "true", 0);
		for (size_t k = 0; !err && k < 3 && table[i].types[k]; k++)
			err = feed_message(
				s, &l, table[i].types[k], table[i].job, &zero, &e);
		ok(err < 0 && strstr(e.msg, table[i].said), "%s: %s", table[i].name,
			e.msg);
		link_release(&l);
		session_free(s);
	}
}

/* What the session has to say now, in bytes; it is said then. */
static size_t say_all(struct session *s)
{
	size_t len = 0, all = 0;

	while (session_output(s, &len) && len) {
		session_wrote(s, len);
		all += len;
	}
	return all;
}

/* A far side that has just opened its end need not wait for the next repetition. */
static void test_greet_again(void)
{
	struct session_options options = {.id = 5};
	struct session *s = session_new(&options, &ops, NULL);
	struct wire_welcome w = {.version = WIRE_VERSION, .session = 5};
	struct err e = {0};
	struct link l;
	size_t hello;

	link_init_growing(&l);
	session_tick(s, 1000);
	session_greet_again(s);
	is_int(say_all(s), 0, "before it was greeted nothing is said again");
	session_greet(s);
	hello = say_all(s);
	session_tick(s, 1001);
	is_int(say_all(s), 0, "HELLO is not repeated at once by itself");
	session_greet_again(s);
	is_int(say_all(s), hello, "but when it may have been missed");
	is_int(feed_message(s, &l, WIRE_WELCOME, 0, &w, &e), 0, "then it is answered");
	say_all(s);
	session_greet_again(s);
	is_int(say_all(s), 0, "and not repeated any more");
	link_release(&l);
	session_free(s);
}

int main(void)
{
	test_hostile();
	test_greet_again();
	signal(SIGPIPE, SIG_IGN);
	if (!start(NULL)) {
		skip("the session with a real runner",
			"no xtest-runner was built for this machine");
		return tap_done();
	}
	stop();
	test_many();
	test_flood();
	test_back_pressure();
	test_cuts();
	test_store();
	return tap_done();
}
