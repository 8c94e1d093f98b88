#include "engine/place-private.h"
#include "model/target.h"
#include "model/toolchain.h"

#include <stdio.h>
#include <sys/random.h>

enum {
	READY_LIMIT_MS = 30000,   /* of a runner on this machine, to its answer */
	BOOT_LIMIT_MS = 300000,   /* of a machine that boots, however busy this one is */
	RESTORE_LIMIT_MS = 15000, /* of one that is restored */
	VIEW_LIMIT_MS = 30000,
	BYE_LIMIT_MS = 2000,
	MAX_REOPENED = 2, /* staged, booted, fresh: each may fail once */
};

/* ---- from a link to a place that takes tasks */

static void greet(struct place *p)
{
	struct session_options options = {.silence_ms = 0};

	if (getrandom(&options.id, sizeof options.id, 0) < 0)
		options.id = (uint64_t)now_us();
	p->session = session_new(&options, &place_session_ops, p);
	session_greet(p->session);
}

static int connect_place(struct place *p, struct err *e)
{
	if (p->transport->open(&p->config, &p->link, e) < 0)
		return -1;
	p->state = PLACE_COMING;
	p->step = PLACE_ANSWER;
	p->limit_ms = now_ms() + (p->link.level > LINK_FRESH    ? RESTORE_LIMIT_MS
					 : p->transport->staged ? BOOT_LIMIT_MS
								: READY_LIMIT_MS);
	greet(p);
	return 0;
}

static void enter(struct place *p)
{
	uint8_t magic[TARGET_MAGIC_SIZE], mask[TARGET_MAGIC_SIZE];
	struct wire_emulator emulator = {0};

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
	p->step = PLACE_VIEW;
	p->limit_ms = now_ms() + VIEW_LIMIT_MS;
}

static void arrive(struct place *p)
{
	if (p->emulate || p->binds.len)
		enter(p);
	else
		p->state = PLACE_UP;
}

void place_advance(struct place *p)
{
	if (p->state != PLACE_COMING)
		return;
	if (p->step == PLACE_ANSWER && session_is_ready(p->session))
		arrive(p);
	if (p->state == PLACE_COMING && p->step == PLACE_VIEW && p->entered)
		p->state = PLACE_UP;
}

static void forget_session(struct place *p)
{
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
	free(p->remark);
	p->remark = xasprintf("a saved state of %s is of no use and was removed: %s",
		p->column->label, reason);
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
	const struct shipment *shipment, struct err *e)
{
	const struct transport *transport = transport_find(config->uri);
	struct place *p;

	if (!transport)
		return err_null(e, ERR_USAGE,
			"\"%s\" is no kind of place; `local` and `user` are",
			config->uri);
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

/* Lets the runner go, kindly. */
static void say_bye(struct place *p)
{
	int64_t deadline = now_ms() + BYE_LIMIT_MS;

	if (p->state != PLACE_UP)
		return;
	session_bye(p->session, true);
	while (p->state == PLACE_UP && !p->gone && now_ms() < deadline)
		place_wait(&p, 1, -1, deadline - now_ms());
}

int place_renew(struct place *p, struct err *e)
{
	autofree char *why = NULL;

	if (!p->transport->staged)
		say_bye(p);
	place_close_link(p, &why);
	p->state = PLACE_DOWN;
	forget_session(p);
	p->reopened = 0;
	if (connect_place(p, e) == 0)
		return 0;
	p->why_down = xstrdup(e->msg);
	return -1;
}

void place_close(struct place *p)
{
	if (!p->transport->staged)
		say_bye(p);
	place_take_down(p, "the place was closed");
	forget_session(p);
	strv_release(&p->emulator);
	strv_release(&p->binds);
	free(p->remark);
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
