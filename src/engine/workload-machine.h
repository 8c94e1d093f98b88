/* What a column needs that runs in a machine: an image to boot, and what is sent there.
 */
#ifndef XTEST_ENGINE_WORKLOAD_MACHINE_H
#define XTEST_ENGINE_WORKLOAD_MACHINE_H

#include "engine/workload.h"
#include "transport/transport.h"

/* Makes the image (told as a step when that takes its time), digests what is sent, and
 * settles how large the machine is. Once for a column; later calls do nothing.
 * ERR_SETUP, ERR_ARCHIVE. */
int workload_machine_make(
	struct workload *w, struct workload_column *c, struct err *e) MUST_CHECK;
void workload_machine_free(struct workload_machine *m);
/* Borrowed. */
const struct machine_config *workload_machine_config(const struct workload_machine *m);
/* After the run, when the kernel was the user's own (--kernel): what KTAP the consoles
 * of the column's machines have, as suites `kernel::NAME`. Told as cases of the column
 * and counted; `at`: how many cases there were before. */
void workload_machine_tell_kernel(const struct workload *w,
	const struct workload_column *c, size_t at, struct event_counts *counts,
	struct event_counts *column_counts);
/* How many machines the column has for so many cases (0: not known). At least 1. */
size_t workload_machine_count(
	const struct workload *w, const struct workload_column *c, size_t cases);

#endif
