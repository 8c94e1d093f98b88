#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { DEFAULT_MAX_OUTPUT = 256 << 20, CANCEL_POLL_MS = 100 };

/* One pipe from the child: what came, and how much of it was already handed out as lines.
 */
struct stream {
	int fd;
	struct buf *into;
	size_t handed_out;
};

void proc_result_release(struct proc_result *r)
{
	buf_release(&r->out);
	buf_release(&r->err);
}

bool proc_succeeded(const struct proc_result *r)
{
	return r->exit_code == 0 && !r->timed_out;
}

const char *proc_describe(const struct proc_result *r, char *text, size_t size)
{
	if (r->timed_out)
		snprintf(text, size, "no end within the time limit");
	else if (r->signal)
		snprintf(text, size, "signal %d (SIG%s)", r->signal,
			sigabbrev_np(r->signal));
	else
		snprintf(text, size, "exit status %d", r->exit_code);
	return text;
}

void proc_environ(struct strv *env)
{
	strv_push_array(env, (const char *const *)environ);
}

/* The variables given on the command line of a make above us, which exports them: its
 * MAKEFLAGS end in "-- NAME=VALUE…" (GNU make manual, "Communicating Options to a
 * Sub-make"). */
static void unset_overrides(struct strv *env)
{
	const char *flags = strv_env_find(env, "MAKEFLAGS");
	const char *assignments = flags ? strstr(flags, "-- ") : NULL;
	autorelease(strv) struct strv words = STRV_INIT;

	if (assignments)
		strv_split(&words, assignments + strlen("-- "), " ");
	for (size_t i = 0; i < words.len; i++) {
		words.v[i][strcspn(words.v[i], ":+?=")] = '\0';
		strv_env_unset(env, words.v[i]);
	}
}

void proc_environ_outside_make(struct strv *env)
{
	static const char *const of_make[] = {
		"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES"};

	proc_environ(env);
	unset_overrides(env);
	for (size_t i = 0; i < ARRAY_LEN(of_make); i++)
		strv_env_unset(env, of_make[i]);
}

void proc_child_begin(pid_t parent)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void proc_child_streams(int out_fd, int err_fd)
{
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null_fd == STDIN_FILENO) /* it was closed: nothing to copy to */
		fcntl(null_fd, F_SETFD, 0);
	dup2(null_fd, STDIN_FILENO);
	dup2(out_fd, STDOUT_FILENO);
	dup2(err_fd, STDERR_FILENO);
}

/* In the child, between fork and exec. Reports errno through `status_fd`. */
static void child_exec(const struct strv *argv, const struct proc_options *o, int out_fd,
	int err_fd, int status_fd, pid_t parent)
{
	int errnum;

	setpgid(0, 0);
	proc_child_begin(parent);
	proc_child_streams(out_fd, o->pass_stderr    ? STDERR_FILENO
				   : o->merge_stderr ? out_fd
						     : err_fd);
	if (!o->cwd || chdir(o->cwd) == 0)
		execvpe(argv->v[0], strv_argv(argv),
			o->env ? strv_argv(o->env) : environ);
	errnum = errno;
	if (write(status_fd, &errnum, sizeof errnum) < 0)
		_exit(126);
	_exit(127);
}

static void hand_out_lines(struct stream *s, const struct proc_options *o, bool at_end)
{
	const char *line;
	size_t len, pos = s->handed_out;

	if (!o->on_line || !s->into->data)
		return;
	while (pos < s->into->len &&
		(at_end || memchr(s->into->data + pos, '\n', s->into->len - pos)) &&
		buf_next_line(s->into->data, s->into->len, &pos, &line, &len))
		o->on_line(o->ctx, line, len);
	s->handed_out = pos;
}

/* Reads what is there. Returns false when the stream is over the limit. */
static bool drain(struct stream *s, const struct proc_options *o, size_t limit)
{
	ssize_t n = read(s->fd, buf_reserve(s->into, 65536), 65536);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n <= 0) {
		close(take_fd(s->fd));
		hand_out_lines(s, o, true);
		return true;
	}
	s->into->len += (size_t)n;
	s->into->data[s->into->len] = '\0';
	if (s->into->len > limit)
		return false;
	hand_out_lines(s, o, false);
	return true;
}

/* Collects output until both pipes are closed. Returns NULL, or why the child must be
 * killed. */
