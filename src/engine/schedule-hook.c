#include "engine/hook.h"
#include "engine/schedule-private.h"

#include "base/proc.h"

/* What the test is told of itself, and where it is now. */
static void fill_environment(const struct running *r, const char *limit, struct strv *env)
{
	autofree char *pid = xasprintf("%u", r->task.pid);
	autofree char *attempt = xasprintf("%u", r->item.attempt);

	proc_environ(env);
	strv_env_set(env, "XTEST_SUITE", r->plan->suite->id);
	strv_env_set(env, "XTEST_CASE", r->plan->test->name);
	strv_env_set(env, "XTEST_ATTEMPT", attempt);
	strv_env_set(env, "XTEST_TARGET", r->item.column->target);
	strv_env_set(env, "XTEST_PLACE", r->item.column->place);
	strv_env_set(env, "XTEST_PID", pid);
	strv_env_set(env, "XTEST_LIMIT", limit);
}

static void keep(struct running *r, const struct buf *said)
{
	if (!said->len)
		return;
	buf_append_str(&r->seen, "[before the end by a time limit]\n");
	buf_append(&r->seen, said->data, said->len);
	if (r->task.on_output)
		r->task.on_output(r, &r->task, 2, r->seen.data, r->seen.len);
}

void schedule_attach_seen(struct running *r)
{
	struct buf *err = &r->task.outcome.err;

	if (r->seen.len && !r->task.on_output) {
		if (err->len && err->data[err->len - 1] != '\n')
			buf_append_char(err, '\n');
		buf_append(err, r->seen.data, r->seen.len);
	}
	buf_release(&r->seen);
}

void schedule_on_struck(void *ctx, struct task *task, const char *limit)
{
	struct running *r = ctx;
	const struct rules *rules = schedule_rules(r->schedule, r->plan);
	autorelease(strv) struct strv env = STRV_INIT;
	autorelease(buf) struct buf said = BUF_INIT;
	struct err e = {0};

	fill_environment(r, limit, &env);
	r->hook = hook_start(&rules->hook, &env, rules->hook_ms, &e);
	if (r->hook)
		return;
	buf_printf(&said, "%s\n", e.msg);
	keep(r, &said);
	place_strike(r->place->place, task);
}

static void take(struct running *r)
{
	autorelease(buf) struct buf said = BUF_INIT;

	hook_take(take_ptr(r->hook), &said);
	keep(r, &said);
}

bool schedule_awaits_hook(struct running *r)
{
	if (!r->hook)
		return false;
	if (r->task.outcome.kind != END_LOST) {
		r->ended = true;
		return true;
	}
	take(r);
	return false;
}

void schedule_tend_hooks(struct schedule *s)
{
	for (unsigned i = 0; i < s->n_slots; i++) {
		struct running *r = &s->slots[i];

		if (!r->used || !r->hook || !hook_is_over(r->hook))
			continue;
		take(r);
		if (r->ended)
			schedule_on_end(r, &r->task);
		else
			place_strike(r->place->place, &r->task);
	}
}

void schedule_end_hooks(struct schedule *s)
{
	for (unsigned i = 0; i < s->n_slots; i++)
		if (s->slots[i].used && s->slots[i].hook)
			hook_kill(s->slots[i].hook);
}

void schedule_excuse_hooks(struct schedule *s, int64_t stood_ms)
{
	for (unsigned i = 0; i < s->n_slots; i++)
		if (s->slots[i].used && s->slots[i].hook)
			hook_excuse(s->slots[i].hook, stood_ms);
}
