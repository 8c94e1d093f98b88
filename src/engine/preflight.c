#include "engine/preflight.h"

#include "engine/closure.h"

#include <stdio.h>

enum { NOTES_MAX = 3 };

/* One column under way. */
struct preflight {
	struct workload *w;
	struct plan *plan;
	struct closure *closure;
	size_t column;
	size_t told;
};

/* The LD_LIBRARY_PATH the suite's program will see. */
static void library_path(
	const struct workload *w, const struct suite *s, struct strv *dirs)
{
	static const char name[] = "LD_LIBRARY_PATH";
	const char *own = strv_env_find(&s->env, name),
		   *front = strv_env_find(&s->env_prepend, name),
		   *back = strv_env_find(&s->env_append, name),
		   *given = strv_env_find(&w->environment, name);

	strv_split(dirs, front ? front : "", ":");
	strv_split(dirs, own ? own : given ? given : "", ":");
	strv_split(dirs, back ? back : "", ":");
}

static void block(struct preflight *p, const struct suite *suite, const char *why)
{
	strv_push(&p->plan->blocks, why);
	for (size_t i = 0; i < p->plan->len; i++) {
		struct plan_item *item = &p->plan->items[i];

		if (item->suite == suite && item->column == p->column)
			item->blocked = p->plan->blocks.v[p->plan->blocks.len - 1];
	}
	if (p->told++ < NOTES_MAX)
		emit_note(p->w->emit, why);
}

static void check_suite(struct preflight *p, const struct suite *suite)
{
	const struct launch *l = &p->w->columns[p->column].launch;
	autorelease(closure_libraries) struct closure_libraries libraries = {0};
	autorelease(strv) struct strv words = STRV_INIT, search = STRV_INIT;
	autofree char *program = launch_locate(l, suite->command.v[0]);
	struct err e = {0};

	library_path(p->w, suite, &words);
	for (size_t i = 0; i < words.len; i++)
		strv_push_take(&search, launch_locate(l, words.v[i]));
	if (program[0] == '/' && closure_of(p->closure, program, &search,
					 &l->toolchain->target->elf, &libraries, &e) < 0)
		block(p, suite, e.msg);
}

static void check_column(struct preflight *p)
{
	const struct suite *last = NULL;

	for (size_t i = 0; i < p->plan->len; i++) {
		const struct plan_item *item = &p->plan->items[i];

		/* The cases of a suite stand together unless costs moved them; looking
		 * twice does no harm. */
		if (item->column != p->column || item->suite == last || item->blocked)
			continue;
		last = item->suite;
		check_suite(p, last);
	}
}

void preflight_check(struct workload *w, struct plan *plan)
{
	for (size_t i = 0; i < w->n_columns; i++) {
		const struct workload_column *c = &w->columns[i];
		struct preflight p = {.w = w, .plan = plan, .column = i};
		autofree char *more = NULL;

		if (!c->launch.emulate || w->targets[c->target].archive)
			continue;
		p.closure = closure_new(c->launch.toolchain->sysroot, NULL);
		check_column(&p);
		closure_free(p.closure);
		if (p.told <= NOTES_MAX)
			continue;
		more = xasprintf(
			"%zu more programs lack a loader or library", p.told - NOTES_MAX);
		emit_note(w->emit, more);
	}
}
