#include "engine/step.h"

#include <stdio.h>

enum { LINE_EVERY_MS = 100 };

static void send(const struct step *step, enum event_type type, const char *verb,
	const char *what, const char *line, double fraction)
{
	struct event event = {
		.type = type,
		.step =
			{
				.verb = verb,
				.summary = what,
				.line = line,
				.line_len = line ? strlen(line) : 0,
				.elapsed_ms = now_ms() - step->start_ms,
				.fraction = fraction,
			},
	};

	emit_send(step->emit, &event);
}

void step_begin(struct step *step)
{
	step->begun = true;
	step->start_ms = step->told_ms = now_ms();
	send(step, EVENT_STEP_START, step->verb, step->what, NULL, -1);
}

void step_line(struct step *step, const char *line, double fraction)
{
	int64_t now = now_ms();

	if (!step->begun)
		step_begin(step);
	else if (now - step->told_ms < LINE_EVERY_MS)
		return;
	step->told_ms = now;
	send(step, EVENT_STEP_LINE, step->verb, step->what, line, fraction);
}

void step_bytes(struct step *step, uint64_t done_bytes, uint64_t total_bytes)
{
	char line[64];

	snprintf(line, sizeof line, "%.1f of %.1f MiB", (double)done_bytes / (1 << 20),
		(double)total_bytes / (1 << 20));
	step_line(
		step, line, total_bytes ? (double)done_bytes / (double)total_bytes : -1);
}

void step_end(struct step *step, const char *verb, const char *summary)
{
	if (step->begun)
		send(step, EVENT_STEP_END, verb, summary, NULL, 1);
	step->begun = false;
}
