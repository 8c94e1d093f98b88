/*
 * A command of this machine that looks at a test before a time limit's end: it runs
 * beside everything else, bounded in time and in what it may say.
 */
#ifndef XTEST_ENGINE_HOOK_H
#define XTEST_ENGINE_HOOK_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"

struct hook;

/* Starts argv[0] (searched in PATH) with this environment; it is killed after `limit_ms`.
 * NULL with ERR_SETUP when there is no process or file for it. */
struct hook *hook_start(
	const struct strv *argv, const struct strv *env, int64_t limit_ms, struct err *e);
/* Has it ended? Kills it when its time is over. Never waits. */
bool hook_is_over(struct hook *h);
/* Ends it with all its processes: it is over soon. */
void hook_kill(struct hook *h);
/* It was not its fault that so much time went by. */
void hook_excuse(struct hook *h, int64_t stood_ms);
/* Frees it, with all its processes. What it said, and how it ended when that was no
 * success, is appended to `said`. */
void hook_take(struct hook *h, struct buf *said);

#endif
