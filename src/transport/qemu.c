#include "transport/qemu.h"

#include "image/image.h"
#include "transport/transport.h"

/* Code cache of the translator. QEMU's own default is a quarter of the guest's memory or
 * 1 GiB; what a test machine runs fits into far less, and a full cache is only emptied.
 */
#define TB_SIZE "tb-size=128"

static void push_pair(struct strv *argv, const char *name, const char *value)
{
	strv_push(argv, name);
	strv_push(argv, value);
}

static unsigned cpus(const struct machine_config *config)
{
	unsigned most = config->recipe->machine.max_cpus;
	unsigned n = config->cpus ? config->cpus : 1;

	return most ? MIN(n, most) : n;
}

/* Words that are the same for each start of this machine. */
static void push_fixed(const struct qemu_options *o, struct strv *argv)
{
	const struct image_machine *m = &o->config->recipe->machine;

	strv_push(argv, "-nodefaults");
	strv_push(argv, "-no-user-config");
	strv_push(argv, "-no-reboot");
	push_pair(argv, "-display", "none");
	push_pair(argv, "-accel", o->kvm ? "kvm" : "tcg,thread=multi," TB_SIZE);
	push_pair(argv, "-cpu", o->kvm ? "host" : m->cpu);
	strv_push(argv, "-smp");
	strv_pushf(argv, "%u", cpus(o->config));
	strv_push(argv, "-m");
	strv_pushf(argv, "%uM", o->config->memory_mib);
	strv_push_all(argv, &m->extra);
}

static void push_ram(const struct qemu_options *o, struct strv *argv)
{
	const struct image_machine *m = &o->config->recipe->machine;

	strv_push(argv, "-machine");
	if (o->ram_fd < 0) {
		strv_push(argv, m->machine);
		return;
	}
	strv_pushf(argv, "%s,memory-backend=ram", m->machine);
	strv_push(argv, "-object");
	strv_pushf(argv,
		"memory-backend-file,id=ram,size=%uM,mem-path=/proc/self/fd/%d,share=%s",
		o->config->memory_mib, o->ram_fd, o->shared ? "on" : "off");
}

static void push_chardev(struct strv *argv, const char *id, int fd)
{
	strv_push(argv, "-chardev");
	if (fd >= 0)
		strv_pushf(argv, "socket,id=%s,fd=%d", id, fd);
	else
		strv_pushf(argv, "null,id=%s", id);
}

/* The port is port 1 of its device: 0 is kept for a console by the specification. Only a
 * device with an id has events (VSERPORT_CHANGE). */
static void push_devices(const struct qemu_options *o, struct strv *argv)
{
	if (o->monitor_fd >= 0) {
		push_chardev(argv, "monitor", o->monitor_fd);
		push_pair(argv, "-mon", "chardev=monitor,mode=control");
	}
	if (o->console_fd >= 0) {
		strv_push(argv, "-chardev");
		strv_pushf(argv, "file,id=console,path=/proc/self/fd/%d", o->console_fd);
		push_pair(argv, "-serial", "chardev:console");
	} else {
		push_pair(argv, "-serial", "mon:stdio");
	}
	strv_push(argv, "-device");
	strv_pushf(argv, "%s,id=ports", o->config->recipe->machine.serial);
	push_chardev(argv, "port", o->port_fd);
	push_pair(argv, "-device",
		"virtserialport,id=runner,bus=ports.0,nr=1,chardev=port,"
		"name=org.xtest.0");
}

/* A machine that is restored has its kernel in memory already: reading the files again
 * costs a third of the whole restoration. */
static void push_boot(const struct qemu_options *o, struct strv *argv)
{
	const struct machine_config *c = o->config;

	if (o->incoming) {
		push_pair(argv, "-incoming", "defer");
		return;
	}
	push_pair(argv, "-kernel", c->image->kernel);
	push_pair(argv, "-initrd", c->image->initramfs);
	strv_push(argv, "-append");
	strv_pushf(argv, "console=%s %s", c->recipe->machine.console,
		c->recipe->command_line ? c->recipe->command_line : "");
}

void qemu_argv(const struct qemu_options *o, struct strv *argv)
{
	strv_push(argv, o->program);
	push_fixed(o, argv);
	push_ram(o, argv);
	push_devices(o, argv);
	push_boot(o, argv);
	if (o->config->gdb)
		push_pair(argv, "-gdb", o->config->gdb);
}

void qemu_shape(const struct qemu_options *o, struct strv *words)
{
	const struct image_recipe *r = o->config->recipe;

	push_fixed(o, words);
	strv_push(words, r->machine.machine);
	strv_push(words, r->machine.serial);
	strv_push(words, r->machine.console);
	strv_push(words, r->command_line ? r->command_line : "");
}
