#include "engine/session-private.h"

#include "base/util.h"

#include <errno.h>
#include <stdio.h>

#define ACK_EVERY_BYTES 32768u
#define ACK_AFTER_MS 200
/* A HELLO may fall into the moment in which a restored machine opens its port. */
#define HELLO_AGAIN_FIRST_MS 50
#define HELLO_AGAIN_MS 500
#define STALLED_MS 3000

struct session *session_new(
	const struct session_options *options, const struct session_ops *ops, void *ctx)
{
	struct session *s = xcalloc(1, sizeof(*s));

	s->ops = ops;
	s->ctx = ctx;
	s->options = *options;
	if (!s->options.heartbeat_ms)
		s->options.heartbeat_ms = 1000;
	link_init_growing(&s->link);
	return s;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	link_release(&s->link);
	free(s->jobs);
	free(s);
}

static void say_hello(struct session *s)
{
	struct wire_hello hello = {
		.version = WIRE_VERSION,
		.features = WIRE_FEATURE_JOURNAL,
		.session = s->options.id,
		.last_seen = s->link.seen,
		.silence_ms = s->options.silence_ms,
		.life = s->ever_ready ? s->welcome.life : 0,
	};

	s->hello_ms = s->now_ms;
	link_say(&s->link, WIRE_HELLO, &hello);
}

void session_greet(struct session *s)
{
	/* The runner may wait for the rest of a frame, and would take HELLO for it. */
	s->pad = s->greeted ? link_longest(&s->link) : 0;
	s->greeted = true;
	s->ready = false;
	s->reader.start = s->reader.end = 0;
	s->heard_ms = s->frame_ms = s->now_ms;
	s->asked_ms = 0;
	link_restart(&s->link);
	s->hello_wait_ms = HELLO_AGAIN_FIRST_MS;
	say_hello(s);
}

void session_greet_again(struct session *s)
{
	if (s->greeted && !s->ready && !s->dead)
		say_hello(s);
}

void session_cut(struct session *s)
{
	s->greeted = s->ready = false;
	s->asked_ms = 0;
}

bool session_is_ready(const struct session *s)
{
	return s->ready && !s->dead;
}

const struct wire_welcome *session_welcome(const struct session *s)
{
	return s->ever_ready ? &s->welcome : NULL;
}

/* ---- jobs */

struct session_job *session_find_job(struct session *s, uint32_t id)
{
	for (size_t i = 0; i < s->job_count; i++)
		if (s->jobs[i].id == id)
			return &s->jobs[i];
	return NULL;
}

static void remove_job(struct session *s, struct session_job *job)
{
	size_t at = (size_t)(job - s->jobs);

	s->job_count--;
	memmove(job, job + 1, (s->job_count - at) * sizeof(*job));
}

size_t session_jobs(const struct session *s, uint32_t *jobs, size_t max)
{
	for (size_t i = 0; jobs && i < s->job_count && i < max; i++)
		jobs[i] = s->jobs[i].id;
	return s->job_count;
}

/* ---- what the runner says */

static int violation(struct err *e, const char *what, const struct wire_header *h)
{
	const struct wire_message *m = msg_find(h->type);

	return err_set(e, ERR_INFRA,
		"the runner broke the protocol: %s (message %u %s, job %u)", what,
		h->type, m ? m->name : "unknown", h->job);
}

/* Those up to a number; jobs are in the order of theirs. */
static void lose_jobs(struct session *s, uint32_t last)
{
	while (s->job_count && s->jobs[0].id <= last) {
		uint32_t id = s->jobs[0].id;

		remove_job(s, &s->jobs[0]);
		if (s->ops->lost)
			s->ops->lost(s->ctx, id);
	}
}

/* A runner that has nothing of this session but perhaps the ends of jobs: whatever else
 * was asked of the one before is lost. */
static void start_over(struct session *s)
{
	link_release(&s->link);
	link_init_growing(&s->link);
	s->tree_len = 0;
	s->recall_until = s->welcome.recalls ? s->highest_job : 0;
	if (!s->recall_until)
		lose_jobs(s, s->highest_job);
}

/* It is shown to people, and paths are made of it. */
static bool is_plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

static bool is_path(const char *path)
{
	return !*path || (path[0] == '/' && is_plain(path) && !strstr(path, "/../") &&
				 !ends_with(path, "/.."));
}

