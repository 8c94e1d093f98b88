#include "runner/cage.h"

#include "runner/kin.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALL_JOBS "xtest"
#define THREADS_MAX "/proc/sys/kernel/threads-max"
/* What is kept of the memory for the kernel and for us: a sixteenth, and at least so
 * much. */
#define RESERVE_PART 16
#define RESERVE_MIN_KIB 16384

static int open_file(const struct cage *c, const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "job-%zu/%s", c->slot, name);
	return openat(c->groups_fd, path, flags | O_CLOEXEC);
}

static bool write_at(int dir_fd, const char *name, const char *text)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

/* Reads a small file into `text` as a string. */
static bool read_at(int dir_fd, const char *name, char *text, size_t size)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* So many quarters of the threads that there may be in the whole machine. */
static bool bound(int dir_fd, unsigned int quarters)
{
	char text[32];

	if (!read_at(AT_FDCWD, THREADS_MAX, text, sizeof(text)))
		return false;
	snprintf(text, sizeof(text), "%llu", strtoull(text, NULL, 10) * quarters / 4);
	return write_at(dir_fd, "pids.max", text);
}

static uint64_t value_of(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

/* All jobs together leave a reserve. Who is out of memory then is one of them, and we,
 * who run before all others, never wait for memory that one of them has to give back: it
 * could not while we do. A kernel without this has its own ways. */
static void bound_memory(int groups_fd)
{
	char text[4096];
	uint64_t used, free_kib, all_kib, reserve_kib;

	if (!read_at(groups_fd, "memory.current", text, sizeof(text)))
		return;
	used = strtoull(text, NULL, 10);
	if (!read_at(AT_FDCWD, "/proc/meminfo", text, sizeof(text)))
		return;
	all_kib = value_of(text, "MemTotal:");
	free_kib = value_of(text, "MemAvailable:");
	reserve_kib = all_kib / RESERVE_PART;
	if (reserve_kib < RESERVE_MIN_KIB)
		reserve_kib = RESERVE_MIN_KIB;
	if (free_kib < 2 * reserve_kib)
		return;
	snprintf(text, sizeof(text), "%llu",
		(unsigned long long)(used + (free_kib - reserve_kib) * 1024));
	write_at(groups_fd, "memory.max", text);
}

/* With favordynmods (Linux 6.0) a process changes its group without waiting for all
 * processors: measured, 2 % of a short job instead of up to 20 ms. */
static int mount_groups(const char *directory)
{
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (mount("cgroup2", directory, "cgroup2", flags, "favordynmods") == 0)
		return 0;
	return mount("cgroup2", directory, "cgroup2", flags, NULL);
}

int cage_mount(const char *directory)
{
	int top_fd, all_fd = -1;

	if (mount_groups(directory) < 0)
		return -1;
	top_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top_fd < 0)
		return -1;
	write_at(top_fd, "cgroup.subtree_control", "+memory");
	if (write_at(top_fd, "cgroup.subtree_control", "+pids") &&
		mkdirat(top_fd, ALL_JOBS, 0755) == 0)
		all_fd = openat(top_fd, ALL_JOBS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(top_fd);
	if (all_fd >= 0 && bound(all_fd, 3) &&
		write_at(all_fd, "cgroup.subtree_control", "+pids"))
		return all_fd;
	if (all_fd >= 0)
		close(all_fd);
	return -1;
}

/* Half of the threads: what the kernel gives a user who is not root by default. The
 * memory is looked at again with each group, for what was staged is not there from the
 * start. */
static bool make_group(const struct cage *c)
{
	char name[32];
	bool made;
	int fd;

	snprintf(name, sizeof(name), "job-%zu", c->slot);
	if (mkdirat(c->groups_fd, name, 0755) < 0)
		return false;
	fd = openat(c->groups_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	made = fd >= 0 && bound(fd, 2);
	bound_memory(c->groups_fd);
	if (fd >= 0)
		close(fd);
	return made;
}

static uint64_t group_us(const struct cage *c)
{
	char name[32], text[512];

	snprintf(name, sizeof(name), "job-%zu/cpu.stat", c->slot);
	return read_at(c->groups_fd, name, text, sizeof(text))
		       ? value_of(text, "usage_usec ")
		       : 0;
}

int cage_open(struct cage *c)
{
	int fd = c->groups_fd < 0 ? -1 : open_file(c, "cgroup.procs", O_WRONLY);

	/* A test may also have removed it. */
	if (fd < 0 && c->groups_fd >= 0 && errno == ENOENT && make_group(c))
		fd = open_file(c, "cgroup.procs", O_WRONLY);
	c->entered = fd >= 0;
	if (c->entered && c->timed)
		c->before_us = group_us(c);
	return fd;
}

static size_t group_each(
	const struct cage *c, void (*fn)(void *ctx, pid_t pid), void *ctx)
{
	int fd = open_file(c, "cgroup.procs", O_RDONLY), pid;
	FILE *list = fd < 0 ? NULL : fdopen(fd, "r");
	size_t count = 0;

	if (fd >= 0 && !list)
		close(fd);
	while (list && fscanf(list, "%d", &pid) == 1) {
		count++;
		if (fn)
			fn(ctx, pid);
	}
	if (list)
		fclose(list);
	return count;
}

/* Whether there is a process in the group; the list of them would take long to make when
 * there are many. */
static bool is_populated(const struct cage *c)
{
	char name[32], text[128];

	snprintf(name, sizeof(name), "job-%zu/cgroup.events", c->slot);
	return c->entered && read_at(c->groups_fd, name, text, sizeof(text)) &&
	       value_of(text, "populated ");
}

bool cage_is_empty(const struct cage *c)
{
	return !is_populated(c) && kin_each(c->mark, NULL, NULL) == 0;
}

size_t cage_each(const struct cage *c, void (*fn)(void *ctx, pid_t pid), void *ctx)
{
	size_t count = c->entered ? group_each(c, fn, ctx) : 0;

	return count ? count : kin_each(c->mark, fn, ctx);
}

void cage_kill(const struct cage *c)
{
	char path[32];

	snprintf(path, sizeof(path), "job-%zu/cgroup.kill", c->slot);
	if (!is_populated(c) || !write_at(c->groups_fd, path, "1"))
		kin_signal(c->mark, SIGKILL);
}

uint64_t cage_cpu_ms(const struct cage *c)
{
	return c->entered ? (group_us(c) - c->before_us) / 1000 : kin_cpu_ms(c->mark);
}
