#include "engine/place-private.h"
#include "engine/ship.h"

#include <stdio.h>

enum {
	/* Signals as the protocol numbers them. */
	KILL = 9,
	CONTINUE = 18,
	SHELL_SIGNALLED = 128, /* what a shell adds to a signal's number */
	TAIL_BYTES = 16384,    /* of output beyond its bound */
};

void task_release(struct task *t)
{
	strv_release(&t->prefix);
	strv_release(&t->argv);
	strv_release(&t->env);
	free(t->cwd);
	outcome_release(&t->outcome);
	*t = (struct task){0};
}

/* ---- from the session */

static struct task *find_task(struct place *p, uint32_t job)
{
	for (size_t i = 0; i < p->n_running; i++)
		if (p->running[i]->job == job)
			return p->running[i];
	return NULL;
}

static void end_task(struct place *p, struct task *t)
{
	for (size_t i = 0; i < p->n_running; i++)
		if (p->running[i] == t)
			p->running[i] = p->running[--p->n_running];
	t->job = 0;
	t->on_end(t->ctx, t);
}

static void on_entered(void *ctx, const struct wire_entered *entered)
{
	struct place *p = ctx;

	p->entered = true;
	p->view_done = entered->done;
	if (p->binds.len && !(entered->done & WIRE_VIEW_BINDS))
		p->view_refused = xstrdup(entered->binds_why);
	if (p->emulate && !(entered->done & WIRE_VIEW_BINFMT))
		p->view_problem = xstrdup(entered->binfmt_why);
}

static void on_started(void *ctx, uint32_t job, const struct wire_started *started)
{
	struct task *t = find_task(ctx, job);

	if (!t)
		return;
	t->entry = started->entry;
	t->pid = started->pid;
	if (t->on_started)
		t->on_started(t->ctx, t);
}

/* What of it struck, in a word. */
static void on_struck(void *ctx, uint32_t job, const struct wire_struck *struck)
{
	struct task *t = find_task(ctx, job);

	if (t && t->on_struck)
		t->on_struck(t->ctx, t,
			struck->kind == WIRE_END_IDLE  ? "idle"
			: struck->kind == WIRE_END_CPU ? "cpu"
						       : "wall");
}

static void note_skipped(struct buf *into, uint64_t skipped)
{
	if (skipped)
		buf_printf(into, "\n[… %llu bytes left out …]\n",
			(unsigned long long)skipped);
}

/* More than was asked for would be kept here, for as long as it comes. */
static bool is_too_much(struct task *t, int stream, size_t len)
{
	uint64_t *heard = &t->heard_bytes[stream - 1];

	*heard += len;
	return t->output_bytes && *heard > t->output_bytes + TAIL_BYTES;
}

static void on_output(void *ctx, uint32_t job, int stream, uint64_t skipped,
	const uint8_t *data, size_t len)
{
	struct task *t = find_task(ctx, job);

	if (!t)
		return;
	if (is_too_much(t, stream, len)) {
		place_take_down(ctx,
			"the runner broke the protocol: more output than was asked for");
		return;
	}
	if (t->on_output) {
		t->on_output(t->ctx, t, stream, (const char *)data, len);
		return;
	}
	note_skipped(stream == 2 ? &t->outcome.err : &t->outcome.out, skipped);
	buf_append(stream == 2 ? &t->outcome.err : &t->outcome.out, data, len);
}

/* Which limit ended it, in words. */
static char *describe_limit(const struct task *t, uint32_t kind)
{
	switch (kind) {
	case WIRE_END_IDLE:
		return xasprintf("no output for %.1f s", (double)t->idle_ms / 1000);
	case WIRE_END_CPU:
		return xasprintf(
			"used more than %.1f s of CPU time", (double)t->cpu_ms / 1000);
	default:
		return xasprintf("no end within %.1f s", (double)t->wall_ms / 1000);
	}
}

/* Words of the other side, of which a terminal makes nothing else. */
static char *plain_text(const char *text)
{
	char *plain = xstrdup(text);

	for (char *c = plain; *c; c++)
		if (((unsigned char)*c < ' ' && *c != '\n') || *c == 0x7f)
			*c = '?';
	return plain;
}

