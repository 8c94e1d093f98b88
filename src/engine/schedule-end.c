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

static size_t failures(const struct schedule *s)
{
	const struct event_counts *c = &s->r->counts;

	return c->failed + c->timed_out + c->crashed;
}

/* Cases of a suite stand together in the plan. */
static bool ends_suite(const struct schedule *s, const struct plan_item *p)
{
	const struct plan_item *first = s->plan->items, *end = first + s->plan->len;

	for (const struct plan_item *i = p + 1;
		i < end && i->suite == p->suite && i->column == p->column; i++)
		if (i->state != PLAN_DONE)
			return false;
	for (const struct plan_item *i = p;
		i > first && i[-1].suite == p->suite && i[-1].column == p->column; i--)
		if (i[-1].state != PLAN_DONE)
			return false;
	return true;
}

/* The one place where a case becomes DONE. */
static void finish(struct schedule *s, struct plan_item *p, struct event_item *item,
	const struct outcome *outcome, struct judgement *j)
{
	p->state = PLAN_DONE;
	p->verdict = j->verdict;
	item->ends_suite = ends_suite(s, p);
	pool_end_unit(unit_find(&s->units, (size_t)(p - s->plan->items)));
	event_counts_add(&s->r->counts, item, j->verdict);
	event_counts_add(&s->r->column_counts[p->column], item, j->verdict);
	schedule_send_item(s, EVENT_CASE_END, item, outcome, j);
	if (s->o->max_fail && !s->stop && failures(s) >= s->o->max_fail) {
		s->end = s->o->fail_at_once;
		schedule_cancel(s, xasprintf("%zu tests failed", s->o->max_fail));
	}
	judgement_release(j);
}

struct event_item schedule_make_item(
	struct schedule *s, const struct plan_item *p, unsigned slot)
{
	const struct past *past = schedule_past(s, p);
	unsigned attempt = past->attempts + 1;
	const struct config_quarantine *quarantine = schedule_rules(s, p)->quarantine;

	return (struct event_item){
		.index = s->round * s->plan->len + (size_t)(p - s->plan->items),
		.stress = s->o->stress_count || s->o->stress_ms ? s->round + 1 : 0,
		.suite = p->suite,
		.test = p->test,
		.column = s->o->columns[p->column].launch->column,
		.attempt = attempt,
		.attempts =
			attempt + schedule_rules(s, p)->retries.count - past->failures,
		.slot = slot,
		.started_ms = now_ms() - s->o->emit->start_ms,
		.quarantine = quarantine ? quarantine->reason : NULL,
		.success_output = schedule_rules(s, p)->success_output,
		.failure_output = schedule_rules(s, p)->failure_output,
		.junit_success = schedule_rules(s, p)->junit_success,
		.junit_failure = schedule_rules(s, p)->junit_failure,
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

	item.attempts = item.attempt;
	schedule_send_item(s, EVENT_CASE_START, &item, NULL, NULL);
	finish(s, p, &item, &outcome, &j);
	outcome_release(&outcome);
}

static void leave_slot(struct running *r)
{
	struct schedule *s = r->schedule;

	s->busy--;
	s->processors -= r->threads;
	s->memory_kib -= r->memory_kib;
	if (schedule_rules(s, r->plan)->group >= 0)
		s->group_used[schedule_rules(s, r->plan)->group] -=
			schedule_group_threads(s, r->plan);
	if (r->plan->suite->serial)
		s->serial_running = false;
	pool_leave(r->place, &r->claim);
	task_release(&r->task);
	r->used = false;
}

/* The outcome as the framework, and then the rules, see it. */
static void judge(struct running *r, struct judgement *j)
{
	const struct rules *rules = schedule_rules(r->schedule, r->plan);

	framework_judge(r->framework, r->plan->suite, r->plan->test, &r->task.outcome, j);
	if (j->verdict == VERDICT_LEAK && rules->leak_fails)
		j->verdict = VERDICT_FAIL;
	if (j->verdict == VERDICT_TIMEOUT && rules->timeout_passes) {
		autofree char *reason = take_ptr(j->reason);

		judgement_set(j, VERDICT_PASS, "which counts as a pass: %s",
			reason ? reason : "a time limit");
		free(take_ptr(j->excerpt));
	}
	schedule_attach_seen(r);
}

/* It waits for its next attempt from now on. */
static void wait_again(struct running *r)
{
	struct schedule *s = r->schedule;

	r->plan->state = PLAN_WAITING;
	s->first_waiting = MIN(s->first_waiting, s->rank[r->plan - s->plan->items]);
	leave_slot(r);
}

void schedule_end_attempt(struct running *r)
{
	struct schedule *s = r->schedule;
	struct judgement j = {0};

	r->item.attempts++;
	judge(r, &j);
	schedule_send_item(s, EVENT_CASE_END, &r->item, &r->task.outcome, &j);
	judgement_release(&j);
	schedule_past(s, r->plan)->suspect = true;
	wait_again(r);
}

static uint32_t draw(struct schedule *s)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 17;
	s->random ^= s->random << 5;
	return s->random;
}

