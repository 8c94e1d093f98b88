/*
 * What `xtest help TOPIC` tells beside the verbs. The parts that a table of the program
 * knows (predicates, configuration keys) are printed from that table.
 */
#ifndef XTEST_CMD_TOPIC_H
#define XTEST_CMD_TOPIC_H

#include "base/buf.h"

struct topic {
	const char *name;
	const char *summary; /* one line */
	void (*print)(struct buf *out);
};

/* All topics; ends with a NULL name. */
extern const struct topic topic_table[];
/* By its name, or the first one that begins with these letters (four at least). */
const struct topic *topic_find(const char *name);

#endif
