#include "base/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void put_back(const struct tty *t)
{
	/* TCSADRAIN would wait for a terminal whose output is stopped. */
	while (tcsetattr(t->fd, TCSANOW, &t->saved) < 0 && errno == EINTR)
		continue;
}

/* Lives until nobody holds the other end of the pipe: then its parent has ended. */
static _Noreturn void stand_guard(const struct tty *t, int fd)
{
	sigset_t all;
	char byte;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	if (read(fd, &byte, 1) == 0)
		put_back(t);
	_exit(0);
}

static int set_modes(struct tty *t, const struct termios *modes, struct err *e)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	t->guard = fork();
	if (t->guard == 0) {
		close(fds[1]);
		stand_guard(t, fds[0]);
	}
	close(fds[0]);
	t->guard_fd = fds[1];
	if (t->guard < 0) {
		t->guard = 0;
		close(t->guard_fd);
		return err_sys(e, errno, "start a process");
	}
	if (tcsetattr(t->fd, TCSANOW, modes) == 0)
		return 0;
	err_sys(e, errno, "set the modes of the terminal");
	tty_restore(t);
	return -1;
}

static int open_tty(struct tty *t, int fd, struct termios *modes, struct err *e)
{
	*t = (struct tty){.fd = fd, .guard_fd = -1};
	if (tcgetattr(fd, &t->saved) < 0)
		return err_sys(e, errno, "read the modes of the terminal");
	*modes = t->saved;
	return 0;
}

int tty_make_raw(struct tty *t, int fd, struct err *e)
{
	struct termios modes;

	if (open_tty(t, fd, &modes, e) < 0)
		return -1;
	cfmakeraw(&modes);
	return set_modes(t, &modes, e);
}

int tty_take_keys(struct tty *t, int fd, struct err *e)
{
	struct termios modes;

	if (open_tty(t, fd, &modes, e) < 0)
		return -1;
	modes.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	modes.c_cc[VMIN] = modes.c_cc[VTIME] = 0;
	return set_modes(t, &modes, e);
}

void tty_restore(struct tty *t)
{
	if (!t->guard)
		return;
	put_back(t);
	close(t->guard_fd);
	while (waitpid(t->guard, NULL, 0) < 0 && errno == EINTR)
		continue;
	t->guard = 0;
}

void tty_size(int fd, unsigned *rows, unsigned *columns)
{
	struct winsize size = {0};

	if (ioctl(fd, TIOCGWINSZ, &size) < 0)
		size = (struct winsize){0};
	*rows = size.ws_row;
	*columns = size.ws_col;
}
