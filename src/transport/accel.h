/*
 * Whether the host's own CPU can run the machine. That /dev/kvm opens says little: it may
 * refuse the first guest, or never let it run. So a guest of a few bytes is tried once a
 * boot of this host, and its answer remembered.
 */
#ifndef XTEST_TRANSPORT_ACCEL_H
#define XTEST_TRANSPORT_ACCEL_H

#include "base/util.h"

struct target;

/* True when KVM runs guests of this target here. `cache_dir` keeps the answer. */
bool accel_has_kvm(const struct target *target, const char *cache_dir);

/* Runs a few instructions of the host's own architecture in a guest and waits up to
 * `limit_ms` for their answer. False on a host whose architecture has no such guest here.
 */
bool accel_probe(int64_t limit_ms);

#endif
