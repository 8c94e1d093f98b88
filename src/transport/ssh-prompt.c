#include "transport/ssh-prompt.h"

#include "base/fs.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <termios.h>
#include <unistd.h>

static const char device[] = "/dev/tty";

bool ssh_prompt_can(void)
{
	autoclose int fd = open(device, O_RDWR | O_CLOEXEC | O_NOCTTY);

	return fd >= 0;
}

/* What a server says is shown as text, and moves no cursor. */
static void show(int fd, const char *text)
{
	char out[512];
	size_t n = 0;

	for (; *text && n < sizeof out; text++)
		if (isprint((unsigned char)*text) || *text == '\n' ||
			(unsigned char)*text >= 0xa0)
			out[n++] = *text;
	if (fs_write_all(fd, out, n) < 0)
		return;
}

/* The terminal is in line mode: what it gives is a line, or the end. */
static int read_answer(int fd, int parent_fd, char *answer, size_t size)
{
	size_t len = 0;

	for (;;) {
		struct pollfd fds[] = {{fd, POLLIN, 0}, {parent_fd, 0, 0}};
		ssize_t n;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return -1;
		if (fds[1].revents & (POLLHUP | POLLERR))
			return -1;
		if (!fds[0].revents)
			continue;
		n = read(fd, answer + len, 1);
		if (n <= 0)
			return -1;
		if (answer[len] == '\n') {
			answer[len] = '\0';
			return 0;
		}
		if (len + 1 < size)
			len++;
	}
}

int ssh_prompt_ask(const char *text, bool echo, int parent_fd, char *answer, size_t size)
{
	autoclose int fd = open(device, O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct termios saved, quiet;
	sigset_t term, before;
	int status;

	if (fd < 0 || tcgetattr(fd, &saved) < 0)
		return -1;
	/* Boards ask one after another. */
	flock(fd, LOCK_EX);
	/* Whoever ends us closes its end of parent_fd first; the echo comes back. */
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, &before);
	quiet = saved;
	quiet.c_lflag |= ICANON | ISIG;
	quiet.c_lflag &= ~(tcflag_t)(echo ? 0 : ECHO);
	tcsetattr(fd, TCSAFLUSH, &quiet);
	show(fd, text);
	status = read_answer(fd, parent_fd, answer, size);
	if (!echo)
		show(fd, "\n");
	tcsetattr(fd, TCSAFLUSH, &saved);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}
