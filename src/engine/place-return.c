#include "engine/place-private.h"
#include "engine/ship.h"

#include <signal.h>

enum {
	GIVE_UP_MS = 120000,  /* from the cut */
	FIRST_PAUSE_MS = 100, /* between two tries; doubles */
	LAST_PAUSE_MS = 2000,
	MAX_VAIN = 30,
	MAX_RESTARTS = 3,
};

/* How it is called where a column has several. */
static const char *name_of(const struct place *p)
{
	return p->config.board && p->config.board->name ? p->config.board->name
							: p->column->label;
}

/* Where it is on its way up, or that it is there. */
static enum place_step whereabouts(const struct place *p)
{
	return p->state == PLACE_UP ? PLACE_STANDS : p->step;
}

/* The first try is made at once: most cuts are short. */
static int64_t pause_ms(unsigned tries)
{
	return tries == 0 ? 0 : MIN(FIRST_PAUSE_MS << MIN(tries - 1, 6), LAST_PAUSE_MS);
}

static int64_t limit_ms(const struct place *p)
{
	return p->config.return_limit_ms ? p->config.return_limit_ms : GIVE_UP_MS;
}

/* A WELCOME is no return yet: who says that, and then nothing of use, is as far away as
 * before. */
static void begin_return(struct place *p, const char *reason)
{
	struct place_return *b = &p->back;
	uint64_t before = b->progress;

	b->to = whereabouts(p);
	free(b->reason);
	b->reason = xstrdup(reason);
	b->progress = session_progress(p->session);
	if (b->since_ms && b->progress == before) {
		b->vain++;
		return;
	}
	b->since_ms = now_ms();
	b->tries = b->vain = 0;
}

bool place_return_cut(struct place *p, const char *reason)
{
	struct place_return *b = &p->back;
	autofree char *why = NULL;

	if (p->leaving || p->gone)
		return false;
	if (!b->away)
		begin_return(p, reason);
	if (b->vain > MAX_VAIN || now_ms() - b->since_ms >= limit_ms(p))
		return false;
	b->away = true;
	b->again_ms = now_ms() + pause_ms(b->tries++);
	/* It would take our closing for a farewell. */
	if (p->link.pid > 0)
		kill(p->link.pid, SIGKILL);
	place_close_link(p, &why);
	session_cut(p->session);
	p->state = PLACE_COMING;
	p->step = PLACE_REACH;
	return true;
}

void place_return_try(struct place *p)
{
	struct err e = {0};

	if (!p->back.away || place_has_link(p) || now_ms() < p->back.again_ms)
		return;
	if (p->transport->open(&p->config, &p->link, &e) == 0)
		return;
	place_close_link(p, &(char *){NULL});
	if (!place_return_cut(p, e.msg))
		place_take_down(p, e.msg);
}

bool place_return_done(struct place *p)
{
	struct place_return *b = &p->back;
	bool resumed = session_welcome(p->session)->resumed;

	if (!b->away)
		return false;
	b->away = false;
	strv_pushf(&b->news, "the link to %s was lost (%s); %s after %.1f s", name_of(p),
		b->reason,
		resumed ? "attached again" : "its runner had ended, begun again",
		(double)(now_ms() - b->since_ms) / 1000);
	if (!resumed && ++b->restarts > MAX_RESTARTS) {
		place_take_down(p, "its runner ended again and again before any test");
		return true;
	}
	if (!resumed) {
		shipping_free(take_ptr(p->shipping));
		p->entered = false;
		return false;
	}
	/* What it was asked then is asked again with everything not acknowledged. */
	if (b->to <= PLACE_ANSWER)
		return false;
	if (b->to == PLACE_STANDS)
		p->state = PLACE_UP;
	else
		place_next_step(p, b->to);
	return true;
}

int64_t place_return_wait(const struct place *p, int64_t now)
{
	if (!p->back.away || place_has_link(p))
		return INT64_MAX;
	return MAX(0, p->back.again_ms - now);
}

void place_return_release(struct place *p)
{
	free(p->back.reason);
	strv_release(&p->back.news);
}

char *place_take_news(struct place *p)
{
	char *first = p->back.news.len ? xstrdup(p->back.news.v[0]) : NULL;

	if (first)
		strv_remove(&p->back.news, 0);
	return first;
}
