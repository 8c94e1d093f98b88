/*
 * A run that is over, to be told again: a record of this project's (engine/run-store), or
 * a file of JSON lines from anywhere.
 */
#ifndef XTEST_ENGINE_RECORDING_H
#define XTEST_ENGINE_RECORDING_H

#include "model/event.h"
#include "report/jsonl-file.h"
#include "report/jsonl-read.h"

struct recording {
	char *name;      /* owned: id of the run, or the file as it was named */
	char *path;      /* owned: of the events */
	char *state_dir; /* owned; NULL for a file */
	struct jsonl_outputs outputs;
};

/* `word` is what run_store_find() takes, or the path of a file: there is a slash or a dot
 * in it. The recording must stay where it is. */
int recording_open(struct recording *r, const char *state_dir, const char *word,
	struct err *e) MUST_CHECK;
void recording_release(struct recording *r);
/* Sends all its events. */
int recording_read(struct recording *r,
	void (*send)(void *ctx, const struct event *event), void *ctx,
	struct jsonl_seen *seen, struct err *e) MUST_CHECK;
/* The same, and where the run was killed a run-end that says so. `exit_code` gets the
 * run's. */
int recording_tell(struct recording *r,
	void (*send)(void *ctx, const struct event *event), void *ctx,
	struct jsonl_seen *seen, int *exit_code, struct err *e) MUST_CHECK;

#endif
