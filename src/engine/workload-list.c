/* Asking programs for their cases. */
#include "engine/list-cache.h"
#include "engine/workload.h"

#include <stdio.h>

/* One listing under way. */
struct listing {
	struct lister *lister;
	struct suite *suite;
	const struct framework *framework;
	struct task task;
	bool used;
};

struct lister {
	struct workload *w;
	struct list_cache *cache;
	int64_t timeout_ms;
	struct listing *slots;
	unsigned busy;
	struct err *e;
	bool failed;
};

static void fail(struct lister *l, const struct listing *listing, const char *why)
{
	const struct outcome *o = &listing->task.outcome;
	autofree char *command = launch_command_line(&listing->task);

	if (l->failed)
		return;
	l->failed = true;
	err_set(l->e, o->kind == END_LOST ? ERR_INFRA : ERR_LIST,
		"the cases of %s could not be listed: %s\n  command: %s\n  (run it by "
		"hand to see, or name its framework in xtest.json)%s%.*s",
		listing->suite->id, why, command, o->err.len ? "\n  stderr: " : "",
		(int)MIN(o->err.len, 600), buf_str(&o->err));
}

static void on_end(void *ctx, struct task *task)
{
	struct listing *listing = ctx;
	struct lister *l = listing->lister;
	const struct outcome *o = &task->outcome;
	struct err e = {0};

	if (o->kind != END_EXIT) {
		autofree char *why = outcome_describe(o);

		fail(l, listing, why);
	} else if (listing->framework->parse_list(listing->suite, buf_str(&o->out),
			   o->out.len, o->code, &e) < 0) {
		fail(l, listing, e.msg);
	} else {
		listing->suite->listed = true;
		list_cache_put(l->cache, listing->suite, listing->framework);
	}
	task_release(task);
	listing->used = false;
	l->busy--;
}

static struct listing *free_slot(struct lister *l)
{
	for (unsigned i = 0; i < l->w->jobs; i++)
		if (!l->slots[i].used)
			return &l->slots[i];
	return NULL;
}

static void wait_places(struct lister *l)
{
	struct place *places[64];
	size_t n = 0;

	for (size_t i = 0; i < l->w->n_columns && n < ARRAY_LEN(places); i++)
		if (l->w->columns[i].place)
			places[n++] = l->w->columns[i].place;
	place_wait(places, n, l->w->interrupt->fd, 1000);
	if (interrupt_check(l->w->interrupt) && !l->failed) {
		l->failed = true;
		err_set(l->e, ERR_TESTS_FAILED, "interrupted");
	}
}

static int start(struct lister *l, struct workload_column *c, struct suite *suite,
	const struct framework *framework)
{
	struct listing *slot;

	if (!c->place) {
		struct err e = {0};

		if (workload_open_places(l->w, NULL, &e) < 0) {
			*l->e = e;
			l->failed = true;
			return -1;
		}
	}
	while (!(slot = free_slot(l)))
		wait_places(l);
	*slot = (struct listing){
		.lister = l, .suite = suite, .framework = framework, .used = true};
	launch_listing(&c->launch, suite, framework, l->timeout_ms, &slot->task);
	slot->task.on_end = on_end;
	slot->task.ctx = slot;
	l->busy++;
	place_submit(c->place, &slot->task);
	return 0;
}

static bool is_wanted(const struct workload_column *c, const struct suite *suite,
	const struct filter_set *filter)
{
	struct filter_subject subject = launch_subject(&c->event, suite);
	struct err ignored;

	return filter_set_suite(filter, &subject, NULL, &ignored) != FILTER_NO;
}

static void list_column(
	struct lister *l, struct workload_column *c, const struct filter_set *filter)
{
	struct suite_list *suites = workload_suites(l->w, c);

	for (size_t i = 0; i < suites->len && !l->failed; i++) {
		struct suite *suite = &suites->v[i];
		const struct framework *framework = framework_find(suite->framework);

		if (suite->listed || !workload_in_column(c, suite) ||
			!is_wanted(c, suite, filter))
			continue;
		if (!list_cache_get(l->cache, suite, framework) &&
			start(l, c, suite, framework) < 0)
			return;
	}
}

int workload_list(struct workload *w, const struct filter_set *filter, int64_t timeout_ms,
	struct err *e)
{
	struct lister l = {
		.w = w,
		.cache = list_cache_open(w->project->state_dir),
		.timeout_ms = timeout_ms,
		.slots = xcalloc(w->jobs, sizeof *l.slots),
		.e = e,
	};

	for (size_t i = 0; i < w->n_columns && !l.failed; i++)
		list_column(&l, &w->columns[i], filter);
	while (l.busy && !l.failed)
		wait_places(&l);
	/* After a failure the others are let go with their places. */
	if (l.failed)
		for (size_t i = 0; i < w->n_columns; i++)
			place_cleanup(&w->columns[i].place);
	list_cache_close(l.cache);
	free(l.slots);
	return l.failed ? -1 : 0;
}
