#include "wire/link.h"

#include "tests/tap.h"

#include <errno.h>

/* Two ends and what is under way between them; bytes may be lost, doubled or cut. */
struct end {
	struct link link;
	struct frame_reader reader;
	uint32_t last; /* number in the last message delivered */
	int faults;    /* messages out of order */
};

static struct end ends[2];
static uint8_t memory[65536];
static uint32_t dice_state = 1;

static uint32_t dice(uint32_t sides)
{
	dice_state = dice_state * 1664525 + 1013904223;
	return (dice_state >> 8) % sides;
}

static void deliver(struct end *e, const struct wire_header *h, const uint8_t *body)
{
	struct wire_ping message;
	struct wire_sequence sequence;

	if (h->sequence) {
		if (!link_is_next(&e->link, h->sequence)) {
			if (link_lost(&e->link, h->sequence))
				link_say_sequence(
					&e->link, WIRE_RESEND, e->link.seen + 1);
			return;
		}
		link_take(&e->link);
		e->faults += h->job != e->last + 1;
		e->last = h->job;
		return;
	}
	if (h->type == WIRE_PING) {
		msg_decode(msg_find(WIRE_PING), body, h->length, &message);
		e->link.asked = false;
		if (link_lost(&e->link, message.last_sent))
			link_say_sequence(&e->link, WIRE_RESEND, e->link.seen + 1);
		return;
	}
	msg_decode(msg_find(h->type), body, h->length, &sequence);
	if (h->type == WIRE_ACK)
		e->faults += link_acked(&e->link, sequence.sequence) < 0;
	else
		e->faults += link_repeat(&e->link, sequence.sequence) < 0;
}

/* Carries some bytes from one end to the other; of a thousand pieces `loss` are lost or
 * damaged. */
static void carry(struct end *from, struct end *to, uint32_t loss)
{
	struct wire_header h;
	const uint8_t *out, *body;
	size_t len, room;
	uint8_t *in;

	out = link_output(&from->link, &len);
	if (!out)
		return;
	len = 1 + dice((uint32_t)len);
	in = frame_reader_room(&to->reader, &room);
	len = len < room ? len : room;
	memcpy(in, out, len);
	link_wrote(&from->link, len);
	if (dice(1000) < loss) {
		if (dice(2))
			return;
		in[dice((uint32_t)len)] ^= 1;
	}
	frame_reader_add(&to->reader, len);
	while (frame_reader_next(&to->reader, &h, &body))
		deliver(to, &h, body);
}

static void tick(struct end *e)
{
	struct wire_ping ping = {1, link_last_sent(&e->link), 0};

	if (e->link.ack_due)
		link_say_sequence(&e->link, WIRE_ACK, e->link.seen);
	e->link.ack_due = false;
	link_say(&e->link, WIRE_PING, &ping);
	frame_reader_resync(&e->reader);
}

static void start(bool grows)
{
	memset(ends, 0, sizeof(ends));
	link_init(&ends[0].link, memory, sizeof(memory));
	if (grows)
		link_init_growing(&ends[1].link);
	else
		link_init(&ends[1].link, memory, 0);
}

/* Sends `count` numbered messages from end 0 to end 1. Returns rounds needed, or 0 when
 * they never came. */
static int transfer(uint32_t count, uint32_t loss, uint32_t cut)
{
	uint32_t sent = 0;

	start(true);
	for (int round = 1; round < 400000; round++) {
		struct wire_note note = {0, "0123456789012345678901234567890123456789"};

		while (sent < count &&
			link_send(&ends[0].link, WIRE_NOTE, sent + 1, &note) == 0)
			sent++;
		carry(&ends[0], &ends[1], loss);
		carry(&ends[1], &ends[0], loss);
		if (round % 50 == 0) {
			tick(&ends[0]);
			tick(&ends[1]);
		}
		if (cut && dice(cut) == 0) {
			ends[0].reader.start = ends[0].reader.end = 0;
			ends[1].reader.start = ends[1].reader.end = 0;
			link_acked(&ends[0].link, ends[1].link.seen);
			link_restart(&ends[0].link);
			link_restart(&ends[1].link);
		}
		if (ends[1].last == count && ends[0].link.start == ends[0].link.end)
			return round;
	}
	return 0;
}

static void test_transfer(void)
{
	static const struct {
		const char *name;
		uint32_t loss, cut;
	} table[] = {
		{"a good line", 0, 0},
		{"one piece in a hundred damaged or lost", 10, 0},
		{"one in ten", 100, 0},
		{"cut every 20 rounds", 0, 20},
		{"cut and lossy", 50, 30},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int rounds = transfer(5000, table[i].loss, table[i].cut);

		ok(rounds > 0 && !ends[1].faults && !ends[0].faults,
			"5000 messages, each once and in order: %s (%d rounds)",
			table[i].name, rounds);
		link_release(&ends[1].link);
	}
}

static void test_bounds(void)
{
	struct wire_note note = {0, "x"};
	uint8_t *big = calloc(1, 200000);
	struct wire_blob blob = {.data = {big, 200000}};
	int sent = 0;

	start(false);
	while (link_send(&ends[0].link, WIRE_NOTE, 1, &note) == 0)
		sent++;
	ok(sent > 1000 && link_room(&ends[0].link) < 34,
		"a bounded journal takes what fits and then no more");
	is_int(link_acked(&ends[0].link, (uint32_t)sent + 1), -EBADMSG,
		"what was never sent cannot be acknowledged");
	is_int(link_repeat(&ends[0].link, (uint32_t)sent + 2), -EBADMSG,
		"nor be asked for again");
	is_int(link_acked(&ends[0].link, (uint32_t)sent), 0, "all is acknowledged");
	ok(link_room(&ends[0].link) > 65000, "and its room is free again");
	is_int(link_send(&ends[0].link, WIRE_BLOB, 1, &blob), -EMSGSIZE,
		"a long message needs memory that grows");
	start(true);
	is_int(link_send(&ends[1].link, WIRE_BLOB, 1, &blob), 0, "there it is split");
	is_int(ends[1].link.next, 5, "into four frames");
	link_release(&ends[1].link);
	free(big);
}

int main(void)
{
	test_transfer();
	test_bounds();
	return tap_done();
}
