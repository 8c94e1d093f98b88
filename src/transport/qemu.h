/*
 * How QEMU is called for a machine: its argument vector out of a recipe and the
 * descriptors it inherits. Nothing here starts anything.
 */
#ifndef XTEST_TRANSPORT_QEMU_H
#define XTEST_TRANSPORT_QEMU_H

#include "base/err.h"
#include "base/strv.h"

struct machine_config;

/* How far a machine is to be taken over from a saved state. */
struct qemu_options {
	const struct machine_config *config;
	const char *program; /* of QEMU: an absolute path */
	bool kvm;
	bool incoming; /* waits for a saved state instead of booting */
	bool shared;   /* what the machine writes goes to ram_fd itself */
	/* Descriptors QEMU inherits under these numbers; all -1: the machine for a person
	 * to start by hand, with the console on the terminal and nobody at the port. */
	int ram_fd, port_fd, monitor_fd, console_fd;
};

/* Appends the whole argument vector. */
void qemu_argv(const struct qemu_options *options, struct strv *argv);
/* What a saved state depends on and a path or a descriptor's number does not show:
 * machine, CPU, devices, memory, CPUs, accelerator. Appended as words. */
void qemu_shape(const struct qemu_options *options, struct strv *words);
#endif
