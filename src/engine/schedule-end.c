#include "engine/blame.h"
#include "engine/schedule-private.h"

void schedule_send_item(struct schedule *s, enum event_type type,
	const struct event_item *item, const struct outcome *outcome,
	const struct judgement *judgement)
{
	struct event event = {
		.type = type,
		.item = {.item = item, .outcome = outcome, .judgement = judgement},
	};

	event.item.elapsed_ms = now_ms() - s->o->emit->start_ms - item->started_ms;
	emit_send(s->o->emit, &event);
}

/* The one place where a case becomes DONE. */
static void finish(struct schedule *s, struct plan_item *p, const struct event_item *item,
	const struct outcome *outcome, struct judgement *j)
{
	p->state = PLAN_DONE;
	p->verdict = j->verdict;
	pool_end_unit(unit_find(&s->units, item->index));
	event_counts_add(&s->r->counts, j->verdict);
	event_counts_add(&s->r->column_counts[p->column], j->verdict);
	schedule_send_item(s, EVENT_CASE_END, item, outcome, j);
	if (s->o->max_fail &&
		s->r->counts.failed + s->r->counts.timed_out + s->r->counts.crashed >=
			s->o->max_fail)
		schedule_cancel(s, xasprintf("%zu tests failed", s->o->max_fail));
	judgement_release(j);
}

struct event_item schedule_make_item(
	struct schedule *s, const struct plan_item *p, unsigned slot)
{
	unsigned attempt = schedule_past(s, p)->attempts + 1;

	return (struct event_item){
		.index = (size_t)(p - s->plan->items),
		.suite = p->suite,
		.test = p->test,
		.column = s->o->columns[p->column].launch->column,
		.attempt = attempt,
		.attempts = attempt,
		.slot = slot,
		.started_ms = now_ms() - s->o->emit->start_ms,
	};
}

void schedule_finish_unstarted(
	struct schedule *s, struct plan_item *p, enum verdict verdict, char *reason)
{
	struct outcome outcome = {
		.kind = verdict == VERDICT_LOST ? END_LOST : END_NOT_STARTED,
		.detail = reason,
	};
	struct judgement j = {.verdict = verdict, .reason = xstrdup(reason)};
	struct event_item item = schedule_make_item(s, p, 0);

	schedule_send_item(s, EVENT_CASE_START, &item, NULL, NULL);
	finish(s, p, &item, &outcome, &j);
	outcome_release(&outcome);
}

static void leave_slot(struct running *r)
{
	struct schedule *s = r->schedule;

	s->busy--;
	s->processors -= MIN(r->plan->suite->processors, s->o->jobs);
	if (r->plan->suite->serial)
		s->serial_running = false;
	pool_leave(r->place, &r->claim);
	task_release(&r->task);
	r->used = false;
}

void schedule_end_case(struct running *r)
{
	struct judgement j = {0};

	framework_judge(
		r->framework, r->plan->suite, r->plan->test, &r->task.outcome, &j);
	finish(r->schedule, r->plan, &r->item, &r->task.outcome, &j);
	leave_slot(r);
}

void schedule_end_attempt(struct running *r)
{
	struct schedule *s = r->schedule;
	struct plan_item *p = r->plan;
	struct judgement j = {0};

	r->item.attempts++;
	framework_judge(r->framework, p->suite, p->test, &r->task.outcome, &j);
	schedule_send_item(s, EVENT_CASE_END, &r->item, &r->task.outcome, &j);
	judgement_release(&j);
	p->state = PLAN_WAITING;
	schedule_past(s, p)->suspect = true;
	s->first_waiting = MIN(s->first_waiting, r->item.index);
	leave_slot(r);
}

void schedule_on_end(void *ctx, struct task *task)
{
	struct running *r = ctx;

	r->fallen = task->outcome.kind == END_LOST &&
		    place_state(r->place->place) == PLACE_DOWN;
	if (r->fallen)
		return;
	r->place->deaths = 0;
	if (blame_is_ruin(&task->outcome,
		    r->claim.column->renewable && !r->schedule->stop,
		    r->pristine || r->plan->n_needs))
		schedule_end_attempt(r);
	else
		schedule_end_case(r);
}

void schedule_on_output(
	void *ctx, struct task *task UNUSED, int stream, const char *data, size_t len)
{
	struct running *r = ctx;
	struct event event = {
		.type = EVENT_CASE_OUTPUT,
		.item = {.item = &r->item, .stream = stream, .data = data, .len = len},
	};

	emit_send(r->schedule->o->emit, &event);
}
