/*
 * Whether the host's own CPU can run a machine. That /dev/kvm opens says little: a guest
 * may be refused, or run its first instructions and hang. So the first machine of a
 * target is tried with it, and whether it came up is remembered until this host boots
 * again.
 */
#ifndef XTEST_TRANSPORT_ACCEL_H
#define XTEST_TRANSPORT_ACCEL_H

#include "base/util.h"

struct target;

enum accel {
	ACCEL_TCG, /* emulated: the CPU is another one, or KVM does not work here */
	ACCEL_KVM, /* KVM has run such a machine since this host was booted */
	ACCEL_TRY, /* KVM could: nobody knows yet */
};

/* What is known here. `cache_dir` keeps the answers. */
enum accel accel_choose(const struct target *target, const char *cache_dir);
/* Remembers how the trial went. An answer that cannot be kept is found out again. */
void accel_remember(const struct target *target, const char *cache_dir, bool works);

#endif
