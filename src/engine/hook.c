#include "engine/hook.h"

#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SAID_MAX = 256 * 1024 };

struct hook {
	pid_t pid; /* also its group's */
	int out_fd;
	int64_t due_ms, limit_ms;
	bool late; /* it was killed for its time */
};

/* A file of one size, into which nobody writes more; how far they came is the offset that
 * all share. */
static int open_output(void)
{
	int fd = memfd_create("hook", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && (ftruncate(fd, SAID_MAX) < 0 ||
			       fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void child(
	const struct strv *argv, const struct strv *env, int out_fd, pid_t parent)
{
	setpgid(0, 0);
	proc_child_begin(parent);
	proc_child_streams(out_fd, out_fd);
	execvpe(argv->v[0], strv_argv(argv), strv_argv(env));
	dprintf(STDERR_FILENO, "%s: %s\n", argv->v[0], strerrordesc_np(errno));
	_exit(127);
}

struct hook *hook_start(
	const struct strv *argv, const struct strv *env, int64_t limit_ms, struct err *e)
{
	autoclose int out_fd = open_output();
	pid_t parent = getpid(), pid = out_fd < 0 ? -1 : fork();
	struct hook *h;

	if (pid == 0)
		child(argv, env, out_fd, parent);
	if (pid < 0)
		return err_null(e, ERR_SETUP, "%s was not started: %s", argv->v[0],
			strerrordesc_np(errno));
	/* Whichever of the two comes first. */
	setpgid(pid, pid);
	h = xcalloc(1, sizeof *h);
	h->pid = pid;
	h->out_fd = take_fd(out_fd);
	h->limit_ms = limit_ms;
	h->due_ms = now_ms() + limit_ms;
	return h;
}

void hook_kill(struct hook *h)
{
	kill(-h->pid, SIGKILL);
}

bool hook_is_over(struct hook *h)
{
	siginfo_t info = {0};

	if (!h->late && now_ms() >= h->due_ms) {
		h->late = true;
		hook_kill(h);
	}
	/* The leader stays a zombie, so that nobody else gets the number of its group. */
	return waitid(P_PID, (id_t)h->pid, &info, WEXITED | WNOWAIT | WNOHANG) != 0 ||
	       info.si_pid == h->pid;
}

void hook_excuse(struct hook *h, int64_t stood_ms)
{
	h->due_ms += stood_ms;
}

static void take_text(const struct hook *h, struct buf *said)
{
	off_t len = lseek(h->out_fd, 0, SEEK_CUR);
	char chunk[4096];

	len = MIN(len, SAID_MAX);
	for (off_t at = 0; at < len;) {
		ssize_t n = pread(
			h->out_fd, chunk, MIN(sizeof chunk, (size_t)(len - at)), at);

		if (n <= 0)
			break;
		buf_append(said, chunk, (size_t)n);
		at += n;
	}
	if (said->len && said->data[said->len - 1] != '\n')
		buf_append_char(said, '\n');
}

void hook_take(struct hook *h, struct buf *said)
{
	int status = 0;

	hook_kill(h);
	waitpid(h->pid, &status, 0);
	take_text(h, said);
	if (h->late)
		buf_printf(said, "[no end within %.1f s]\n", (double)h->limit_ms / 1000);
	else if (WIFEXITED(status) && WEXITSTATUS(status))
		buf_printf(said, "[exit status %d]\n", WEXITSTATUS(status));
	close(h->out_fd);
	free(h);
}
