/*
 * A place with a runner on it: processes go in as tasks, outcomes come out. This is where
 * a transport's bytes meet the session's messages. Nothing here knows suites or verdicts.
 */
#ifndef XTEST_ENGINE_PLACE_H
#define XTEST_ENGINE_PLACE_H

#include "base/err.h"
#include "base/strv.h"
#include "model/event.h"
#include "model/outcome.h"
#include "transport/transport.h"
#include "wire/wire.h"

struct place;
struct shipment;

/* One process on a place, from its submission to its end. */
struct task {
	/* Set by whoever submits it; nothing may change until it has ended. */
	struct strv prefix; /* emulator in front; empty when the place runs it as it is */
	struct strv argv;
	struct strv env; /* whole */
	char *cwd;
	int64_t wall_ms, idle_ms, cpu_ms; /* 0: no limit */
	int64_t grace_ms, leak_ms;
	/* When a limit has struck, on_struck is called, and the task goes on for so long,
	 * or until place_strike(); 0: it is ended at once, and on_struck is not used. */
	int64_t notice_ms;
	void (*on_struck)(void *ctx, struct task *task, const char *limit);
	uint64_t output_bytes; /* kept per stream; 0: all */
	bool merge;            /* stderr into stdout */
	bool private_tmp; /* a directory of its own, in TMPDIR and XTEST_TMPDIR, removed
			     afterwards */
	bool input;       /* standard input is what place_input() gives; else nothing */
	bool terminal;    /* its streams are a terminal of its own, for place_input() and
			     place_resize(); all output is stream 1 */
	unsigned rows, columns; /* of that terminal */
	bool hold; /* stops before its first instruction, until place_release() */
	bool change_user;
	uint32_t uid, gid;
	void (*on_started)(void *ctx, struct task *task); /* may be NULL */
	/* NULL: output is collected in outcome.out and .err. */
	void (*on_output)(
		void *ctx, struct task *task, int stream, const char *data, size_t len);
	/* Exactly once for each submitted task; the outcome is the task's. The task may
	 * be released in it. */
	void (*on_end)(void *ctx, struct task *task);
	void *ctx;

	struct outcome outcome;
	uint32_t pid;            /* once started: on the machine of its place */
	uint64_t entry;          /* once started and held: address of its entry point */
	uint32_t job;            /* private: 0 while it is on no place */
	int64_t submitted_ms;    /* private */
	uint64_t heard_bytes[2]; /* private: of output, per stream */
};

void task_release(struct task *t);

/* What the runner prepares before its first job. */
struct place_view {
	const struct target
		*emulate; /* register its emulator for child processes; NULL: nothing */
	const struct strv
		*emulator;        /* argv of that emulator: absolute program, arguments */
	const struct strv *binds; /* source, target, …: absolute paths; NULL: none */
};

enum place_state {
	PLACE_COMING, /* started, restored or being filled: takes tasks later */
	PLACE_UP,
	PLACE_DOWN,
};

/* Begins to open a place and returns at once; place_wait() moves it on until it is up or
 * down: no task may be submitted before. `shipment` (borrowed; NULL: nothing) is what a
 * staged place gets. The column is borrowed; the place keeps copies of the rest, but for
 * config->machine. NULL when nothing can be started at all: ERR_INFRA, or ERR_SETUP for
 * what is missing on this machine. */
struct place *place_start(const struct event_column *column,
	const struct place_config *config, const struct place_view *view,
	struct shipment *shipment, struct err *e);
enum place_state place_state(const struct place *p);
/* Why it is down, by its own signs; NULL while it is not, or when nothing but the loss of
 * the link is known. Borrowed. */
const struct demise *place_demise(const struct place *p);
/* Ends what is there (up, coming or down) and begins anew, from the last saved state
 * where there is one: COMING afterwards, or DOWN when it fails. No task of its may run.
 */
int place_renew(struct place *p, struct err *e) MUST_CHECK;

/* place_start() without a shipment, and the wait until it is up. */
struct place *place_open(const struct event_column *column,
	const struct place_config *config, const struct place_view *view, struct err *e);
/* Kills what still runs (each task ends as lost), ends the runner, frees. */
void place_close(struct place *p);
/* place_close() for all of them side by side: what each needs to end is waited for once.
 */
void place_close_all(struct place *const *places, size_t n);
#define autoclose_place __attribute__((cleanup(place_cleanup)))
void place_cleanup(struct place **p);

const struct event_column *place_column(const struct place *p);
/* The board it is, by its name or address; NULL of other places. Borrowed. */
const char *place_board(const struct place *p);
/* What it is made of: "qemu-system-aarch64 7.2, Linux 6.1.0-30, 2 CPUs, restored in
 * 0.1 s"; NULL of a place of this machine, and before it is up. Borrowed. */
const char *place_detail(const struct place *p);
/* What goes on while it is coming ("sending the runner", "its kernel boots"), and how far
 * that is (negative: unknown). Borrowed; NULL when there is nothing to tell. */
const char *place_doing(const struct place *p, double *fraction);
/* The next thing that happened to its link and was made good ("the link to pi was lost
 * (connection reset); attached again after 3.0 s"), for a note: the caller's, or NULL.
 * While the link is away the place is COMING, with its tasks. */
char *place_take_news(struct place *p);
/* What went wrong on the way up and was made good: a saved state that was of no use. One
 * sentence, borrowed; NULL when there is nothing to tell. */
const char *place_remark(const struct place *p);
/* Why scripts and child processes cannot run target programs here, or NULL when they can
 * (or need not). Borrowed. */
const char *place_view_problem(const struct place *p);
/* True when the binds of the view hold: the original paths are there. */
bool place_has_binds(const struct place *p);
const struct wire_welcome *place_welcome(const struct place *p);

/* Starts the task as soon as the runner takes it. A task the place cannot take ends at
 * once as NOT_STARTED or LOST. */
void place_submit(struct place *p, struct task *t);
void place_kill(struct place *p, struct task *t, int signal, int64_t grace_ms);
/* Ends a task that a limit has struck, as if its notice were over. */
void place_strike(struct place *p, struct task *t);
/* Lets a held task go on. */
void place_release(struct place *p, struct task *t);
/* Standard input of a task that was submitted with `input` or `terminal`; `eof`: it ends
 * after that. Give no more than there is room for. */
void place_input(struct place *p, struct task *t, const void *data, size_t len, bool eof);
size_t place_input_room(const struct place *p);
void place_resize(struct place *p, struct task *t, unsigned rows, unsigned columns);
/* The far side is gone, or of no use: says why, ends it and, as lost, what runs there.
 * Nothing when it is down already. */
void place_take_down(struct place *p, const char *reason);
/* This process stood still: that nothing was heard from the far side is its own fault. */
void place_excuse(struct place *p);
size_t place_running(const struct place *p);
/* It takes tasks. When it goes down (its far side has died, or broken the protocol) its
 * tasks end as lost. */
bool place_is_up(const struct place *p);
const char *place_why_down(const struct place *p); /* borrowed; NULL unless it is down */

/* Moves bytes for all the places (NULLs are passed over) until something happened,
 * `extra_fd` (-1: none) is readable, or the time is over. True when extra_fd is readable.
 */
bool place_wait(struct place *const *places, size_t n, int extra_fd, int64_t timeout_ms);

#endif
