#include "runner/init.h"

#include "runner/cage.h"
#include "runner/serve.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define PORT_CLASS "/sys/class/virtio-ports"
#define PORT_WAIT_MS 15000
#define PORT_LOOK_MS 2
#define FILES_SOFT 1024
#define FILES_HARD 524288
/* In the middle of the real-time range: above everything a test starts without asking for
 * more. */
#define PRIORITY 50

/* The console is read by a program that looks for trouble, so it hears of nothing else.
 */
__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	dprintf(2, "xtest: ");
	vdprintf(2, format, args);
	dprintf(2, "\n");
	va_end(args);
}

bool init_is_wanted(int argc, char **argv)
{
	/* A kernel that has all it needs built in comes without a list. */
	return getpid() == 1 &&
	       ((argc > 1 && strcmp(argv[1], "init") == 0) ||
		       strcmp(argv[0], "/init") == 0 || access(INIT_MODULES, F_OK) == 0);
}

/* ---- file systems */

/* Sizes are of all memory; together with the root's they leave enough to go on. */
static const struct {
	const char *type, *target;
	unsigned long flags;
	const char *options;
} mounts[] = {
	{"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL},
	{"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL},
	{"devtmpfs", "/dev", MS_NOSUID, "mode=0755"},
	{"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "mode=0620,gid=5,ptmxmode=0666"},
	{"tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777,size=20%"},
	{"tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755,size=5%"},
};

static void make_directory(const char *path, mode_t mode)
{
	if (mkdir(path, mode) < 0 && errno != EEXIST)
		say("cannot make the directory %s: %s", path, strerror(errno));
	chmod(path, mode);
}

static void make_directories(void)
{
	chmod("/", 0755);
	make_directory("/root", 0700);
	make_directory("/home", 0755);
	make_directory("/etc", 0755);
	make_directory("/mnt", 0755);
	make_directory("/var", 0755);
	make_directory("/var/tmp", 01777);
	make_directory("/xtest", 0755);
}

/* What is staged takes up to half of the memory. A file takes about a kilobyte of it. */
static void bound_root(void)
{
	struct sysinfo info;
	char options[64];

	if (sysinfo(&info) < 0)
		return;
	snprintf(options, sizeof(options), "size=65%%,nr_inodes=%llu",
		(unsigned long long)info.totalram * info.mem_unit / 4096);
	if (mount(NULL, "/", NULL, MS_REMOUNT, options) < 0)
		say("the size of the root cannot be set: %s", strerror(errno));
}

/* The kernel's first root has nothing below it, so pivot_root(2) and all that uses it
 * refuse to work there. Mounted on itself, as any root of a running system is, it does
 * without a copy. */
static void make_root(void)
{
	if (mkdir("/xtest", 0755) < 0 && errno != EEXIST)
		say("cannot make /xtest: %s", strerror(errno));
	if (mkdir("/xtest/root", 0755) < 0 && errno != EEXIST)
		say("cannot make /xtest/root: %s", strerror(errno));
	if (mount("/", "/xtest/root", NULL, MS_BIND, NULL) < 0 ||
		chdir("/xtest/root") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 ||
		chroot(".") < 0 || chdir("/") < 0)
		say("the root cannot be made one that others may leave: %s",
			strerror(errno));
	rmdir("/xtest/root");
	bound_root();
}

static void mount_all(void)
{
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		make_directory(mounts[i].target, 0755);
		if (mount(mounts[i].type, mounts[i].target, mounts[i].type,
			    mounts[i].flags, mounts[i].options) < 0)
			say("cannot mount %s on %s: %s", mounts[i].type, mounts[i].target,
				strerror(errno));
	}
	/* A mount point, so that it stays, but with the root's bound: with one of its
	 * own, both could be filled until nothing could run. */
	make_directory("/tmp", 01777);
	if (mount("/tmp", "/tmp", NULL, MS_BIND, NULL) < 0)
		say("cannot mount /tmp: %s", strerror(errno));
}

/* What udev would make. */
static void link_devices(void)
{
	static const char *const links[][2] = {
		{"/proc/self/fd", "/dev/fd"},
		{"/proc/self/fd/0", "/dev/stdin"},
		{"/proc/self/fd/1", "/dev/stdout"},
		{"/proc/self/fd/2", "/dev/stderr"},
	};

	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (symlink(links[i][0], links[i][1]) < 0 && errno != EEXIST)
			say("cannot make %s: %s", links[i][1], strerror(errno));
}

/* Standard input is nothing, the others are the console. The kernel may have given us
 * none: then the device itself is tried. */
static void open_console(void)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int console_fd = open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC);

	if (null_fd < 0)
		return;
	dup2(null_fd, 0);
	for (int fd = 1; fd <= 2; fd++)
		dup2(console_fd >= 0 ? console_fd : null_fd, fd);
	if (null_fd > 2)
		close(null_fd);
	if (console_fd > 2)
		close(console_fd);
}

/* ---- modules */

bool init_next_module(char **text, char **path, char **options)
{
	while (**text) {
		char *line = *text, *end = line + strcspn(line, "\n");

		*text = *end ? end + 1 : end;
		*end = '\0';
		while (end > line && strchr(" \t\r", end[-1]))
			*--end = '\0';
		line += strspn(line, " \t");
		if (!*line || *line == '#')
			continue;
		*path = line;
		line += strcspn(line, " \t");
		if (*line)
			*line++ = '\0';
		*options = line + strspn(line, " \t");
		return true;
	}
	return false;
}

