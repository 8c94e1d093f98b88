#include "engine/interrupt.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void stop_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGQUIT);
}

void interrupt_hold(void)
{
	sigset_t set;

	stop_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

void interrupt_open(struct interrupt *in)
{
	sigset_t set;

	interrupt_hold();
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	stop_signals(&set);
	sigaddset(&set, SIGTSTP);
	*in = (struct interrupt){.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
}

void interrupt_close(struct interrupt *in)
{
	sigset_t set;

	if (in->fd >= 0)
		close(in->fd);
	in->fd = -1;
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* Stops as the signal would, whose default cannot be had while it is held back. */
static void stand_still(struct interrupt *in)
{
	if (in->on_stop)
		in->on_stop(in->ctx, true);
	kill(getpid(), SIGSTOP);
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
		in->signal = (int)info.ssi_signo;
		in->count++;
	}
	return in->count > 0;
}
