#include "transport/silence.h"

#include "base/fs.h"

#include <stdio.h>
#include <unistd.h>

const char *silence_judge(const struct silence *s, bool *starved)
{
	*starved = false;
	if (s->silence_ms <= SILENCE_LIMIT_MS)
		return NULL;
	switch (s->state) {
	case 'T':
	case 't':
		return "QEMU has been stopped";
	case 'Z':
	case 'X':
		return "QEMU has ended";
	default:
		break;
	}
	/* Half of a CPU's time is more than any answer takes. */
	if (s->qemu_cpu_ms * 2 >= s->silence_ms)
		return "it runs, but nothing in it answers";
	if (s->host_idle_ms * 2 >= s->silence_ms)
		return "it does nothing";
	*starved = s->silence_ms > SILENCE_STARVED_MS;
	return *starved ? "this host gives it too little of its CPUs" : NULL;
}

/* The numbers of proc_pid_stat(5) from field 3 on: the name before them may hold
 * anything. */
static void look_at_process(pid_t pid, struct silence_sample *sample)
{
	autofree char *path = xasprintf("/proc/%d/stat", (int)pid);
	autorelease(buf) struct buf text = BUF_INIT;
	unsigned long long user, system;
	struct err ignored;
	const char *at;
	char state;

	if (fs_read_file(path, &text, &ignored) < 0)
		return;
	at = strrchr(buf_str(&text), ')');
	if (!at || sscanf(at + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
			   &state, &user, &system) != 3)
		return;
	sample->state = state;
	sample->qemu_cpu_ms =
		(int64_t)(user + system) * 1000 / (int64_t)sysconf(_SC_CLK_TCK);
}

/* "cpu  user nice system idle …" of proc_stat(5). Waiting for a disk is not idle here: it
 * may be QEMU's own waiting. */
static void look_at_host(struct silence_sample *sample)
{
	autorelease(buf) struct buf text = BUF_INIT;
	unsigned long long idle;
	struct err ignored;

	if (fs_read_file("/proc/stat", &text, &ignored) == 0 &&
		sscanf(buf_str(&text), "cpu %*u %*u %*u %llu", &idle) == 1)
		sample->host_idle_ms =
			(int64_t)idle * 1000 / (int64_t)sysconf(_SC_CLK_TCK);
}

void silence_look(pid_t pid, struct silence_sample *sample)
{
	*sample = (struct silence_sample){.state = '?'};
	look_at_process(pid, sample);
	look_at_host(sample);
}
