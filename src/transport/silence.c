#include "transport/silence.h"

#include "base/fs.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char *silence_judge(const struct silence *s, bool *starved)
{
	bool stopped = s->state == 'T' || s->state == 't';

	*starved = false;
	if (stopped && s->silence_ms > SILENCE_STOPPED_MS)
		return "QEMU has been stopped";
	if (s->fair_ms > SILENCE_LIMIT_MS) {
		if (s->state == 'Z' || s->state == 'X')
			return "QEMU has ended";
		return s->qemu_cpu_ms * 2 >= s->fair_ms
			       ? "it runs, but nothing in it answers"
			       : "it does nothing";
	}
	*starved = s->silence_ms > SILENCE_STARVED_MS;
	return *starved ? "this host gives it too little of its CPUs" : NULL;
}

/* The longest any of its threads has waited for a CPU meanwhile; -1 where that is not
 * known. What the machine does goes through several threads, but hardly ever at the same
 * time. */
static int64_t waited(
	const struct silence_sample *before, const struct silence_sample *after)
{
	int64_t most = after->n_threads ? 0 : -1;

	for (size_t i = 0; i < after->n_threads; i++)
		for (size_t k = 0; k < before->n_threads; k++)
			if (before->threads[k].tid == after->threads[i].tid)
				most = MAX(most, after->threads[i].waited_ms -
							 before->threads[k].waited_ms);
	return most;
}

int64_t silence_fair_ms(const struct silence_sample *before,
	const struct silence_sample *after, int64_t step_ms)
{
	int64_t step = MIN(step_ms, SILENCE_STEP_MS), lost = waited(before, after);
	int64_t cpu = after->qemu_cpu_ms - before->qemu_cpu_ms;
	int64_t idle = after->host_idle_ms - before->host_idle_ms;

	/* It waits for a disk: its memory is a file of this host. */
	if (after->blocked)
		return 0;
	if (lost < 0)
		lost = after->state == '?'             ? step_ms
		       : MAX(cpu, idle) * 2 >= step_ms ? 0
						       : step_ms;
	lost = MAX(lost, after->host_stolen_ms - before->host_stolen_ms);
	return MAX(0, MIN(step, step_ms - lost));
}

/* The numbers of proc_pid_stat(5) from field 3 on: the name before them may hold
 * anything. */
static bool read_stat(const char *dir, char *state, int64_t *cpu_ms)
{
	autofree char *path = fs_join(dir, "stat");
	autorelease(buf) struct buf text = BUF_INIT;
	unsigned long long user, system;
	struct err ignored;
	const char *at;

	if (fs_read_file(path, &text, &ignored) < 0)
		return false;
	at = strrchr(buf_str(&text), ')');
	if (!at || sscanf(at + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
			   state, &user, &system) != 3)
		return false;
	*cpu_ms = (int64_t)(user + system) * 1000 / (int64_t)sysconf(_SC_CLK_TCK);
	return true;
}

/* "cpu  user nice system idle iowait irq softirq steal …" of proc_stat(5). Waiting for a
 * disk is not idle here: it may be QEMU's own waiting. */
static void look_at_host(struct silence_sample *sample)
{
	autorelease(buf) struct buf text = BUF_INIT;
	unsigned long long idle, stolen;
	int64_t tick_ms = 1000 / (int64_t)sysconf(_SC_CLK_TCK);
	struct err ignored;

	if (fs_read_file("/proc/stat", &text, &ignored) < 0 ||
		sscanf(buf_str(&text), "cpu %*u %*u %*u %llu %*u %*u %*u %llu", &idle,
			&stolen) != 2)
		return;
	sample->host_idle_ms = (int64_t)idle * tick_ms;
	sample->host_stolen_ms = (int64_t)stolen * tick_ms;
}

/* The second number of schedstat: nanoseconds on a run queue
 * (Documentation/scheduler/sched-stats.rst). */
static void look_at_thread(const char *dir, pid_t tid, struct silence_sample *sample)
{
	autofree char *path = fs_join(dir, "schedstat");
	autorelease(buf) struct buf text = BUF_INIT;
	unsigned long long waited_ns;
	struct err ignored;
	int64_t cpu_ms;
	char state;

	sample->blocked |= read_stat(dir, &state, &cpu_ms) && state == 'D';
	if (sample->n_threads < SILENCE_THREADS_MAX &&
		fs_read_file(path, &text, &ignored) == 0 &&
		sscanf(buf_str(&text), "%*u %llu", &waited_ns) == 1)
		sample->threads[sample->n_threads++] = (struct silence_thread){
			.tid = tid, .waited_ms = (int64_t)(waited_ns / 1000000)};
}

static void look_at_threads(const char *dir, struct silence_sample *sample)
{
	autofree char *tasks = fs_join(dir, "task");
	DIR *list = opendir(tasks);
	struct dirent *entry;

	while (list && (entry = readdir(list))) {
		autofree char *task = fs_join(tasks, entry->d_name);

		if (entry->d_name[0] != '.')
			look_at_thread(task, (pid_t)atoi(entry->d_name), sample);
	}
	if (list)
		closedir(list);
}

void silence_look(pid_t pid, struct silence_sample *sample)
{
	autofree char *dir = xasprintf("/proc/%d", (int)pid);

	*sample = (struct silence_sample){.state = '?'};
	read_stat(dir, &sample->state, &sample->qemu_cpu_ms);
	look_at_host(sample);
	look_at_threads(dir, sample);
}
