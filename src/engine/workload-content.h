/* What a staged column is sent: the target's suites and all they need, digested. */
#ifndef XTEST_ENGINE_WORKLOAD_CONTENT_H
#define XTEST_ENGINE_WORKLOAD_CONTENT_H

#include "engine/workload.h"

struct shipment;

/* Once for a column; later calls do nothing. ERR_SETUP, ERR_ARCHIVE. */
int workload_content_make(
	struct workload *w, struct workload_column *c, struct err *e) MUST_CHECK;
void workload_content_free(struct workload_content *m);
/* Borrowed; NULL of NULL. */
struct shipment *workload_content_shipment(const struct workload_content *m);

#endif
