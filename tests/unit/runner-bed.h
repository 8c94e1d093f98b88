/* The real runner of this machine at the other end of a socketpair. */
#ifndef XTEST_TESTS_RUNNER_BED_H
#define XTEST_TESTS_RUNNER_BED_H

#include "base/util.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

/* A descriptor that does not wait, and *pid; -1 when no runner was built for this
 * machine. */
static int runner_bed_start(const char *work, pid_t *pid)
{
	const char *dir = getenv("XTEST_LIBEXECDIR");
	autofree char *path = NULL;
	struct utsname name;
	int pair[2];

	uname(&name);
	path = xasprintf("%s/xtest-runner-%s", dir ? dir : ".", name.machine);
	if (access(path, X_OK) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		exit(99);
	*pid = fork();
	if (*pid == 0) {
		if (pair[1] == 3)
			fcntl(3, F_SETFD, 0);
		else
			dup2(pair[1], 3);
		execl(path, "xtest-runner", "--fd", "3", work ? "--work" : NULL, work,
			NULL);
		_exit(127);
	}
	close(pair[1]);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	return pair[0];
}

#endif