static void load_module(const char *path, const char *options)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0) {
		say("cannot open the module %s: %s", path, strerror(errno));
		return;
	}
	err = syscall(SYS_finit_module, fd, options, 0) < 0 ? errno : 0;
	close(fd);
	if (err && err != EEXIST)
		say("cannot load the module %s: %s", path, strerror(err));
}

/* The whole file as a string; the caller's, or NULL. */
static char *read_text(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *text = NULL;
	ssize_t n;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0)
		text = malloc((size_t)st.st_size + 1);
	n = text ? read(fd, text, (size_t)st.st_size) : -1;
	close(fd);
	if (n >= 0)
		text[n] = '\0';
	else
		free(text);
	return n >= 0 ? text : NULL;
}

/* A module that is missing is only said: another one may do, and without the port nothing
 * goes on anyway. */
static void load_modules(void)
{
	char *text = read_text(INIT_MODULES), *at = text, *path, *options;

	while (at && init_next_module(&at, &path, &options))
		load_module(path, options);
	free(text);
}

/* ---- the network, the name, the process itself */

static void raise_loopback(void)
{
	struct ifreq lo = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (ioctl(fd, SIOCGIFFLAGS, &lo) == 0) {
		lo.ifr_flags |= IFF_UP | IFF_RUNNING;
		if (ioctl(fd, SIOCSIFFLAGS, &lo) < 0)
			say("the loopback interface cannot be raised: %s",
				strerror(errno));
	}
	close(fd);
}

/* Out of memory, the kernel would list every process on the console, with interrupts off
 * until the slow line has taken it: seconds, when there are a thousand. */
static void shorten_reports(void)
{
	int fd = open("/proc/sys/vm/oom_dump_tasks", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "0", 1) != 1)
		say("the list of processes stays in reports: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* What tests inherit is what a login on Debian gives. */
static void set_process(void)
{
	struct rlimit files = {FILES_SOFT, FILES_HARD};
	struct sched_param param = {.sched_priority = PRIORITY};

	setsid();
	umask(022);
	setrlimit(RLIMIT_NOFILE, &files);
	if (sethostname("xtest", 5) < 0)
		say("the host name cannot be set: %s", strerror(errno));
	/* However many processes a test starts, we answer. They are started without it.
	 * No memory has to be locked: there is no swap, our program is in the root's
	 * tmpfs, and the OOM killer does not take the first process. */
	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) < 0)
		say("real-time scheduling is refused: %s", strerror(errno));
}

/* ---- the port */

static bool has_name(const char *directory, const char *entry, const char *name)
{
	char path[512], text[128] = "";
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s/name", directory, entry);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return strcmp(text, name) == 0;
}

bool init_find_port(
	const char *class_directory, const char *name, char *device, size_t size)
{
	DIR *dir = opendir(class_directory);
	struct dirent *e;
	bool found = false;

	while (dir && !found && (e = readdir(dir))) {
		if (e->d_name[0] == '.' || !has_name(class_directory, e->d_name, name))
			continue;
		found = snprintf(device, size, "/dev/%s", e->d_name) < (int)size;
	}
	if (dir)
		closedir(dir);
	return found;
}

/* The port and its name come some time after the driver. */
static int open_port(void)
{
	int64_t until = runner_now_us() + PORT_WAIT_MS * 1000;
	char device[300] = "";
	int fd = -1;

	while (fd < 0 && runner_now_us() < until) {
		if (init_find_port(PORT_CLASS, INIT_PORT_NAME, device, sizeof(device)))
			fd = open(device, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (fd < 0)
			poll(NULL, 0, PORT_LOOK_MS);
	}
	if (fd < 0 && device[0])
		say("cannot open the port %s: %s", device, strerror(errno));
	else if (fd < 0)
		say("there is no virtio-serial port named %s; is a module missing in %s?",
			INIT_PORT_NAME, INIT_MODULES);
	return fd;
}

/* ---- the whole */

/* Tests mount, cover and leave what they like, in a mount namespace of theirs: ours still
 * has its /proc. The descriptor of theirs, or -1 when there is only one. */
static int part_mounts(void)
{
	int fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && unshare(CLONE_NEWNS) < 0) {
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		say("the tests' mounts are ours, too: %s", strerror(errno));
	return fd;
}

int init_main(void)
{
	struct serve_options options = {.machine = true, .work = INIT_WORK};
	int status;

	make_root();
	mount_all();
	open_console();
	link_devices();
	make_directories();
	load_modules();
	raise_loopback();
	set_process();
	shorten_reports();
	options.cages_fd = cage_mount("/sys/fs/cgroup");
	options.mounts_fd = part_mounts();
	options.in_fd = options.out_fd = open_port();
	status = options.in_fd >= 0 ? serve(&options) : 1;
	/* As init programs take these signals from reboot, halt and poweroff; a kernel
	 * that cannot switch off may be able to restart. */
	if (status != 128 + SIGTERM && status != 128 + SIGINT)
		reboot(RB_POWER_OFF);
	reboot(RB_AUTOBOOT);
	return status;
}
