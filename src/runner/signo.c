#include "runner/signo.h"

#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	int native;
	uint32_t x86;
	int may_be_sent;
} table[] = {
	{SIGHUP, 1, 1},
	{SIGINT, 2, 1},
	{SIGQUIT, 3, 1},
	{SIGABRT, 6, 1},
	{SIGBUS, 7, 0},
	{SIGKILL, 9, 1},
	{SIGUSR1, 10, 1},
	{SIGUSR2, 12, 1},
	{SIGTERM, 15, 1},
	{SIGCHLD, 17, 0},
	{SIGCONT, 18, 1},
	{SIGSTOP, 19, 1},
	{SIGTSTP, 20, 0},
	{SIGTTIN, 21, 0},
	{SIGTTOU, 22, 0},
	{SIGURG, 23, 0},
	{SIGXCPU, 24, 0},
	{SIGXFSZ, 25, 0},
	{SIGVTALRM, 26, 0},
	{SIGPROF, 27, 0},
	{SIGWINCH, 28, 0},
	{SIGIO, 29, 0},
	{SIGPWR, 30, 0},
	{SIGSYS, 31, 0},
};

int signo_native(uint32_t x86)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].x86 == x86 && table[i].may_be_sent)
			return table[i].native;
	return 0;
}

uint32_t signo_x86(int native)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].native == native)
			return table[i].x86;
	return (uint32_t)native;
}

/* A signal ignored by who started us would be ignored by the jobs, and never reach the
 * descriptor. The system call itself: a libc refuses the signals that it keeps for its
 * threads, and those are what a program started by glibc's posix_spawn(), as make does,
 * may find ignored. Zeros are SIG_DFL in every architecture's struct. */
static void default_signals(void)
{
	static const uint64_t plain[8];
	const size_t set_size = NSIG / 8;

	for (size_t i = 1; i <= set_size * 8; i++)
		syscall(SYS_rt_sigaction, i, plain, NULL, set_size);
}

int signo_open(bool machine)
{
	sigset_t set;

	default_signals();
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (machine) {
		sigaddset(&set, SIGUSR1);
		sigaddset(&set, SIGUSR2);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}