static char *join_list(const struct wire_list *list)
{
	autorelease(strv) struct strv names = STRV_INIT;
	autofree char *joined = NULL;
	const char *at = NULL, *name;

	while ((name = msg_list_next(list, &at)))
		strv_push(&names, name);
	joined = names.len ? strv_join(&names, ", ") : NULL;
	return joined ? plain_text(joined) : NULL;
}

/* The emulator's own last words: which signal, as the outcome says too. A test that is
 * not emulated would not have printed them. */
static void drop_emulator_words(struct buf *err)
{
	static const char words[] = "qemu: uncaught target signal ";
	const char *line;
	size_t len = err->len;

	while (len && err->data[len - 1] == '\n')
		len--;
	line = len ? memrchr(err->data, '\n', len) : NULL;
	line = line ? line + 1 : err->data;
	if (len && starts_with(line, words))
		buf_truncate(err, (size_t)(line - err->data));
}

/* Who was killed where memory had run out was killed for that. A shell says of its child
 * what it says of itself. */
static void blame_memory(struct place *p, struct task *t)
{
	struct outcome *o = &t->outcome;
	bool killed = (o->kind == END_SIGNAL && o->code == KILL) ||
		      (o->kind == END_EXIT && o->code == SHELL_SIGNALLED + KILL);

	if (!killed || !p->transport->kills || !place_has_link(p))
		return;
	o->console = p->transport->kills(&p->link, t->submitted_ms);
	if (o->console)
		o->detail = xstrdup("out of memory");
}

static void on_exited(void *ctx, uint32_t job, const struct wire_exited *x)
{
	struct place *p = ctx;
	struct task *t = find_task(p, job);
	struct outcome *o;

	if (!t)
		return;
	p->back.restarts = 0;
	o = &t->outcome;
	o->kind = x->kind == WIRE_END_EXIT     ? END_EXIT
		  : x->kind == WIRE_END_SIGNAL ? END_SIGNAL
					       : END_TIMEOUT;
	o->code = (int)x->code;
	if (o->kind == END_SIGNAL && t->prefix.len)
		drop_emulator_words(&o->err);
	if (x->killed_by_host) {
		/* What it made of our signal is no verdict of its own. */
		o->kind = END_LOST;
		o->detail = xstrdup("interrupted");
	} else if (o->kind == END_TIMEOUT) {
		o->detail = describe_limit(t, x->kind);
	} else {
		blame_memory(ctx, t);
	}
	o->core_dumped = x->core;
	o->wall_us = (int64_t)x->wall_us;
	o->user_us = (int64_t)x->user_us;
	o->sys_us = (int64_t)x->system_us;
	o->max_rss_kib = (int64_t)x->max_rss_kib;
	o->leaked = x->leaked;
	o->leaked_names = join_list(&x->leak_names);
	o->out_dropped = x->dropped_out_bytes;
	o->err_dropped = x->dropped_err_bytes;
	end_task(ctx, t);
}

static void on_failed(void *ctx, uint32_t job, const struct wire_failed *failed)
{
	struct task *t = find_task(ctx, job);

	if (!t)
		return;
	t->outcome.kind = END_NOT_STARTED;
	t->outcome.detail = plain_text(failed->text);
	end_task(ctx, t);
}

void place_lose_task(struct place *p, struct task *t, const char *why)
{
	t->outcome.kind = END_LOST;
	t->outcome.detail = xstrdup(why);
	t->outcome.console = xstrdup_null(p->demise.console);
	end_task(p, t);
}

static void on_lost(void *ctx, uint32_t job)
{
	struct task *t = find_task(ctx, job);

	if (t)
		place_lose_task(ctx, t, "the runner was restarted while it ran");
}

static void on_gone(void *ctx)
{
	((struct place *)ctx)->gone = true;
}

/* ---- what is staged */

static void on_missing(void *ctx, uint32_t request, const uint8_t *digests, size_t count)
{
	struct place *p = ctx;

	if (!p->shipping)
		return;
	place_shipped(p);
	shipping_missing(p->shipping, request, digests, count);
}

static void on_stored(void *ctx, uint32_t request, const struct wire_stored *stored)
{
	struct place *p = ctx;

	if (!p->shipping)
		return;
	place_shipped(p);
	shipping_stored(p->shipping, request, stored->error, stored->text);
}