static const char *collect(struct stream streams[2], const struct proc_options *o)
{
	size_t limit = o->max_output_bytes ? o->max_output_bytes : DEFAULT_MAX_OUTPUT;
	int64_t deadline = o->timeout_ms ? now_ms() + o->timeout_ms : INT64_MAX;

	while (streams[0].fd >= 0 || streams[1].fd >= 0) {
		struct pollfd p[2] = {
			{streams[0].fd, POLLIN, 0}, {streams[1].fd, POLLIN, 0}};
		int64_t left = deadline - now_ms();
		int64_t wait = o->cancelled ? MIN(left, CANCEL_POLL_MS) : left;

		if (left <= 0)
			return "timeout";
		if (o->cancelled && o->cancelled(o->ctx))
			return "interrupted";
		if (poll(p, 2,
			    deadline == INT64_MAX && !o->cancelled
				    ? -1
				    : (int)MIN(wait, 1 << 30)) < 0)
			continue;
		for (int i = 0; i < 2; i++)
			if (p[i].revents && !drain(&streams[i], o, limit))
				return "too much output";
	}
	return NULL;
}

static int wait_for(pid_t pid, struct proc_result *r)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	r->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	r->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	return 0;
}

/* The child's errno when it could not exec, 0 when it runs. */
static int start_status(int status_fd)
{
	int errnum = 0;
	ssize_t n;

	do
		n = read(status_fd, &errnum, sizeof errnum);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof errnum ? errnum : 0;
}

/* Owns the child from here: kills its group when `collect` says so, reaps it, fills *r.
 */
static int supervise(pid_t pid, const struct strv *argv, const struct proc_options *o,
	struct stream streams[2], struct proc_result *r, struct err *e)
{
	const char *why = collect(streams, o);

	if (why)
		kill(-pid, SIGKILL);
	for (int i = 0; i < 2; i++)
		if (streams[i].fd >= 0)
			close(streams[i].fd);
	if (wait_for(pid, r) < 0)
		return err_sys(e, errno, "wait for %s", argv->v[0]);
	kill(-pid, SIGKILL);
	r->timed_out = why && streq(why, "timeout");
	if (why && streq(why, "interrupted"))
		return err_set(e, ERR_TESTS_FAILED, "interrupted");
	if (why && !r->timed_out)
		return err_set(e, ERR_SETUP,
			"%s: more output than %zu bytes; it was ended", argv->v[0],
			o->max_output_bytes ? o->max_output_bytes
					    : (size_t)DEFAULT_MAX_OUTPUT);
	return 0;
}

int proc_run(const struct strv *argv, const struct proc_options *options,
	struct proc_result *r, struct err *e)
{
	static const struct proc_options defaults;
	const struct proc_options *o = options ? options : &defaults;
	int out[2], err[2], status[2], errnum;
	pid_t pid, parent = getpid();

	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0 ||
		pipe2(status, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe for %s", argv->v[0]);
	pid = fork();
	if (pid == 0)
		child_exec(argv, o, out[1], err[1], status[1], parent);
	close(out[1]);
	close(err[1]);
	close(status[1]);
	errnum = pid < 0 ? errno : start_status(status[0]);
	close(status[0]);
	if (errnum) {
		close(out[0]);
		close(err[0]);
		if (pid > 0)
			waitpid(pid, NULL, 0);
		return err_sys(e, errnum, "run %s%s%s", argv->v[0], o->cwd ? " in " : "",
			o->cwd ? o->cwd : "");
	}
	setpgid(pid, pid);
	return supervise(pid, argv, o,
		(struct stream[2]){{out[0], &r->out, 0}, {err[0], &r->err, 0}}, r, e);
}

char *proc_capture(const char *const *argv)
{
	autorelease(strv) struct strv words = STRV_INIT;
	autorelease(proc_result) struct proc_result r = {0};
	struct err ignored;

	strv_push_array(&words, argv);
	if (proc_run(&words, NULL, &r, &ignored) < 0 || !proc_succeeded(&r))
		return NULL;
	while (r.out.len && r.out.data[r.out.len - 1] == '\n')
		buf_truncate(&r.out, r.out.len - 1);
	return buf_take(&r.out);
}

void proc_be_prompt(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime_ns, deadline_ns, period_ns;
	} attr = {
		.size = sizeof attr,
		.policy = SCHED_OTHER,
		.flags = 1 /* SCHED_FLAG_RESET_ON_FORK */,
		.nice = getpriority(PRIO_PROCESS, 0),
		.runtime_ns = 100000,
	};

	syscall(SYS_sched_setattr, 0, &attr, 0);
}
