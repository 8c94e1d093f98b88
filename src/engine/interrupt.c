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
	stop_signals(&set);
	*in = (struct interrupt){.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
}

void interrupt_close(struct interrupt *in)
{
	if (in->fd >= 0)
		close(in->fd);
	in->fd = -1;
}

bool interrupt_check(struct interrupt *in)
{
	struct signalfd_siginfo info;

	while (in->fd >= 0 && read(in->fd, &info, sizeof info) == (ssize_t)sizeof info) {
		in->signal = (int)info.ssi_signo;
		in->count++;
	}
	return in->count > 0;
}
