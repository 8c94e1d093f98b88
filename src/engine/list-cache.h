/*
 * What listings said before, by the digest of the program: a binary that did not change
 * is not started to be listed. Digests are themselves remembered by path, size and times,
 * as git does for its index.
 */
#ifndef XTEST_ENGINE_LIST_CACHE_H
#define XTEST_ENGINE_LIST_CACHE_H

#include "base/err.h"
#include "framework/framework.h"
#include "model/suite.h"

struct list_cache;

/* Reads DIR/list-cache.json; a missing or damaged file is an empty cache. Never NULL.
 * `dir` NULL: nothing is kept. */
struct list_cache *list_cache_open(const char *dir);
/* Fills the suite's cases from the cache. `program` is where its binary lies here. True
 * when they were there. */
bool list_cache_get(struct list_cache *c, struct suite *suite, const char *program,
	const struct framework *framework);
/* Remembers the suite's cases. */
void list_cache_put(struct list_cache *c, const struct suite *suite, const char *program,
	const struct framework *framework);
/* Writes it back when it changed (entries not asked for in this run are dropped when
 * there are more than 50,000), and frees. A cache that cannot be written is no error: the
 * next run lists again. */
void list_cache_close(struct list_cache *c);

#endif
