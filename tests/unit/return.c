/* A place whose link is cut and comes back: the way between it and a real runner on a
 * board is ours, and is cut after so many bytes one way or the other. Every task ends
 * once, as it would have without a cut, and runs once; what a runner that was killed had
 * finished keeps its verdict. */
#include "engine/place.h"

#include "base/fs.h"
#include "model/target.h"

#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000, LIMIT_MS = 700, MANY_CUTS = 40 };

static char *dir, *board_dir, *runner_path;
static const struct target *kind; /* of the next place; NULL: any */

/* The way: our end of the pair the place has the other end of, and the runner's socket.
 */
static struct {
	int near_fd, far_fd;
	size_t left_out, left_in; /* bytes until the cut */
	uint64_t came;            /* bytes that went to the place */
	unsigned cuts, opened;
	bool closed; /* nobody gets through now */
	bool greets; /* the other side says WELCOME, then noise, and no more */
	bool direct; /* the next place has the runner's socket itself */
} way = {.near_fd = -1, .far_fd = -1};

/* ---- the runner */

static pid_t start_board(void)
{
	char line[256] = "";
	int out[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe(out) < 0)
		exit(99);
	pid = fork();
	if (pid == 0) {
		dup2(out[1], 1);
		execl(runner_path, "xtest-runner", "--board", board_dir, "--owner", "me",
			"--lease", "600", NULL);
		_exit(127);
	}
	close(out[1]);
	n = read(out[0], line, sizeof line - 1);
	line[n > 0 ? n : 0] = '\0';
	close(out[0]);
	waitpid(pid, &status, 0);
	if (!starts_with(line, "ready ")) {
		printf("Bail out! %s\n", line);
		exit(99);
	}
	return (pid_t)atoi(line + strlen("ready "));
}

