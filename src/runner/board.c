#include "runner/board.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int board_enter(const char *dir, bool make)
{
	struct stat st;
	int fd, err = 0;

	if (make && mkdir(dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		err = -errno;
	else if (st.st_uid != geteuid() || st.st_mode & 022)
		err = -EPERM;
	else if ((st.st_mode & 077 && fchmod(fd, 0700) < 0) || fchdir(fd) < 0)
		err = -errno;
	close(fd);
	return err;
}

int board_listen_fd(const struct runner *r)
{
	return r->board ? r->board->listen_fd : -1;
}

void board_detach(struct runner *r)
{
	runner_close(&r->in_fd);
	r->out_fd = -1;
	r->reader.start = r->reader.end = 0;
}

static bool is_friend(int fd)
{
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return false;
	return peer.uid == geteuid() || peer.uid == 0;
}

void board_accept(struct runner *r)
{
	int fd = accept4(r->board->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (!is_friend(fd)) {
		close(fd);
		return;
	}
	board_detach(r);
	link_restart(&r->link);
	r->in_fd = fd;
}

void board_hear(struct runner *r)
{
	if (r->board)
		r->out_fd = r->in_fd;
}

void board_keep(struct runner *r, uint32_t job, const struct wire_exited *exited)
{
	if (r->board)
		journal_add(&r->board->journal, r->link.next - 1, job, exited);
}

int64_t board_tick(struct runner *r)
{
	return r->board ? journal_tick(
				  &r->board->journal, &r->link, runner_now_us() / 1000)
			: -1;
}
