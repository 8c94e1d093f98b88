#include "transport/ssh-console.h"

#include "base/fs.h"
#include "base/proc.h"
#include "model/config.h"
#include "model/console.h"
#include "transport/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

enum {
	EXCERPT_LINES = 40,
	READS = 16,          /* a flood must not keep us from the rest */
	LAST_WORDS_MS = 400, /* from a panic to the end of its report */
	CLOSE_GRACE_MS = 1000,
};

struct ssh_console {
	pid_t pid; /* leads a group of its own */
	int fd, log_fd;
	struct console *console;
	char *fatal; /* title of the finding */
	int64_t fatal_ms;
};

static void on_finding(void *ctx, const struct console_finding *finding)
{
	struct ssh_console *c = ctx;

	if (finding->severity != CONSOLE_FATAL || c->fatal)
		return;
	c->fatal = xstrdup(finding->title);
	c->fatal_ms = now_ms();
}

static void exec_command(const struct board_config *board, const struct strv *env,
	int out_fd, pid_t parent)
{
	const struct strv *command = &board->config->console;
	setpgid(0, 0);
	proc_child_begin(parent);
	proc_child_streams(out_fd, out_fd);
	if (board->directory && chdir(board->directory) < 0)
		_exit(126);
	execvpe(command->v[0], strv_argv(command), strv_argv(env));
	_exit(127);
}

struct ssh_console *ssh_console_open(const struct board_config *board, struct err *e)
{
	const pid_t parent = getpid();
	autorelease(strv) struct strv env = STRV_INIT;
	struct ssh_console *c;
	int fds[2];

	if (!board->console || !board->config->console.len)
		return NULL;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys_null(e, errno, "make a pipe");
	proc_environ_outside_make(&env);
	strv_env_set(&env, "XTEST_BOARD", board->name);
	c = xcalloc(1, sizeof *c);
	c->pid = fork();
	if (c->pid == 0)
		exec_command(board, &env, fds[1], parent);
	close(fds[1]);
	c->fd = fds[0];
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	c->log_fd = board->log_path
			    ? open(board->log_path,
				      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)
			    : -1;
	c->console = console_new(board->console, on_finding, c);
	/* The board runs already: one that boots now has been reset. */
	console_mark(c->console);
	if (c->pid > 0)
		return c;
	err_sys(e, errno, "start a process");
	ssh_console_close(c);
	return NULL;
}

void ssh_console_close(struct ssh_console *c)
{
	int status;

	if (!c)
		return;
	if (c->pid > 0) {
		kill(-c->pid, SIGTERM);
		if (!child_reap_within(c->pid, CLOSE_GRACE_MS, &status)) {
			kill(-c->pid, SIGKILL);
			child_reap_within(c->pid, CLOSE_GRACE_MS, &status);
		}
	}
	if (c->fd >= 0)
		close(c->fd);
	if (c->log_fd >= 0)
		close(c->log_fd);
	console_free(c->console);
	free(c->fatal);
	free(c);
}

int ssh_console_fd(const struct ssh_console *c)
{
	return c ? c->fd : -1;
}

static void read_bytes(struct ssh_console *c)
{
	char block[16384];

	for (int i = 0; c->fd >= 0 && i < READS; i++) {
		ssize_t n = read(c->fd, block, sizeof block);

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			return;
		if (n <= 0) {
			close(take_fd(c->fd));
			console_end(c->console);
			return;
		}
		console_feed(c->console, block, (size_t)n);
		/* A full disk must not end the tests. */
		if (c->log_fd >= 0 && fs_write_all(c->log_fd, block, (size_t)n) < 0)
			close(take_fd(c->log_fd));
	}
}

void ssh_console_mark(struct ssh_console *c)
{
	if (!c)
		return;
	read_bytes(c);
	free(take_ptr(c->fatal));
	console_clear(c->console);
	console_mark(c->console);
}

char *ssh_console_excerpt(const struct ssh_console *c)
{
	return c ? console_excerpt(c->console, EXCERPT_LINES) : NULL;
}

bool ssh_console_read(struct ssh_console *c, struct demise *demise)
{
	if (!c)
		return false;
	read_bytes(c);
	if (!c->fatal || now_ms() - c->fatal_ms < LAST_WORDS_MS)
		return false;
	demise->reason = xstrdup(c->fatal);
	demise->console = ssh_console_excerpt(c);
	demise->by_guest = true;
	return true;
}
