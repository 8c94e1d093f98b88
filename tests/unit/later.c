/* What may wait goes with what may not, and never waits for long. */
#include "runner/later.h"

#include "tests/tap.h"

#include <stdlib.h>

static struct runner r;

static void begin(void)
{
	static uint8_t journal[65536];

	r = (struct runner){0};
	link_init(&r.link, journal, sizeof(journal));
}

static void print(size_t len)
{
	static const uint8_t words[8192];
	struct wire_output output = {.stream = 1, .data = {words, (uint32_t)len}};

	if (later_send(&r, WIRE_OUTPUT, 1, &output) < 0)
		exit(99);
}

static void end_job(void)
{
	struct wire_exited exited = {.kind = WIRE_END_EXIT};

	if (link_send(&r.link, WIRE_EXITED, 1, &exited) < 0)
		exit(99);
}

static void hear_request(void)
{
	r.link.seen++;
	r.link.ack_due = true;
}

/* As if the host had taken all of it. */
static void write_out(void)
{
	const uint8_t *data;
	size_t len;

	later_flush(&r);
	while ((data = link_output(&r.link, &len)))
		link_wrote(&r.link, len);
}

int main(void)
{
	struct wire_ping ping = {.token = 1};
	int64_t left;

	begin();
	ok(later_left(&r) == 0, "nothing to say, nothing to wait for");
	print(10);
	left = later_left(&r);
	ok(left > 0 && left <= LATER_MS, "output waits");
	print(10);
	ok(later_left(&r) <= left, "more of it does not make it wait longer");
	end_job();
	ok(later_left(&r) == 0, "the end of the job does not wait");
	print(10);
	ok(later_left(&r) == 0, "and what comes behind it goes along");
	write_out();
	print(10);
	ok(later_left(&r) > 0, "the next job's output waits again");
	link_say(&r.link, WIRE_PONG, &ping);
	ok(later_left(&r) == 0, "an answer does not wait");

	begin();
	print(8192);
	ok(later_left(&r) == 0, "much output does not wait");

	begin();
	hear_request();
	ok(later_left(&r) > 0, "that a request has come may wait");
	write_out();
	ok(!r.link.ack_due && r.link.urgent_end == 0, "and is said with what is written");

	begin();
	print(10);
	r.later_due_ms = runner_now_us() / 1000 - 1;
	ok(later_left(&r) == 0, "nothing waits longer than that");

	begin();
	print(10);
	r.closing = true;
	ok(later_left(&r) == 0, "nor when the runner leaves");

	begin();
	print(10);
	write_out();
	link_resume(&r.link);
	ok(later_left(&r) == 0, "what is said again after a cut does not wait");
	return tap_done();
}
