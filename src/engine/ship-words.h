/* What people are told of a shipment under way, and after it. */
#ifndef XTEST_ENGINE_SHIP_WORDS_H
#define XTEST_ENGINE_SHIP_WORDS_H

#include "base/util.h"

#include <stdint.h>

struct ship_figures {
	uint64_t all_bytes;  /* of all files, as they will lie there */
	uint64_t lack_bytes; /* of those that were not there */
	uint64_t done_bytes; /* of these, so far */
	uint64_t wire_bytes; /* that they took, as they are coded */
};

/* "sending what the tests need: 1.2 of 3.4 MiB, 512.0 KiB/s, 40.1 MiB saved"; the rate is
 * that of the wire, and saved is what did not have to go over it. The caller's. */
char *ship_words_doing(const struct ship_figures *f, int64_t elapsed_ms);
/* "36.0 KiB sent for 8.2 MiB"; the caller's. */
char *ship_words_sent(const struct ship_figures *f);

#endif
