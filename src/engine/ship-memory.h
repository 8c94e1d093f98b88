/*
 * What was sent to a board the last time, remembered on this machine: which digest every
 * file of the tree had, and the bytes of those that may come back changed. What has
 * changed since can then be sent as what is different. Losing any of it costs time only:
 * a board is asked what it holds, and what is kept here is looked at before it is used.
 */
#ifndef XTEST_ENGINE_SHIP_MEMORY_H
#define XTEST_ENGINE_SHIP_MEMORY_H

#include "engine/ship-private.h"

/* Name of the tree's list; no file in the tree has such a one. */
#define SHIP_MEMORY_LIST "/list"

struct ship_memory;

/* Of the board with that name, in a directory that all boards share and that may not be
 * there yet. One of which nothing is known is taken for the one that was sent
 * something last. Never NULL. */
struct ship_memory *ship_memory_open(const char *dir, const char *board);
void ship_memory_free(struct ship_memory *m);
/* The digest the file with that name in the tree had, or NULL. Borrowed. */
const uint8_t *ship_memory_find(const struct ship_memory *m, const char *name);
/* A file here with the bytes of that digest, which has been checked, or NULL. The
 * caller's. */
char *ship_memory_file(const struct ship_memory *m, const uint8_t *digest);
/* That is what lies there now. What cannot be written is not remembered. */
void ship_memory_keep(const struct ship_memory *m, const struct shipment *s);

#endif
