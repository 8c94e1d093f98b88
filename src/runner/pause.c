#include "runner/pause.h"

#include <signal.h>

void pause_heed(struct job *j, int signal)
{
	int64_t now = runner_now_us() / 1000, stood = now - j->paused_ms;

	if (signal == SIGSTOP && !j->paused_ms)
		j->paused_ms = now;
	if (signal == SIGSTOP || !j->paused_ms)
		return;
	j->paused_ms = 0;
	j->start_us += stood * 1000;
	j->heard_ms += stood;
	if (j->strike_due_ms)
		j->strike_due_ms += stood;
	if (j->kill_due_ms)
		j->kill_due_ms += stood;
}
