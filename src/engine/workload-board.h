/* What a column needs that runs on boards: one, or several that share its cases. */
#ifndef XTEST_ENGINE_WORKLOAD_BOARD_H
#define XTEST_ENGINE_WORKLOAD_BOARD_H

#include "engine/workload.h"
#include "transport/transport.h"

/* True when the word of --on means boards: "ssh://…", a name of the configuration, or
 * "label:WORD". */
bool workload_board_is(const struct workload *w, const char *word);
/* Appends the boards a word means for a target: names of the configuration, or the uri
 * itself. ERR_SETUP when there are none, or they are for another target. */
int workload_board_expand(const struct workload *w, const char *word, const char *target,
	struct strv *names, struct err *e) MUST_CHECK;

/* Digests what is sent, and says who we are. Once for a column; later calls do nothing.
 * ERR_SETUP, ERR_ARCHIVE. */
int workload_board_make(
	struct workload *w, struct workload_column *c, struct err *e) MUST_CHECK;
void workload_board_free(struct workload_board *b);
/* Cases at once on one board at most, whatever it says it has processors for. */
unsigned workload_board_slots(const struct workload *w);
/* How many there are; 0 of NULL. */
size_t workload_board_count(const struct workload_board *b);
/* Borrowed; NULL of NULL. */
const struct board_config *workload_board_config(
	const struct workload_board *b, size_t index);

#endif