static int keep_welcome(struct session *s, const struct wire_header *h,
	const uint8_t *body, struct err *e)
{
	struct wire_welcome w;

	if (h->length > sizeof(s->welcome_body) ||
		msg_decode(msg_find(WIRE_WELCOME), body, h->length, &w) < 0)
		return violation(e, "a WELCOME that cannot be read", h);
	if (w.version != WIRE_VERSION)
		return err_set(e, ERR_VERSION,
			"the runner speaks version %u of the protocol, this xtest speaks "
			"version %u; use the "
			"runner that was built with it",
			w.version, WIRE_VERSION);
	memcpy(s->welcome_body, body, h->length);
	if (msg_decode(msg_find(WIRE_WELCOME), s->welcome_body, h->length, &s->welcome) <
		0)
		return violation(e, "a WELCOME that cannot be read", h);
	if (!is_plain(s->welcome.arch) || !is_plain(s->welcome.kernel) ||
		!is_plain(s->welcome.build_id) || !is_path(s->welcome.work))
		return violation(e, "a WELCOME with names that nothing can have", h);
	return 0;
}

static int take_welcome(struct session *s, const struct wire_header *h,
	const uint8_t *body, struct err *e)
{
	struct wire_welcome w;

	/* An answer to somebody else, or to a HELLO that was said twice. */
	if (msg_decode(msg_find(WIRE_WELCOME), body, h->length, &w) == 0 &&
		w.version == WIRE_VERSION &&
		(w.session != s->options.id || s->ready || !s->greeted))
		return 0;
	if (keep_welcome(s, h, body, e) < 0)
		return -1;
	if (!s->welcome.resumed && s->ever_ready)
		start_over(s);
	else if (s->welcome.resumed && link_acked(&s->link, s->welcome.last_seen) < 0)
		return violation(e, "it has seen messages that were never sent", h);
	/* Asked at once: whether it does more than greet is to be known soon. */
	if (s->ever_ready)
		s->pinged_ms = s->now_ms - s->options.heartbeat_ms;
	s->ready = s->ever_ready = true;
	if (s->ops->ready)
		s->ops->ready(s->ctx, &s->welcome);
	return 0;
}

static int take_job_message(struct session *s, const struct wire_header *h,
	const void *message, struct err *e)
{
	const struct session_ops *o = s->ops;
	const struct wire_output *output = message;
	struct session_job *job = session_find_job(s, h->job);
	bool begins = h->type == WIRE_STARTED || h->type == WIRE_FAILED;

	if (!job)
		return violation(e, "a job that was not asked for, or has ended", h);
	if (begins != (job->state == JOB_ASKED))
		return violation(e, "not in the life of this job now", h);
	switch (h->type) {
	case WIRE_STARTED:
		job->state = JOB_STARTED;
		if (o->started)
			o->started(s->ctx, h->job, message);
		return 0;
	case WIRE_OUTPUT:
		if (output->stream != 1 && output->stream != 2)
			return violation(e, "a stream that is neither 1 nor 2", h);
		if (o->output)
			o->output(s->ctx, h->job, (int)output->stream, output->skipped,
				output->data.data, output->data.len);
		return 0;
	case WIRE_STRUCK:
		if (o->struck)
			o->struck(s->ctx, h->job, message);
		return 0;
	case WIRE_FAILED:
		remove_job(s, job);
		if (o->failed)
			o->failed(s->ctx, h->job, message);
		return 0;
	default:
		remove_job(s, job);
		if (o->exited)
			o->exited(s->ctx, h->job, message);
		return 0;
	}
}

static int take_recalled(struct session *s, const struct wire_header *h,
	const struct wire_recalled *recalled, struct err *e)
{
	struct session_job *job = session_find_job(s, h->job);
	struct wire_exited exited;
	bool started;

	if (!s->recall_until || h->job > s->recall_until)
		return violation(e, "nothing of that is to be recalled", h);
	if (!h->job) {
		lose_jobs(s, s->recall_until);
		s->recall_until = 0;
		return 0;
	}
	/* Heard of in time. */
	if (!job)
		return 0;
	if (msg_decode(msg_find(WIRE_EXITED), recalled->exited.data, recalled->exited.len,
		    &exited) < 0)
		return violation(e, "it cannot be read", h);
	started = job->state == JOB_STARTED;
	remove_job(s, job);
	if (!started && s->ops->started)
		s->ops->started(s->ctx, h->job, &(struct wire_started){.tmpdir = ""});
	if (s->ops->exited)
		s->ops->exited(s->ctx, h->job, &exited);
	return 0;
}

static int take_missing(struct session *s, const struct wire_header *h,
	const struct wire_digests *m, struct err *e)
{
	if (m->digests.len % WIRE_DIGEST_SIZE)
		return violation(e, "digests of a wrong length", h);
	if (s->ops->missing)
		s->ops->missing(s->ctx, h->job, m->digests.data,
			m->digests.len / WIRE_DIGEST_SIZE);
	return 0;
}

