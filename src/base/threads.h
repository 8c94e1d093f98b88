/*
 * Work that several threads share. What they share of it, and who takes what, is the
 * work's own business: an atomic counter is enough as a rule.
 */
#ifndef XTEST_BASE_THREADS_H
#define XTEST_BASE_THREADS_H

enum { THREADS_MAX = 16 };

/* Processors of this machine, at least 1. */
unsigned threads_processors(void);
/* Calls work(ctx) in `n` threads, this one included, and returns when all have returned.
 * A thread that cannot be made is not missed: the others do its part. */
void threads_share(unsigned n, void *(*work)(void *ctx), void *ctx);

#endif
