/* The argument vectors QEMU is called with, for each kind of machine. */
#include "transport/qemu.h"

#include "image/image.h"
#include "transport/transport.h"

#include "tests/tap.h"

#define WORD(text) (char *)(uintptr_t)text

static const struct {
	const char *name;
	const char *machine, *cpu, *serial, *console, *extra;
	unsigned cpus, max_cpus;
	bool kvm, incoming, shared, by_hand;
	const char *gdb, *argv;
} rows[] = {
	{"virt, booted", "virt,gic-version=3", "cortex-a57", "virtio-serial-device",
		"ttyAMA0", NULL, 2, 8, .shared = true,
		.argv = "/usr/bin/qemu -nodefaults -no-user-config -no-reboot -display "
			"none "
			"-accel tcg,thread=multi,tb-size=128 -cpu cortex-a57 -smp 2 -m "
			"256M "
			"-machine virt,gic-version=3,memory-backend=ram "
			"-object memory-backend-file,id=ram,size=256M,"
			"mem-path=/proc/self/fd/10,share=on "
			"-chardev socket,id=monitor,fd=12 -mon "
			"chardev=monitor,mode=control "
			"-chardev file,id=console,path=/proc/self/fd/13 -serial "
			"chardev:console "
			"-device virtio-serial-device,id=ports "
			"-chardev socket,id=port,fd=11 -device virtserialport,id=runner,"
			"bus=ports.0,nr=1,chardev=port,name=org.xtest.0 "
			"-kernel /i/kernel -initrd /i/initramfs "
			"-append 'console=ttyAMA0 panic=-1 quiet'"},
	{"pseries, restored, at most one CPU", "pseries,x-vof=on", "power9",
		"virtio-serial-pci", "hvc0", NULL, 4, 1, .incoming = true,
		.argv = "/usr/bin/qemu -nodefaults -no-user-config -no-reboot -display "
			"none "
			"-accel tcg,thread=multi,tb-size=128 -cpu power9 -smp 1 -m 256M "
			"-machine pseries,x-vof=on,memory-backend=ram "
			"-object memory-backend-file,id=ram,size=256M,"
			"mem-path=/proc/self/fd/10,share=off "
			"-chardev socket,id=monitor,fd=12 -mon "
			"chardev=monitor,mode=control "
			"-chardev file,id=console,path=/proc/self/fd/13 -serial "
			"chardev:console "
			"-device virtio-serial-pci,id=ports "
			"-chardev socket,id=port,fd=11 -device virtserialport,id=runner,"
			"bus=ports.0,nr=1,chardev=port,name=org.xtest.0 "
			"-incoming defer"},
	{"q35 with KVM, arguments of the recipe, a debugger", "q35", "max",
		"virtio-serial-pci", "ttyS0", "-rtc", 0, 0, .kvm = true, .shared = true,
		.gdb = "tcp::1234",
		.argv = "/usr/bin/qemu -nodefaults -no-user-config -no-reboot -display "
			"none "
			"-accel kvm -cpu host -smp 1 -m 256M -rtc "
			"-machine q35,memory-backend=ram "
			"-object memory-backend-file,id=ram,size=256M,"
			"mem-path=/proc/self/fd/10,share=on "
			"-chardev socket,id=monitor,fd=12 -mon "
			"chardev=monitor,mode=control "
			"-chardev file,id=console,path=/proc/self/fd/13 -serial "
			"chardev:console "
			"-device virtio-serial-pci,id=ports "
			"-chardev socket,id=port,fd=11 -device virtserialport,id=runner,"
			"bus=ports.0,nr=1,chardev=port,name=org.xtest.0 "
			"-kernel /i/kernel -initrd /i/initramfs "
			"-append 'console=ttyS0 panic=-1 quiet' -gdb tcp::1234"},
	{"s390x, to be started by hand", "s390-ccw-virtio", "max", "virtio-serial-ccw",
		"ttysclp0", NULL, 1, 8, .by_hand = true,
		.argv = "/usr/bin/qemu -nodefaults -no-user-config -no-reboot -display "
			"none "
			"-accel tcg,thread=multi,tb-size=128 -cpu max -smp 1 -m 256M "
			"-machine s390-ccw-virtio -serial mon:stdio "
			"-device virtio-serial-ccw,id=ports "
			"-chardev null,id=port -device virtserialport,id=runner,"
			"bus=ports.0,nr=1,chardev=port,name=org.xtest.0 "
			"-kernel /i/kernel -initrd /i/initramfs "
			"-append 'console=ttysclp0 panic=-1 quiet'"},
};

