/* When a machine that does not answer is dead. */
#include "transport/silence.h"

#include "tests/tap.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
	const char *name;
	struct silence facts; /* silence, state, QEMU's CPU, idle CPU of the host */
	const char *why;
	bool starved;
} rows[] = {
	{"not long enough", {3000, 'S', 3000, 6000}, NULL, false},
	{"not long enough, although stopped", {2500, 'T', 0, 5000}, NULL, false},
	{"stopped", {3001, 'T', 0, 0}, "QEMU has been stopped", false},
	{"stopped by a debugger", {3001, 't', 0, 0}, "QEMU has been stopped", false},
	{"a zombie", {3001, 'Z', 0, 0}, "QEMU has ended", false},
	{"in an endless loop", {3100, 'R', 3000, 3000},
		"it runs, but nothing in it answers", false},
	{"in an endless loop on a full host", {3100, 'R', 1600, 0},
		"it runs, but nothing in it answers", false},
	{"all CPUs of it hang", {3100, 'S', 5, 5000}, "it does nothing", false},
	{"starved", {3100, 'R', 200, 0}, NULL, false},
	{"starved, and others wait for a disk", {5000, 'D', 100, 400}, NULL, false},
	{"starved for very long", {30001, 'R', 900, 100},
		"this host gives it too little of its CPUs", true},
	{"nothing could be read", {3100, '?', 0, 0}, NULL, false},
};

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
	test_look();
	return tap_done();
}
