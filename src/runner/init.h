/*
 * The runner as the first process of a machine: makes an initramfs into a system that
 * tests can run on, finds the virtio-serial port that leads to the host, and serves there
 * until the host says BYE; then the machine is switched off.
 *
 * Sources: Documentation/filesystems/ramfs-rootfs-initramfs.rst, bootparam(7),
 * pivot_root(2), drivers/char/virtio_console.c.
 */
#ifndef XTEST_RUNNER_INIT_H
#define XTEST_RUNNER_INIT_H

#include <stdbool.h>
#include <stddef.h>

/* Name of the port, given to QEMU as virtserialport,name=… */
#define INIT_PORT_NAME "org.xtest.0"
/* Modules to load, in this order: a path a line, after it the module's options, if any.
 * Empty lines and those that begin with # are nothing. */
#define INIT_MODULES "/xtest/modules.list"
#define INIT_WORK "/xtest/work"

/* True when this process is the first one of a machine that was made for it: it is
 * called /init, the list of modules is there, or the first argument is "init". */
bool init_is_wanted(int argc, char **argv);
/* Comes back only when the machine cannot be switched off; the exit status then. */
int init_main(void);

/* The next module of a list, which is taken apart (*text goes on behind the line). False
 * at its end. *options is "" without any. */
bool init_next_module(char **text, char **path, char **options);
/* The device of the port with that name: /dev/vportNpM, when `class_directory`
 * (/sys/class/virtio-ports) has vportNpM/name saying so. False when there is none. */
bool init_find_port(
	const char *class_directory, const char *name, char *device, size_t size);

#endif
