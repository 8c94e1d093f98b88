/* When a machine that does not answer is dead. */
#include "transport/silence.h"

#include "tests/tap.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
	const char *name;
	struct silence facts; /* silence, what of it counts, state, QEMU's CPU */
	const char *why;
	bool starved;
} rows[] = {
	{"not long enough", {2200, 2200, 'S', 2200}, NULL, false},
	{"not long enough, although stopped", {1500, 1500, 'T', 0}, NULL, false},
	{"stopped", {1501, 300, 'T', 0}, "QEMU has been stopped", false},
	{"stopped by a debugger", {1501, 300, 't', 0}, "QEMU has been stopped", false},
	{"a zombie", {2300, 2201, 'Z', 0}, "QEMU has ended", false},
	{"in an endless loop", {2300, 2201, 'R', 2200},
		"it runs, but nothing in it answers", false},
	{"in an endless loop on a full host", {5000, 2201, 'R', 2200},
		"it runs, but nothing in it answers", false},
	{"all CPUs of it hang", {2300, 2201, 'S', 5}, "it does nothing", false},
	{"starved", {100000, 2000, 'R', 2000}, NULL, false},
	{"starved for very long", {300001, 900, 'R', 900},
		"this host gives it too little of its CPUs", true},
	{"nothing could be read", {3100, 300, '?', 0}, NULL, false},
};

#define SAMPLE(...) ((struct silence_sample){__VA_ARGS__})
#define THREADS(n, a, b) .n_threads = n, .threads = {{11, a}, {12, b}}

/* What of half a second counts, or of more. */
static const struct {
	const char *name;
	struct silence_sample before, after;
	int64_t step_ms, fair_ms;
} steps[] = {
	{"it had its CPU", SAMPLE(.state = 'R', THREADS(2, 50, 60)),
		SAMPLE(.state = 'R', THREADS(2, 50, 60)), 250, 250},
	{"one thread waited for half of it", SAMPLE(.state = 'R', THREADS(2, 50, 60)),
		SAMPLE(.state = 'R', THREADS(2, 52, 185)), 250, 125},
	{"one waited all the time", SAMPLE(.state = 'R', THREADS(2, 50, 60)),
		SAMPLE(.state = 'R', THREADS(2, 300, 60)), 250, 0},
	{"a new thread tells nothing", SAMPLE(.state = 'S', THREADS(1, 50, 0)),
		SAMPLE(.state = 'S', THREADS(2, 50, 9000)), 250, 250},
	{"it waits for a disk", SAMPLE(.state = 'S', THREADS(2, 0, 0)),
		SAMPLE(.state = 'S', .blocked = true, THREADS(2, 0, 0)), 250, 0},
	{"another machine had the CPU",
		SAMPLE(.state = 'R', .host_stolen_ms = 100, THREADS(1, 0, 0)),
		SAMPLE(.state = 'R', .host_stolen_ms = 200, THREADS(1, 0, 0)), 250, 150},
	{"nobody looked for long", SAMPLE(.state = 'S', THREADS(1, 0, 0)),
		SAMPLE(.state = 'S', THREADS(1, 0, 0)), 20000, SILENCE_STEP_MS},
	{"no word on waiting: it ran", SAMPLE(.state = 'R'),
		SAMPLE(.state = 'R', .qemu_cpu_ms = 130), 250, 250},
	{"no word on waiting: the host was idle", SAMPLE(.state = 'S'),
		SAMPLE(.state = 'S', .host_idle_ms = 400), 250, 250},
	{"no word on waiting, and neither", SAMPLE(.state = 'R'),
		SAMPLE(.state = 'R', .qemu_cpu_ms = 20), 250, 0},
	{"nothing could be read", SAMPLE(.state = '?'),
		SAMPLE(.state = '?', .host_idle_ms = 500), 250, 0},
};

/* One that shares a CPU with others waits for it. */
static void test_waiting(void)
{
	struct silence_sample before, after;
	cpu_set_t one, all;
	pid_t busy[3];

	sched_getaffinity(0, sizeof all, &all);
	CPU_ZERO(&one);
	for (int cpu = 0; !CPU_COUNT(&one); cpu++)
		if (CPU_ISSET(cpu, &all))
			CPU_SET(cpu, &one);
	for (size_t i = 0; i < ARRAY_LEN(busy); i++) {
		busy[i] = fork();
		if (busy[i])
			continue;
		sched_setaffinity(0, sizeof one, &one);
		alarm(60);
		for (volatile unsigned k = 0;; k++)
			continue;
	}
	silence_look(busy[0], &before);
	for (int i = 0; i < 3000; i++) {
		poll(NULL, 0, 10);
		silence_look(busy[0], &after);
		if (!after.n_threads ||
			after.threads[0].waited_ms - before.threads[0].waited_ms >= 50)
			break;
	}
	if (!before.n_threads)
		skip("a process that waits for its CPU is seen waiting",
			"this kernel does not say who waits");
	else
		ok(after.threads[0].waited_ms - before.threads[0].waited_ms >= 50,
			"a process that waits for its CPU is seen waiting");
	for (size_t i = 0; i < ARRAY_LEN(busy); i++) {
		kill(busy[i], SIGKILL);
		waitpid(busy[i], NULL, 0);
	}
}

static void test_look(void)
{
	struct silence_sample before, after;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(20);
		for (volatile unsigned i = 0;; i++)
			continue;
	}
	silence_look(pid, &before);
	for (int i = 0; i < 1000; i++) {
		poll(NULL, 0, 10);
		silence_look(pid, &after);
		if (after.qemu_cpu_ms - before.qemu_cpu_ms >= 50)
			break;
	}
	ok(after.qemu_cpu_ms - before.qemu_cpu_ms >= 50 && after.state == 'R',
		"a busy process is seen running (%c) and using its CPU", after.state);
	kill(pid, SIGSTOP);
	waitpid(pid, NULL, WUNTRACED);
	silence_look(pid, &after);
	ok(after.state == 'T', "a stopped one is seen as such (%c)", after.state);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	silence_look(pid, &after);
	ok(after.state == '?', "one that is no more is not seen");
	ok(after.host_idle_ms > 0, "the host's idle time is read");
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool starved;

		is_str(silence_judge(&rows[i].facts, &starved), rows[i].why,
			rows[i].name);
		ok(starved == rows[i].starved, "%s: whose fault", rows[i].name);
	}
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		ok(silence_fair_ms(&steps[i].before, &steps[i].after, steps[i].step_ms) ==
				steps[i].fair_ms,
			"%s: %lld of %lld ms count", steps[i].name,
			(long long)silence_fair_ms(
				&steps[i].before, &steps[i].after, steps[i].step_ms),
			(long long)steps[i].step_ms);
	test_look();
	test_waiting();
	return tap_done();
}