/* Its board ended under it, and nobody wanted that. (A machine has attempts of its own.)
 */
static bool is_lost(const struct running *r)
{
	return r->task.outcome.kind == END_LOST && r->claim.column->own_processors;
}

/* Whether the failure is followed by another attempt. What was lost with its place is no
 * failure, but what was allowed for those serves it as well. One whose place is gone
 * finds no fixture in another. */
static bool may_retry(const struct running *r, const struct judgement *j)
{
	struct schedule *s = r->schedule;
	bool gone = r->task.outcome.kind == END_MACHINE || is_lost(r);

	return (verdict_is_failure(j->verdict) || is_lost(r)) && !s->stop &&
	       schedule_past(s, r->plan)->failures <
		       schedule_rules(s, r->plan)->retries.count &&
	       !(gone && r->plan->n_needs);
}

/* Another attempt follows, in its time. What ended its machine has the next for itself.
 */
static void retry(struct running *r, const struct judgement *j)
{
	struct schedule *s = r->schedule;
	struct past *past = schedule_past(s, r->plan);
	int64_t delay = rules_delay_ms(
		&schedule_rules(s, r->plan)->retries, ++past->failures, draw(s));

	schedule_send_item(s, EVENT_CASE_END, &r->item, &r->task.outcome, j);
	past->lost += is_lost(r);
	past->suspect |=
		r->task.outcome.kind == END_MACHINE && r->claim.column->renewable;
	past->verdict = j->verdict;
	free(past->reason);
	past->reason = xstrdup_null(j->reason);
	if (delay) {
		past->not_before_ms = now_ms() + delay;
		s->delayed++;
	}
	wait_again(r);
}

/* What did not fail this time, but did before. */
static void judge_flaky(const struct running *r, struct judgement *j)
{
	const struct past *past = schedule_past(r->schedule, r->plan);
	bool fails = schedule_rules(r->schedule, r->plan)->flaky_fails;

	if (!past->failures || verdict_is_failure(j->verdict) ||
		j->verdict == VERDICT_LOST)
		return;
	/* Of the test itself nothing is known but this. */
	if (past->failures == past->lost) {
		judgement_set(j, j->verdict, "attempt %u, after one that was %s",
			r->item.attempt, past->reason ? past->reason : "lost");
		return;
	}
	judgement_set(j, fails ? VERDICT_FAIL : VERDICT_FLAKY,
		"flaky: attempt %u %s, an earlier one did not (%s)", r->item.attempt,
		j->verdict == VERDICT_SKIP ? "was skipped" : "passed",
		past->reason ? past->reason : verdict_name(past->verdict));
}

/* The first failure is what somebody will look at; before there is one, the last case. */
static void keep_place(struct running *r, enum verdict verdict)
{
	struct schedule *s = r->schedule;

	if (!s->o->keep || (s->kept.failed && s->kept.made == s->kept.place->made))
		return;
	s->kept.place = r->place;
	s->kept.made = r->place->made;
	s->kept.failed = verdict_is_failure(verdict);
	if (s->kept.failed)
		pool_keep(&s->pool, r->place);
}

void schedule_end_case(struct running *r)
{
	struct judgement j = {0};

	judge(r, &j);
	keep_place(r, j.verdict);
	if (may_retry(r, &j)) {
		retry(r, &j);
		judgement_release(&j);
		return;
	}
	judge_flaky(r, &j);
	if (verdict_is_failure(j.verdict) || j.verdict == VERDICT_LOST)
		r->item.attempts = r->item.attempt;
	finish(r->schedule, r->plan, &r->item, &r->task.outcome, &j);
	leave_slot(r);
}

void schedule_end_retries(struct schedule *s)
{
	for (size_t i = 0; i < s->plan->len; i++) {
		struct past *past = &s->past[i];
		struct plan_item *p = &s->plan->items[i];

		if (p->state == PLAN_WAITING && past->failures)
			schedule_finish_unstarted(s, p, past->verdict,
				xasprintf("not tried again, the run was cancelled: %s",
					past->reason ? past->reason
						     : verdict_name(past->verdict)));
	}
}

void schedule_on_end(void *ctx, struct task *task)
{
	struct running *r = ctx;

	if (schedule_awaits_hook(r))
		return;
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
