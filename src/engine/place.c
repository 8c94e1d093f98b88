#include "engine/place.h"

#include "engine/session.h"
#include "model/target.h"
#include "model/toolchain.h"
#include "transport/transport.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

enum {
	READY_LIMIT_MS = 30000, /* from the start of the runner to its first answer */
	SILENCE_LIMIT_MS =
		60000, /* a local runner that says nothing for so long is hung */
	BYE_LIMIT_MS = 2000,
	MAX_PLACES = 64,
};

struct place {
	const struct event_column *column; /* borrowed */
	const struct transport *transport;
	struct place_config config; /* its strings are copies below */
	char *uri, *runner_path;
	const struct target *emulate;
	struct strv emulator, binds;

	struct link link;
	struct session *session;
	char *why_down; /* NULL while it is up */
	bool entered, gone;
	uint32_t view_done; /* enum wire_view */
	char *view_problem;
	uint32_t last_job;

	struct task **running; /* borrowed tasks */
	size_t n_running, cap_running;
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
	if (p->emulate && !(entered->done & WIRE_VIEW_BINFMT))
		p->view_problem = xstrdup(entered->binfmt_why);
}

static void on_started(void *ctx, uint32_t job, const struct wire_started *started UNUSED)
{
	struct task *t = find_task(ctx, job);

	if (t && t->on_started)
		t->on_started(t->ctx, t);
}

static void note_skipped(struct buf *into, uint64_t skipped)
{
	if (skipped)
		buf_printf(into, "\n[… %llu bytes left out …]\n",
			(unsigned long long)skipped);
}

