/*
 * One QEMU process and what it is held by: sockets for the port, the console and the
 * monitor, its memory, a descriptor of the process. All of it is inherited, so no name in
 * the file system and no process outlives this one, however it ends.
 */
#ifndef XTEST_TRANSPORT_MACHINE_H
#define XTEST_TRANSPORT_MACHINE_H

#include "base/buf.h"
#include "base/err.h"
#include "transport/qemu.h"

#include <sys/types.h>

struct machine {
	pid_t pid;                                         /* 0 after it was reaped */
	int pid_fd, port_fd, console_fd, words_fd, ram_fd; /* owned; -1: closed */
	int monitor_fd;   /* owned until it is taken for a struct qmp */
	struct buf words; /* the last of what QEMU itself said on its standard error */
	int status;       /* as of waitpid(), once pid is 0 */
};

#define MACHINE_INIT                                                                     \
	{                                                                                \
		.pid_fd = -1, .port_fd = -1, .console_fd = -1, .words_fd = -1,           \
		.ram_fd = -1, .monitor_fd = -1                                           \
	}

/* Starts QEMU. Of `options` the descriptors are filled in here; `ram_fd` is taken over in
 * any case; `state_fd` (-1: none) is inherited under its own number and stays the
 * caller's. */
int machine_start(struct machine *m, struct qemu_options *options, int ram_fd,
	int state_fd, struct err *e) MUST_CHECK;
/* Reads what QEMU said on its standard error. */
void machine_listen(struct machine *m);
/* Looks whether the process has ended, without waiting; true when it has. */
bool machine_reap(struct machine *m);
/* How it ended, in words: "QEMU was killed by signal 9 (SIGKILL)", "QEMU ended with exit
 * status 1: …". The caller's. */
char *machine_end_words(const struct machine *m);
/* Kills what still runs, reaps it, closes everything. */
void machine_release(struct machine *m);

/* An unnamed file of so many bytes for a machine's memory. */
int machine_new_ram(uint64_t bytes, struct err *e);
/* MiB this host can give without swapping (MemAvailable); 0 when it does not say. */
uint64_t machine_host_memory_mib(void);

#endif
