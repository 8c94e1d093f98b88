#include "runner/hold.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

void hold_me(void)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static uint64_t find_entry(pid_t pid)
{
	unsigned long pair[2];
	uint64_t entry = 0;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/auxv", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	while (!entry && read(fd, pair, sizeof(pair)) == (ssize_t)sizeof(pair))
		if (pair[0] == AT_ENTRY)
			entry = pair[1];
	close(fd);
	return entry;
}

void hold_catch(pid_t pid, uint64_t *entry)
{
	siginfo_t info = {0};

	/* Looked at, not taken: an end is for the loop that counts ends. */
	while (waitid(P_PID, (id_t)pid, &info, WSTOPPED | WEXITED | WNOWAIT) < 0)
		if (errno != EINTR)
			return;
	if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED)
		return;
	*entry = find_entry(pid);
	ptrace(PTRACE_DETACH, pid, NULL, (void *)(intptr_t)SIGSTOP);
}
