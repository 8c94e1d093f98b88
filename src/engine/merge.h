/*
 * Several recordings told as one run: shards of one plan, devices, a run and its reruns.
 * A case counts once on a target and place. Where recordings disagree about it, a failure
 * holds against a pass, and a verdict against none; what a rerun says holds against the
 * run it goes on from. Both are told.
 */
#ifndef XTEST_ENGINE_MERGE_H
#define XTEST_ENGINE_MERGE_H

#include "engine/emit.h"
#include "engine/recording.h"

/* Reads all of them (twice) and sends one run, whose exit code goes to *exit_code. -1
 * when one cannot be read: then nothing was sent, or the stream ends without a run-end.
 */
int merge_tell(struct recording *inputs, size_t n_inputs, const struct emit *emit,
	const char *command_line, int *exit_code, struct err *e) MUST_CHECK;

#endif
