#include "config.h"

#include "engine/merge.h"

#include "engine/tally.h"
#include "model/compare.h"

#include <search.h>

enum { TOLD_MAX = 20 };

/* A case on a target and place, and the input whose result counts. */
struct merged {
	char *key, *name; /* owned; name: as people say it, with the column */
	char *suite;      /* owned; with its column */
	const struct event_column *column; /* of the whole */
	size_t input;
	enum verdict verdict;
};

struct input {
	struct recording *recording;
	struct jsonl_seen seen;
	char *id, *rerun_of, *project, *cancelled; /* owned */
	int64_t wall_clock_ms, offset_ms, last_ms;
	size_t next_index, index_base; /* of its cases, here and in the whole */
	unsigned next_slot, slot_base;
	int exit_code;
	struct tally *tally; /* of it alone: what it did not run */
	bool superseded;     /* another input goes on from it */
};

struct merge {
	struct input *v;
	size_t len, current;
	void *tree; /* tsearch tree of struct merged */
	struct merged **all;
	size_t n_all, cap_all;
	struct tally *whole;
	struct compare *compare;
	const struct emit *emit;
	size_t doubles, contradictions;
	struct strv notes;
};

/* ---- first reading: whose result counts */

static int compare_merged(const void *a, const void *b)
{
	return strcmp(((const struct merged *)a)->key, ((const struct merged *)b)->key);
}

static char *make_key(const struct event_item *item)
{
	return xasprintf("%s\n%s\n%s\n%s\n%s", item->column->target, item->column->place,
		platform_name(item->suite->platform), item->suite->id, item->test->name);
}

static struct merged *find(const struct merge *m, const struct event_item *item)
{
	autofree char *key = make_key(item);
	struct merged wanted = {.key = key};
	struct merged **found = tfind(&wanted, &m->tree, compare_merged);

	return found ? *found : NULL;
}

static void add(struct merge *m, const struct event_item *item, enum verdict verdict)
{
	struct merged *one = xcalloc(1, sizeof *one);
	autofree char *name = event_item_name(item);

	*one = (struct merged){
		.key = make_key(item),
		.name = xasprintf("%s on %s", name, item->column->label),
		.column = tally_column(m->whole, item->column),
		.input = m->current,
		.verdict = verdict,
	};
	one->suite = xasprintf("%s %s", one->column->label, item->suite->id);
	tsearch(one, &m->tree, compare_merged);
	m->all = xgrow(m->all, &m->cap_all, m->n_all + 1, sizeof(struct merged *));
	m->all[m->n_all++] = one;
}

/* Input `later` goes on from `earlier`, perhaps over others. */
static bool goes_on_from(const struct merge *m, size_t later, size_t earlier)
{
	const char *id = m->v[later].rerun_of;

	for (size_t steps = 0; id && steps < m->len; steps++) {
		const char *next = NULL;

		if (streq(id, m->v[earlier].id))
			return true;
		for (size_t i = 0; i < m->len; i++)
			if (m->v[i].id && streq(m->v[i].id, id))
				next = m->v[i].rerun_of;
		id = next;
	}
	return false;
}

/* What holds against what: a failure, what else was found out, nothing at all. */
static int weight(enum verdict v)
{
	return verdict_is_failure(v) ? 5
	       : v == VERDICT_FLAKY  ? 4
	       : v == VERDICT_LEAK   ? 3
	       : v == VERDICT_PASS   ? 2
	       : v == VERDICT_SKIP   ? 1
				     : 0;
}

static void tell_contradiction(
	struct merge *m, const struct merged *old, enum verdict verdict)
{
	if (m->contradictions++ < TOLD_MAX)
		strv_pushf(&m->notes, "%s: %s in %s, %s in %s", old->name,
			verdict_name(old->verdict), m->v[old->input].recording->name,
			verdict_name(verdict), m->v[m->current].recording->name);
}

static void add_result(struct merge *m, const struct event *event)
{
	struct merged *old = find(m, event->item.item);
	enum verdict verdict = event->item.judgement->verdict;

	if (!old) {
		add(m, event->item.item, verdict);
		return;
	}
	if (goes_on_from(m, old->input, m->current))
		return;
	if (!goes_on_from(m, m->current, old->input)) {
		m->doubles++;
		if (old->verdict != verdict)
			tell_contradiction(m, old, verdict);
		if (weight(verdict) <= weight(old->verdict))
			return;
	}
	old->input = m->current;
	old->verdict = verdict;
}

