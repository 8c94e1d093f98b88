/* A log that was read, told as a run. */
#include "engine/emit.h"
#include "engine/parse-log.h"

/* Nothing of a log is in quarantine. */
static const struct event_item none;

static const struct event_column column = {
	.label = "log", .target = "log", .place = "log", .slots = 1};

static void tell_case(const struct emit *emit, const struct parse_log *p, size_t index,
	const struct event_column *in, size_t at)
{
	const struct parse_log_case *c = &p->cases[index];
	struct event_item item = {
		.index = at,
		.suite = &p->suites.v[c->suite],
		.test = &p->suites.v[c->suite].cases[c->test],
		.column = in,
		.attempt = 1,
		.attempts = 1,
		.junit_failure = true,
	};
	struct event event = {.type = EVENT_CASE_START, .item = {.item = &item}};

	emit_send(emit, &event);
	event.type = EVENT_CASE_END;
	event.item.outcome = &c->outcome;
	event.item.judgement = &c->judgement;
	emit_send(emit, &event);
}

int parse_log_tell(const struct parse_log *p, const struct emit *emit)
{
	const struct event_column *columns[] = {&column};
	struct event_counts counts = {.total = p->len};
	struct event event = {
		.type = EVENT_PLAN,
		.plan = {.columns = columns,
			.n_columns = 1,
			.column_totals = &counts.total,
			.total = p->len,
			.suites = p->suites.len},
	};

	for (size_t i = 0; i < p->notes.len; i++)
		emit_note(emit, p->notes.v[i]);
	emit_send(emit, &event);
	for (size_t i = 0; i < p->len; i++) {
		event_counts_add(&counts, &none, p->cases[i].judgement.verdict);
		tell_case(emit, p, i, &column, i);
	}
	event = (struct event){
		.type = EVENT_RUN_END,
		.end = {.counts = &counts,
			.columns = columns,
			.column_counts = &counts,
			.n_columns = 1,
			.exit_code = event_counts_exit_code(&counts, false)},
	};
	emit_send(emit, &event);
	return event.end.exit_code;
}

void parse_log_tell_kernel(const struct parse_log *p, const struct emit *emit,
	const struct event_column *in, size_t at, struct event_counts *counts,
	struct event_counts *column_counts)
{
	for (size_t i = 0; i < p->len; i++) {
		const struct parse_log_case *c = &p->cases[i];

		if (streq(p->suites.v[c->suite].package, "console"))
			continue;
		counts->total++;
		column_counts->total++;
		event_counts_add(counts, &none, c->judgement.verdict);
		event_counts_add(column_counts, &none, c->judgement.verdict);
		tell_case(emit, p, i, in, at++);
	}
}
