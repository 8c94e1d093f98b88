#include "runner/board.h"
#include "runner/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define OWNER_MAX 200
#define LEASE_MAX_S 1000000
/* From the lock to the words in it. */
#define WORDS_WAIT_MS 5000
#define TERM_WAIT_MS 5000
#define KILL_WAIT_MS 3000
#define LOOK_MS 20

static int say_error(const char *what, int err)
{
	printf("error: cannot %s: %s\n", what,
		err == -EPERM ? "it belongs to another user, or others may write to it"
		: err == -ELOOP || err == -ENOTDIR
			? "it is a symbolic link or no directory"
			: strerror(-err));
	fflush(stdout);
	return 1;
}

/* The line "PID SINCE OWNER" in the lock; SINCE by the clock of this boot. */
struct holder {
	int pid;
	long long since_s;
	char owner[OWNER_MAX + 1];
};

static long long boot_time_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec;
}

static bool read_holder(int lock_fd, struct holder *h)
{
	char text[OWNER_MAX + 64], *at;
	ssize_t n = pread(lock_fd, text, sizeof(text) - 1, 0);

	if (n <= 0 || text[n - 1] != '\n')
		return false;
	text[n - 1] = '\0';
	h->pid = (int)strtol(text, &at, 10);
	h->since_s = strtoll(at, &at, 10);
	if (h->pid <= 1 || *at != ' ')
		return false;
	snprintf(h->owner, sizeof(h->owner), "%s", at + 1);
	return true;
}

static int write_holder(int lock_fd, const char *owner)
{
	char text[OWNER_MAX + 64];
	int len = snprintf(
		text, sizeof(text), "%d %lld %s\n", (int)getpid(), boot_time_s(), owner);

	return pwrite(lock_fd, text, (size_t)len, 0) == len ? 0 : -EIO;
}

static bool try_lock(int lock_fd)
{
	return flock(lock_fd, LOCK_EX | LOCK_NB) == 0;
}

/* 1 with the lock, 0 and who holds it, or a negative errno. Its holder may just be
 * writing its name, or leave. */
static int lock_or_ask(int lock_fd, struct holder *h)
{
	int64_t until = runner_now_us() / 1000 + WORDS_WAIT_MS;

	while (!try_lock(lock_fd)) {
		if (errno != EWOULDBLOCK)
			return -errno;
		if (read_holder(lock_fd, h))
			return 0;
		if (runner_now_us() / 1000 > until)
			return -EBUSY;
		poll(NULL, 0, LOOK_MS);
	}
	return 1;
}

static int say_holder(const struct holder *h, const char *owner)
{
	if (strcmp(h->owner, owner) == 0) {
		printf("ready %d\n", h->pid);
		return fflush(stdout) ? 1 : 0;
	}
	printf("held %lld %s\n", boot_time_s() - h->since_s, h->owner);
	fflush(stdout);
	return BOARD_HELD;
}

/* ---- starting */

static int listen_here(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = BOARD_SOCKET};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	unlink(BOARD_SOCKET);
	if (bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0 || listen(fd, 4) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static void leave_terminal(void)
{
	int fd;

	setsid();
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; fd >= 0 && i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

/* Tells the one byte that lets our parent say that we are ready, or the error. */
static void run_board(int lock_fd, int tell_fd, const char *owner, uint32_t lease_ms)
{
	struct board board = {.lease_ms = lease_ms};
	struct serve_options options = {.in_fd = -1,
		.out_fd = -1,
		.work = BOARD_WORK,
		.board = &board,
		.mounts_fd = -1,
		.cages_fd = -1};
	int err, status;

	leave_terminal();
	journal_open(&board.journal, BOARD_JOURNAL);
	board.listen_fd = listen_here();
	err = board.listen_fd < 0 ? board.listen_fd : write_holder(lock_fd, owner);
	if (write(tell_fd, &err, sizeof(err)) != sizeof(err) || err)
		_exit(1);
	close(tell_fd);
	status = serve(&options);
	unlink(BOARD_SOCKET);
	journal_close(&board.journal);
	exit(status);
}

static int start(int lock_fd, const char *owner, uint32_t lease_ms)
{
	int tell[2], err = -EPIPE;
	pid_t pid;

	if (ftruncate(lock_fd, 0) < 0 || pipe2(tell, O_CLOEXEC) < 0)
		return say_error("start a runner", -errno);
	pid = fork();
	if (pid == 0) {
		close(tell[0]);
		run_board(lock_fd, tell[1], owner, lease_ms);
	}
	close(tell[1]);
	if (pid < 0)
		err = -errno;
	else if (read(tell[0], &err, sizeof(err)) != sizeof(err))
		err = -EPIPE;
	close(tell[0]);
	if (err)
		return say_error("start a runner", err);
	printf("ready %d\n", (int)pid);
	return fflush(stdout) ? 1 : 0;
}

static int open_lock(bool make)
{
	int fd = open(
		BOARD_LOCK, O_RDWR | (make ? O_CREAT : 0) | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

static bool is_owner(const char *owner)
{
	return *owner && strlen(owner) <= OWNER_MAX && !strpbrk(owner, "\r\n");
}

int board_main(const char *dir, const char *owner, const char *lease_s)
{
	long lease = strtol(lease_s, NULL, 10);
	struct holder holder;
	int lock_fd, err;

	if (!is_owner(owner) || lease < 0 || lease > LEASE_MAX_S)
		return say_error("take that owner or lease", -EINVAL);
	umask(077);
	err = board_enter(dir, true);
	if (err < 0)
		return say_error("use the directory", err);
	lock_fd = open_lock(true);
	if (lock_fd < 0)
		return say_error("open the lock", lock_fd);
	err = lock_or_ask(lock_fd, &holder);
	if (err < 0)
		return say_error("lock the directory", err);
	if (err == 0)
		return say_holder(&holder, owner);
	return start(lock_fd, owner, (uint32_t)lease * 1000);
}

/* ---- ending */

static bool wait_unlocked(int lock_fd, int ms)
{
	int64_t until = runner_now_us() / 1000 + ms;

	while (!try_lock(lock_fd)) {
		if (runner_now_us() / 1000 > until)
			return false;
		poll(NULL, 0, LOOK_MS);
	}
	return true;
}

int board_end_main(const char *dir, const char *owner)
{
	struct holder holder;
	int err = board_enter(dir, false), lock_fd = -1;

	if (!err)
		lock_fd = err = open_lock(false);
	if (err == -ENOENT) {
		puts("ended");
		return 0;
	}
	if (err >= 0)
		err = lock_or_ask(lock_fd, &holder);
	if (err < 0)
		return say_error("use the directory", err);
	if (err == 0 && strcmp(holder.owner, owner) != 0)
		return say_holder(&holder, owner);
	if (err == 0) {
		kill(holder.pid, SIGTERM);
		if (!wait_unlocked(lock_fd, TERM_WAIT_MS)) {
			kill(holder.pid, SIGKILL);
			if (!wait_unlocked(lock_fd, KILL_WAIT_MS))
				return say_error("end the runner", -EBUSY);
		}
	}
	puts("ended");
	return 0;
}
