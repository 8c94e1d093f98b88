#include "base/fs.h"
#include "base/proc.h"
#include "engine/place-private.h"
#include "engine/ship-words.h"
#include "engine/ship.h"
#include "model/target.h"
#include "model/toolchain.h"

#include <stdio.h>
#include <sys/random.h>
#include <time.h>

enum {
	READY_LIMIT_MS = 30000,   /* of a runner on this machine, to its answer */
	BOOT_LIMIT_MS = 300000,   /* of a machine that boots, however busy this one is */
	RESTORE_LIMIT_MS = 45000, /* of one that is restored, which takes 0.1 s of CPU */
	SHIP_LIMIT_MS = 60000,    /* from one answer of the store to the next, at least */
	VIEW_LIMIT_MS = 30000,
	WATCHED_LIMIT_MS = 300000, /* of a step where signs of life tell sooner */
	WATCHED_BEAT_MS = 500,     /* a machine's death is to be seen soon */
	ENTROPY_BYTES = 64,
	BYE_LIMIT_MS = 2000,
	BOARD_BYE_LIMIT_MS = 8000, /* over a network, which may be cut just then */
	STORE_BYTES = 1 << 30, /* of blobs on a board, or so much of what is free there */
	STORE_PART = 2,
	MAX_REOPENED = 2, /* staged, booted, fresh: each may fail once */
};

/* ---- the link */

static void remark(struct place *p, char *text)
{
	free(p->remark);
	p->remark = text;
}

static void make_session(struct place *p)
{
	struct session_options options = {.silence_ms = 0};

	if (p->config.machine)
		options.heartbeat_ms = WATCHED_BEAT_MS;

	if (getrandom(&options.id, sizeof options.id, 0) < 0)
		options.id = (uint64_t)now_us();
	p->session = session_new(&options, &place_session_ops, p);
}

static void next_step(struct place *p, enum place_step step, int64_t limit_ms)
{
	p->step = step;
	if (p->config.machine && step != PLACE_ANSWER)
		limit_ms = MAX(limit_ms, WATCHED_LIMIT_MS);
	p->limit_ms = now_ms() + limit_ms;
}

void place_next_step(struct place *p, enum place_step step)
{
	next_step(p, step, VIEW_LIMIT_MS);
	if (step == PLACE_SHIP)
		place_shipped(p);
}

void place_greet(struct place *p)
{
	if (p->link.note)
		remark(p, xstrdup(p->link.note));
	session_greet(p->session);
	next_step(p, PLACE_ANSWER,
		p->link.level > LINK_FRESH ? RESTORE_LIMIT_MS
		: p->transport->staged     ? BOOT_LIMIT_MS
					   : READY_LIMIT_MS);
}

static int connect_place(struct place *p, struct err *e)
{
	p->started_ms = now_ms();
	if (p->transport->open(&p->config, &p->link, e) < 0)
		return -1;
	p->state = PLACE_COMING;
	make_session(p);
	if (p->link.coming)
		next_step(p, PLACE_REACH, 0);
	else
		place_greet(p);
	return 0;
}

/* ---- from its answer to a place that takes tasks */

/* What the saved state is for is speed: without one it goes slower. */
static void save(struct place *p, enum link_level level)
{
	struct err e = {0};

	if (p->transport->save && p->config.machine && p->config.machine->snapshots &&
		p->transport->save(&p->link, level, &e) < 0)
		remark(p, xasprintf("the state of %s could not be saved: %s",
				  p->column->label, e.msg));
}