/* A row as the options of a machine; `recipe`, `image` and `config` hold it. */
static struct qemu_options fill(size_t i, struct image_recipe *recipe,
	struct image *image, struct machine_config *config)
{
	*recipe = (struct image_recipe){.command_line = WORD("panic=-1 quiet"),
		.machine = {.machine = WORD(rows[i].machine),
			.cpu = WORD(rows[i].cpu),
			.serial = WORD(rows[i].serial),
			.console = WORD(rows[i].console),
			.max_cpus = rows[i].max_cpus}};
	if (rows[i].extra)
		strv_push(&recipe->machine.extra, rows[i].extra);
	*image = (struct image){
		.kernel = WORD("/i/kernel"), .initramfs = WORD("/i/initramfs")};
	*config = (struct machine_config){.recipe = recipe,
		.image = image,
		.cpus = rows[i].cpus,
		.memory_mib = 256,
		.gdb = rows[i].gdb};
	return (struct qemu_options){.config = config,
		.program = "/usr/bin/qemu",
		.kvm = rows[i].kvm,
		.incoming = rows[i].incoming,
		.shared = rows[i].shared,
		.ram_fd = rows[i].by_hand ? -1 : 10,
		.port_fd = rows[i].by_hand ? -1 : 11,
		.monitor_fd = rows[i].by_hand ? -1 : 12,
		.console_fd = rows[i].by_hand ? -1 : 13};
}

static void test_argv(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct image_recipe recipe;
		struct image image;
		struct machine_config config;
		struct qemu_options o = fill(i, &recipe, &image, &config);
		autorelease(strv) struct strv argv = STRV_INIT;
		autofree char *got = NULL;

		qemu_argv(&o, &argv);
		got = strv_quote(&argv);
		is_str(got, rows[i].argv, rows[i].name);
		strv_release(&recipe.machine.extra);
	}
}

static char *shape(const struct qemu_options *o)
{
	autorelease(strv) struct strv words = STRV_INIT;

	qemu_shape(o, &words);
	return strv_quote(&words);
}

/* What changes a machine changes its shape; what only says where it is held does not. */
static void test_shape(void)
{
	struct image_recipe recipe;
	struct image image;
	struct machine_config config;
	struct qemu_options o = fill(0, &recipe, &image, &config), other = o;
	autofree char *plain = shape(&o), *moved = NULL, *more = NULL, *faster = NULL,
		      *bigger = NULL, *kvm = NULL;

	other.ram_fd = 77;
	other.incoming = !o.incoming;
	other.shared = !o.shared;
	moved = shape(&other);
	is_str(moved, plain, "descriptors and the way in are not of the shape");
	config.cpus++;
	more = shape(&o);
	config.cpus--;
	config.memory_mib++;
	bigger = shape(&o);
	config.memory_mib--;
	recipe.machine.cpu = WORD("max");
	faster = shape(&o);
	recipe.machine.cpu = WORD(rows[0].cpu);
	o.kvm = true;
	kvm = shape(&o);
	ok(!streq(more, plain) && !streq(bigger, plain) && !streq(faster, plain) &&
			!streq(kvm, plain),
		"CPUs, memory, CPU model and accelerator are");
}

int main(void)
{
	test_argv();
	test_shape();
	return tap_done();
}
