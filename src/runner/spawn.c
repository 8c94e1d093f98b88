#include "runner/spawn.h"

#include "runner/hold.h"
#include "runner/kin.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at))
#endif

#ifdef SYS_setresuid32
#define CALL_SETRESUID SYS_setresuid32
#define CALL_SETRESGID SYS_setresgid32
#define CALL_SETGROUPS SYS_setgroups32
#else
#define CALL_SETRESUID SYS_setresuid
#define CALL_SETRESGID SYS_setresgid
#define CALL_SETGROUPS SYS_setgroups
#endif

struct report {
	uint32_t step;
	int32_t error;
};

struct child {
	const struct spawn *s;
	int report_fd;
	pid_t parent;
};

static _Noreturn void give_up(const struct child *c, uint32_t step)
{
	struct report report = {step, errno};

	if (write(c->report_fd, &report, sizeof(report)) < 0)
		_exit(126);
	_exit(127);
}

static int resource_of(uint32_t limit)
{
	switch (limit) {
	case WIRE_LIMIT_CPU_S:
		return RLIMIT_CPU;
	case WIRE_LIMIT_FILE_BYTES:
		return RLIMIT_FSIZE;
	case WIRE_LIMIT_CORE_BYTES:
		return RLIMIT_CORE;
	case WIRE_LIMIT_SPACE_BYTES:
		return RLIMIT_AS;
	case WIRE_LIMIT_FILES:
		return RLIMIT_NOFILE;
	case WIRE_LIMIT_PROCESSES:
		return RLIMIT_NPROC;
	case WIRE_LIMIT_STACK_BYTES:
		return RLIMIT_STACK;
	default:
		return -1;
	}
}

static int set_limits(const struct wire_bytes *records)
{
	struct wire_rlimit limit;
	size_t at = 0;

	while (msg_next_record(&msg_rlimit, records, &at, &limit) > 0) {
		uint64_t set[2] = {limit.value, limit.value};
		int resource = resource_of(limit.limit);

		if (resource < 0) {
			errno = EINVAL;
			return -1;
		}
		if (syscall(SYS_prlimit64, 0, resource, set, NULL) < 0)
			return -1;
	}
	return 0;
}

static int set_ids(const struct spawn *s)
{
	/* The system calls themselves: a libc would signal its threads, which here are
	 * the parent's. */
	if (syscall(CALL_SETGROUPS, 0, NULL) < 0 && errno != EPERM)
		return -1;
	if (syscall(CALL_SETRESGID, s->gid, s->gid, s->gid) < 0)
		return -1;
	return (int)syscall(CALL_SETRESUID, s->uid, s->uid, s->uid);
}

