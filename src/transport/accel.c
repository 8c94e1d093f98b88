#include "transport/accel.h"

#include "base/fs.h"
#include "model/target.h"

#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

static const char works[] = "works", fails[] = "fails";

static bool is_native(const struct target *target)
{
	struct utsname host;

	return uname(&host) == 0 && (strv_has(&target->uname, host.machine) ||
					    strv_has(&target->native_on, host.machine));
}

/* "KEY ANSWER": the key changes with each boot. */
static char *answer_text(const char *answer)
{
	autorelease(buf) struct buf boot = BUF_INIT;
	struct err ignored;

	if (fs_read_file("/proc/sys/kernel/random/boot_id", &boot, &ignored) < 0)
		return xstrdup("");
	while (boot.len && boot.data[boot.len - 1] == '\n')
		buf_truncate(&boot, boot.len - 1);
	return xasprintf("%s %s\n", buf_str(&boot), answer);
}

static char *answer_path(const struct target *target, const char *cache_dir)
{
	return xasprintf("%s/kvm-%s", cache_dir, target->name);
}

enum accel accel_choose(const struct target *target, const char *cache_dir)
{
	autofree char *path = answer_path(target, cache_dir);
	autofree char *yes = answer_text(works), *no = answer_text(fails);
	autorelease(buf) struct buf old = BUF_INIT;
	struct err ignored;

	if (!is_native(target) || access("/dev/kvm", R_OK | W_OK) < 0)
		return ACCEL_TCG;
	if (fs_read_file(path, &old, &ignored) < 0 || !old.len)
		return ACCEL_TRY;
	return streq(old.data, yes)  ? ACCEL_KVM
	       : streq(old.data, no) ? ACCEL_TCG
				     : ACCEL_TRY;
}

void accel_remember(const struct target *target, const char *cache_dir, bool it_works)
{
	autofree char *path = answer_path(target, cache_dir);
	autofree char *text = answer_text(it_works ? works : fails);
	struct err ignored;

	if (fs_write_file(path, text, strlen(text), 0644, &ignored) < 0)
		unlink(path);
}
