#include "engine/script-run.h"

#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAUSE_MS = 20, CHECK_MS = 50, GRACE_MS = 2000, KEPT_BYTES = 1 << 20 };

/* A file without a name: a server in the background may write into it for ever, which a
 * pipe that nobody reads would not stand. */
static int open_output(void)
{
	const char *dir = getenv("TMPDIR");
	int fd = open(dir && *dir ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd >= 0 ? fd : memfd_create("script", MFD_CLOEXEC);
}

static void child(
	const struct script_run_options *o, int out_fd, int err_fd, pid_t parent)
{
	setpgid(0, 0);
	proc_child_begin(parent);
	proc_child_streams(out_fd, err_fd);
	if (chdir(o->cwd) == 0)
		execvpe(o->argv->v[0], strv_argv(o->argv), strv_argv(o->env));
	dprintf(STDERR_FILENO, "%s: %s\n", o->argv->v[0], strerrordesc_np(errno));
	_exit(127);
}

/* The leader stays a zombie, so that nobody else gets the number of its group. */
static bool has_ended(pid_t pid, siginfo_t *info)
{
	info->si_pid = 0;
	return waitid(P_PID, (id_t)pid, info, WEXITED | WNOWAIT | WNOHANG) == 0 &&
	       info->si_pid == pid;
}

static char *reason_of(const siginfo_t *info)
{
	if (info->si_code == CLD_EXITED)
		return info->si_status ? xasprintf("exit status %d", info->si_status)
				       : NULL;
	return xasprintf(
		"signal %d (SIG%s)", info->si_status, sigabbrev_np(info->si_status));
}

/* Waits, and ends it where it takes too long or somebody wants that. */
static void wait_for(struct script_run *r, const struct script_run_options *o)
{
	int64_t start_ms = now_ms(), next_check_ms = start_ms, kill_ms = INT64_MAX;
	autofree char *why = NULL;
	siginfo_t info = {0};
	int last_signal = 0;

	while (!has_ended(r->group, &info)) {
		int64_t now = now_ms();
		int signal = 0;

		if (now >= next_check_ms && o->check) {
			next_check_ms = now + CHECK_MS;
			signal = o->check(o->ctx);
		}
		if (signal && signal != last_signal) {
			last_signal = signal;
			kill(-r->group, signal);
			kill_ms = MIN(kill_ms, now + GRACE_MS);
			if (!why)
				why = xstrdup("interrupted");
		} else if (!why && now - start_ms >= o->timeout_ms) {
			kill(-r->group, SIGTERM);
			kill_ms = now + GRACE_MS;
			why = xasprintf(
				"no end within %lld ms", (long long)o->timeout_ms);
		}
		if (now >= kill_ms)
			kill(-r->group, SIGKILL);
		poll(NULL, 0, PAUSE_MS);
	}
	r->wall_ms = now_ms() - start_ms;
	r->reason = why ? take_ptr(why) : reason_of(&info);
}

static void keep(struct buf *out, int fd)
{
	ssize_t n = pread(fd, buf_reserve(out, KEPT_BYTES), KEPT_BYTES, 0);

	if (n > 0)
		out->len += (size_t)n;
	buf_append_str(out, "");
}

void script_run(struct script_run *r, const struct script_run_options *o)
{
	autoclose int out_fd = open_output();
	autoclose int err_fd = open_output();
	pid_t parent = getpid();

	if (out_fd < 0 || err_fd < 0) {
		r->reason =
			xasprintf("no file for its output: %s", strerrordesc_np(errno));
		return;
	}
	r->group = fork();
	if (r->group == 0)
		child(o, out_fd, err_fd, parent);
	if (r->group < 0) {
		r->group = 0;
		r->reason = xasprintf("not started: %s", strerrordesc_np(errno));
		return;
	}
	setpgid(r->group, r->group);
	wait_for(r, o);
	keep(&r->out, out_fd);
	keep(&r->err, err_fd);
}

void script_run_end_group(struct script_run *r)
{
	int64_t kill_ms = now_ms() + GRACE_MS;

	if (r->group <= 0)
		return;
	kill(-r->group, SIGTERM);
	while (waitpid(r->group, NULL, 0) < 0 && errno == EINTR)
		;
	while (kill(-r->group, 0) == 0 && now_ms() < kill_ms)
		poll(NULL, 0, PAUSE_MS);
	kill(-r->group, SIGKILL);
	r->group = 0;
}

void script_run_release(struct script_run *r)
{
	script_run_end_group(r);
	free(r->reason);
	buf_release(&r->out);
	buf_release(&r->err);
}