static void end_board(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		dup2(2, 1);
		execl(runner_path, "xtest-runner", "--end", board_dir, "me", NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

/* ---- the way */

static void cut(void)
{
	if (way.near_fd >= 0)
		close(way.near_fd);
	if (way.far_fd >= 0)
		close(way.far_fd);
	way.near_fd = way.far_fd = -1;
	way.left_out = way.left_in = SIZE_MAX;
	way.cuts++;
}

/* The first frame goes through (it comes in one piece), and noise in the others' stead.
 */
static void greet_only(const char *data, size_t n)
{
	static const char noise[65536];
	const uint8_t *h = (const uint8_t *)data;
	size_t first = WIRE_HEADER_SIZE + (size_t)h[4] + ((size_t)h[5] << 8);

	if (send(way.near_fd, data, MIN(n, first), MSG_NOSIGNAL) < 0 ||
		send(way.near_fd, noise, sizeof noise, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		printf("# %s\n", strerror(errno));
	cut();
}

/* What the place writes may be less than what we read, so we take what is left only. */
static void carry(int from_fd, int to_fd, size_t *left)
{
	char data[4096];
	ssize_t n = recv(from_fd, data, MIN(sizeof data, *left), MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		cut();
		return;
	}
	if (n < 0)
		return;
	*left -= *left == SIZE_MAX ? 0 : (size_t)n;
	way.came += to_fd == way.near_fd ? (size_t)n : 0;
	if (way.greets && to_fd == way.near_fd) {
		greet_only(data, (size_t)n);
		return;
	}
	if (send(to_fd, data, (size_t)n, MSG_NOSIGNAL) != n || !*left)
		cut();
}

static void pump(void)
{
	if (way.near_fd >= 0)
		carry(way.near_fd, way.far_fd, &way.left_out);
	if (way.near_fd >= 0)
		carry(way.far_fd, way.near_fd, &way.left_in);
}

static int way_open(
	const struct place_config *config UNUSED, struct link *link, struct err *e)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int pair[2];

	way.opened++;
	if (way.closed)
		return err_set(e, ERR_INFRA, "no route to the board");
	snprintf(name.sun_path, sizeof name.sun_path, "%s/socket", board_dir);
	way.far_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(way.far_fd, (struct sockaddr *)&name, sizeof name) < 0)
		return err_sys(e, errno, "connect to %s", name.sun_path);
	if (way.direct) {
		fcntl(way.far_fd, F_SETFL, O_NONBLOCK);
		link->in_fd = link->out_fd = way.far_fd;
		way.far_fd = -1;
		return 0;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return err_sys(e, errno, "make a pair of sockets");
	way.near_fd = pair[0];
	link->in_fd = link->out_fd = pair[1];
	return 0;
}

static void way_close(struct link *link, char **why UNUSED)
{
	close(link->in_fd);
}

static const struct transport by_way = {
	.name = "way",
	.staged = true,
	.returns = true,
	.open = way_open,
	.close = way_close,
};

/* ---- a place, and its tasks */

static struct place *open_place(int64_t limit_ms)
{
	static const struct event_column column = {.label = (char *)"board"};
	struct place_config config = {.uri = "way",
		.runner_path = "",
		.transport = &by_way,
		.target = kind,
		.return_limit_ms = limit_ms};
	struct err e = {0};
	struct place *p = place_start(&column, &config, NULL, NULL, &e);

	if (!p) {
		printf("Bail out! %s\n", e.msg);
		exit(99);
	}
	return p;
}

static void on_end(void *ctx, struct task *task UNUSED)
{
	*(unsigned *)ctx += 1;
}

static void make_task(struct task *t, unsigned *ended, const char *script)
{
	*t = (struct task){.on_end = on_end, .ctx = ended, .cwd = xstrdup(dir)};
	strv_push(&t->argv, "/bin/sh");
	strv_push(&t->argv, "-c");
	strv_push(&t->argv, script);
	strv_push(&t->env, "PATH=/usr/bin:/bin");
}

static void turn(struct place *p)
{
	place_wait(&p, 1, -1, 1);
	pump();
}

static void wait_state(struct place *p, enum place_state state)
{
	int64_t until = now_ms() + PATIENCE_MS;

	while (place_state(p) != state && now_ms() < until)
		turn(p);
}

static void wait_ended(struct place *p, const unsigned *ended, unsigned count)
{
	int64_t until = now_ms() + PATIENCE_MS;

	while (*ended < count && now_ms() < until)
		turn(p);
}

static void close_place(struct place *p)
{
	/* Nobody pumps while it says farewell. */
	way.closed = true;
	cut();
	place_close(p);
	way.closed = false;
	end_board();
}

static size_t count_lines(const char *name)
{
	autofree char *path = fs_join(dir, name);
	struct err e = {0};
	autorelease(buf) struct buf text = BUF_INIT;
	size_t lines = 0;

	if (fs_read_file(path, &text, &e) < 0)
		return 0;
	for (size_t i = 0; i < text.len; i++)
		lines += text.data[i] == '\n';
	return lines;
}

static void wait_file(struct place *p, const char *name)
{
	autofree char *path = fs_join(dir, name);
	int64_t until = now_ms() + PATIENCE_MS;

	while (access(path, F_OK) < 0 && now_ms() < until)
		turn(p);
}

static void touch(const char *name)
{
	autofree char *path = fs_join(dir, name);

	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

/* ---- tests */

/* One task over a link that is cut after so many bytes. Returns whether it was. */
static bool run_cut(struct place *p, size_t out, size_t in, bool *right)
{
	unsigned ended = 0, cuts = way.cuts;
	struct task t;

	make_task(&t, &ended, "echo ran >>ran; echo some words; exit 3");
	way.left_out = out;
	way.left_in = in;
	place_submit(p, &t);
	wait_ended(p, &ended, 1);
	wait_state(p, PLACE_UP);
	*right = ended == 1 && t.outcome.kind == END_EXIT && t.outcome.code == 3 &&
		 t.outcome.out.len == strlen("some words\n") &&
		 memcmp(t.outcome.out.data, "some words\n", t.outcome.out.len) == 0;
	if (!*right)
		printf("# out %zu in %zu: ended %u, kind %d, code %d, %s\n", out, in,
			ended, (int)t.outcome.kind, t.outcome.code,
			t.outcome.detail ? t.outcome.detail : "");
	task_release(&t);
	return way.cuts > cuts;
}

static void test_positions(void)
{
	struct place *p;
	size_t runs = 0, wrong = 0, notes = 0, cuts = 0;

	start_board();
	p = open_place(0);
	wait_state(p, PLACE_UP);
	ok(place_state(p) == PLACE_UP, "the place comes up");
	for (int inwards = 0; inwards < 2; inwards++)
		for (size_t at = 1, was_cut = 1; was_cut && wrong < 5; at++) {
			char *note;
			bool right;

			was_cut = run_cut(p, inwards ? SIZE_MAX : at,
				inwards ? at : SIZE_MAX, &right);
			runs++;
			wrong += !right;
			cuts += was_cut;
			while ((note = place_take_news(p))) {
				notes += strstr(note, "attached again") != NULL;
				free(note);
			}
		}
	ok(!wrong && cuts > 300, "%zu runs that are cut once end as they should", cuts);
	is_int((long long)count_lines("ran"), (long long)runs, "each ran once");
	ok(notes >= cuts - 2, "each cut is told: %zu of %zu", notes, cuts);
	close_place(p);
}

static void test_restart(void)
{
	struct place *p;
	struct task done, running, later;
	unsigned ended = 0;
	pid_t runner = start_board();
	autofree char *note = NULL;

	p = open_place(0);
	wait_state(p, PLACE_UP);
	make_task(&done, &ended,
		": >began; while [ ! -e go ]; do sleep 0.05; done; : >over; exit 4");
	make_task(&running, &ended, ": >hangs; sleep 1000");
	place_submit(p, &done);
	place_submit(p, &running);
	wait_file(p, "began");
	wait_file(p, "hangs");
	way.closed = true;
	cut();
	turn(p);
	touch("go");
	wait_file(p, "over");
	/* The file is written when the runner sees the end. */
	for (int i = 0; i < 6000; i++) {
		autofree char *path = fs_join(board_dir, "journal");
		struct stat st;

		if (stat(path, &st) == 0 && st.st_size > 100)
			break;
		poll(NULL, 0, 10);
	}
	kill(runner, SIGKILL);
	end_board();
	start_board();
	way.closed = false;
	wait_ended(p, &ended, 2);
	is_int(ended, 2, "after a restart of the runner all tasks end");
	ok(done.outcome.kind == END_EXIT && done.outcome.code == 4,
		"one that had finished keeps its verdict");
	ok(running.outcome.kind == END_LOST, "one that ran is lost");
	is_str(running.outcome.detail, "the runner was restarted while it ran", "why");
	wait_state(p, PLACE_UP);
	make_task(&later, &ended, "exit 5");
	place_submit(p, &later);
	wait_ended(p, &ended, 3);
	ok(later.outcome.kind == END_EXIT && later.outcome.code == 5,
		"and the next ones run");
	note = place_take_news(p);
	ok(note && strstr(note, "begun again"), "it is told: %s", note ? note : "");
	task_release(&done);
	task_release(&running);
	task_release(&later);
	close_place(p);
}

/* A link that is cut for good while a test runs; `useless` is what it is from then on. */
static void check_given_up(bool *useless, const char *what, const char *why)
{
	struct place *p;
	struct task t;
	unsigned ended = 0, opened;

	start_board();
	p = open_place(LIMIT_MS);
	wait_state(p, PLACE_UP);
	make_task(&t, &ended, "sleep 1000");
	place_submit(p, &t);
	opened = way.opened;
	*useless = true;
	cut();
	wait_ended(p, &ended, 1);
	ok(ended && t.outcome.kind == END_LOST && place_state(p) == PLACE_DOWN,
		"%s is given up", what);
	ok(way.opened - opened >= 2 && way.opened - opened < 12, "after some tries: %u",
		way.opened - opened);
	if (why)
		is_str(place_why_down(p), why, "why");
	task_release(&t);
	close_place(p);
}

static void test_bound(void)
{
	check_given_up(
		&way.closed, "a link that does not come back", "no route to the board");
}

/* One that is always there and of no use is as good as one that is not. */
static void test_vain(void)
{
	check_given_up(&way.greets, "a runner that says WELCOME and nothing else", NULL);
	way.greets = false;
}

/* A long test that says nothing, over a link that is cut again and again: each time the
 * runner answers our question, and that is enough. */
static void test_idle(void)
{
	struct place *p;
	struct task t;
	unsigned ended = 0;

	start_board();
	p = open_place(0);
	wait_state(p, PLACE_UP);
	make_task(&t, &ended, "while [ ! -e idle-go ]; do sleep 0.05; done; exit 6");
	place_submit(p, &t);
	for (unsigned i = 0; i < MANY_CUTS && place_state(p) != PLACE_DOWN; i++) {
		int64_t until = now_ms() + PATIENCE_MS;
		uint64_t came;

		cut();
		turn(p);
		wait_state(p, PLACE_UP);
		came = way.came;
		while (way.came == came && now_ms() < until)
			turn(p);
		turn(p);
	}
	touch("idle-go");
	wait_ended(p, &ended, 1);
	ok(ended && t.outcome.kind == END_EXIT && t.outcome.code == 6,
		"a test in which nothing is said survives many cuts");
	task_release(&t);
	close_place(p);
}

/* A board whose runner does not live until a test has ended. */
static void test_restarts(void)
{
	struct place *p;
	struct task t[8];
	unsigned ended = 0, begun = 0;
	pid_t runner = start_board();

	p = open_place(0);
	wait_state(p, PLACE_UP);
	for (; begun < ARRAY_LEN(t) && place_state(p) == PLACE_UP; begun++) {
		make_task(&t[begun], &ended, "sleep 1000");
		place_submit(p, &t[begun]);
		kill(runner, SIGKILL);
		end_board();
		runner = start_board();
		cut();
		wait_ended(p, &ended, begun + 1);
		while (place_state(p) == PLACE_COMING)
			turn(p);
	}
	is_int(begun, 4, "a runner that dies under every test is given up");
	for (unsigned i = 0; i < begun; i++)
		task_release(&t[i]);
	close_place(p);
}

/* Whatever its shell said: it is not what the tests are for. */
static void test_kind(void)
{
	static char *other[] = {(char *)"pdp11", NULL};
	const struct target target = {
		.name = (char *)"pdp11", .uname = {.v = other, .len = 1, .cap = 0}};
	struct place *p;

	start_board();
	kind = &target;
	p = open_place(0);
	while (place_state(p) == PLACE_COMING)
		turn(p);
	kind = NULL;
	ok(place_state(p) == PLACE_DOWN &&
			strstr(place_why_down(p), "tests for pdp11 need pdp11"),
		"a runner on another processor: %s", place_why_down(p));
	close_place(p);
}

static void test_farewell(void)
{
	autofree char *journal = fs_join(board_dir, "journal"),
		      *store = fs_join(board_dir, "work/.store");
	struct place *p;
	struct task t;
	unsigned ended = 0;
	struct stat st;
	pid_t runner = start_board();
	int64_t until = now_ms() + PATIENCE_MS;

	way.direct = true;
	p = open_place(0);
	wait_state(p, PLACE_UP);
	make_task(&t, &ended, "exit 0");
	place_submit(p, &t);
	wait_ended(p, &ended, 1);
	place_close(p);
	while (access("/proc/self", F_OK) == 0 && now_ms() < until) {
		autofree char *stat_path = xasprintf("/proc/%d/fd/0", (int)runner);

		/* A process that has ended, if only waiting to be reaped, has none. */
		if (access(stat_path, F_OK) < 0)
			break;
		poll(NULL, 0, 10);
	}
	ok(now_ms() < until, "a board's runner ends with the run");
	ok(stat(journal, &st) == 0 && st.st_size == 0, "its journal is empty");
	ok(access(store, F_OK) == 0, "its store stays");
	task_release(&t);
	way.direct = false;
}

int main(void)
{
	const char *libexec = getenv("XTEST_LIBEXECDIR");
	struct utsname name;
	struct err e = {0};

	signal(SIGPIPE, SIG_IGN);
	uname(&name);
	runner_path =
		xasprintf("%s/xtest-runner-%s", libexec ? libexec : ".", name.machine);
	if (access(runner_path, X_OK) < 0) {
		skip("a link that comes back",
			"no xtest-runner was built for this machine");
		return tap_done();
	}
	dir = xstrdup("/tmp/xtest-return-XXXXXX");
	if (!mkdtemp(dir))
		exit(99);
	board_dir = fs_join(dir, "b");
	test_positions();
	test_restart();
	test_bound();
	test_kind();
	test_vain();
	test_idle();
	test_restarts();
	test_farewell();
	if (fs_remove_tree(dir, &e) < 0)
		printf("# %s\n", e.msg);
	free(dir);
	free(board_dir);
	free(runner_path);
	return tap_done();
}