static void look(void *ctx, const struct event *event)
{
	struct merge *m = ctx;
	struct input *in = &m->v[m->current];

	tally_add_event(in->tally, event);
	in->last_ms = event->time_ms;
	switch (event->type) {
	case EVENT_RUN_START:
		in->wall_clock_ms = event->run.wall_clock_ms;
		in->id = xstrdup(event->run.id);
		in->rerun_of = xstrdup_null(event->run.rerun_of);
		in->project = xstrdup(event->run.project);
		break;
	case EVENT_PLACE:
		tally_column(m->whole, event->place.column);
		break;
	case EVENT_CASE_START:
	case EVENT_CASE_END:
		tally_column(m->whole, event->item.item->column);
		in->next_index = MAX(in->next_index, event->item.item->index + 1);
		in->next_slot = MAX(in->next_slot, event->item.item->slot + 1);
		break;
	case EVENT_RUN_END:
		in->exit_code = event->end.exit_code;
		in->cancelled = xstrdup_null(event->end.cancelled);
		break;
	default:
		break;
	}
	if (event->type == EVENT_CASE_END && !event_is_retried(event))
		add_result(m, event);
}

static int look_at_all(struct merge *m, struct err *e)
{
	int64_t first_ms = INT64_MAX;
	size_t index = 0;
	unsigned slot = 0;

	for (m->current = 0; m->current < m->len; m->current++) {
		struct input *in = &m->v[m->current];

		in->tally = tally_new();
		if (recording_read(in->recording, look, m, &in->seen, e) < 0)
			return -1;
		for (size_t i = 0; i < m->current; i++)
			if (streq(m->v[i].id, in->id))
				return err_set(e, ERR_USAGE, "%s and %s are one run",
					m->v[i].recording->name, in->recording->name);
		in->index_base = index;
		in->slot_base = slot;
		index += in->next_index;
		slot += in->next_slot;
		first_ms = MIN(first_ms, in->wall_clock_ms);
	}
	for (size_t i = 0; i < m->len; i++) {
		m->v[i].offset_ms = m->v[i].wall_clock_ms - first_ms;
		for (size_t k = 0; k < m->len; k++)
			m->v[i].superseded |= i != k && goes_on_from(m, k, i);
	}
	return 0;
}

/* ---- second reading: telling it */

static void send(const struct merge *m, const struct event *event)
{
	m->emit->send(m->emit->ctx, event);
}

static void send_note(const struct merge *m, const char *text)
{
	struct event event = {.type = EVENT_NOTE, .note.text = text};

	send(m, &event);
}

static void send_start(const struct merge *m, const char *command_line)
{
	struct event event = {
		.type = EVENT_RUN_START,
		.run =
			{
				.id = m->v[0].id,
				.version = PACKAGE_VERSION,
				.project = m->v[0].project,
				.command_line = command_line,
				.wall_clock_ms =
					m->v[0].wall_clock_ms - m->v[0].offset_ms,
			},
	};

	send(m, &event);
	for (size_t i = 0; i < m->notes.len; i++)
		send_note(m, m->notes.v[i]);
	if (m->contradictions > TOLD_MAX) {
		autofree char *more = xasprintf(
			"and %zu more contradictions", m->contradictions - TOLD_MAX);

		send_note(m, more);
	}
	if (m->doubles) {
		autofree char *text = xasprintf("%zu %s in more than one of the runs",
			m->doubles, m->doubles == 1 ? "result is" : "results are");

		send_note(m, text);
	}
}

static size_t count_suites(const struct merge *m)
{
	autorelease(strv) struct strv suites = STRV_INIT;

	for (size_t i = 0; i < m->n_all; i++)
		strv_push(&suites, m->all[i]->suite);
	strv_unique(&suites);
	return suites.len;
}

/* Planned is what has a result, and what an input had planned and no other ran. */
static void send_plan(struct merge *m)
{
	struct event event;

	for (size_t i = 0; i < m->n_all; i++)
		tally_expect(m->whole, m->all[i]->column, 1);
	for (size_t i = 0; i < m->len; i++) {
		tally_end(m->v[i].tally, NULL, &event);
		for (size_t k = 0; k < event.end.n_columns && !m->v[i].superseded; k++)
			tally_expect(m->whole, event.end.columns[k],
				event.end.column_counts[k].not_run);
	}
	tally_plan(m->whole, count_suites(m), &event);
	for (size_t i = 0; i < event.plan.n_columns; i++) {
		struct event place = {
			.type = EVENT_PLACE, .place.column = event.plan.columns[i]};

		send(m, &place);
	}
	send(m, &event);
}