/* A machine that was saved has the time and the random numbers of that moment. */
static void set_clock(struct place *p)
{
	uint8_t entropy[ENTROPY_BYTES];
	struct timespec now;
	ssize_t n = getrandom(entropy, sizeof entropy, 0);

	clock_gettime(CLOCK_REALTIME, &now);
	session_clock(p->session,
		(uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec, entropy,
		n > 0 ? (size_t)n : 0);
}

static void arrive(struct place *p)
{
	const struct wire_welcome *w = session_welcome(p->session);

	p->state = PLACE_UP;
	free(p->detail);
	p->detail = NULL;
	if (p->transport->staged)
		p->detail = xasprintf("%s%sLinux %s, %u CPU%s, %s in %.1f s%s%s",
			p->link.detail ? p->link.detail : "", p->link.detail ? ", " : "",
			w->kernel, w->cpus, w->cpus == 1 ? "" : "s",
			!p->config.machine           ? "reached"
			: p->link.level > LINK_FRESH ? "restored"
						     : "booted",
			(double)(now_ms() - p->started_ms) / 1000,
			p->transport->returns && p->sent ? ", " : "",
			p->transport->returns && p->sent ? p->sent : "");
}

static void enter(struct place *p)
{
	uint8_t magic[TARGET_MAGIC_SIZE], mask[TARGET_MAGIC_SIZE];
	struct wire_emulator emulator = {0};

	if (!p->emulate && !p->binds.len) {
		arrive(p);
		return;
	}
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
	next_step(p, PLACE_VIEW, VIEW_LIMIT_MS);
}

/* A board was asked by a shell, which may have been wrong; the runner knows. */
static bool is_of_its_kind(struct place *p)
{
	const struct wire_welcome *w = session_welcome(p->session);
	const struct target *t = p->config.target;
	autofree char *why = NULL, *wanted = NULL;

	if (!t || !p->transport->returns || strv_has(&t->uname, w->arch) ||
		strv_has(&t->native_on, w->arch))
		return true;
	wanted = strv_join(&t->uname, " or ");
	why = xasprintf(
		"the board is of another kind: its runner is on %s, and tests for %s "
		"need %s",
		w->arch, t->name, wanted);
	place_take_down(p, why);
	return false;
}

/* The runner has said WELCOME. */
static void take_answer(struct place *p)
{
	if (!is_of_its_kind(p))
		return;
	if (p->config.machine)
		set_clock(p);
	if (p->link.level == LINK_STAGED) {
		p->view_done = WIRE_VIEW_BINDS;
		arrive(p);
		return;
	}
	if (p->link.level == LINK_FRESH)
		save(p, LINK_BOOTED);
	if (!p->shipment) {
		enter(p);
		return;
	}
	p->shipping = shipping_start(
		p->shipment, p->session, p->transport->returns ? p->uri : NULL);
	p->ship_ms = now_ms();
	next_step(p, PLACE_SHIP, SHIP_LIMIT_MS);
}

/* What a board may keep for later runs, oldest use going first. */
static uint64_t store_bound(const struct place *p)
{
	uint64_t free_bytes = session_welcome(p->session)->disk_free_bytes;

	return MAX(2 * shipment_bytes(p->shipment),
		MIN((uint64_t)STORE_BYTES, free_bytes / STORE_PART));
}

/* A board may have a C library of its own where a loader looks first, in the directory
 * of the architecture; and no loader works with a library of another build. */
static void bind_multiarch(struct place *p)
{
	const char *multiarch = p->config.target ? p->config.target->multiarch : NULL;

	for (size_t i = 0, n = p->binds.len; multiarch && i + 1 < n; i += 2) {
		autofree char *from = xstrdup(p->binds.v[i]);
		autofree char *to = xstrdup(p->binds.v[i + 1]);
		const char *name = fs_below(to, "/lib");

		if (!name || !*name || strchr(name, '/'))
			continue;
		strv_push(&p->binds, from);
		strv_pushf(&p->binds, "/lib/%s/%s", multiarch, name);
	}
}

/* In words. */
static void note_shipping(struct place *p)
{
	struct ship_figures f;

	shipping_progress(p->shipping, &f);
	free(p->doing);
	free(p->sent);
	p->doing = ship_words_doing(&f, now_ms() - p->ship_ms);
	p->sent = ship_words_sent(&f);
}

static void ship(struct place *p)
{
	struct err e = {0};
	int status = shipping_step(p->shipping, &e);

	note_shipping(p);
	if (status < 0)
		place_take_down(p, e.msg);
	if (status <= 0)
		return;
	strv_clear(&p->binds);
	shipping_binds(p->shipping, &p->binds);
	if (p->transport->returns)
		bind_multiarch(p);
	shipping_free(take_ptr(p->shipping));
	/* What only the store holds takes memory of a machine whose store ends with it.
	 */
	if (p->config.machine)
		session_clean(p->session, 0, "", 0);
	else if (p->transport->returns)
		session_clean(p->session, 0, "", store_bound(p));
	enter(p);
}

static void take_view(struct place *p)
{
	autofree char *why = NULL;

	if (p->transport->staged && p->view_refused) {
		why = xasprintf("what was sent cannot be shown where it belongs: %s",
			p->view_refused);
		place_take_down(p, why);
		return;
	}
	if (p->shipment)
		save(p, LINK_STAGED);
	arrive(p);
}

void place_shipped(struct place *p)
{
	/* The runner looks at every byte of a file before it answers. */
	next_step(p, PLACE_SHIP,
		SHIP_LIMIT_MS + (int64_t)(shipment_bytes(p->shipment) >> 10));
}

void place_advance(struct place *p)
{
	place_return_try(p);
	if (p->state == PLACE_COMING && p->step == PLACE_REACH && place_has_link(p) &&
		!p->link.coming)
		place_greet(p);
	if (p->state == PLACE_COMING && p->step == PLACE_ANSWER &&
		session_is_ready(p->session) && !place_return_done(p))
		take_answer(p);
	if (p->state == PLACE_COMING && p->step == PLACE_SHIP)
		ship(p);
	if (p->state == PLACE_COMING && p->step == PLACE_VIEW && p->entered)
		take_view(p);
}

static void forget_session(struct place *p)
{
	shipping_free(take_ptr(p->shipping));
	session_free(p->session);
	p->session = NULL;
	p->entered = p->gone = false;
	p->view_done = 0;
	free(take_ptr(p->view_problem));
	free(take_ptr(p->view_refused));
	free(take_ptr(p->why_down));
	demise_release(&p->demise);
}

bool place_reopen(struct place *p, const char *reason)
{
	autofree char *why = NULL;
	struct err e = {0};

	if (p->link.level == LINK_FRESH || !p->transport->distrust ||
		p->reopened >= MAX_REOPENED)
		return false;
	remark(p, xasprintf("a saved state of %s is of no use and was removed: %s",
			  p->column->label, reason));
	p->transport->distrust(&p->link);
	place_close_link(p, &why);
	p->reopened++;
	forget_session(p);
	if (connect_place(p, &e) == 0)
		return true;
	place_take_down(p, e.msg);
	return true;
}

/* ---- opening and closing */

static struct place *make_place(const struct event_column *column,
	const struct transport *transport, const struct place_config *config,
	const struct place_view *view)
{
	struct place *p = xcalloc(1, sizeof *p);

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
	if (config->toolchain && !transport->staged)
		toolchain_hide(config->toolchain, NULL, &p->binds);
	return p;
}

struct place *place_start(const struct event_column *column,
	const struct place_config *config, const struct place_view *view,
	struct shipment *shipment, struct err *e)
{
	const struct transport *transport =
		config->transport ? config->transport : transport_find(config->uri);
	struct place *p;

	if (!transport)
		return err_null(e, ERR_USAGE,
			"\"%s\" is no kind of place; `local` and `user` are",
			config->uri);
	proc_be_prompt();
	p = make_place(column, transport, config, view);
	p->shipment = shipment;
	if (connect_place(p, e) == 0)
		return p;
	place_close(p);
	return NULL;
}

struct place *place_open(const struct event_column *column,
	const struct place_config *config, const struct place_view *view, struct err *e)
{
	struct place *p = place_start(column, config, view, NULL, e);

	while (p && p->state == PLACE_COMING)
		place_wait(&p, 1, -1, INT32_MAX);
	if (!p || p->state == PLACE_UP)
		return p;
	err_set(e, ERR_INFRA, "%s: %s", column->label, p->why_down);
	place_close(p);
	return NULL;
}

/* A board's runner would wait for us till the end of its lease. */
static bool may_leave(const struct place *p)
{
	return (p->state == PLACE_UP || p->back.away) && !p->gone;
}

static void begin_leaving(struct place *p)
{
	if (p->leaving || p->state != PLACE_UP)
		return;
	p->leaving = true;
	/* The store of a board is for the next run. */
	session_bye(p->session, !p->transport->returns);
}

/* Lets runners go, kindly. */
static void say_bye(struct place *const *places, size_t n)
{
	int64_t begun = now_ms(), deadline = begun + BYE_LIMIT_MS;
	size_t left;

	do {
		left = 0;
		for (size_t i = 0; i < n; i++) {
			begin_leaving(places[i]);
			left += may_leave(places[i]);
			if (places[i]->transport->returns)
				deadline = begun + BOARD_BYE_LIMIT_MS;
		}
		if (left)
			place_wait(places, n, -1, deadline - now_ms());
	} while (left && now_ms() < deadline);
}

int place_renew(struct place *p, struct err *e)
{
	autofree char *why = NULL;

	/* A machine needs no farewell. */
	if (!p->transport->staged || p->transport->returns)
		say_bye(&p, 1);
	place_close_link(p, &why);
	p->state = PLACE_DOWN;
	forget_session(p);
	p->reopened = 0;
	p->leaving = p->back.away = false;
	p->back.since_ms = p->back.restarts = 0;
	if (connect_place(p, e) == 0)
		return 0;
	p->why_down = xstrdup(e->msg);
	return -1;
}

static void free_place(struct place *p)
{
	place_take_down(p, "the place was closed");
	forget_session(p);
	strv_release(&p->emulator);
	strv_release(&p->binds);
	place_return_release(p);
	free(p->remark);
	free(p->detail);
	free(p->doing);
	free(p->sent);
	free(p->running);
	free(p->uri);
	free(p->runner_path);
	free(p);
}

void place_close_all(struct place *const *places, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (places[i]->transport->staged && !places[i]->transport->returns)
			place_take_down(places[i], "the place was closed");
	say_bye(places, n);
	for (size_t i = 0; i < n; i++)
		free_place(places[i]);
}

void place_close(struct place *p)
{
	place_close_all(&p, 1);
}

void place_cleanup(struct place **p)
{
	if (*p)
		place_close(*p);
	*p = NULL;
}
