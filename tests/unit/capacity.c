/* How many machines there are. */
#include "engine/capacity.h"

#include "tests/tap.h"

#define RUN CONFIG_FRESH_RUN
#define SUITE CONFIG_FRESH_SUITE
#define CASE CONFIG_FRESH_CASE

static const struct {
	const char *name;
	/* jobs, cases, fresh, cpus, max_cpus, memory_mib, host_cpus, host_mib */
	struct capacity_request request;
	unsigned machines, cpus;
} table[] = {
	{"one machine takes all jobs", {4, 300, RUN, 0, 8, 512, 2, 8000}, 1, 4},
	{"one job, one processor", {1, 300, RUN, 0, 8, 512, 2, 8000}, 1, 1},
	{"more machines where one may have few processors",
		{4, 300, RUN, 0, 1, 512, 4, 8000}, 4, 1},
	{"as many as there are processors here", {8, 300, RUN, 0, 2, 512, 4, 8000}, 2, 2},
	{"processors as they were asked for", {4, 300, RUN, 2, 8, 512, 4, 8000}, 2, 2},
	{"but no more than it may have", {4, 300, RUN, 4, 1, 512, 2, 8000}, 2, 1},
	{"more processors than there are here", {8, 300, RUN, 8, 8, 512, 2, 8000}, 1, 8},
	{"one in two memories", {4, 300, RUN, 0, 1, 512, 4, 1300}, 2, 1},
	{"each case its own, and one to spare", {2, 100, CASE, 0, 8, 512, 2, 8000}, 3, 1},
	{"one job and one to spare", {1, 100, CASE, 0, 8, 512, 2, 8000}, 2, 1},
	{"one case at a time, whatever processors it has",
		{2, 100, CASE, 2, 8, 512, 4, 8000}, 3, 2},
	{"jobs beyond the processors", {8, 100, CASE, 0, 8, 512, 2, 8000}, 3, 1},
	{"none to spare for the last case", {2, 2, CASE, 0, 8, 512, 2, 8000}, 2, 1},
	{"one case", {2, 1, CASE, 0, 8, 512, 2, 8000}, 1, 1},
	{"no memory for the spare one", {2, 100, CASE, 0, 8, 512, 2, 1250}, 2, 1},
	{"memory for one", {2, 100, CASE, 0, 8, 512, 2, 900}, 1, 1},
	{"not even for one", {2, 100, CASE, 0, 8, 512, 2, 100}, 1, 1},
	{"memory that is not known", {2, 100, CASE, 0, 8, 512, 2, 0}, 3, 1},
	{"each suite its own", {2, 100, SUITE, 0, 8, 512, 2, 8000}, 3, 1},
	{"nothing is known", {0, 0, RUN, 0, 0, 0, 0, 0}, 1, 1},
};

int main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct capacity c = capacity_find(&table[i].request);

		is_int(c.machines, table[i].machines, table[i].name);
		is_int(c.cpus, table[i].cpus, "  processors");
	}
	return tap_done();
}