static bool is_told(const struct merge *m, const struct event *event)
{
	const struct merged *one;

	switch (event->type) {
	case EVENT_CASE_START:
	case EVENT_CASE_OUTPUT:
	case EVENT_CASE_SLOW:
	case EVENT_CASE_END:
		one = find(m, event->item.item);
		return one && one->input == m->current;
	case EVENT_NOTE:
		return true;
	default:
		return false;
	}
}

static void tell(void *ctx, const struct event *event)
{
	struct merge *m = ctx;
	const struct input *in = &m->v[m->current];
	struct event copy = *event;
	struct event_item item;

	if (!is_told(m, event))
		return;
	copy.time_ms += in->offset_ms;
	if (event->type == EVENT_NOTE) {
		send(m, &copy);
		return;
	}
	item = *event->item.item;
	item.index += in->index_base;
	item.slot += in->slot_base;
	item.started_ms += in->offset_ms;
	item.column = tally_column(m->whole, item.column);
	copy.item.item = &item;
	if (event->type == EVENT_CASE_END) {
		tally_add_event(m->whole, &copy);
		compare_add_event(m->compare, &copy);
	}
	send(m, &copy);
}

/* Why the whole is not whole: the first input that was cut short. The caller's. */
static char *why_cancelled(const struct merge *m)
{
	for (size_t i = 0; i < m->len; i++) {
		const struct input *in = &m->v[i];

		if (in->superseded || (in->seen.ended && !in->cancelled))
			continue;
		return xasprintf("%s: %s", in->recording->name,
			in->seen.ended ? in->cancelled : "killed before its end");
	}
	return NULL;
}

/* The verdicts' code, or that of a run which failed before it had any. */
static int whole_exit_code(const struct merge *m, int code)
{
	for (size_t i = 0; i < m->len && code == 0; i++) {
		int own = m->v[i].exit_code;

		if (!m->v[i].superseded && own != ERR_TESTS_FAILED && own != ERR_INFRA)
			code = own;
	}
	return code;
}

static int send_end(struct merge *m)
{
	autofree char *cancelled = why_cancelled(m);
	struct event event;

	tally_end(m->whole, cancelled, &event);
	for (size_t i = 0; i < m->len; i++)
		event.time_ms = MAX(event.time_ms, m->v[i].offset_ms + m->v[i].last_ms);
	event.end.exit_code = whole_exit_code(m, event.end.exit_code);
	event.end.differences = compare_differences(m->compare, &event.end.n_differences);
	send(m, &event);
	return event.end.exit_code;
}

/* ---- the whole */

static void leave(void *p UNUSED)
{
}

static void release(struct merge *m)
{
	tdestroy(m->tree, leave);
	for (size_t i = 0; i < m->n_all; i++) {
		free(m->all[i]->key);
		free(m->all[i]->name);
		free(m->all[i]->suite);
		free(m->all[i]);
	}
	free(m->all);
	for (size_t i = 0; i < m->len; i++) {
		free(m->v[i].id);
		free(m->v[i].rerun_of);
		free(m->v[i].project);
		free(m->v[i].cancelled);
		tally_free(m->v[i].tally);
	}
	free(m->v);
	tally_free(m->whole);
	compare_free(m->compare);
	strv_release(&m->notes);
}

static int tell_all(struct merge *m, struct err *e)
{
	for (m->current = 0; m->current < m->len; m->current++)
		if (recording_read(m->v[m->current].recording, tell, m,
			    &m->v[m->current].seen, e) < 0)
			return -1;
	return 0;
}

int merge_tell(struct recording *inputs, size_t n_inputs, const struct emit *emit,
	const char *command_line, int *exit_code, struct err *e)
{
	struct merge m = {
		.v = xcalloc(n_inputs, sizeof *m.v),
		.len = n_inputs,
		.whole = tally_new(),
		.compare = compare_new(),
		.emit = emit,
	};
	int r;

	for (size_t i = 0; i < n_inputs; i++)
		m.v[i].recording = &inputs[i];
	r = look_at_all(&m, e);
	if (r == 0) {
		send_start(&m, command_line);
		send_plan(&m);
		r = tell_all(&m, e);
	}
	if (r == 0)
		*exit_code = send_end(&m);
	release(&m);
	return r;
}