/* What the runner itself has changed; the rest it has reset when it began. */
static void reset_signals(void)
{
	struct sigaction plain = {.sa_handler = SIG_DFL};
	sigset_t none;

	sigaction(SIGPIPE, &plain, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static const char *find_path(char *const *env)
{
	for (; *env; env++)
		if (strncmp(*env, "PATH=", 5) == 0)
			return *env + 5;
	return "/usr/local/bin:/usr/bin:/bin";
}

/* execvpe() without malloc() and without the shell fallback, which would hide what is
 * wrong. */
static void execute(const struct spawn *s)
{
	const char *name = s->argv[0], *path;
	char full[PATH_MAX];
	int error = ENOENT;

	if (strchr(name, '/')) {
		execve(name, s->argv, s->env);
		return;
	}
	for (path = find_path(s->env);; path++) {
		size_t len = strcspn(path, ":");

		if (snprintf(full, sizeof(full), "%.*s%s%s", (int)len, path,
			    len ? "/" : "", name) < (int)sizeof(full))
			execve(full, s->argv, s->env);
		if (errno != ENOENT && errno != ENOTDIR)
			error = errno;
		path += len;
		if (!*path)
			break;
	}
	errno = error;
}

static bool is_there(const struct spawn *s)
{
	struct stat st;

	return strchr(s->argv[0], '/') && stat(s->argv[0], &st) == 0;
}

/* A failure is none: what is in no cage is found by its mark. */
static void enter_cage(const struct spawn *s)
{
	ssize_t n = s->cage_fd < 0 ? 0 : write(s->cage_fd, "0", 1);

	(void)n;
}

static int run_child(void *arg)
{
	struct child *c = arg;
	const struct spawn *s = c->s;
	int error;

	if (s->new_session)
		setsid();
	if (s->mounts_fd >= 0 && setns(s->mounts_fd, CLONE_NEWNS) < 0)
		give_up(c, WIRE_STEP_FORK);
	enter_cage(s);
	for (int i = 0; i < 3; i++)
		if (s->stdio[i] >= 0 && dup2(s->stdio[i], i) < 0)
			give_up(c, WIRE_STEP_STREAMS);
	if (s->terminal && ioctl(0, TIOCSCTTY, 0) < 0)
		give_up(c, WIRE_STEP_STREAMS);
	if (s->mark && kin_set_mark(s->mark) < 0)
		give_up(c, WIRE_STEP_LIMITS);
	if (set_limits(&s->rlimits) < 0)
		give_up(c, WIRE_STEP_LIMITS);
	if (s->set_ids && set_ids(s) < 0)
		give_up(c, WIRE_STEP_IDS);
	/* After the change of user, which clears it. */
	if (s->die_with_us) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != c->parent)
			_exit(127);
	}
	/* Where only ancestors may (Yama): it lasts through exec. */
	if (s->watched)
		prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	if (s->cwd[0] && chdir(s->cwd) < 0)
		give_up(c, WIRE_STEP_CHDIR);
	if (s->program && strchr(s->program, '/') && access(s->program, X_OK) < 0)
		give_up(c, WIRE_STEP_EXEC);
	reset_signals();
	if (s->hold)
		hold_me();
	execute(s);
	error = errno;
	if (error == ENOENT && is_there(s)) {
		errno = error;
		give_up(c, WIRE_STEP_INTERPRETER);
	}
	errno = error;
	give_up(c, WIRE_STEP_EXEC);
}

/* Waits for the child's report: nothing when it has executed. */
static int read_report(int fd, struct report *report)
{
	ssize_t n;

	do
		n = read(fd, report, sizeof(*report));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(*report);
}

const char *spawn_step_name(uint32_t step)
{
	static const char *const names[] = {
		[WIRE_STEP_REQUEST] = "request",
		[WIRE_STEP_FORK] = "start a process for",
		[WIRE_STEP_STREAMS] = "connect the streams of",
		[WIRE_STEP_TMPDIR] = "make the temporary directory of",
		[WIRE_STEP_CHDIR] = "change to its directory",
		[WIRE_STEP_LIMITS] = "set the limits of",
		[WIRE_STEP_IDS] = "change the user of",
		[WIRE_STEP_EXEC] = "execute",
		[WIRE_STEP_INTERPRETER] = "find the loader or interpreter of",
	};

	return names[step];
}

int spawn_start(const struct spawn *s, pid_t *pid, uint32_t *step)
{
	/* The child's own stack, while we stand still. */
	char stack[64 * 1024] __attribute__((aligned(16)));
	struct child c = {.s = s, .parent = getpid()};
	struct report report;
	sigset_t all, before;
	int report_fds[2], error;

	*step = WIRE_STEP_FORK;
	if (pipe2(report_fds, O_CLOEXEC) < 0)
		return -errno;
	c.report_fd = report_fds[1];
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	*pid = clone(
		run_child, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, &c);
	error = errno;
	/* The child has left it without returning from anything. */
	ASAN_UNPOISON_MEMORY_REGION(stack, sizeof(stack));
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(report_fds[1]);
	if (*pid < 0) {
		close(report_fds[0]);
		return -error;
	}
	if (!read_report(report_fds[0], &report)) {
		close(report_fds[0]);
		return 0;
	}
	close(report_fds[0]);
	while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	*step = report.step;
	return -report.error;
}
