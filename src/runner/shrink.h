/*
 * Keeps the store of blobs within a size: what no tree uses goes, oldest use first.
 */
#ifndef XTEST_RUNNER_SHRINK_H
#define XTEST_RUNNER_SHRINK_H

#include <stdint.h>

/* Of the directory `store_fd`, whose blobs are the files with a digest for a name. */
void shrink_store(int store_fd, uint64_t keep_bytes);

#endif
