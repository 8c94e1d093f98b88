/*
 * The host's side of the wire protocol as a step machine: bytes go in with
 * session_feed(), bytes come out through session_output(), events go to a table of
 * callbacks. It owns no descriptor and no clock, so it works over any transport and is
 * tested without one. What the runner says is not trusted: every message is checked
 * against what was asked, memory is bounded, and a violation is an error that ends the
 * session.
 *
 * How a scheduler drives it: session_new(); connect; session_greet(); then a poll loop
 * that writes session_output() to the transport, feeds what arrives, and calls
 * session_tick() at least as often as it says. When the transport breaks: connect again
 * and session_greet() again; every kept message is then sent once more by whoever was not
 * heard, and each event still comes exactly once.
 */
#ifndef XTEST_ENGINE_SESSION_H
#define XTEST_ENGINE_SESSION_H

#include "base/err.h"
#include "wire/wire.h"

struct session;

/* Called from session_feed() only. `data` and all strings are borrowed for the call. Any
 * may be NULL. A callback may call every session function but session_feed() and
 * session_free(). For each session_run() there is, as long as the session lives, exactly
 * one failed() or one exited(); output() only between started() and exited(). */
struct session_ops {
	/* The runner answered. `welcome->resumed` = 0 after an earlier ready(): it knows
	 * nothing of what was before (rebooted, restarted): jobs it can recall the end of
	 * end with exited(), though not all of their output was heard; all others of that
	 * time with lost(), before it or soon after. */
	void (*ready)(void *ctx, const struct wire_welcome *welcome);
	void (*entered)(void *ctx, const struct wire_entered *entered);
	void (*started)(void *ctx, uint32_t job, const struct wire_started *started);
	/* A limit has struck, and the job has asked for notice of that. */
	void (*struck)(void *ctx, uint32_t job, const struct wire_struck *struck);
	/* stream is 1 or 2; `skipped` bytes of it were dropped just before. */
	void (*output)(void *ctx, uint32_t job, int stream, uint64_t skipped,
		const uint8_t *data, size_t len);
	void (*exited)(void *ctx, uint32_t job, const struct wire_exited *exited);
	/* It never ran: no verdict. */
	void (*failed)(void *ctx, uint32_t job, const struct wire_failed *failed);
	/* The runner lost its memory while the job ran (see ready): infrastructure, no
	 * verdict. */
	void (*lost)(void *ctx, uint32_t job);
	void (*missing)(
		void *ctx, uint32_t request, const uint8_t *digests, size_t count);
	void (*stored)(void *ctx, uint32_t request, const struct wire_stored *stored);
	void (*staged)(void *ctx, uint32_t request, const struct wire_result *result);
	void (*content)(void *ctx, uint32_t request, const struct wire_content *content);
	void (*cleaned)(void *ctx, uint32_t request, const struct wire_result *result);
	void (*clock_set)(void *ctx, const struct wire_result *result);
	void (*note)(void *ctx, const struct wire_note *note);
	/* The answer to a heartbeat; `round_trip_ms` as the ticks tell. */
	void (*pong)(void *ctx, int64_t round_trip_ms, unsigned int running);
	void (*gone)(void *ctx);
};

struct session_options {
	uint64_t id;           /* random; the same one resumes */
	uint32_t silence_ms;   /* the runner ends its jobs when it hears nothing for so
				  long; 0 = never (EOF ends them) */
	uint32_t heartbeat_ms; /* how often to ping; 0 = 1000 */
};

/* Never NULL; free with session_free(). `ops` and `ctx` are borrowed for its life. */
struct session *session_new(
	const struct session_options *options, const struct session_ops *ops, void *ctx);
void session_free(struct session *s);

/* Says HELLO on a new connection: the first time and after each cut. What was half sent
 * or half received is forgotten; what was not acknowledged is sent again once the runner
 * has answered. */
void session_greet(struct session *s);
/* The far side may have missed it: says HELLO once more if it was not answered yet. */
void session_greet_again(struct session *s);
/* The connection is no more, and the next one will be a stream of its own: until
 * session_greet() there is nothing to write. */
void session_cut(struct session *s);
/* True once the runner has answered the last session_greet(). */
bool session_is_ready(const struct session *s);
/* The last WELCOME; NULL before the first. Borrowed until the next session_feed(). */
const struct wire_welcome *session_welcome(const struct session *s);

/* Bytes from the runner. Fails with ERR_VERSION (both numbers in the message) or
 * ERR_INFRA when the runner breaks the protocol; the session is then dead: every later
 * call fails with the same error. */
int session_feed(
	struct session *s, const void *data, size_t len, struct err *e) MUST_CHECK;
/* Bytes to write to the runner: *len of them, 0 = nothing to do. Valid until the next
 * call of anything. */
