#include "transport/ssh-dial.h"

#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* 0, or an errno. */
static int connect_within(int fd, const struct addrinfo *to, int64_t deadline)
{
	struct pollfd polled = {fd, POLLOUT, 0};
	int error = 0;
	socklen_t len = sizeof error;

	if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	if (poll(&polled, 1, (int)MAX(0, deadline - now_ms())) <= 0)
		return ETIMEDOUT;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? errno : error;
}

static const char *advice(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return "nothing listens on that port: is its SSH server running?";
	case ETIMEDOUT:
		return "it does not answer: is it switched on, and this the right "
		       "address?";
	case EHOSTUNREACH:
	case ENETUNREACH:
		return "there is no way to it from here";
	default:
		return "it cannot be reached";
	}
}

static void settle(int fd)
{
	const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
}

int ssh_dial_tcp(const char *host, unsigned port, int64_t limit_ms, struct err *e)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	int64_t deadline = now_ms() + limit_ms;
	int error = ETIMEDOUT, status;
	char service[16];

	snprintf(service, sizeof service, "%u", port);
	status = getaddrinfo(host, service, &hints, &found);
	if (status)
		return err_set(e, ERR_INFRA, "no address of %s is known: %s", host,
			gai_strerror(status));
	for (const struct addrinfo *a = found; a; a = a->ai_next) {
		autoclose int fd = socket(
			a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		error = fd < 0 ? errno : connect_within(fd, a, deadline);
		if (error)
			continue;
		settle(fd);
		freeaddrinfo(found);
		return take_fd(fd);
	}
	freeaddrinfo(found);
	return err_set(e, ERR_INFRA, "%s port %u: %s (%s)", host, port, strerror(error),
		advice(error));
}

int ssh_dial_command(const char *command, pid_t *pid, struct err *e)
{
	autofree char *line = xasprintf("exec %s", command);
	const pid_t parent = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, errno, "make a socket pair");
	*pid = fork();
	if (*pid == 0) {
		proc_child_begin(parent);
		dup2(pair[1], STDIN_FILENO);
		dup2(pair[1], STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", line, (char *)NULL);
		_exit(127);
	}
	close(pair[1]);
	if (*pid > 0)
		return pair[0];
	close(pair[0]);
	return err_sys(e, errno, "start a process");
}
