/* A runner on a board: who gets the directory, connections that come and go while jobs
 * run, the end of the lease, and what the next runner tells of one that was killed.
 * Spoken to with frames alone, so that it runs on every architecture. */
#include "runner/board.h"

#include "runner/remove.h"

#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_US (60 * 1000000ll)

static char dir[] = "/tmp/xtest-board-XXXXXX";
static char board[64];
static struct link host;
static struct frame_reader reader;
static int fd = -1;
static pid_t attached;

static struct {
	int started, exited, recalled, ended;
	uint32_t code, recalled_job, recalled_code;
	char out[4096];
	size_t out_len;
	uint64_t life;
	uint32_t resumed, recalls;
	bool welcome;
} heard;

/* ---- the programs */

/* One of the programs in a process of its own; its first line goes to `line`. */
static int say(int (*program)(const char *const *words), const char *const *words,
	char *line, size_t size)
{
	int out[2], status = -1;
	pid_t pid;
	ssize_t n;

	line[0] = '\0';
	if (pipe(out) < 0)
		exit(99);
	pid = fork();
	if (pid == 0) {
		dup2(out[1], 1);
		close(out[0]);
		close(out[1]);
		exit(program(words));
	}
	close(out[1]);
	n = read(out[0], line, size - 1);
	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	close(out[0]);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int start_program(const char *const *words)
{
	return board_main(words[0], words[1], words[2]);
}

static int end_program(const char *const *words)
{
	return board_end_main(words[0], words[1]);
}

static int start_board(const char *owner, const char *lease, char *line, size_t size)
{
	const char *const words[] = {board, owner, lease};

	return say(start_program, words, line, size);
}

static int end_board(const char *owner)
{
	const char *const words[] = {board, owner};
	char line[512];

	return say(end_program, words, line, sizeof(line));
}

/* ---- the connection */

static void attach(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		exit(99);
	attached = fork();
	if (attached == 0) {
		dup2(pair[1], 0);
		dup2(pair[1], 1);
		close(pair[0]);
		if (fd >= 0)
			close(fd);
		exit(board_attach_main(board));
	}
	close(pair[1]);
	fd = pair[0];
	memset(&reader, 0, sizeof(reader));
	link_restart(&host);
}

static void detach(void)
{
	close(fd);
	fd = -1;
	waitpid(attached, NULL, 0);
}

static void flush_link(void)
{
	const uint8_t *data;
	size_t len;
	ssize_t n;

	while (heard.welcome && (data = link_output(&host, &len))) {
		n = write(fd, data, len);
		if (n <= 0)
			return;
		link_wrote(&host, (size_t)n);
	}
}

static void hear_recalled(uint32_t job, const struct wire_recalled *m)
{
	struct wire_exited e;

	if (!job) {
		heard.ended++;
		return;
	}
	heard.recalled++;
	heard.recalled_job = job;
	if (msg_decode(msg_find(WIRE_EXITED), m->exited.data, m->exited.len, &e) == 0)
		heard.recalled_code = e.code;
}

static void hear(const struct wire_header *h, const uint8_t *body)
{
	union {
		struct wire_welcome welcome;
		struct wire_output output;
		struct wire_exited exited;
		struct wire_recalled recalled;
		char room[512];
	} u;
	size_t n;

	if (h->sequence && !link_is_next(&host, h->sequence))
		return;
	msg_decode(msg_find(h->type), body, h->length, &u);
	if (h->sequence)
		link_take(&host);
	switch (h->type) {
	case WIRE_WELCOME:
		heard.welcome = true;
		heard.life = u.welcome.life;
		heard.resumed = u.welcome.resumed;
		heard.recalls = u.welcome.recalls;
		if (u.welcome.resumed) {
			link_acked(&host, u.welcome.last_seen);
		} else {
			link_release(&host);
			link_init_growing(&host);
		}
		break;
	case WIRE_STARTED:
		heard.started++;
		break;
	case WIRE_OUTPUT:
		n = u.output.data.len;
		if (n > sizeof(heard.out) - 1 - heard.out_len)
			n = sizeof(heard.out) - 1 - heard.out_len;
		memcpy(heard.out + heard.out_len, u.output.data.data, n);
		heard.out_len += n;
		break;
	case WIRE_EXITED:
		heard.exited++;
		heard.code = u.exited.code;
		break;
	case WIRE_RECALLED:
		hear_recalled(h->job, &u.recalled);
		break;
	}
}

static bool listen_for(int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct wire_header h;
	const uint8_t *body;
	size_t room;
	uint8_t *to;
	ssize_t n;

	flush_link();
	if (poll(&p, 1, ms) <= 0)
		return true;
	to = frame_reader_room(&reader, &room);
	n = read(fd, to, room);
	if (n <= 0)
		return false;
	frame_reader_add(&reader, (size_t)n);
	while (frame_reader_next(&reader, &h, &body))
		hear(&h, body);
	flush_link();
	return true;
}

static void say_hello(uint64_t session, uint64_t life)
{
	struct wire_hello hello = {.version = WIRE_VERSION,
		.session = session,
		.last_seen = host.seen,
		.life = life};
	int64_t until = runner_now_us() + PATIENCE_US;
	size_t len;
	const uint8_t *out;

	heard.welcome = false;
	link_say(&host, WIRE_HELLO, &hello);
	out = host.urgent;
	len = host.urgent_end;
	if (write(fd, out, len) != (ssize_t)len)
		return;
	host.urgent_sent = host.urgent_end = 0;
	while (!heard.welcome && runner_now_us() < until && listen_for(100))
		continue;
}

static void acknowledge(void)
{
	link_say_sequence(&host, WIRE_ACK, host.seen);
	flush_link();
}

static void run(uint32_t job, const char *script)
{
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	const char *const env[] = {"PATH=/usr/bin:/bin", NULL};
	struct wire_run r = {.argv = {.v = argv}, .env = {.v = env}, .cwd = dir};

	link_send(&host, WIRE_RUN, job, &r);
	flush_link();
}

static void wait_for(const int *what, int count)
{
	int64_t until = runner_now_us() + PATIENCE_US;

	while (*what < count && runner_now_us() < until && listen_for(100))
		continue;
}

/* ---- the world outside */

static bool is_there(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

static bool eventually(const char *name, bool there)
{
	int64_t until = runner_now_us() + PATIENCE_US;

	while (is_there(name) != there && runner_now_us() < until)
		poll(NULL, 0, 10);
	return is_there(name) == there;
}

static void touch(const char *name)
{
	char path[256];
	int file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (file >= 0)
		close(file);
}

static off_t journal_size(void)
{
	char path[256];
	struct stat st = {.st_size = -1};

	snprintf(path, sizeof(path), "%s/b/" BOARD_JOURNAL, dir);
	stat(path, &st);
	return st.st_size;
}

static pid_t runner_pid(const char *line)
{
	return strncmp(line, "ready ", 6) == 0 ? (pid_t)atoi(line + 6) : -1;
}

/* The living runner is the lock. */
static bool is_free(void)
{
	int64_t until = runner_now_us() + PATIENCE_US;
	char path[256];
	int lock_fd, err;

	snprintf(path, sizeof(path), "%s/" BOARD_LOCK, board);
	lock_fd = open(path, O_RDWR | O_CLOEXEC);
	while ((err = flock(lock_fd, LOCK_EX | LOCK_NB)) < 0 && runner_now_us() < until)
		poll(NULL, 0, 20);
	close(lock_fd);
	return err == 0;
}

/* ---- tests */

static void test_directory(void)
{
	char line[512], link_path[128];
	struct stat st;

	snprintf(link_path, sizeof(link_path), "%s/b", dir);
	if (symlink("/tmp", link_path) < 0)
		exit(99);
	is_int(start_board("me", "60", line, sizeof(line)), 1, "a link is refused");
	ok(strncmp(line, "error: ", 7) == 0, "and told: %s", line);
	unlink(link_path);
	if (mkdir(board, 0700) < 0 || chmod(board, 0777) < 0)
		exit(99);
	is_int(start_board("me", "60", line, sizeof(line)), 1,
		"a directory that others write to is refused");
	chmod(board, 0755);
	is_int(start_board("me\nand you", "60", line, sizeof(line)), 1,
		"an owner of two lines is refused");
	is_int(start_board("me", "60", line, sizeof(line)), 0, "one of ours is taken");
	ok(stat(board, &st) == 0 && (st.st_mode & 0777) == 0700, "and is for us alone");
}

static void test_lock(void)
{
	char first[512], second[512], other[512];

	start_board("me", "60", first, sizeof(first));
	is_int(start_board("me", "60", second, sizeof(second)), 0,
		"the same owner again is served");
	is_str(second, first, "by the same runner");
	is_int(start_board("you", "60", other, sizeof(other)), BOARD_HELD,
		"another owner is not");
	ok(strncmp(other, "held ", 5) == 0 && strstr(other, " me"),
		"and hears by whom it is held: %s", other);
	is_int(end_board("you"), BOARD_HELD, "nor can it end the runner");
	is_int(end_board("me"), 0, "its owner can");
	ok(is_free(), "it is gone");
	is_int(end_board("me"), 0, "and no runner is nothing to end");
	is_int(start_board("you", "60", other, sizeof(other)), 0,
		"then the other owner is served");
	end_board("you");
}

static void test_cut(void)
{
	char line[512], byte;
	int old_fd;

	start_board("me", "60", line, sizeof(line));
	attach();
	say_hello(7, 0);
	ok(heard.welcome && !heard.resumed, "a session begins");
	run(1, "echo one; : >began; while [ ! -e go ]; do sleep 0.05; done; echo two; "
	       ": >over; exit 3");
	wait_for(&heard.started, 1);
	ok(eventually("began", true), "a job runs");
	detach();
	touch("go");
	ok(eventually("over", true), "it goes on while nobody is attached");
	attach();
	say_hello(7, heard.life);
	is_int(heard.resumed, 1, "the next connection resumes");
	wait_for(&heard.exited, 1);
	heard.out[heard.out_len] = '\0';
	is_str(heard.out, "one\ntwo\n", "all its output is there, once");
	ok(heard.exited == 1 && heard.code == 3 && heard.started == 1,
		"and its end, once");
	acknowledge();

	old_fd = fd;
	attach();
	say_hello(7, heard.life);
	is_int(heard.resumed, 1, "a second connection takes over");
	is_int(read(old_fd, &byte, 1), 0, "and the first one ends");
	close(old_fd);
	say_hello(7, heard.life + 1);
	is_int(heard.resumed, 0, "what another runner began is not resumed");
	detach();
	waitpid(-1, NULL, 0);
	end_board("me");
}

static void test_recall(void)
{
	uint64_t life;
	char line[512];
	off_t empty;

	memset(&heard, 0, sizeof(heard));
	link_release(&host);
	link_init_growing(&host);
	start_board("me", "60", line, sizeof(line));
	attach();
	say_hello(8, 0);
	life = heard.life;
	empty = journal_size();
	run(1, "exit 0");
	wait_for(&heard.exited, 1);
	acknowledge();
	run(2, "while [ ! -e go2 ]; do sleep 0.05; done; : >over2; exit 5");
	run(3, ": >began3; sleep 1000");
	wait_for(&heard.started, 3);
	eventually("began3", true);
	ok(empty > 0 && journal_size() == empty, "what is acknowledged leaves the file");
	detach();
	touch("go2");
	eventually("over2", true);
	for (int i = 0; i < 6000 && journal_size() == empty; i++)
		poll(NULL, 0, 10);
	ok(journal_size() > empty, "what nobody has heard of is in it");
	kill(runner_pid(line), SIGKILL);
	ok(is_free(), "a runner that is killed leaves the board");
	start_board("me", "60", line, sizeof(line));
	attach();
	say_hello(8, life);
	ok(heard.welcome && !heard.resumed && heard.recalls,
		"the next runner knows the session from the file");
	wait_for(&heard.ended, 1);
	printf("# recalled %d, last job %u with %u\n", heard.recalled, heard.recalled_job,
		heard.recalled_code);
	ok(heard.recalled == 1 && heard.recalled_job == 2 && heard.recalled_code == 5,
		"it tells the job that had ended, not the one that ran");
	say_hello(8, life);
	wait_for(&heard.ended, 2);
	ok(!heard.resumed && heard.recalled == 2 && heard.recalled_job == 2,
		"and tells it again to who has not heard it");
	say_hello(9, 0);
	ok(!heard.recalls && journal_size() == empty, "another session begins anew");
	detach();
	end_board("me");
}

static void test_lease(void)
{
	char line[512], path[256];

	memset(&heard, 0, sizeof(heard));
	link_release(&host);
	link_init_growing(&host);
	snprintf(path, sizeof(path), "%s/" BOARD_WORK "/stale", board);
	mkdir(path, 0700);
	start_board("me", "1", line, sizeof(line));
	attach();
	say_hello(10, 0);
	ok(!is_there("b/" BOARD_WORK "/stale"),
		"what a dead run has left there is removed");
	ok(is_there("b/" BOARD_WORK "/.store"), "the store is not");
	run(1, ": >began4; sleep 3; : >late");
	wait_for(&heard.started, 1);
	eventually("began4", true);
	detach();
	ok(is_free(), "a runner nobody is heard by ends");
	poll(NULL, 0, 3000);
	ok(!is_there("late"), "and its jobs with it");
	is_int(start_board("you", "60", line, sizeof(line)), 0,
		"the board is anybody's then");
	end_board("you");
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(dir))
		exit(99);
	snprintf(board, sizeof(board), "%s/b", dir);
	link_init_growing(&host);
	test_directory();
	test_lock();
	test_cut();
	test_recall();
	test_lease();
	link_release(&host);
	remove_tree(dir);
	return tap_done();
}
