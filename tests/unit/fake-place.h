/*
 * Places without a runner behind them, for tests of what stands above: they take the
 * place of engine/place when a test is linked. A test's step() plays the part of time: it
 * lets tasks end, machines come up and machines die.
 */
#ifndef XTEST_TESTS_FAKE_PLACE_H
#define XTEST_TESTS_FAKE_PLACE_H

#include "engine/schedule.h"

enum { FAKE_TASKS_MAX = 16 };

struct place {
	enum place_state state;
	struct demise demise;
	bool has_demise;
	struct task *tasks[FAKE_TASKS_MAX]; /* borrowed */
	size_t n_tasks;
	bool deaf;        /* does not heed place_kill() */
	unsigned served;  /* tasks since it was made */
	unsigned made;    /* how often it was renewed or restarted */
	unsigned renewed; /* of these while it was up */
	struct wire_welcome welcome;
};

static struct fake {
	void (*step)(struct fake *f, struct place *const *places, size_t n);
	void (*submitted)(struct fake *f, struct place *place, struct task *task);
	void *ctx;
} fake;

void task_release(struct task *t)
{
	strv_release(&t->prefix);
	strv_release(&t->argv);
	strv_release(&t->env);
	free(t->cwd);
	outcome_release(&t->outcome);
	*t = (struct task){0};
}

/* What shall become of a task: a letter of the script for each attempt, the last one for
 * all further ones. */
UNUSED static char fake_letter(const char *script, const struct task *task)
{
	size_t attempt = strtoul(strv_env_find(&task->env, "XTEST_ATTEMPT"), NULL, 10);

	return script[MIN(attempt, strlen(script)) - 1];
}

/* The scripts of `n` cases: "." but for those that `words` give by number: "4P", "7.".
 * They point into the words. */
UNUSED static void fake_scripts(const char **scripts, size_t n, const struct strv *words)
{
	for (size_t i = 0; i < n; i++)
		scripts[i] = ".";
	for (size_t i = 0; i < words->len; i++) {
		char *script;
		size_t index = strtoul(words->v[i], &script, 10);

		scripts[index] = script;
	}
}

/* Makes of an empty suite one with `n` cases named by their numbers, and plans them on
 * the first column. */
UNUSED static void fake_plan(struct suite *s, size_t n, struct plan *plan)
{
	s->id = xstrdup("suite");
	s->name = xstrdup("suite");
	s->cwd = xstrdup("/");
	s->framework = xstrdup("plain");
	s->processors = 1;
	strv_push(&s->command, "/bin/true");
	for (size_t i = 0; i < n; i++) {
		autofree char *name = xasprintf("%zu", i);

		suite_add_case(s, name);
	}
	for (size_t i = 0; i < n; i++)
		plan_add(plan, s, &s->cases[i], 0);
}

enum place_state place_state(const struct place *p)
{
	return p->state;
}

const struct demise *place_demise(const struct place *p)
{
	return p->state == PLACE_DOWN && p->has_demise ? &p->demise : NULL;
}

const char *place_why_down(const struct place *p)
{
	return p->state == PLACE_DOWN ? p->demise.reason : NULL;
}

const struct wire_welcome *place_welcome(const struct place *p)
{
	return p->state == PLACE_UP ? &p->welcome : NULL;
}

const char *place_board(const struct place *p UNUSED)
{
	return NULL;
}

char *place_take_news(struct place *p UNUSED)
{
	return NULL;
}

UNUSED void place_excuse(struct place *p UNUSED)
{
}

int place_renew(struct place *p, struct err *e)
{
	if (p->n_tasks)
		return err_set(e, ERR_INFRA, "a place that is in use was renewed");
	p->renewed += p->state == PLACE_UP;
	p->made++;
	p->served = 0;
	p->state = PLACE_COMING;
	return 0;
}

static void fake_remove(struct place *p, struct task *task)
{
	for (size_t i = 0; i < p->n_tasks; i++)
		if (p->tasks[i] == task)
			p->tasks[i] = p->tasks[--p->n_tasks];
}

UNUSED static void fake_end(struct place *p, struct task *task, int code)
{
	task->outcome.kind = END_EXIT;
	task->outcome.code = code;
	fake_remove(p, task);
	task->on_end(task->ctx, task);
}

UNUSED static void fake_refuse(struct place *p, struct task *task)
{
	task->outcome.kind = END_NOT_STARTED;
	task->outcome.detail = xstrdup("cannot execute it");
	fake_remove(p, task);
	task->on_end(task->ctx, task);
}

/* The reason must outlive the place. */
static void fake_die(struct place *p, bool by_guest, char *reason)
{
	p->state = PLACE_DOWN;
	p->has_demise = true;
	p->demise = (struct demise){.reason = reason,
		.console = (char *)"[    1.0] Kernel panic",
		.by_guest = by_guest};
	while (p->n_tasks) {
		struct task *task = p->tasks[p->n_tasks - 1];

		task->outcome.kind = END_LOST;
		task->outcome.detail = xstrdup(reason);
		fake_remove(p, task);
		task->on_end(task->ctx, task);
	}
}

void place_submit(struct place *p, struct task *task)
{
	p->tasks[p->n_tasks++] = task;
	if (fake.submitted)
		fake.submitted(&fake, p, task);
	p->served++;
}

void place_take_down(struct place *p, const char *reason)
{
	autofree char *copy = xstrdup(reason);

	fake_die(p, false, copy);
	p->demise.reason = (char *)"taken down";
}

void place_kill(
	struct place *p, struct task *task, int signal UNUSED, int64_t grace_ms UNUSED)
{
	if (p->deaf)
		return;
	task->outcome.kind = END_LOST;
	task->outcome.detail = xstrdup("interrupted");
	fake_remove(p, task);
	task->on_end(task->ctx, task);
}

UNUSED void place_strike(struct place *p, struct task *task)
{
	place_kill(p, task, 0, 0);
}

bool place_wait(struct place *const *places, size_t n, int extra_fd UNUSED,
	int64_t timeout_ms UNUSED)
{
	fake.step(&fake, places, n);
	return false;
}

#endif
