#include "transport/child.h"

#include "base/fs.h"
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CLOSE_GRACE_MS = 2000, CLOSE_POLL_MS = 5, RUNNER_FD = 3 };

static void exec_runner(const char *program, int fd)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	proc_be_prompt();
	/* dup2() onto itself would keep close-on-exec. */
	if (fd == RUNNER_FD)
		fcntl(fd, F_SETFD, 0);
	else
		dup2(fd, RUNNER_FD);
	execl(program, program, "--fd", "3", (char *)NULL);
	fprintf(stderr, "xtest: cannot run %s: %s\n", program, strerror(errno));
	_exit(127);
}

int child_open(const char *program, struct link *link, struct err *e)
{
	int pair[2];
	pid_t pid;

	if (!fs_is_executable(program))
		return err_set(e, ERR_SETUP,
			"the runner %s is missing; run `make` or `make install`",
			program);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, errno, "make a socket pair for the runner");
	pid = fork();
	if (pid == 0)
		exec_runner(program, pair[1]);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return err_sys(e, errno, "start the runner");
	}
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	link->in_fd = link->out_fd = pair[0];
	link->pid = pid;
	return 0;
}

bool child_reap_within(pid_t pid, int64_t limit_ms, int *status)
{
	int64_t deadline = now_ms() + limit_ms;

	for (;;) {
		pid_t got = waitpid(pid, status, WNOHANG);

		if (got == pid || (got < 0 && errno != EINTR))
			return true;
		if (now_ms() >= deadline)
			return false;
		poll(NULL, 0, CLOSE_POLL_MS);
	}
}

void child_close(struct link *link, char **why)
{
	int status = 0;

	if (link->in_fd >= 0)
		close(link->in_fd);
	link->in_fd = link->out_fd = -1;
	if (link->pid <= 0)
		return;
	if (!child_reap_within(link->pid, CLOSE_GRACE_MS, &status)) {
		kill(link->pid, SIGKILL);
		child_reap_within(link->pid, CLOSE_GRACE_MS, &status);
		*why = xstrdup("the runner did not end by itself and was killed");
	} else if (WIFSIGNALED(status)) {
		*why = xasprintf("the runner was killed by signal %d (SIG%s)",
			WTERMSIG(status), sigabbrev_np(WTERMSIG(status)));
	} else if (WIFEXITED(status) && WEXITSTATUS(status)) {
		*why = xasprintf(
			"the runner ended with exit status %d", WEXITSTATUS(status));
	}
	link->pid = 0;
}
