#include "runner/later.h"

#define MANY_BYTES 4096

/* Nothing waits to be written but what may wait. */
static bool is_patient(const struct runner *r)
{
	const struct link *l = &r->link;

	return !l->urgent_end && !l->rewind &&
	       (l->sent == l->end || r->later_next == l->next);
}

static int64_t now_ms(void)
{
	return runner_now_us() / 1000;
}

int later_send(struct runner *r, unsigned int type, uint32_t job, const void *structure)
{
	bool patient = is_patient(r);
	int err = link_send(&r->link, type, job, structure);

	if (err || !patient)
		return err;
	r->later_next = r->link.next;
	if (!r->later_due_ms)
		r->later_due_ms = now_ms() + LATER_MS;
	return 0;
}

int64_t later_left(struct runner *r)
{
	const struct link *l = &r->link;
	int64_t left;

	if (!is_patient(r) || l->end - l->sent >= MANY_BYTES || r->closing)
		return 0;
	if (!r->later_due_ms && l->ack_due)
		r->later_due_ms = now_ms() + LATER_MS;
	left = r->later_due_ms ? r->later_due_ms - now_ms() : 0;
	return left > 0 ? left : 0;
}

void later_flush(struct runner *r)
{
	r->later_due_ms = 0;
	if (!r->link.ack_due)
		return;
	r->link.ack_due = false;
	link_say_sequence(&r->link, WIRE_ACKED, r->link.seen);
}
