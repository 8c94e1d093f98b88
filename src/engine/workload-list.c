/* Asking programs for their cases. */
#include "base/fs.h"
#include "engine/list-cache.h"
#include "engine/script.h"
#include "engine/workload-nextest.h"
#include "engine/workload.h"

#include <stdio.h>

enum { DEFAULT_TIMEOUT_MS = 60 * 1000 };

/* One listing under way. */
struct listing {
	struct lister *lister;
	struct workload_column *column;
	struct suite *suite;
	const struct framework *framework;
	struct task task;
	bool second; /* the pass for what is ignored */
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

static void submit(struct listing *listing, bool ignored);

/* The cache has the answers of programs that nothing stood in front of. */
static bool is_wrapped(const struct workload_column *c, const struct suite *suite)
{
	struct filter_subject subject = launch_subject(&c->event, suite);

	return script_set_wraps_listing(c->launch.scripts, &subject);
}

/* The program said everything it has to say. */
static void remember(struct listing *listing)
{
	autofree char *program =
		launch_locate(&listing->column->launch, listing->suite->binary);

	listing->suite->listed = true;
	if (!is_wrapped(listing->column, listing->suite))
		list_cache_put(listing->lister->cache, listing->suite, program,
			listing->framework);
}

/* What never ran cannot be listed: it stays one case, which ends the same way when it is
 * run, and the others go on. */
static void keep_whole(struct suite *suite)
{
	suite_clear_cases(suite);
	suite_add_case(suite, "");
	suite->listed = true;
}

static void take_answer(struct listing *listing)
{
	const struct outcome *o = &listing->task.outcome;
	int status = o->kind == END_SIGNAL ? 128 + o->code : o->code;
	autofree char *why = NULL;
	struct err e = {0};

	if (o->kind == END_NOT_STARTED) {
		keep_whole(listing->suite);
	} else if (o->kind != END_EXIT && o->kind != END_SIGNAL) {
		why = outcome_describe(o);
		fail(listing->lister, listing, why);
	} else if (listing->second) {
		listing->framework->parse_ignored(
			listing->suite, buf_str(&o->out), o->out.len, status);
		remember(listing);
	} else if (listing->framework->parse_list(listing->suite, buf_str(&o->out),
			   o->out.len, status, &e) < 0) {
		fail(listing->lister, listing, e.msg);
	} else if (!listing->framework->ignored_argv) {
		remember(listing);
	}
}

static void on_end(void *ctx, struct task *task)
{
	struct listing *listing = ctx;

	take_answer(listing);
	task_release(task);
	if (!listing->suite->listed && !listing->lister->failed && !listing->second) {
		submit(listing, true);
		return;
	}
	listing->used = false;
	listing->lister->busy--;
}

static void submit(struct listing *listing, bool ignored)
{
	listing->second = ignored;
	launch_listing(&listing->column->launch, listing->suite, listing->framework,
		listing->lister->timeout_ms, ignored, &listing->task);
	listing->task.on_end = on_end;
	listing->task.ctx = listing;
	place_submit(listing->column->places[0], &listing->task);
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
		for (size_t k = 0; k < l->w->columns[i].n_places && n < ARRAY_LEN(places);
			k++)
			places[n++] = l->w->columns[i].places[k];
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

	if (workload_nextest_need(l->w, &l->w->targets[c->target], l->e) < 0 ||
		workload_open_column(l->w, c, l->e) < 0) {
		l->failed = true;
		return -1;
	}
	if (c->unreachable)
		return 0;
	while (!(slot = free_slot(l)))
		wait_places(l);
	*slot = (struct listing){.lister = l,
		.column = c,
		.suite = suite,
		.framework = framework,
		.used = true};
	l->busy++;
	submit(slot, false);
	return 0;
}

static bool is_wanted(const struct workload_column *c, const struct suite *suite,
	const struct filter_set *filter)
{
	struct filter_subject subject = launch_subject(&c->event, suite);
	struct err ignored;

	return filter_set_suite(filter, &subject, NULL, &ignored) != FILTER_NO;
}

/* Who would be asked on boards that are all out of reach stays one case, which is lost.
 */
static void keep_unasked(
	struct lister *l, struct workload_column *c, const struct filter_set *filter)
{
	struct suite_list *suites = workload_suites(l->w, c);

	for (size_t i = 0; i < suites->len && c->unreachable; i++)
		if (!suites->v[i].listed && workload_in_column(c, &suites->v[i]) &&
			is_wanted(c, &suites->v[i], filter))
			keep_whole(&suites->v[i]);
}

static void list_column(
	struct lister *l, struct workload_column *c, const struct filter_set *filter)
{
	struct suite_list *suites = workload_suites(l->w, c);

	for (size_t i = 0; i < suites->len && !l->failed && !c->unreachable; i++) {
		struct suite *suite = &suites->v[i];
		const struct framework *framework = framework_find(suite->framework);
		autofree char *program = NULL;

		if (suite->listed || !workload_in_column(c, suite) ||
			!is_wanted(c, suite, filter))
			continue;
		program = launch_locate(&c->launch, suite->binary);
		if ((is_wrapped(c, suite) ||
			    !list_cache_get(l->cache, suite, program, framework)) &&
			start(l, c, suite, framework) < 0)
			return;
	}
}

/* What the caller asks for, else the configuration. */
static int64_t limit_ms(const struct workload *w, int64_t timeout_ms)
{
	int64_t us = w->settings.list_timeout_us;

	return timeout_ms           ? timeout_ms
	       : us == CONFIG_UNSET ? DEFAULT_TIMEOUT_MS
				    : MAX(1, us / 1000);
}

int workload_list(struct workload *w, const struct filter_set *filter, int64_t timeout_ms,
	struct err *e)
{
	struct lister l = {
		.w = w,
		.cache = list_cache_open(
			fs_is_dir(w->project->state_dir) ? w->project->state_dir : NULL),
		.timeout_ms = limit_ms(w, timeout_ms),
		.slots = xcalloc(w->jobs, sizeof *l.slots),
		.e = e,
	};

	l.failed = workload_filter_check(w, filter, e) < 0;
	for (size_t i = 0; i < w->n_columns && !l.failed; i++)
		list_column(&l, &w->columns[i], filter);
	while (l.busy && !l.failed)
		wait_places(&l);
	for (size_t i = 0; i < w->n_columns && !l.failed; i++)
		keep_unasked(&l, &w->columns[i], filter);
	/* After a failure the others are let go with their places. */
	if (l.failed)
		workload_close_places(w);
	list_cache_close(l.cache);
	free(l.slots);
	return l.failed ? -1 : 0;
}
