#include "engine/place-private.h"
#include "engine/ship-words.h"
#include "engine/ship.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum {
	SILENCE_LIMIT_MS =
		60000,         /* a local runner that says nothing for so long is hung */
	NOISE_LIMIT = 4 << 20, /* bytes from a board between two messages */
	LAST_SIGN_MS = 500,    /* from the end of the link to what tells why */
	WATCH_EVERY_MS = 250,  /* how often signs of life are looked at unasked */
	MAX_PLACES = 64,
	FDS_PER_PLACE = 2 + TRANSPORT_WATCH_MAX,
};

/* ---- the link */

void place_close_link(struct place *p, char **why)
{
	if (p->link.in_fd >= 0 || p->link.pid > 0)
		p->transport->close(&p->link, why);
	free(p->link.detail);
	p->link = (struct link){.in_fd = -1, .out_fd = -1};
}

bool place_has_link(const struct place *p)
{
	return p->link.in_fd >= 0;
}

void place_take_down(struct place *p, const char *reason)
{
	autofree char *why = NULL;

	if (p->state == PLACE_DOWN)
		return;
	place_close_link(p, &why);
	p->state = PLACE_DOWN;
	/* Its own signs say more than how its process ended. */
	p->why_down = why && !p->demise.reason ? xasprintf("%s: %s", reason, why)
					       : xstrdup(reason);
	p->back.away = false;
	while (p->n_running)
		place_lose_task(p, p->running[p->n_running - 1], p->why_down);
}

/* It failed: another way is tried, or it is down. */
static void fail(struct place *p, const char *reason)
{
	if (p->state == PLACE_COMING && place_reopen(p, reason))
		return;
	place_take_down(p, reason);
}

/* The way there failed: it is tried again, or another one, or it is down. */
static void lose(struct place *p, const char *reason)
{
	if (!p->transport->returns || !place_return_cut(p, reason))
		fail(p, reason);
}

/* True when the signs of life say that there is none. */
static bool check_signs(struct place *p)
{
	autorelease(demise) struct demise demise = {0};

	if (!p->transport->check || !place_has_link(p) ||
		!p->transport->check(
			&p->link, session_unanswered_ms(p->session), &demise))
		return false;
	/* What refuses now may be on its way back, too. */
	if ((demise.may_return || p->back.away) && place_return_cut(p, demise.reason))
		return true;
	if (p->state == PLACE_COMING && place_reopen(p, demise.reason))
		return true;
	demise_release(&p->demise);
	p->demise = demise;
	demise = (struct demise){0};
	place_take_down(p, p->demise.reason);
	return true;
}

static size_t watched(struct place *p, int fds[TRANSPORT_WATCH_MAX])
{
	return p->transport->watch && place_has_link(p)
		       ? p->transport->watch(&p->link, fds, TRANSPORT_WATCH_MAX)
		       : 0;
}

/* The bytes end before the signs tell why they did. */
static void end_link(struct place *p, const char *reason)
{
	int64_t deadline = now_ms() + LAST_SIGN_MS;
	int fds[TRANSPORT_WATCH_MAX];
	size_t n = watched(p, fds);

	while (n) {
		struct pollfd polled[TRANSPORT_WATCH_MAX];
		int64_t left = deadline - now_ms();

		if (check_signs(p))
			return;
		if (left <= 0)
			break;
		for (size_t i = 0; i < n; i++)
			polled[i] = (struct pollfd){fds[i], POLLIN, 0};
		/* One that is readable for ever must not keep us busy. */
		poll(polled, n, (int)left);
		poll(NULL, 0, 5);
		n = watched(p, fds);
	}
	lose(p, reason);
}

static void read_link(struct place *p)
{
	char block[65536];
	struct err e = {0};
	ssize_t n = read(p->link.in_fd, block, sizeof block);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		end_link(p, strerror(errno));
	else if (n == 0)
		end_link(p, "the connection to the runner ended");
	else if (session_feed(p->session, block, (size_t)n, &e) < 0)
		fail(p, e.msg);
	else if (p->transport->returns && session_noise_bytes(p->session) > NOISE_LIMIT)
		/* (what carries it has checked that nothing was damaged on the way) */
		fail(p, "the runner broke the protocol: noise, and no end of it");
}