#define CALL(op, ...)                                                                    \
	do {                                                                             \
		if (s->ops->op)                                                          \
			s->ops->op(s->ctx, __VA_ARGS__);                                 \
		return 0;                                                                \
	} while (0)

static int take_message(struct session *s, const struct wire_header *h,
	const uint8_t *body, struct err *e)
{
	const struct wire_message *m = msg_find(h->type);
	union {
		struct wire_entered entered;
		struct wire_started started;
		struct wire_struck struck;
		struct wire_failed failed;
		struct wire_output output;
		struct wire_exited exited;
		struct wire_digests missing;
		struct wire_stored stored;
		struct wire_result result;
		struct wire_content content;
		struct wire_bye gone;
		struct wire_note note;
		struct wire_recalled recalled;
	} u;

	if (!m || h->type % 2 == 0 || m->size > sizeof(u) || h->flags & WIRE_FLAG_MORE)
		return violation(e, "not a message of a runner", h);
	if (msg_decode(m, body, h->length, &u) < 0)
		return violation(e, "it cannot be read", h);
	switch (h->type) {
	case WIRE_STARTED:
	case WIRE_FAILED:
	case WIRE_STRUCK:
	case WIRE_OUTPUT:
	case WIRE_EXITED:
		return take_job_message(s, h, &u, e);
	case WIRE_RECALLED:
		return take_recalled(s, h, &u.recalled, e);
	case WIRE_MISSING:
		return take_missing(s, h, &u.missing, e);
	case WIRE_ENTERED:
		CALL(entered, &u.entered);
	case WIRE_STORED:
		CALL(stored, h->job, &u.stored);
	case WIRE_STAGED:
		CALL(staged, h->job, &u.result);
	case WIRE_CONTENT:
		CALL(content, h->job, &u.content);
	case WIRE_CLEANED:
		CALL(cleaned, h->job, &u.result);
	case WIRE_CLOCK_SET:
		CALL(clock_set, &u.result);
	case WIRE_NOTE:
		CALL(note, &u.note);
	case WIRE_GONE:
		if (s->ops->gone)
			s->ops->gone(s->ctx);
		return 0;
	default:
		return violation(e, "not a message that is kept", h);
	}
}

static void take_pong(struct session *s, const struct wire_ping *pong)
{
	if (link_lost(&s->link, pong->last_sent))
		link_say_sequence(&s->link, WIRE_RESEND, s->link.seen + 1);
	if (pong->token != s->token)
		return;
	s->progress++;
	if (s->ops->pong)
		s->ops->pong(s->ctx, s->now_ms - s->token_ms, pong->running);
}

static int take_acked(struct session *s, uint32_t sequence)
{
	s->progress += sequence >= s->link.first;
	return link_acked(&s->link, sequence);
}

static int take_passing(struct session *s, const struct wire_header *h,
	const uint8_t *body, struct err *e)
{
	union {
		struct wire_sequence sequence;
		struct wire_ping ping;
	} u;

	if (h->type == WIRE_WELCOME)
		return take_welcome(s, h, body, e);
	if (!s->ready)
		return 0;
	if (h->type != WIRE_ACKED && h->type != WIRE_REPEAT && h->type != WIRE_PONG)
		return violation(e, "not a message that passes without a number", h);
	if (msg_decode(msg_find(h->type), body, h->length, &u) < 0)
		return violation(e, "it cannot be read", h);
	if (h->type == WIRE_PONG)
		take_pong(s, &u.ping);
	else if (h->type == WIRE_ACKED && take_acked(s, u.sequence.sequence) < 0)
		return violation(e, "it has seen messages that were never sent", h);
	else if (h->type == WIRE_REPEAT && link_repeat(&s->link, u.sequence.sequence) < 0)
		return violation(e, "it asks for messages that were never sent", h);
	return 0;
}

void session_say_ack(struct session *s)
{
	s->unacked_bytes = 0;
	s->link.ack_due = false;
	s->acked_ms = s->now_ms;
	link_say_sequence(&s->link, WIRE_ACK, s->link.seen);
}

static int take_frame(struct session *s, const struct wire_header *h, const uint8_t *body,
	struct err *e)
{
	int err;

	s->heard_ms = s->frame_ms = s->now_ms;
	s->asked_ms = 0;
	s->noise_start = s->reader.skipped_bytes;
	if (!h->sequence)
		return take_passing(s, h, body, e);
	/* What was under way when the link was cut comes again after the WELCOME. */
	if (!s->ready)
		return 0;
	if (!link_is_next(&s->link, h->sequence)) {
		if (link_lost(&s->link, h->sequence))
			link_say_sequence(&s->link, WIRE_RESEND, s->link.seen + 1);
		return 0;
	}
	link_take(&s->link);
	s->progress++;
	s->unacked_bytes += WIRE_HEADER_SIZE + h->length;
	err = take_message(s, h, body, e);
	if (s->unacked_bytes >= ACK_EVERY_BYTES)
		session_say_ack(s);
	return err;
}

