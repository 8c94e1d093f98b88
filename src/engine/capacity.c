#include "engine/capacity.h"

/* What QEMU itself takes beside the machine's memory: measured 60–90 MiB with the
 * translations of a busy guest. */
enum { QEMU_MIB = 96 };

/* Machines are made anew while the column runs. */
static bool is_often(const struct capacity_request *r)
{
	return r->fresh == CONFIG_FRESH_CASE || r->fresh == CONFIG_FRESH_SUITE;
}

/* Cases that are fresh for themselves or for their suite have a machine with one
 * processor each; otherwise the fewest machines with the most processors, because what is
 * in one machine is booted, filled and restored once. */
static unsigned count_cpus(const struct capacity_request *r)
{
	unsigned most = MAX(1, r->max_cpus);

	if (r->cpus)
		return MIN(r->cpus, most);
	return is_often(r) ? 1 : MIN(MAX(1, r->jobs), most);
}

/* One more than may run is made ready meanwhile, where machines are made anew at all. */
static unsigned count_spare(const struct capacity_request *r, unsigned running)
{
	return is_often(r) && (!r->cases || r->cases > running);
}

struct capacity capacity_find(const struct capacity_request *r)
{
	struct capacity c = {.cpus = count_cpus(r)};
	unsigned at_once = r->fresh == CONFIG_FRESH_CASE ? 1 : c.cpus;
	unsigned host = MAX(1, r->host_cpus);

	c.machines = (MAX(1, r->jobs) + at_once - 1) / at_once;
	/* The first may have more processors than there are here: so it was asked. */
	c.machines = MIN(c.machines, MAX(1, host / c.cpus));
	if (r->cases)
		c.machines = (unsigned)MIN(c.machines, r->cases);
	c.machines += count_spare(r, c.machines);
	if (r->host_mib)
		c.machines = (unsigned)MIN(
			c.machines, r->host_mib / (r->memory_mib + QEMU_MIB));
	c.machines = MAX(1, c.machines);
	return c;
}
