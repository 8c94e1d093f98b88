#include "runner/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* <asm/ioctls.h>: older C libraries do not have it. */
#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

void terminal_resize(int fd, uint32_t rows, uint32_t columns)
{
	const struct winsize size = {
		.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};

	if (rows && columns)
		ioctl(fd, TIOCSWINSZ, &size);
}

/* The other end by its own descriptor, not by a name: the job's /dev may be another. */
static int open_peer(int fd)
{
	int unlock = 0;

	if (ioctl(fd, TIOCSPTLCK, &unlock) < 0)
		return -errno;
	fd = ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int terminal_open(struct job *j, const struct wire_run *run, int stdio[3])
{
	int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	j->streams[0].fd = fd;
	terminal_resize(fd, run->rows, run->columns);
	stdio[0] = open_peer(fd);
	if (stdio[0] < 0)
		return stdio[0];
	if (run->flags & WIRE_RUN_IDS && fchown(stdio[0], run->uid, run->gid) < 0)
		return -errno;
	j->input_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	stdio[1] = fcntl(stdio[0], F_DUPFD_CLOEXEC, 0);
	stdio[2] = fcntl(stdio[0], F_DUPFD_CLOEXEC, 0);
	return j->input_fd < 0 || stdio[1] < 0 || stdio[2] < 0 ? -errno : 0;
}
