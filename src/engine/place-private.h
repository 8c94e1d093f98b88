/*
 * What the files of a place share and nobody else needs. place.c: the link, its signs of
 * life and the wait; place-open.c: from nothing to a place that takes tasks;
 * place-return.c: from a
 * cut link back to what was there; place-task.c: the tasks.
 */
#ifndef XTEST_ENGINE_PLACE_PRIVATE_H
#define XTEST_ENGINE_PLACE_PRIVATE_H

#include "engine/place.h"
#include "engine/session.h"

struct shipping;

/* What a place that is COMING waits for. */
enum place_step {
	PLACE_REACH,  /* the transport to have a way there */
	PLACE_ANSWER, /* the runner's WELCOME */
	PLACE_SHIP,   /* the tree to stand */
	PLACE_VIEW,   /* ENTERED */
	PLACE_STANDS, /* nothing more */
};

/* A place whose link was cut: COMING until it is back, with its tasks and all. */
struct place_return {
	bool away;
	enum place_step to; /* where it was */
	int64_t since_ms;   /* of the cut after which no return was of use; 0: none yet */
	int64_t again_ms;   /* when the way is tried again, while there is none */
	unsigned tries;     /* since it was last there, and of use */
	unsigned vain;      /* returns in a row after which nothing came of it */
	unsigned restarts;  /* of its runner, since a task has ended there */
	uint64_t progress;  /* of the session at the last cut */
	char *reason;       /* of the cut */
	struct strv news;   /* for place_take_news() */
};

struct place {
	const struct event_column *column; /* borrowed */
	const struct transport *transport;
	struct place_config config; /* its strings are copies below */
	char *uri, *runner_path;
	struct shipment *shipment; /* borrowed; NULL: nothing is sent */
	const struct target *emulate;
	struct strv emulator, binds;

	struct link link;
	struct session *session;
	struct shipping *shipping; /* while it is being filled */
	enum place_state state;
	enum place_step step;
	int64_t limit_ms; /* of the step, by now_ms() */
	int64_t started_ms;
	unsigned reopened;
	struct place_return back;
	bool leaving;       /* it was told to end: no cut is made good */
	char *detail;       /* of a staged place that is up */
	char *doing, *sent; /* of what is sent there; NULL: nothing so far */
	int64_t ship_ms;    /* when that began */
	bool entered, gone;
	uint32_t view_done;   /* enum wire_view */
	char *view_problem;   /* NULL: none */
	char *view_refused;   /* why the binds do not hold; NULL while nobody knows */
	char *remark;         /* see place_remark() */
	char *why_down;       /* NULL unless DOWN */
	struct demise demise; /* its reason is NULL when there was none */
	uint32_t last_job;

	struct task **running; /* borrowed tasks */
	size_t n_running, cap_running;
};

/* ---- place.c */

void place_close_link(struct place *p, char **why);
bool place_has_link(const struct place *p);
/* Writes what the session has to say. */
void place_write(struct place *p);

/* ---- place-open.c */

void place_greet(struct place *p);
/* Begins a step of the way up. */
void place_next_step(struct place *p, enum place_step step);
/* A place that is COMING goes as far as it can. */
void place_advance(struct place *p);
/* The store has answered: it gets time for the next one. */
void place_shipped(struct place *p);
/* The link of a place that is COMING failed. True when another way was opened in its
 * stead: a restored state that does not answer is no reason to give the place up. */
bool place_reopen(struct place *p, const char *reason);

/* ---- place-return.c */

/* The link is cut. True when it is tried again: the place is COMING. */
bool place_return_cut(struct place *p, const char *reason);
/* Tries again when it is time. */
void place_return_try(struct place *p);
/* The runner has answered again. True when the place goes on where it was; else it has to
 * be filled anew. */
bool place_return_done(struct place *p);
/* Milliseconds until it is time for something; INT64_MAX when it is not away. */
int64_t place_return_wait(const struct place *p, int64_t now);
void place_return_release(struct place *p);

/* ---- place-task.c */

extern const struct session_ops place_session_ops;
/* Ends the task as lost, with what the demise tells. */
void place_lose_task(struct place *p, struct task *t, const char *why);

#endif