static void on_output(void *ctx, uint32_t job, int stream, uint64_t skipped,
	const uint8_t *data, size_t len)
{
	struct task *t = find_task(ctx, job);

	if (!t)
		return;
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

static char *join_list(const struct wire_list *list)
{
	autorelease(strv) struct strv names = STRV_INIT;
	const char *at = NULL, *name;

	while ((name = msg_list_next(list, &at)))
		strv_push(&names, name);
	return names.len ? strv_join(&names, ", ") : NULL;
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

static void on_exited(void *ctx, uint32_t job, const struct wire_exited *x)
{
	struct task *t = find_task(ctx, job);
	struct outcome *o;

	if (!t)
		return;
	o = &t->outcome;
	o->kind = x->kind == WIRE_END_EXIT     ? END_EXIT
		  : x->kind == WIRE_END_SIGNAL ? END_SIGNAL
					       : END_TIMEOUT;
	o->code = (int)x->code;
	if (o->kind == END_SIGNAL && t->prefix.len)
		drop_emulator_words(&o->err);
	if (o->kind == END_TIMEOUT)
		o->detail = describe_limit(t, x->kind);
	if (x->killed_by_host) {
		/* What it made of our signal is no verdict of its own. */
		o->kind = END_LOST;
		o->detail = xstrdup("interrupted");
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
	t->outcome.detail = xstrdup(failed->text);
	end_task(ctx, t);
}

static void lose_task(struct place *p, struct task *t, const char *why)
{
	t->outcome.kind = END_LOST;
	t->outcome.detail = xstrdup(why);
	end_task(p, t);
}

static void on_lost(void *ctx, uint32_t job)
{
	struct task *t = find_task(ctx, job);

	if (t)
		lose_task(ctx, t, "the runner was restarted while it ran");
}

static void on_gone(void *ctx)
{
	((struct place *)ctx)->gone = true;
}

static const struct session_ops ops = {
	.entered = on_entered,
	.started = on_started,
	.output = on_output,
	.exited = on_exited,
	.failed = on_failed,
	.lost = on_lost,
	.gone = on_gone,
};

/* ---- the link */

static void close_link(struct place *p, char **why)
{
	if (p->link.in_fd >= 0 || p->link.pid > 0)
		p->transport->close(&p->link, why);
	free(p->link.detail);
	p->link = (struct link){.in_fd = -1, .out_fd = -1};
}

/* The runner is gone: says why, and ends what ran there as lost. */
static void take_down(struct place *p, const char *reason)
{
	autofree char *why = NULL;

	if (p->why_down)
		return;
	close_link(p, &why);
	p->why_down = why ? xasprintf("%s: %s", reason, why) : xstrdup(reason);
	while (p->n_running)
		lose_task(p, p->running[p->n_running - 1], p->why_down);
}

static void read_link(struct place *p)
{
	char block[65536];
	struct err e = {0};
	ssize_t n = read(p->link.in_fd, block, sizeof block);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		take_down(p, strerror(errno));
	else if (n == 0)
		take_down(p, "the connection to the runner ended");
	else if (session_feed(p->session, block, (size_t)n, &e) < 0)
		take_down(p, e.msg);
}

static void write_link(struct place *p)
{
	size_t len;
	const void *data;

	while (!p->why_down && (data = session_output(p->session, &len)) && len) {
		ssize_t n = write(p->link.out_fd, data, len);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			take_down(p, "the connection to the runner ended");
			return;
		}
		session_wrote(p->session, (size_t)n);
	}
}

static bool has_output(struct place *p)
{
	size_t len = 0;

	session_output(p->session, &len);
	return len > 0;
}

bool place_wait(struct place *const *places, size_t n, int extra_fd, int64_t timeout_ms)
{
	struct pollfd fds[MAX_PLACES * 2 + 1];
	int64_t now = now_ms(), wait = timeout_ms;
	size_t used = 1;

	fds[0] = (struct pollfd){extra_fd, POLLIN, 0};
	for (size_t i = 0; i < n && i < MAX_PLACES; i++) {
		struct place *p = places[i];

		if (!p || p->why_down)
			continue;
		wait = MIN(wait, MAX(0, session_tick(p->session, now)));
		write_link(p);
		if (p->why_down)
			continue;
		fds[used++] = (struct pollfd){p->link.in_fd, POLLIN, 0};
		fds[used++] =
			(struct pollfd){has_output(p) ? p->link.out_fd : -1, POLLOUT, 0};
	}
	if (poll(fds, used, (int)MIN(wait, 60000)) < 0)
		return false;
	for (size_t i = 0; i < n && i < MAX_PLACES; i++) {
		struct place *p = places[i];

		for (size_t k = 1; p && k < used && !p->why_down; k += 2) {
			if (fds[k].fd == p->link.in_fd && fds[k].revents)
				read_link(p);
		}
		if (!p || p->why_down)
			continue;
		write_link(p);
		if (!p->why_down && session_silence_ms(p->session) > SILENCE_LIMIT_MS)
			take_down(p, "the runner has not answered for a minute");
	}
	return fds[0].revents != 0;
}

/* ---- opening and closing */

static void greet(struct place *p)
{
	struct session_options options = {.silence_ms = 0};

	if (getrandom(&options.id, sizeof options.id, 0) < 0)
		options.id = (uint64_t)now_us();
	p->session = session_new(&options, &ops, p);
	session_greet(p->session);
}

static void enter(struct place *p)
{
	uint8_t magic[TARGET_MAGIC_SIZE], mask[TARGET_MAGIC_SIZE];
	struct wire_emulator emulator = {0};

	if (!p->emulate && !p->binds.len)
		return;
	if (p->emulate) {
		target_elf_magic(p->emulate, magic, mask);
		emulator.name = p->emulate->name;
		emulator.magic = (struct wire_bytes){magic, sizeof magic};
		emulator.mask = (struct wire_bytes){mask, sizeof mask};
		emulator.path = p->emulator.v[0];
		emulator.argv0_option = "-0";
		emulator.args.v = (const char *const *)(p->emulator.v + 1);
	}
	session_enter(p->session, &emulator, p->emulate ? 1 : 0,
		p->binds.len ? (const char *const *)p->binds.v : NULL);
}

/* Waits until the runner has answered and its view stands. */
static int wait_ready(struct place *p, struct err *e)
{
	int64_t deadline = now_ms() + READY_LIMIT_MS;
	bool needs_view = p->emulate || p->binds.len;

	while (!p->why_down &&
		!(session_is_ready(p->session) && (p->entered || !needs_view))) {
		int64_t left = deadline - now_ms();

		if (left <= 0)
			take_down(p, "no answer from the runner within 30 s");
		else
			place_wait(&p, 1, -1, left);
	}
	if (p->why_down)
		return err_set(e, ERR_INFRA, "%s: %s", p->column->label, p->why_down);
	return 0;
}

static int connect_place(struct place *p, struct err *e)
{
	if (p->transport->open(&p->config, &p->link, e) < 0)
		return -1;
	greet(p);
	enter(p);
	return wait_ready(p, e);
}

struct place *place_open(const struct event_column *column,
	const struct place_config *config, const struct place_view *view, struct err *e)
{
	const struct transport *transport = transport_find(config->uri);
	struct place *p;

	if (!transport)
		return err_null(e, ERR_USAGE,
			"\"%s\" is no kind of place; `local` and `user` are",
			config->uri);
	p = xcalloc(1, sizeof *p);
	p->column = column;
	p->transport = transport;
	p->uri = xstrdup(config->uri);
	p->runner_path = xstrdup(config->runner_path);
	p->config = *config;
	p->config.uri = p->uri;
	p->config.runner_path = p->runner_path;
	p->link = (struct link){.in_fd = -1, .out_fd = -1};
	if (view && view->emulate) {
		p->emulate = view->emulate;
		strv_copy(&p->emulator, view->emulator);
	}
	if (view && view->binds)
		strv_copy(&p->binds, view->binds);
	/* Last: the others hold even if this one is refused. */
	if (config->toolchain && (streq(p->uri, "user") || streq(p->uri, "local")))
		toolchain_hide(config->toolchain, NULL, &p->binds);
	if (connect_place(p, e) < 0) {
		place_close(p);
		return NULL;
	}
	return p;
}

static void forget_session(struct place *p)
{
	session_free(p->session);
	p->session = NULL;
	p->entered = p->gone = false;
	p->view_done = 0;
	free(take_ptr(p->view_problem));
	free(take_ptr(p->why_down));
}

int place_restart(struct place *p, struct err *e)
{
	forget_session(p);
	return connect_place(p, e);
}

void place_close(struct place *p)
{
	int64_t deadline = now_ms() + BYE_LIMIT_MS;

	if (p->session && !p->why_down) {
		session_bye(p->session, true);
		while (!p->why_down && !p->gone && now_ms() < deadline)
			place_wait(&p, 1, -1, deadline - now_ms());
	}
	take_down(p, "the place was closed");
	if (p->session)
		forget_session(p);
	else
		free(p->why_down);
	strv_release(&p->emulator);
	strv_release(&p->binds);
	free(p->running);
	free(p->uri);
	free(p->runner_path);
	free(p);
}

void place_cleanup(struct place **p)
{
	if (*p)
		place_close(*p);
	*p = NULL;
}

/* ---- tasks */

static void fill_run(const struct task *t, struct wire_run *run)
{
	static const char *const tmp_names[] = {"TMPDIR", "XTEST_TMPDIR", NULL};

	*run = (struct wire_run){
		.flags = (t->merge ? WIRE_RUN_MERGE : 0u) |
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
		.tail_bytes = t->output_bytes ? 16384 : 0,
		.uid = t->uid,
		.gid = t->gid,
	};
	if (t->private_tmp)
		run->tmpdir_names.v = tmp_names;
}

void place_submit(struct place *p, struct task *t)
{
	struct wire_run run;
	struct err e = {0};

	p->running =
		xgrow(p->running, &p->cap_running, p->n_running + 1, sizeof *p->running);
	p->running[p->n_running++] = t;
	t->job = ++p->last_job;
	if (p->why_down) {
		lose_task(p, t, p->why_down);
		return;
	}
	fill_run(t, &run);
	if (session_run(p->session, t->job, &run, NULL, 0, &e) < 0) {
		t->outcome.kind = END_NOT_STARTED;
		t->outcome.detail = xstrdup(e.msg);
		end_task(p, t);
		return;
	}
	write_link(p);
}

void place_kill(struct place *p, struct task *t, int signal, int64_t grace_ms)
{
	if (t->job && !p->why_down) {
		session_kill(p->session, t->job, signal, (uint32_t)grace_ms);
		write_link(p);
	}
}

size_t place_running(const struct place *p)
{
	return p->n_running;
}

bool place_is_up(const struct place *p)
{
	return !p->why_down;
}

const char *place_why_down(const struct place *p)
{
	return p->why_down;
}

const struct event_column *place_column(const struct place *p)
{
	return p->column;
}

const char *place_view_problem(const struct place *p)
{
	return p->view_problem;
}

bool place_has_binds(const struct place *p)
{
	return p->view_done & WIRE_VIEW_BINDS;
}

const struct wire_welcome *place_welcome(const struct place *p)
{
	return session_welcome(p->session);
}
