#include "runner/signo.h"

#include <signal.h>
#include <stddef.h>

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
