/*
 * What the files of a place share and nobody else needs. place.c: the link, its signs of
 * life and the wait; place-open.c: from nothing to a place that takes tasks;
 * place-task.c: the tasks.
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
	char *detail; /* of a staged place that is up */
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
/* Writes what the session has to say. */
void place_write(struct place *p);

/* ---- place-open.c */

/* A place that is COMING goes as far as it can. */
void place_advance(struct place *p);
/* The store has answered: it gets time for the next one. */
void place_shipped(struct place *p);
/* The link of a place that is COMING failed. True when another way was opened in its
 * stead: a restored state that does not answer is no reason to give the place up. */
bool place_reopen(struct place *p, const char *reason);

/* ---- place-task.c */

extern const struct session_ops place_session_ops;
/* Ends the task as lost, with what the demise tells. */
void place_lose_task(struct place *p, struct task *t, const char *why);

#endif