static int die(struct session *s, struct err *e)
{
	s->dead = true;
	s->why = *e;
	return -1;
}

int session_feed(struct session *s, const void *data, size_t len, struct err *e)
{
	const uint8_t *p = data, *body;
	struct wire_header h;

	s->bytes_in += len;
	while (!s->dead && len) {
		size_t room;
		uint8_t *to = frame_reader_room(&s->reader, &room);
		size_t n = MIN(len, room);

		memcpy(to, p, n);
		frame_reader_add(&s->reader, n);
		p += n;
		len -= n;
		while (frame_reader_next(&s->reader, &h, &body))
			if (take_frame(s, &h, body, e) < 0)
				return die(s, e);
	}
	if (s->dead) {
		*e = s->why;
		return -1;
	}
	return 0;
}

/* ---- what we say */

const void *session_output(struct session *s, size_t *len)
{
	static const uint8_t nothing[1024];

	*len = 0;
	if (s->dead || !s->greeted)
		return NULL;
	if (s->pad) {
		*len = MIN(s->pad, sizeof(nothing));
		return nothing;
	}
	if (s->ready)
		return link_output(&s->link, len);
	/* Before the WELCOME only what passes without a number. */
	if (!s->link.urgent_end)
		return NULL;
	*len = s->link.urgent_end - s->link.urgent_sent;
	return s->link.urgent + s->link.urgent_sent;
}

void session_wrote(struct session *s, size_t len)
{
	s->bytes_out += len;
	if (s->pad)
		s->pad -= len;
	else
		link_wrote(&s->link, len);
}

static void ping(struct session *s)
{
	struct wire_ping ping = {++s->token, link_last_sent(&s->link), 0};

	s->pinged_ms = s->token_ms = s->now_ms;
	if (!s->asked_ms)
		s->asked_ms = s->now_ms;
	link_say(&s->link, WIRE_PING, &ping);
}

int64_t session_tick(struct session *s, int64_t now_ms)
{
	/* The first tick sets the clock. */
	if (!s->now_ms)
		s->heard_ms = s->frame_ms = s->hello_ms = s->pinged_ms = s->acked_ms =
			now_ms;
	s->now_ms = now_ms;
	if (s->dead || !s->greeted)
		return s->options.heartbeat_ms;
	if (!s->ready) {
		if (now_ms - s->hello_ms >= s->hello_wait_ms) {
			s->hello_wait_ms = MIN(2 * s->hello_wait_ms, HELLO_AGAIN_MS);
			say_hello(s);
		}
		return s->hello_wait_ms - (now_ms - s->hello_ms);
	}
	if (now_ms - s->frame_ms >= STALLED_MS) {
		s->frame_ms = now_ms;
		frame_reader_resync(&s->reader);
	}
	if (s->link.ack_due && now_ms - s->acked_ms >= ACK_AFTER_MS)
		session_say_ack(s);
	if (now_ms - s->pinged_ms >= s->options.heartbeat_ms)
		ping(s);
	return MIN(s->link.ack_due ? ACK_AFTER_MS : INT64_MAX,
		s->pinged_ms + s->options.heartbeat_ms - now_ms);
}

int64_t session_silence_ms(const struct session *s)
{
	return s->now_ms - s->heard_ms;
}

void session_excuse(struct session *s, int64_t now_ms)
{
	if (!s->now_ms)
		return;
	s->now_ms = s->heard_ms = s->frame_ms = now_ms;
	if (s->asked_ms)
		s->asked_ms = now_ms;
}

int64_t session_unanswered_ms(const struct session *s)
{
	return s->asked_ms ? s->now_ms - s->asked_ms : 0;
}

uint64_t session_progress(const struct session *s)
{
	return s->progress;
}

uint64_t session_noise_bytes(const struct session *s)
{
	return s->reader.skipped_bytes - s->noise_start;
}

void session_counts(const struct session *s, struct session_counts *counts)
{
	*counts = (struct session_counts){
		.bytes_in = s->bytes_in,
		.bytes_out = s->bytes_out,
		.skipped_bytes = s->reader.skipped_bytes,
		.corrupt = s->reader.corrupt,
		.repeated = s->link.repeated,
		.asked_again = s->link.asked_again,
		.queue_bytes = s->link.end - s->link.start,
	};
}
