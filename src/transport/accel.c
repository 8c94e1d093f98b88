#include "transport/accel.h"

#include "base/fs.h"
#include "model/target.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROBE_LIMIT_MS = 2000 };

#if defined(__x86_64__)
#include <linux/kvm.h>

enum { CODE_AT = 0x1000, CODE_SIZE = 0x1000, PORT = 0x10, ANSWER = 'x' };

/* In real mode: mov al, ANSWER; out PORT, al; hlt. */
static const unsigned char code[] = {0xb0, ANSWER, 0xe6, PORT, 0xf4};

static bool give_memory(int vm)
{
	void *memory = mmap(NULL, CODE_SIZE, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct kvm_userspace_memory_region region = {
		.guest_phys_addr = CODE_AT,
		.memory_size = CODE_SIZE,
		.userspace_addr = (uint64_t)(uintptr_t)memory,
	};

	if (memory == MAP_FAILED)
		return false;
	memcpy(memory, code, sizeof code);
	return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) == 0;
}

static bool set_registers(int cpu)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs = {.rip = CODE_AT, .rflags = 2};

	if (ioctl(cpu, KVM_GET_SREGS, &sregs) < 0)
		return false;
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	return ioctl(cpu, KVM_SET_SREGS, &sregs) == 0 &&
	       ioctl(cpu, KVM_SET_REGS, &regs) == 0;
}

/* Documentation/virt/kvm/api.rst of Linux says which call comes when. */
static bool run_guest(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm = kvm < 0 ? -1 : ioctl(kvm, KVM_CREATE_VM, 0UL);
	int cpu = vm < 0 || !give_memory(vm) ? -1 : ioctl(vm, KVM_CREATE_VCPU, 0UL);
	int size = cpu < 0 ? -1 : ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0UL);
	struct kvm_run *run = size < (int)sizeof *run
				      ? MAP_FAILED
				      : mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE,
						MAP_SHARED, cpu, 0);

	return run != MAP_FAILED && set_registers(cpu) && ioctl(cpu, KVM_RUN, 0UL) == 0 &&
	       run->exit_reason == KVM_EXIT_IO && run->io.port == PORT &&
	       ((const char *)run)[run->io.data_offset] == ANSWER &&
	       ioctl(cpu, KVM_RUN, 0UL) == 0 && run->exit_reason == KVM_EXIT_HLT;
}
#else
static bool run_guest(void)
{
	return false;
}
#endif

/* In a process of its own, which may hang in the kernel for as long as it likes. */
bool accel_probe(int64_t limit_ms)
{
	int64_t deadline = now_ms() + limit_ms;
	pid_t pid, parent = getpid();
	int status = 0;

	pid = fork();
	if (pid < 0)
		return false;
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(getppid() == parent && run_guest() ? 0 : 1);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (now_ms() >= deadline) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return false;
		}
		poll(NULL, 0, 1);
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool is_native(const struct target *target)
{
	struct utsname host;

	return uname(&host) == 0 && (strv_has(&target->uname, host.machine) ||
					    strv_has(&target->native_on, host.machine));
}

static char *boot_id(void)
{
	autorelease(buf) struct buf text = BUF_INIT;
	struct err ignored;

	if (fs_read_file("/proc/sys/kernel/random/boot_id", &text, &ignored) < 0)
		return xstrdup("");
	while (text.len && text.data[text.len - 1] == '\n')
		buf_truncate(&text, text.len - 1);
	return buf_take(&text);
}

bool accel_has_kvm(const struct target *target, const char *cache_dir)
{
	autofree char *path = fs_join(cache_dir, "kvm"), *boot = NULL, *yes = NULL,
		      *no = NULL;
	autorelease(buf) struct buf old = BUF_INIT;
	struct err ignored;
	bool answer;

	if (!is_native(target) || access("/dev/kvm", R_OK | W_OK) < 0)
		return false;
	boot = boot_id();
	yes = xasprintf("%s works\n", boot);
	no = xasprintf("%s hangs or refuses\n", boot);
	if (fs_read_file(path, &old, &ignored) == 0 &&
		(streq(buf_str(&old), yes) || streq(buf_str(&old), no)))
		return streq(buf_str(&old), yes);
	answer = accel_probe(PROBE_LIMIT_MS);
	/* Not remembered is asked again. */
	if (fs_write_file(path, answer ? yes : no, strlen(answer ? yes : no), 0644,
		    &ignored) < 0)
		return answer;
	return answer;
}
