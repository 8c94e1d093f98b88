/* A phase of a run that takes its time, told as it goes. */
#ifndef XTEST_ENGINE_STEP_H
#define XTEST_ENGINE_STEP_H

#include "engine/emit.h"

/* Fill the first three; the rest is private. */
struct step {
	const struct emit *emit;
	const char *verb, *what; /* "Archiving", "x.tar.zst"; borrowed */
	int64_t start_ms, told_ms;
	bool begun;
};

void step_begin(struct step *step);
/* Its latest line and how far it is (negative: unknown). Not more often than a person can
 * read. Begins it where nobody did. */
void step_line(struct step *step, const char *line, double fraction);
/* The same for so many bytes. */
void step_bytes(struct step *step, uint64_t done_bytes, uint64_t total_bytes);
/* It is done: what stays on the screen. Nothing when it was never begun. */
void step_end(struct step *step, const char *verb, const char *summary);

#endif
