#include "engine/schedule-private.h"

/* What it does, or what keeps it from doing it. */
static const char *state_of(const struct running *r)
{
	if (place_state(r->place->place) != PLACE_UP)
		return "its place is away";
	if (r->hook)
		return "a time limit has struck, it is looked at";
	return r->task.pid ? "running" : "starting";
}

void schedule_tell_status(struct schedule *s)
{
	autofree struct event_running *running = xcalloc(s->n_slots, sizeof *running);
	struct event event = {.type = EVENT_STATUS,
		.status = {.counts = &s->r->counts,
			.running = running,
			.delayed = s->delayed}};
	int64_t now = now_ms() - s->o->emit->start_ms;

	for (unsigned i = 0; i < s->n_slots; i++) {
		const struct running *r = &s->slots[i];

		if (!r->used)
			continue;
		running[event.status.n_running++] = (struct event_running){
			.item = &r->item,
			.elapsed_ms = now - r->item.started_ms,
			.pid = r->task.pid,
			.state = state_of(r),
			.out = &r->task.outcome.out,
			.err = &r->task.outcome.err,
		};
	}
	emit_send(s->o->emit, &event);
}
