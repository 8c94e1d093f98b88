#include "runner/kin.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Jobs count down from a mark of at least half of this. */
#define MARKS_MIN 1024u

/* The system call itself: its 64-bit values do not depend on the libc's idea of rlim_t.
 */
struct limit64 {
	uint64_t soft, hard;
};

static int limit_call(pid_t pid, const struct limit64 *set, struct limit64 *get)
{
	return syscall(SYS_prlimit64, pid, RLIMIT_LOCKS, set, get) < 0 ? -errno : 0;
}

uint32_t kin_first_mark(void)
{
	struct limit64 own;
	uint32_t top, random = 0;

	if (limit_call(0, NULL, &own) < 0)
		return 0;
	top = own.hard < INT32_MAX ? (uint32_t)own.hard : INT32_MAX;
	if (top < MARKS_MIN)
		return 0;
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = (uint32_t)getpid() * 2654435761u;
	/* A runner in a job of a runner has the lower half left, at least. */
	return top - random % (top / 2);
}

int kin_set_mark(uint32_t mark)
{
	struct limit64 set = {mark, mark};

	return limit_call(0, &set, NULL);
}

/* Reads a small file of /proc into `out` as a string. Length or negative errno. */
static ssize_t read_proc(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, out, size - 1);
	close(fd);
	out[n > 0 ? n : 0] = '\0';
	return n;
}

static bool limits_file_says(pid_t pid, uint32_t mark)
{
	char path[48], text[4096], *line;

	snprintf(path, sizeof(path), "/proc/%d/limits", (int)pid);
	if (read_proc(path, text, sizeof(text)) <= 0)
		return false;
	line = strstr(text, "Max file locks");
	return line && strtoull(line + strlen("Max file locks"), NULL, 10) == mark;
}

static bool has_mark(pid_t pid, uint32_t mark)
{
	struct limit64 got;
	int err = limit_call(pid, NULL, &got);

	if (err == 0)
		return got.soft == mark || got.hard == mark;
	/* Of another user: only the file may be read. */
	return err == -EPERM && limits_file_says(pid, mark);
}

/* Fields of /proc/PID/stat from the state on (field 3): a name may hold blanks and
 * parentheses. */
static const char *read_stat(pid_t pid, char *text, size_t size)
{
	char path[48], *after;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (read_proc(path, text, size) <= 0)
		return NULL;
	after = strrchr(text, ')');
	return after && after[1] == ' ' ? after + 2 : NULL;
}

/* Whether the line of its parents ends here, as all do at the first process. Who does not
 * adopt orphans cannot tell. */
static bool is_descendant(pid_t pid, bool adopts)
{
	char text[512];

	if (getpid() == 1)
		return true;
	while (pid > 1) {
		const char *stat = read_stat(pid, text, sizeof(text));

		/* proc_pid_stat(5): the parent comes after the state. */
		pid = stat ? atoi(stat + 1) : 0;
		if (pid == getpid())
			return true;
	}
	return !adopts;
}

static bool is_known(const pid_t *known, size_t count, pid_t pid)
{
	for (size_t i = 0; i < count; i++)
		if (known[i] == pid)
			return true;
	return false;
}

bool kin_has_others(const pid_t *known, size_t count)
{
	char path[64], text[4096], *p = text;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	/* Without the file (it is a kernel option), or with more than fits: a full look
	 * must tell. */
	if (read_proc(path, text, sizeof(text)) < 0 || strlen(text) == sizeof(text) - 1)
		return true;
	while (*p) {
		char *end;
		long pid = strtol(p, &end, 10);

		if (end == p)
			break;
		if (!is_known(known, count, (pid_t)pid))
			return true;
		for (p = end; *p == ' ';)
			p++;
	}
	return false;
}

size_t kin_each(uint32_t mark, void (*fn)(void *ctx, pid_t pid), void *ctx)
{
	DIR *proc = mark ? opendir("/proc") : NULL;
	struct dirent *entry;
	size_t found = 0;
	int adopts = 0;
	char text[512];

	prctl(PR_GET_CHILD_SUBREAPER, &adopts);
	while (proc && (entry = readdir(proc))) {
		pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name)
								     : 0;
		const char *stat;

		if (pid <= 0 || pid == getpid() || !has_mark(pid, mark))
			continue;
		stat = read_stat(pid, text, sizeof(text));
		if (!stat || *stat == 'Z' || *stat == 'X' || !is_descendant(pid, adopts))
			continue;
		found++;
		if (fn)
			fn(ctx, pid);
	}
	if (proc)
		closedir(proc);
	return found;
}

static void signal_one(void *ctx, pid_t pid)
{
	kill(pid, *(int *)ctx);
}

size_t kin_signal(uint32_t mark, int signal)
{
	return kin_each(mark, signal_one, &signal);
}

static void add_time(void *ctx, pid_t pid)
{
	unsigned long long user, sys, child_user, child_sys;
	char text[512];
	const char *stat = read_stat(pid, text, sizeof(text));

	/* proc_pid_stat(5): state is field 3, utime to cstime are fields 14 to 17. */
	if (stat &&
		sscanf(stat,
			"%*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu %llu %llu %llu",
			&user, &sys, &child_user, &child_sys) == 4)
		*(uint64_t *)ctx += user + sys + child_user + child_sys;
}

uint64_t kin_cpu_ms(uint32_t mark)
{
	uint64_t ticks = 0;
	long per_second = sysconf(_SC_CLK_TCK);

	kin_each(mark, add_time, &ticks);
	return ticks * 1000 / (uint64_t)(per_second > 0 ? per_second : 100);
}

/* An emulator's process bears the emulator's name. What it runs is the first of its
 * arguments that is a file; cut to the kernel's length of a name, as that of a program
 * would be. */
static void name_emulated(pid_t pid, char *name, size_t size)
{
	char path[48], text[4096], file[4200];
	struct stat st;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	n = read_proc(path, text, sizeof(text));
	if (n <= 0)
		return;
	for (char *p = text + strlen(text) + 1; p < text + n; p += strlen(p) + 1) {
		const char *slash = strrchr(p, '/');

		/* A relative path begins at its working directory. */
		snprintf(file, sizeof(file), "/proc/%d/cwd/%s", (int)pid, p);
		if (!slash || stat(*p == '/' ? p : file, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		snprintf(name, size, "%.15s", slash + 1);
		return;
	}
}

void kin_name(pid_t pid, char *out, size_t size)
{
	char path[48], name[32];

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	out[0] = '\0';
	if (read_proc(path, name, sizeof(name)) <= 0)
		return;
	name[strcspn(name, "\n")] = '\0';
	if (strncmp(name, "qemu-", 5) == 0)
		name_emulated(pid, name, sizeof(name));
	snprintf(out, size, "%s(%d)", name, (int)pid);
}
