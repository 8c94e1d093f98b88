/*
 * What the files of the schedule share. schedule.c is the loop, schedule-start.c decides
 * what may start now, schedule-end.c what an end means, schedule-hook.c lets a command
 * look at what a time limit is about to end, schedule-places.c looks after places that
 * die or must be made anew, schedule-status.c tells what runs.
 */
#ifndef XTEST_ENGINE_SCHEDULE_PRIVATE_H
#define XTEST_ENGINE_SCHEDULE_PRIVATE_H

#include "base/fs.h"
#include "engine/pool.h"
#include "engine/schedule.h"

/* A case on its way. */
struct running {
	struct schedule *schedule;
	struct plan_item *plan;
	struct pool_place *place;
	struct pool_claim claim; /* what it has of the place */
	const struct framework *framework;
	struct task task;
	struct event_item item;
	int64_t next_slow_ms;
	unsigned threads;    /* of --jobs */
	int64_t memory_kib;  /* of this machine's */
	unsigned group_slot; /* in its group */
	bool pristine;       /* nothing had run in its place before */
	bool used;
	struct hook *hook; /* looks at it before a limit's end; NULL: none */
	struct buf seen;   /* owned: what it has said */
	bool ended;        /* its process has, and the hook has not */
	bool fallen;       /* ended with its place: what that means is not decided yet */
};

/* What became of a case so far. */
struct past {
	unsigned attempts;
	unsigned failures;              /* of these that count as tries */
	unsigned lost;                  /* of the failures: it was lost with its place */
	enum verdict verdict;           /* of the last failure */
	char *reason;                   /* owned: its reason */
	int64_t not_before_ms;          /* the next one waits until then */
	bool suspect;                   /* a machine died under it */
	const struct pool_place *place; /* where it ran last; NULL: nowhere */
	unsigned made;                  /* which of the machines that were there */
};

struct schedule {
	struct plan *plan;
	const struct schedule_options *o;
	struct schedule_result *r;
	struct pool pool;
	struct unit_list units;
	struct past *past;     /* one per item of the plan */
	size_t *order;         /* items as they should start */
	size_t *rank;          /* of each item in the order */
	unsigned *group_used;  /* threads of each group that are taken */
	struct running *slots; /* one per process that may run at once: max_slots */
	unsigned n_slots;      /* of them that were ever used */
	unsigned max_slots, busy, processors;
	bool far; /* some column has processors of its own */
	bool serial_running;
	int64_t memory_kib; /* of this machine's that is taken */
	uint32_t random;
	size_t delayed;       /* attempts that wait for their time */
	size_t first_waiting; /* rank: nothing waits before it */
	unsigned signals_seen, asked_seen;
	int64_t start_ms;   /* now_ms() at its start */
	int64_t stopped_ms; /* when all were stopped, the last time */
	unsigned round;     /* of a stress run, from 0 */
	bool stop;          /* start nothing more */
	bool end;           /* and end what runs */
	struct {
		struct pool_place *place; /* NULL: none so far */
		unsigned made;            /* which of the machines that were there */
		bool failed;
	} kept; /* with options.keep */
};

const struct rules *schedule_rules(const struct schedule *s, const struct plan_item *p);
struct past *schedule_past(struct schedule *s, const struct plan_item *p);
/* Starts nothing more; what runs goes on. Takes `why`; the first one counts. */
void schedule_cancel(struct schedule *s, char *why);

/* What the case asks of a place. */
struct pool_claim schedule_claim_of(struct schedule *s, const struct plan_item *p);
/* Its threads; no more than there are. */
unsigned schedule_threads(const struct schedule *s, const struct plan_item *p);
/* The same, of its group; 0 without one. */
unsigned schedule_group_threads(const struct schedule *s, const struct plan_item *p);
/* Starts everything that may start now; false when there was nothing. */
bool schedule_fill_slots(struct schedule *s);
/* Tells whoever has asked what runs. */
void schedule_tell_status(struct schedule *s);
/* When the next attempt that waits for its time may start (now_ms); INT64_MAX: none does.
 */
int64_t schedule_next_retry(struct schedule *s);

void schedule_send_item(struct schedule *s, enum event_type type,
	const struct event_item *item, const struct outcome *outcome,
	const struct judgement *judgement);
/* The next attempt at a case. */
struct event_item schedule_make_item(
	struct schedule *s, const struct plan_item *p, unsigned slot);
/* An end without a process: a fixture failed, a file is missing, the place is gone. Takes
 * `reason`. */
void schedule_finish_unstarted(
	struct schedule *s, struct plan_item *p, enum verdict verdict, char *reason);
/* For the task of a `struct running`: on_end, and on_output where nothing is captured. */
void schedule_on_end(void *ctx, struct task *task);
void schedule_on_output(
	void *ctx, struct task *task, int stream, const char *data, size_t len);
/* The same: on_struck, where the rules have a hook. */
void schedule_on_struck(void *ctx, struct task *task, const char *limit);
/* True when the task's end waits for that of its hook, which then calls schedule_on_end()
 * once more. */
bool schedule_awaits_hook(struct running *r);
/* What the hook has said comes behind what the test has, once that is judged. */
void schedule_attach_seen(struct running *r);
/* Ends the tests whose hooks have seen enough. */
void schedule_tend_hooks(struct schedule *s);
/* All hooks are killed; schedule_tend_hooks() sees to the rest. */
void schedule_end_hooks(struct schedule *s);
/* So much time is no fault of theirs. */
void schedule_excuse_hooks(struct schedule *s, int64_t stood_ms);
/* The case has its verdict, and its slot is free. */
void schedule_end_case(struct running *r);
/* The case runs again because its place died: this attempt has no verdict of its own and
 * does not count. */
void schedule_end_attempt(struct running *r);
/* Once the run was cancelled: who waits for another attempt has the verdict of the last.
 */
void schedule_end_retries(struct schedule *s);

/* Idle places are made anew for those that none of the used ones is good for, even when
 * nothing more may start just now: they are ready when something may. What somebody will
 * still need on one is given up only when nothing else goes on, which is `stuck`. */
void schedule_renew_places(struct schedule *s, bool stuck);
/* Columns that have something to run and no place: all of it is lost. */
void schedule_give_up_unreachable(struct schedule *s);
/* A place that died is started again. One that dies again and again though no case is to
 * blame is given up. */
void schedule_tend_places(struct schedule *s);

#endif
