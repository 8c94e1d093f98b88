#include "engine/record.h"

#include "base/fs.h"
#include "model/history.h"
#include "report/jsonl.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum {
	INLINE_BYTES = 4096, /* outputs up to here stay in the line */
	MAX_RUNS = 100,
	MAX_AGE_DAYS = 30,
	MAX_SIZE_MIB = 1024,
};

struct record {
	struct record_options o;
	struct run_store_limits limits;
	int fd; /* of the events; -1: nothing is written, or no more */
	struct buf line;
	int64_t bytes;           /* written so far */
	struct history *results; /* owned; of this run */
	bool any;                /* some case has ended */
	bool told;               /* that something is not kept */
	bool leaves_nothing;
};

struct run_store_limits record_limits(const struct config *config)
{
	const struct config_record *c = &config->record;

	return (struct run_store_limits){
		.max_runs = c->max_runs > 0 ? c->max_runs : MAX_RUNS,
		.max_age_us = c->max_age_us >= 0 ? c->max_age_us
						 : MAX_AGE_DAYS * 86400LL * 1000000,
		.max_bytes = (c->max_size_mib > 0 ? c->max_size_mib : MAX_SIZE_MIB) << 20,
	};
}

/* One note a run: what cannot be written has one cause as a rule. */
static void tell(struct record *r, const char *what, struct err *e)
{
	if (r->told)
		return;
	r->told = true;
	err_context(e, "%s", what);
	emit_note(r->o.emit, e->msg);
}

/* Nothing more is written; what is there already stays. */
static void give_up(struct record *r, const char *what, struct err *e)
{
	if (r->fd >= 0)
		close(take_fd(r->fd));
	tell(r, what, e);
}

/* ---- events */

static int open_events(struct record *r, struct err *e)
{
	const char *state_dir = r->o.project->state_dir;
	autofree char *dir = run_store_path(state_dir, r->o.run_id, NULL);
	autofree char *path = run_store_path(state_dir, r->o.run_id, "events.jsonl");

	if (project_make_state(r->o.project, e) < 0 || fs_mkdir_p(dir, e) < 0)
		return -1;
	r->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
	if (r->fd < 0)
		return err_sys(e, errno, "create %s", path);
	run_store_lock(r->fd);
	return 0;
}

struct record *record_new(const struct record_options *options)
{
	struct record *r = xcalloc(1, sizeof *r);
	struct err e = {0};

	*r = (struct record){.o = *options, .fd = -1, .results = history_new()};
	if (!r->o.rerun)
		r->o.rerun = rerun_new();
	r->limits = record_limits(options->project->config);
	r->leaves_nothing = options->is_guest && !options->project->state_given &&
			    !fs_is_dir(options->project->state_dir);
	if (!r->o.off && !r->leaves_nothing &&
		options->project->config->record.enabled != 0 && open_events(r, &e) < 0)
		give_up(r, "this run is not recorded", &e);
	return r;
}

static bool keep_output(
	void *ctx, const char *data, size_t len, char digest[HASH_HEX_SIZE])
{
	struct record *r = ctx;
	struct err e = {0};

	if (len <= INLINE_BYTES)
		return false;
	if (r->bytes + (int64_t)len > r->limits.max_bytes) {
		hash_memory(data, len, digest);
		if (!r->told)
			emit_note(r->o.emit, "this run prints more than record.max-size: "
					     "not all of it is recorded");
		r->told = true;
		return true;
	}
	r->bytes += (int64_t)len;
	if (run_store_put(r->o.project->state_dir, r->o.run_id, data, len, digest, &e) <
		0)
		give_up(r, "not all of this run is recorded", &e);
	return true;
}

/* One write for each line, so that whoever kills us leaves whole lines but for the last.
 */
static void write_event(struct record *r, const struct event *event)
{
	struct jsonl_store store = {keep_output, r};
	struct err e = {0};

	buf_clear(&r->line);
	jsonl_print(&r->line, event, &store);
	if (r->fd < 0 || fs_write_all(r->fd, buf_str(&r->line), r->line.len) == 0) {
		r->bytes += (int64_t)r->line.len;
		return;
	}
	err_sys(&e, errno, "write its events");
	give_up(r, "not all of this run is recorded", &e);
}

void record_event(struct record *r, const struct event *event)
{
	if (r->fd >= 0 && event->type != EVENT_TICK && event->type != EVENT_STATUS)
		write_event(r, event);
	if (event->type != EVENT_CASE_END)
		return;
	r->any = true;
	history_add_event(r->results, event, wall_clock_ms() / 1000);
	rerun_add_event(r->o.rerun, event);
}

/* ---- cases */

void record_plan(struct record *r, const struct plan *plan,
	const struct event_column *const *columns)
{
	autofree char *path =
		run_store_path(r->o.project->state_dir, r->o.run_id, "cases");
	autorelease(buf) struct buf text = BUF_INIT;
	struct err e = {0};

	for (size_t i = 0; i < plan->len; i++)
		rerun_expect(r->o.rerun, columns[plan->items[i].column],
			plan->items[i].suite, plan->items[i].test);
	if (r->fd < 0)
		return;
	rerun_print(r->o.rerun, &text);
	r->bytes += (int64_t)text.len;
	if (fs_write_file(path, text.data, text.len, 0644, &e) < 0)
		give_up(r, "this run is not recorded", &e);
}

void record_forget(
	struct record *r, struct workload *w, const struct workload_column *column)
{
	const struct suite_list *all = workload_suites(w, column);
	autofree const struct suite **suites =
		xcalloc(all->len, sizeof(const struct suite *));
	autofree char *text = NULL;
	size_t n = 0;

	for (size_t i = 0; i < all->len; i++)
		if (workload_in_column(column, &all->v[i]))
			suites[n++] = &all->v[i];
	n = rerun_forget(r->o.rerun, &column->event, suites, n);
	if (!n)
		return;
	text = xasprintf("%s: %zu outstanding %s of earlier runs %s not there any more",
		column->event.label, n, n == 1 ? "test" : "tests", n == 1 ? "is" : "are");
	emit_note(r->o.emit, text);
}

size_t record_outstanding(const struct record *r)
{
	return rerun_outstanding(r->o.rerun);
}

/* ---- afterwards */

void record_settle(struct record *r)
{
	autofree char *fault = NULL;
	struct err e = {0};

	if (!r->any || r->leaves_nothing)
		return;
	if (project_make_state(r->o.project, &e) < 0 ||
		history_save(r->results, r->o.project->state_dir, &fault, &e) < 0)
		tell(r, "what this run took is not kept", &e);
	else if (fault)
		emit_note(r->o.emit, fault);
}

/* That old records cannot be removed hinders nobody now; `xtest runs prune` says it. */
static void prune(struct record *r)
{
	autorelease(strv) struct strv removed = STRV_INIT;
	struct err ignored;

	if (run_store_prune(
		    r->o.project->state_dir, &r->limits, false, &removed, &ignored) < 0)
		return;
}

void record_close(struct record *r)
{
	if (!r)
		return;
	if (r->fd >= 0) {
		/* While it is locked it is not removed, whatever its size. */
		prune(r);
		close(r->fd);
	}
	history_free(r->results);
	rerun_free(r->o.rerun);
	buf_release(&r->line);
	free(r);
}
