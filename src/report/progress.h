/*
 * The last line of a terminal while a run goes on: a bar, how much is done, and what is
 * running. It only composes text; the reporter that owns the terminal writes it together
 * with what it prints, in one piece.
 *
 * The line never fills its last column and the cursor rests at its start, so that after a
 * resize, when a terminal has folded the line, everything from the cursor down is ours to
 * erase.
 */
#ifndef XTEST_REPORT_PROGRESS_H
#define XTEST_REPORT_PROGRESS_H

#include "base/buf.h"
#include "model/event.h"

struct progress;

struct progress_options {
	int fd;      /* the terminal: asked for its width at every drawing */
	int columns; /* fixed width instead; 0: ask */
	bool color;
	bool unicode; /* line-drawing characters, else ASCII */
};

struct progress *progress_new(const struct progress_options *options);
void progress_free(struct progress *p);
/* Learns from an event; returns whether the line should be drawn again for it. */
bool progress_event(struct progress *p, const struct event *event);
/* Appends what removes the line from the screen, nothing when it is not there. */
void progress_erase(struct progress *p, struct buf *out);
/* Appends the line as of `now_ms` (event time), nothing when there is nothing to say. */
void progress_draw(struct progress *p, struct buf *out, int64_t now_ms);

#endif
