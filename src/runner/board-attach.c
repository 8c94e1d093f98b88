#include "runner/board.h"
#include "runner/codec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* What the runner said last goes out, but not to a host that does not listen. */
#define LAST_WORDS_MS 1000

/* ---- attach */

/* One direction. */
struct way {
	int from_fd, to_fd;
	size_t start, end;
	uint8_t data[65536];
};

static bool wants(int n)
{
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* False at its end. */
static bool move_in(struct way *w)
{
	ssize_t n = read(w->from_fd, w->data, sizeof(w->data));

	if (n > 0) {
		w->start = 0;
		w->end = (size_t)n;
	}
	return n > 0 || wants((int)n);
}

static bool move_out(struct way *w)
{
	ssize_t n = write(w->to_fd, w->data + w->start, w->end - w->start);

	if (n > 0)
		w->start += (size_t)n;
	return n > 0 || wants((int)n);
}

/* That the runner hangs up is seen by reading, after all it has said; that nobody reads
 * our output any more is seen at once. */
static bool step(struct way ways[2])
{
	struct pollfd fds[4];

	for (int i = 0; i < 2; i++) {
		bool full = ways[i].start < ways[i].end;

		fds[2 * i] = (struct pollfd){full ? -1 : ways[i].from_fd, POLLIN, 0};
		fds[2 * i + 1] = (struct pollfd){
			full || i ? ways[i].to_fd : -1, full ? POLLOUT : 0, 0};
	}
	if (poll(fds, 4, -1) < 0)
		return errno == EINTR;
	for (int i = 0; i < 2; i++) {
		if (fds[2 * i].revents && !move_in(&ways[i]))
			return false;
		if (fds[2 * i + 1].revents & POLLOUT && !move_out(&ways[i]))
			return false;
		if (fds[2 * i + 1].revents & (POLLERR | POLLHUP | POLLNVAL))
			return false;
	}
	return true;
}

static void last_words(struct way *w)
{
	struct pollfd fd = {w->to_fd, POLLOUT, 0};

	while (w->start < w->end && poll(&fd, 1, LAST_WORDS_MS) > 0 && move_out(w))
		continue;
}

static int connect_here(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = BOARD_SOCKET};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0)
		return fd;
	return -errno;
}

static void no_wait(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

int board_attach_main(const char *dir)
{
	struct way *ways = calloc(2, sizeof(*ways));
	int fd = board_enter(dir, false);

	if (fd == 0)
		fd = connect_here();
	if (fd < 0 || !ways) {
		fprintf(stderr, "error: no runner can be reached in %s: %s\n", dir,
			strerror(fd < 0 ? -fd : ENOMEM));
		free(ways);
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	ways[0] = (struct way){.from_fd = 0, .to_fd = fd};
	ways[1] = (struct way){.from_fd = fd, .to_fd = 1};
	for (int i = 0; i < 2; i++) {
		no_wait(ways[i].from_fd);
		no_wait(ways[i].to_fd);
	}
	while (step(ways))
		continue;
	last_words(&ways[1]);
	free(ways);
	return 0;
}

/* ---- digest */

int board_digest_main(char **files)
{
	int status = 0;

	for (; *files; files++) {
		int fd = open(*files, O_RDONLY | O_CLOEXEC), err;
		uint8_t digest[WIRE_DIGEST_SIZE];

		err = fd < 0 ? -errno : codec_digest(fd, digest);
		runner_close(&fd);
		if (err) {
			fprintf(stderr, "error: cannot read %s: %s\n", *files,
				strerror(-err));
			status = 1;
			continue;
		}
		for (size_t i = 0; i < sizeof(digest); i++)
			printf("%02x", digest[i]);
		printf("  %s\n", *files);
	}
	return fflush(stdout) ? 1 : status;
}
