#include "engine/interrupt.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void held_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGQUIT);
	sigaddset(set, SIGUSR1);
}

void interrupt_hold(void)
{
	sigset_t set;

	held_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

void interrupt_open(struct interrupt *in)
{
	sigset_t set;

	interrupt_hold();
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	held_signals(&set);
	sigaddset(&set, SIGTSTP);
	*in = (struct interrupt){.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
}

void interrupt_close(struct interrupt *in)
{
	sigset_t set;

	interrupt_leave_keys(in);
	if (in->fd >= 0)
		close(in->fd);
	in->fd = -1;
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

void interrupt_heed_keys(struct interrupt *in)
{
	struct err ignored;

	in->heeds_keys = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) &&
			 tcgetpgrp(STDIN_FILENO) == getpgrp() &&
			 tty_take_keys(&in->tty, STDIN_FILENO, &ignored) == 0;
}

void interrupt_leave_keys(struct interrupt *in)
{
	if (in->heeds_keys)
		tty_restore(&in->tty);
	in->heeds_keys = false;
}

/* Never waits, even when somebody else has changed the modes of the terminal. */
static void take_keys(struct interrupt *in)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	char keys[64];
	ssize_t n;

	if (!in->heeds_keys || poll(&p, 1, 0) <= 0)
		return;
	n = read(STDIN_FILENO, keys, sizeof keys);
	for (ssize_t i = 0; i < n; i++)
		in->asked += keys[i] == 't';
}

/* Stops as the signal would, whose default cannot be had while it is held back. */
static void stand_still(struct interrupt *in)
{
	bool heeds_keys = in->heeds_keys;

	if (in->on_stop)
		in->on_stop(in->ctx, true);
	interrupt_leave_keys(in);
	kill(getpid(), SIGSTOP);
	if (heeds_keys)
		interrupt_heed_keys(in);
	if (in->on_stop)
		in->on_stop(in->ctx, false);
}

bool interrupt_check(struct interrupt *in)
{
	struct signalfd_siginfo info;

	while (in->fd >= 0 && read(in->fd, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo == SIGTSTP) {
			stand_still(in);
			continue;
		}
		if (info.ssi_signo == SIGUSR1) {
			in->asked++;
			continue;
		}
		in->signal = (int)info.ssi_signo;
		in->count++;
	}
	take_keys(in);
	return in->count > 0;
}
