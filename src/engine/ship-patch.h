/*
 * Finds out how a file can be made of another one: a patch as wire/patch.h has it. Made
 * for programs that were linked again: long runs are the same but for addresses.
 */
#ifndef XTEST_ENGINE_SHIP_PATCH_H
#define XTEST_ENGINE_SHIP_PATCH_H

#include "base/buf.h"

/* Appends the patch that makes `data` of `base`; both are shorter than 4 GiB. */
void ship_patch_make(const void *base, size_t base_len, const void *data, size_t len,
	struct buf *patch);

#endif