const void *session_output(struct session *s, size_t *len);
/* So many of them were written. */
void session_wrote(struct session *s, size_t len);
/* Time passes: acknowledges, pings, repeats a HELLO that got no answer. Returns in how
 * many ms it wants to be called again. */
int64_t session_tick(struct session *s, int64_t now_ms);
/* Milliseconds since the runner was last heard, by the ticks; a scheduler gives it up
 * after a few heartbeats. */
int64_t session_silence_ms(const struct session *s);
/* This process stood still until `now_ms`: the silence was its own. */
void session_excuse(struct session *s, int64_t now_ms);
/* Milliseconds since the first heartbeat after which nothing was heard; 0 when all were
 * answered. Unlike the silence it does not count the time in which nobody asked. */
int64_t session_unanswered_ms(const struct session *s);

/* Asks for the private view. At most once, before the first job; entered() answers.
 * `binds` may be NULL, else source, target, source, target, …, NULL. */
void session_enter(struct session *s, const struct wire_emulator *emulators,
	size_t emulator_count, const char *const *binds);

/* Starts a job; may be called before the runner is ready. In `run`, set lists by their
 * `v` (NULL-terminated arrays); everything is copied. `limits` are encoded into it. Job
 * numbers are the caller's and go upwards from 1, a new one per attempt. Fails
 * (ERR_INFRA) when the number is not above the last, or argv and env exceed
 * WIRE_MESSAGE_MAX. */
int session_run(struct session *s, uint32_t job, const struct wire_run *run,
	const struct wire_rlimit *limits, size_t limit_count, struct err *e) MUST_CHECK;
/* Signals the job's group (SIGTERM, SIGINT, …); after grace_ms (0 = never) everything of
 * the job gets SIGKILL. A job that has ended already is left alone. */
void session_kill(struct session *s, uint32_t job, int signal, uint32_t grace_ms);
/* Standard input of a job with WIRE_RUN_INPUT or WIRE_RUN_TTY. */
void session_input(
	struct session *s, uint32_t job, const void *data, size_t len, bool eof);
/* The size of the terminal of a job with WIRE_RUN_TTY. */
void session_resize(struct session *s, uint32_t job, uint32_t rows, uint32_t columns);
/* Jobs that have been run and not ended, in the order of their start: the first `max` of
 * them into `jobs` (may be NULL). Returns how many there are. */
size_t session_jobs(const struct session *s, uint32_t *jobs, size_t max);

/* How many bytes may be queued now without growing over the window: ask before every blob
 * piece. */
size_t session_room(const struct session *s);
/* Which of `count` digests (32 bytes each, at most SESSION_DIGESTS_MAX) the store lacks;
 * missing() answers. */
#define SESSION_DIGESTS_MAX 2000u
void session_have(
	struct session *s, uint32_t request, const uint8_t *digests, size_t count);
/* Which of a list of a tree (a blob of entries) and of all blobs it names; missing()
 * tells the list alone when that is not there. For runners with WIRE_FEATURE_LIST. */
void session_have_list(struct session *s, uint32_t request, const uint8_t *digest);
/* A piece of a blob (at most SESSION_PIECE_MAX bytes of data); stored() answers the last
 * one. */
#define SESSION_PIECE_MAX 32768u
void session_blob(struct session *s, uint32_t request, const struct wire_blob *piece);
/* One entry of a work tree. session_tree_end() makes it complete; staged() answers. Fails
 * when a path is too long. */
int session_tree(struct session *s, uint32_t request, const char *name,
	const struct wire_entry *entry, struct err *e) MUST_CHECK;
/* The whole tree out of a list in the store; staged() answers. */
void session_tree_list(struct session *s, uint32_t request, const char *name,
	const uint8_t *digest, uint64_t mtime_s);
void session_tree_end(struct session *s, uint32_t request, const char *name);
/* A file under WELCOME.work; content() answers in pieces. length 0 = to the end. */
void session_read(struct session *s, uint32_t request, const char *path, uint64_t offset,
	uint64_t length);
void session_clean(
	struct session *s, uint32_t request, const char *name, uint64_t keep_bytes);
void session_clock(
	struct session *s, uint64_t realtime_ns, const void *entropy, size_t len);
/* Orderly end: jobs are killed, gone() answers. */
void session_bye(struct session *s, bool remove_work);

/* Grows with all that shows a runner at work: a message of its in order, one of ours that
 * it acknowledges, a heartbeat it answers. A WELCOME alone is none of that. */
uint64_t session_progress(const struct session *s);
/* Bytes since the last good frame that are part of none. */
uint64_t session_noise_bytes(const struct session *s);

/* Sequence numbers, for tests and for reports of a lossy line. */
struct session_counts {
	uint64_t bytes_in, bytes_out;
	uint64_t skipped_bytes; /* not part of a good frame */
	uint32_t corrupt, repeated, asked_again;
	size_t queue_bytes; /* kept until acknowledged */
};
void session_counts(const struct session *s, struct session_counts *counts);

#endif