static void on_staged(void *ctx, uint32_t request, const struct wire_result *result)
{
	struct place *p = ctx;

	if (p->shipping)
		shipping_staged(
			p->shipping, request, result->path, result->error, result->text);
}

const struct session_ops place_session_ops = {
	.entered = on_entered,
	.started = on_started,
	.struck = on_struck,
	.output = on_output,
	.exited = on_exited,
	.failed = on_failed,
	.lost = on_lost,
	.missing = on_missing,
	.stored = on_stored,
	.staged = on_staged,
	.gone = on_gone,
};

/* ---- tasks */

static void fill_run(const struct task *t, struct wire_run *run)
{
	static const char *const tmp_names[] = {"TMPDIR", "XTEST_TMPDIR", NULL};

	*run = (struct wire_run){
		.flags = (t->merge ? WIRE_RUN_MERGE : 0u) |
			 (t->input ? WIRE_RUN_INPUT : 0u) |
			 (t->terminal ? WIRE_RUN_TTY : 0u) |
			 (t->hold ? WIRE_RUN_HOLD : 0u) |
			 (t->change_user ? WIRE_RUN_IDS : 0u),
		.prefix.v = (const char *const *)strv_argv(&t->prefix),
		.argv.v = (const char *const *)strv_argv(&t->argv),
		.env.v = (const char *const *)strv_argv(&t->env),
		.cwd = t->cwd ? t->cwd : "",
		.wall_ms = (uint32_t)MIN(t->wall_ms, UINT32_MAX),
		.idle_ms = (uint32_t)MIN(t->idle_ms, UINT32_MAX),
		.cpu_ms = (uint32_t)MIN(t->cpu_ms, UINT32_MAX),
		.grace_ms = (uint32_t)MIN(t->grace_ms, UINT32_MAX),
		.leak_ms = (uint32_t)MIN(t->leak_ms, UINT32_MAX),
		.output_bytes = t->output_bytes,
		.tail_bytes = t->output_bytes ? TAIL_BYTES : 0,
		.uid = t->uid,
		.gid = t->gid,
		.rows = t->rows,
		.columns = t->columns,
		.notice_ms = (uint32_t)MIN(t->notice_ms, UINT32_MAX),
	};
	if (t->private_tmp)
		run->tmpdir_names.v = tmp_names;
}

/* What is said while the link is cut waits with the rest. */
static bool takes(const struct place *p)
{
	return p->state == PLACE_UP || p->back.away;
}

void place_submit(struct place *p, struct task *t)
{
	struct wire_run run;
	struct err e = {0};

	p->running =
		xgrow(p->running, &p->cap_running, p->n_running + 1, sizeof *p->running);
	p->running[p->n_running++] = t;
	t->job = ++p->last_job;
	t->submitted_ms = now_ms();
	if (!takes(p)) {
		place_lose_task(
			p, t, p->why_down ? p->why_down : "its place is not up yet");
		return;
	}
	fill_run(t, &run);
	if (session_run(p->session, t->job, &run, NULL, 0, &e) < 0) {
		t->outcome.kind = END_NOT_STARTED;
		t->outcome.detail = xstrdup(e.msg);
		end_task(p, t);
		return;
	}
	place_write(p);
}

void place_kill(struct place *p, struct task *t, int signal, int64_t grace_ms)
{
	if (t->job && takes(p)) {
		session_kill(p->session, t->job, signal, (uint32_t)grace_ms);
		place_write(p);
	}
}

void place_strike(struct place *p, struct task *t)
{
	place_kill(p, t, 0, 0);
}

void place_release(struct place *p, struct task *t)
{
	place_kill(p, t, CONTINUE, 0);
}

void place_input(struct place *p, struct task *t, const void *data, size_t len, bool eof)
{
	if (t->job && takes(p)) {
		session_input(p->session, t->job, data, len, eof);
		place_write(p);
	}
}

size_t place_input_room(const struct place *p)
{
	return takes(p) ? session_room(p->session) : 0;
}

void place_resize(struct place *p, struct task *t, unsigned rows, unsigned columns)
{
	if (t->job && takes(p)) {
		session_resize(p->session, t->job, rows, columns);
		place_write(p);
	}
}

size_t place_running(const struct place *p)
{
	return p->n_running;
}
