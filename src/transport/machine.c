#include "transport/machine.h"

#include "base/fs.h"
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS_MAX = 4096, CONSOLE_PIPE = 256 << 10 };

int machine_new_ram(uint64_t bytes, struct err *e)
{
	int fd = memfd_create("xtest-ram", MFD_CLOEXEC);

	if (fd < 0)
		return err_sys(e, errno, "make the memory of a machine");
	if (ftruncate(fd, (off_t)bytes) < 0) {
		err_sys(e, errno, "make the memory of a machine");
		close(fd);
		return -1;
	}
	return fd;
}

uint64_t machine_host_memory_mib(void)
{
	autorelease(buf) struct buf text = BUF_INIT;
	struct err ignored;
	const char *at;

	if (fs_read_file("/proc/meminfo", &text, &ignored) < 0)
		return 0;
	at = strstr(buf_str(&text), "MemAvailable:");
	return at ? strtoull(at + strlen("MemAvailable:"), NULL, 10) / 1024 : 0;
}

/* ---- starting */

/* The far ends of what the machine is held by, for the child only. */
struct far_ends {
	int port, console, monitor, words;
};

static void far_ends_release(struct far_ends *f)
{
	int *const all[] = {&f->port, &f->console, &f->monitor, &f->words};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		util_cleanup_fd(all[i]);
}

static int connect_pair(int *near, int *far)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	*near = pair[0];
	*far = pair[1];
	return 0;
}

static int connect_pipe(int *near, int *far)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	*near = ends[0];
	*far = ends[1];
	return 0;
}

/* The console is a pipe, not a socket: a serial line writes byte by byte, of which a
 * socket's buffer holds a few hundred and a pipe's as many as it has bytes. */
static int connect_all(struct machine *m, struct far_ends *far)
{
	if (connect_pair(&m->port_fd, &far->port) < 0 ||
		connect_pipe(&m->console_fd, &far->console) < 0 ||
		connect_pair(&m->monitor_fd, &far->monitor) < 0 ||
		connect_pipe(&m->words_fd, &far->words) < 0)
		return -1;
	/* What an unprivileged user is refused is only smaller. */
	fcntl(m->console_fd, F_SETPIPE_SZ, CONSOLE_PIPE);
	return 0;
}

static void keep_open(int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFD, 0);
}

/* In the child: becomes QEMU. */
static void exec_qemu(char *const *argv, const struct qemu_options *o, int words_fd,
	int state_fd, pid_t parent)
{
	int null_fd;

	setsid();
	proc_child_begin(parent);
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	dup2(null_fd, STDIN_FILENO);
	dup2(null_fd, STDOUT_FILENO);
	dup2(words_fd, STDERR_FILENO);
	keep_open(o->ram_fd);
	keep_open(o->port_fd);
	keep_open(o->console_fd);
	keep_open(o->monitor_fd);
	keep_open(state_fd);
	execv(o->program, argv);
	dprintf(STDERR_FILENO, "cannot run %s: %s\n", o->program, strerror(errno));
	_exit(127);
}

int machine_start(struct machine *m, struct qemu_options *o, int ram_fd, int state_fd,
	struct err *e)
{
	autorelease(far_ends) struct far_ends far = {-1, -1, -1, -1};
	autorelease(strv) struct strv argv = STRV_INIT;
	pid_t parent = getpid();

	*m = (struct machine)MACHINE_INIT;
	m->ram_fd = ram_fd;
	if (connect_all(m, &far) < 0)
		return err_sys(e, errno, "make the sockets of a machine");
	o->ram_fd = ram_fd;
	o->port_fd = far.port;
	o->console_fd = far.console;
	o->monitor_fd = far.monitor;
	qemu_argv(o, &argv);
	m->pid = fork();
	if (m->pid == 0)
		exec_qemu(strv_argv(&argv), o, far.words, state_fd, parent);
	if (m->pid < 0) {
		m->pid = 0;
		return err_sys(e, errno, "start QEMU");
	}
	m->pid_fd = (int)syscall(SYS_pidfd_open, m->pid, 0);
	return 0;
}

/* ---- watching and ending */

void machine_listen(struct machine *m)
{
	while (m->words_fd >= 0) {
		ssize_t n = read(m->words_fd, buf_reserve(&m->words, 1024), 1024);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close(take_fd(m->words_fd));
			return;
		}
		m->words.len += (size_t)n;
		m->words.data[m->words.len] = '\0';
		if (m->words.len > WORDS_MAX)
			buf_consume(&m->words, m->words.len - WORDS_MAX);
	}
}

bool machine_reap(struct machine *m)
{
	pid_t got;

	if (!m->pid)
		return true;
	got = waitpid(m->pid, &m->status, WNOHANG);
	if (got == 0 || (got < 0 && errno == EINTR))
		return false;
	m->pid = 0;
	if (m->pid_fd >= 0)
		close(take_fd(m->pid_fd));
	machine_listen(m);
	return true;
}

/* The last line that is not empty, without the program's name. */
static char *last_words(const struct buf *words)
{
	const char *line, *last = "";
	size_t len, last_len = 0, pos = 0;
	static const char name[] = "qemu-system-";

	while (words->len && buf_next_line(words->data, words->len, &pos, &line, &len))
		if (len) {
			last = line;
			last_len = len;
		}
	if (last_len > strlen(name) && starts_with(last, name)) {
		const char *colon = memchr(last, ':', last_len);

		if (colon && colon + 2 < last + last_len) {
			last_len -= (size_t)(colon + 2 - last);
			last = colon + 2;
		}
	}
	return last_len ? xstrndup(last, MIN(last_len, 500)) : NULL;
}

char *machine_end_words(const struct machine *m)
{
	autofree char *said = last_words(&m->words);
	const char *separator = said ? ": " : "";

	if (WIFSIGNALED(m->status))
		return xasprintf("QEMU was killed by signal %d (SIG%s)%s%s",
			WTERMSIG(m->status), sigabbrev_np(WTERMSIG(m->status)), separator,
			said ? said : "");
	if (WEXITSTATUS(m->status) == 0)
		return xstrdup("QEMU ended");
	return xasprintf("QEMU ended with exit status %d%s%s", WEXITSTATUS(m->status),
		separator, said ? said : "");
}

void machine_release(struct machine *m)
{
	int *const fds[] = {&m->pid_fd, &m->port_fd, &m->console_fd, &m->words_fd,
		&m->ram_fd, &m->monitor_fd};

	if (m->pid > 0) {
		kill(m->pid, SIGKILL);
		while (waitpid(m->pid, &m->status, 0) < 0 && errno == EINTR)
			continue;
		m->pid = 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		if (*fds[i] >= 0)
			close(take_fd(*fds[i]));
	buf_release(&m->words);
}