void place_write(struct place *p)
{
	size_t len;
	const void *data;

	while (p->state != PLACE_DOWN && place_has_link(p) &&
		(data = session_output(p->session, &len)) && len) {
		ssize_t n = write(p->link.out_fd, data, len);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			end_link(p, "the connection to the runner ended");
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

/* ---- waiting */

static int64_t max_wait(struct place *p, int64_t now)
{
	int64_t wait = MAX(0, session_tick(p->session, now));

	if (p->state == PLACE_COMING && p->step != PLACE_REACH)
		wait = MIN(wait, MAX(0, p->limit_ms - now));
	wait = MIN(wait, place_return_wait(p, now));
	return p->transport->check ? MIN(wait, WATCH_EVERY_MS) : wait;
}

static size_t add_fds(struct place *p, struct pollfd *fds)
{
	int signs[TRANSPORT_WATCH_MAX];
	size_t n = watched(p, signs);

	fds[0] = (struct pollfd){p->link.in_fd, POLLIN, 0};
	fds[1] = (struct pollfd){has_output(p) ? p->link.out_fd : -1, POLLOUT, 0};
	for (size_t i = 0; i < n; i++)
		fds[2 + i] = (struct pollfd){signs[i], POLLIN, 0};
	return 2 + n;
}

/* What there is to be done after a wait. The link may become another one meanwhile. */
static void serve(struct place *p, const struct pollfd *fds)
{
	unsigned reopened = p->reopened;

	if (fds[0].revents && place_has_link(p))
		read_link(p);
	if (p->state == PLACE_DOWN || p->reopened != reopened || check_signs(p))
		return;
	if (p->link.opened)
		session_greet_again(p->session);
	p->link.opened = false;
	place_advance(p);
	place_write(p);
	if (p->link.coming || !place_has_link(p))
		return;
	if (p->state == PLACE_COMING && p->reopened == reopened &&
		now_ms() >= p->limit_ms)
		(p->back.away ? lose : fail)(p,
			p->step == PLACE_ANSWER ? "no answer from the runner in time"
						: "the runner did not get ready in time");
	/* On its way up it has limits of its own, and a machine is judged by its own
	 * signs. */
	if (p->state == PLACE_UP && !p->config.machine &&
		session_silence_ms(p->session) > SILENCE_LIMIT_MS)
		lose(p, "the runner has not answered for a minute");
}

void place_excuse(struct place *p)
{
	if (p->session)
		session_excuse(p->session, now_ms());
}

bool place_wait(struct place *const *places, size_t n, int extra_fd, int64_t timeout_ms)
{
	struct pollfd fds[MAX_PLACES * FDS_PER_PLACE + 1];
	size_t first[MAX_PLACES] = {0}, used = 1; /* 0: not polled */
	int64_t now = now_ms(), wait = timeout_ms;

	fds[0] = (struct pollfd){extra_fd, POLLIN, 0};
	n = MIN(n, MAX_PLACES);
	for (size_t i = 0; i < n; i++) {
		struct place *p = places[i];

		if (!p || p->state == PLACE_DOWN)
			continue;
		wait = MIN(wait, max_wait(p, now));
		place_write(p);
		if (p->state == PLACE_DOWN) {
			wait = 0;
			continue;
		}
		first[i] = used;
		used += add_fds(p, fds + used);
	}
	if (poll(fds, used, (int)MIN(wait, 60000)) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (first[i])
			serve(places[i], fds + first[i]);
	return fds[0].revents != 0;
}

/* ---- what is known of it */

const struct event_column *place_column(const struct place *p)
{
	return p->column;
}

enum place_state place_state(const struct place *p)
{
	return p->state;
}

bool place_is_up(const struct place *p)
{
	return p->state == PLACE_UP;
}

const char *place_why_down(const struct place *p)
{
	return p->why_down;
}

const struct demise *place_demise(const struct place *p)
{
	return p->demise.reason ? &p->demise : NULL;
}

const char *place_doing(const struct place *p, double *fraction)
{
	struct ship_figures f;

	*fraction = p->link.fraction;
	if (p->state != PLACE_COMING || p->link.coming)
		return p->state == PLACE_COMING ? p->link.doing : NULL;
	*fraction = -1;
	if (p->step == PLACE_ANSWER && p->config.machine && p->link.level == LINK_FRESH)
		return "its kernel boots";
	if (p->step != PLACE_SHIP || !p->shipping)
		return NULL;
	shipping_progress(p->shipping, &f);
	if (f.lack_bytes)
		*fraction = (double)f.done_bytes / (double)f.lack_bytes;
	return p->doing;
}

const char *place_board(const struct place *p)
{
	return p->config.board ? p->config.board->name : NULL;
}

const char *place_remark(const struct place *p)
{
	return p->remark;
}

const char *place_detail(const struct place *p)
{
	return p->detail;
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
