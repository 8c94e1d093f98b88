/*
 * How many machines a column has, and how many processors each: so that as much runs at
 * once as was asked for and this host bears. Counts only, touches nothing.
 */
#ifndef XTEST_ENGINE_CAPACITY_H
#define XTEST_ENGINE_CAPACITY_H

#include "base/util.h"
#include "model/config.h"

struct capacity_request {
	unsigned jobs; /* cases at once */
	size_t cases;  /* all there are; 0: not known */
	enum config_fresh fresh;
	unsigned cpus;       /* of each machine, if somebody said so; else 0 */
	unsigned max_cpus;   /* that a machine of this kind may have */
	unsigned memory_mib; /* of each */
	unsigned host_cpus;  /* this machine's processors */
	uint64_t host_mib;   /* memory that all together may take; 0: not known */
};

struct capacity {
	unsigned machines;
	unsigned cpus; /* of each: cases at once on it */
};

/* At least one machine with one processor, whatever is asked: whether that fits is
 * somebody else's to refuse. */
struct capacity capacity_find(const struct capacity_request *r);

#endif
