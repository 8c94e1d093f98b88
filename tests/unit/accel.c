/* What is known of KVM, and for how long. */
#include "transport/accel.h"

#include "base/fs.h"
#include "model/target.h"

#include "tests/tap.h"

#include <sys/utsname.h>
#include <unistd.h>

static void test_memory(const char *dir)
{
	struct err e = {0};
	struct target native = {.name = xstrdup("native")};
	autofree char *path = fs_join(dir, "kvm-native");
	struct utsname host;

	if (uname(&host) < 0)
		exit(99);
	strv_push(&native.uname, host.machine);
	is_int(accel_choose(&native, dir), ACCEL_TRY, "nobody knows at first");
	accel_remember(&native, dir, true);
	is_int(accel_choose(&native, dir), ACCEL_KVM, "it worked");
	accel_remember(&native, dir, false);
	is_int(accel_choose(&native, dir), ACCEL_TCG, "it did not");
	ok(fs_write_file(path, "another-boot works\n", 19, 0644, &e) == 0,
		"the host has booted again");
	is_int(accel_choose(&native, dir), ACCEL_TRY, "it is found out again");
	ok(fs_write_file(path, "", 0, 0644, &e) == 0, "an answer that was cut off");
	is_int(accel_choose(&native, dir), ACCEL_TRY, "is none");
	strv_release(&native.uname);
	free(native.name);
}

int main(void)
{
	struct err e = {0};
	struct target foreign = {.name = xstrdup("foreign")};
	autofree char *dir = fs_temp_dir("accel", &e);

	if (!dir)
		return 99;
	strv_push(&foreign.uname, "no-such-cpu");
	is_int(accel_choose(&foreign, dir), ACCEL_TCG, "another CPU is emulated");
	if (access("/dev/kvm", R_OK | W_OK) == 0)
		test_memory(dir);
	else
		skip("what is remembered", "no /dev/kvm here");
	ok(fs_remove_tree(dir, &e) == 0, "the end %s", e.msg);
	strv_release(&foreign.uname);
	free(foreign.name);
	return tap_done();
}
