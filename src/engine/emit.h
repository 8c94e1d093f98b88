/* Where events go: filled by the verb, called by the engine. */
#ifndef XTEST_ENGINE_EMIT_H
#define XTEST_ENGINE_EMIT_H

#include "model/event.h"

struct emit {
	void (*send)(void *ctx, const struct event *event);
	void *ctx;
	int64_t start_ms; /* now_ms() at the start of the run */
};

/* Stamps the time and sends. */
static inline void emit_send(const struct emit *emit, struct event *event)
{
	event->time_ms = now_ms() - emit->start_ms;
	emit->send(emit->ctx, event);
}

/* One sentence for the user. */
static inline void emit_note(const struct emit *emit, const char *text)
{
	struct event event = {.type = EVENT_NOTE, .note.text = text};

	emit_send(emit, &event);
}

#endif
