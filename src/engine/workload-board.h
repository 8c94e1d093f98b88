/* What a column needs that runs on a board. */
#ifndef XTEST_ENGINE_WORKLOAD_BOARD_H
#define XTEST_ENGINE_WORKLOAD_BOARD_H

#include "engine/workload.h"
#include "transport/transport.h"

/* Digests what is sent, and says who we are. Once for a column; later calls do nothing.
 * ERR_SETUP, ERR_ARCHIVE. */
int workload_board_make(
	struct workload *w, struct workload_column *c, struct err *e) MUST_CHECK;
void workload_board_free(struct workload_board *b);
/* Borrowed; NULL of NULL. */
const struct board_config *workload_board_config(const struct workload_board *b);

#endif
