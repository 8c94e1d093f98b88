#include "runner/serve.h"

#include "runner/board.h"
#include "runner/greet.h"
#include "runner/job.h"
#include "runner/journal.h"
#include "runner/kin.h"
#include "runner/later.h"
#include "runner/signo.h"
#include "runner/stage.h"
#include "runner/view.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef XTEST_RUNNER_BUILD_ID
#define XTEST_RUNNER_BUILD_ID "unknown"
#endif

#define STALLED_MS 1000
/* How often a machine whose host is gone looks whether it has come back. */
#define AWAY_MS 25

int64_t runner_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void runner_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void runner_note(struct runner *r, unsigned int level, const char *text)
{
	struct wire_note note = {level, text};

	link_send(&r->link, WIRE_NOTE, 0, &note);
}

uint32_t serve_features(void)
{
	return WIRE_FEATURE_JOURNAL | WIRE_FEATURE_VIEW | WIRE_FEATURE_CLOCK |
	       WIRE_FEATURE_INSIDE | WIRE_FEATURE_RECALL | stage_features();
}

const char *serve_build_id(void)
{
	return XTEST_RUNNER_BUILD_ID;
}

/* ---- requests */

static int handle_ping(struct runner *r, const struct wire_ping *ping)
{
	struct wire_ping pong = {
		ping->token, link_last_sent(&r->link), (uint32_t)job_count(r)};

	if (link_lost(&r->link, ping->last_sent))
		link_say_sequence(&r->link, WIRE_REPEAT, r->link.seen + 1);
	link_say(&r->link, WIRE_PONG, &pong);
	return 0;
}

static int handle_enter(struct runner *r, const struct wire_enter *enter)
{
	char binfmt_why[512], binds_why[512];
	struct wire_entered entered = {.binfmt_why = binfmt_why, .binds_why = binds_why};

	if (link_room(&r->link) < 4096)
		return -ENOBUFS;
	if (r->machine)
		view_bind(enter, r->mounts_fd, &entered, binfmt_why, binds_why,
			sizeof(binfmt_why));
	else
		view_enter(enter, &entered, binfmt_why, binds_why, sizeof(binfmt_why));
	return link_send(&r->link, WIRE_ENTERED, 0, &entered);
}

/* CLOCK: a machine that comes out of a snapshot has the time and the random numbers of
 * the moment it was saved. */
static int handle_clock(struct runner *r, const struct wire_clock *c)
{
	struct wire_result result = {.text = ""};
	struct timespec t = {
		.tv_sec = (time_t)(c->realtime_ns / 1000000000u),
		.tv_nsec = (long)(c->realtime_ns % 1000000000u),
	};
	char text[128];
	int err = 0;

	if (c->realtime_ns && clock_settime(CLOCK_REALTIME, &t) < 0)
		err = -errno;
	if (!err && c->entropy.len)
		err = view_add_entropy(c->entropy.data, c->entropy.len);
	if (err) {
		snprintf(text, sizeof(text),
			"cannot set the clock or seed the random generator: %s",
			strerror(-err));
		result.error = (uint32_t)-err;
		result.text = text;
	}
	return link_send(&r->link, WIRE_CLOCK_SET, 0, &result);
}

static int handle_bye(struct runner *r, const struct wire_bye *bye)
{
	job_kill_all(r, false);
	r->closing = true;
	r->say_gone = true;
	if (r->board)
		journal_begin(&r->board->journal, 0);
	if (bye->remove_work && r->stage)
		stage_remove(r->stage);
	return 0;
}

/* A request that is kept until acknowledged: -ENOBUFS means it was not taken and must
 * come again. */
static int handle_request(
	struct runner *r, const struct wire_header *h, const uint8_t *body, size_t len)
{
	const struct wire_message *m = msg_find(h->type);
	union {
		struct wire_enter enter;
		struct wire_run run;
		struct wire_kill kill;
		struct wire_input input;
		struct wire_clock clock;
		struct wire_bye bye;
	} u;

	if (!m || m->size > sizeof(u))
		return r->stage ? stage_request(r, h, body, len) : -EPROTO;
	switch (h->type) {
	case WIRE_ENTER:
	case WIRE_RUN:
	case WIRE_KILL:
	case WIRE_INPUT:
	case WIRE_CLOCK:
	case WIRE_BYE:
		if (msg_decode(m, body, len, &u) < 0)
			return -EBADMSG;
		break;
	default:
		return r->stage ? stage_request(r, h, body, len) : -EPROTO;
	}
	switch (h->type) {
	case WIRE_ENTER:
		return handle_enter(r, &u.enter);
	case WIRE_RUN:
		return r->closing ? 0 : job_run(r, h->job, &u.run);
	case WIRE_KILL:
		job_kill(r, h->job, &u.kill);
		return 0;
	case WIRE_INPUT:
		return job_input(r, h->job, &u.input);
	case WIRE_CLOCK:
		return handle_clock(r, &u.clock);
	default:
		return handle_bye(r, &u.bye);
	}
}

/* Puts a long message together. 1 when it is whole, 0 when more is to come. */
static int assemble(struct runner *r, const struct wire_header *h, const uint8_t *body)
{
	uint8_t *message;

	if (r->message_len + h->length > WIRE_MESSAGE_MAX)
		return -EMSGSIZE;
	message = realloc(r->message, r->message_len + h->length + 1);
	if (!message)
		return -ENOMEM;
	memcpy(message + r->message_len, body, h->length);
	r->message = message;
	r->message_len += h->length;
	return !(h->flags & WIRE_FLAG_MORE);
}

static void forget_message(struct runner *r)
{
	free(r->message);
	r->message = NULL;
	r->message_len = 0;
}

static int take_request(
	struct runner *r, const struct wire_header *h, const uint8_t *body)
{
	size_t before = r->message_len;
	int err;

	if (!before && !(h->flags & WIRE_FLAG_MORE))
		return handle_request(r, h, body, h->length);
	err = assemble(r, h, body);
	if (err == 0)
		return 0;
	if (err > 0)
		err = handle_request(r, h, r->message, r->message_len);
	if (err == -ENOBUFS)
		r->message_len = before;
	else
		forget_message(r);
	return err;
}

static void kept_frame(struct runner *r, const struct wire_header *h, const uint8_t *body)
{
	char text[80];
	int err;

	if (r->deaf || !link_is_next(&r->link, h->sequence)) {
		if (!r->deaf && link_lost(&r->link, h->sequence))
			link_say_sequence(&r->link, WIRE_REPEAT, r->link.seen + 1);
		return;
	}
	err = take_request(r, h, body);
	if (err == -ENOBUFS) {
		r->deaf = true;
		return;
	}
	link_take(&r->link);
	if (err == -EPROTO || err == -EBADMSG || err == -EMSGSIZE) {
		snprintf(text, sizeof(text), "request %u was refused: %s", h->type,
			strerror(-err));
		runner_note(r, 1, text);
	}
}

static void frame(struct runner *r, const struct wire_header *h, const uint8_t *body)
{
	union {
		struct wire_hello hello;
		struct wire_sequence sequence;
		struct wire_ping ping;
	} u;

	r->heard_ms = runner_now_us() / 1000;
	if (h->sequence) {
		if (r->greeted)
			kept_frame(r, h, body);
		return;
	}
	if (h->type != WIRE_HELLO && h->type != WIRE_ACK && h->type != WIRE_RESEND &&
		h->type != WIRE_PING)
		return;
	if (msg_decode(msg_find(h->type), body, h->length, &u) < 0)
		return;
	if (h->type == WIRE_HELLO)
		greet_hello(r, &u.hello);
	else if (!r->greeted)
		return;
	else if (h->type == WIRE_ACK)
		link_acked(&r->link, u.sequence.sequence);
	else if (h->type == WIRE_RESEND)
		link_repeat(&r->link, u.sequence.sequence);
	else
		handle_ping(r, &u.ping);
}

/* ---- the loop */

static void leave(struct runner *r, int status)
{
	if (!r->closing)
		r->exit_status = status;
	r->closing = true;
	/* The host of a board comes back and asks: a job that we end is no verdict. */
	job_kill_all(r, r->out_fd < 0 || r->board);
}

/* The end of the link: nobody is left to be told. The port of a machine only says that
 * its host is not there now; what it had begun to say is never finished. */
static void link_ended(struct runner *r)
{
	if (r->machine) {
		r->away_until_ms = runner_now_us() / 1000 + AWAY_MS;
		r->reader.start = r->reader.end = 0;
		return;
	}
	if (r->board) {
		board_detach(r);
		return;
	}
	r->in_fd = -1;
	r->out_fd = -1;
	leave(r, 0);
}

/* Milliseconds until a host that is away is looked for, 0 when it is there. */
static int64_t away_left(struct runner *r)
{
	int64_t left = r->away_until_ms - runner_now_us() / 1000;

	if (left <= 0)
		r->away_until_ms = 0;
	return left > 0 && r->away_until_ms ? left : 0;
}

static void read_link(struct runner *r)
{
	const uint8_t *body;
	struct wire_header h;
	size_t room;
	uint8_t *to = frame_reader_room(&r->reader, &room);
	ssize_t n = read(r->in_fd, to, room);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		link_ended(r);
		return;
	}
	frame_reader_add(&r->reader, (size_t)n);
	/* A cut in the middle of a long frame would hide the HELLO after it. */
	if (runner_now_us() / 1000 - r->heard_ms > STALLED_MS)
		frame_reader_resync(&r->reader);
	while (frame_reader_next(&r->reader, &h, &body))
		frame(r, &h, body);
	/* Whoever sends so much at once may be waiting to send more. */
	if ((size_t)n >= RUNNER_CHUNK / 8)
		r->later_due_ms = r->heard_ms;
}

/* A request was not taken because there was no room; now there is. */
static void listen_again(struct runner *r)
{
	if (!r->deaf || link_room(&r->link) < RUNNER_JOURNAL_RESERVE ||
		stage_is_busy(r->stage))
		return;
	r->deaf = false;
	link_say_sequence(&r->link, WIRE_REPEAT, r->link.seen + 1);
}

static bool write_link(struct runner *r)
{
	size_t len;
	const uint8_t *data = link_output(&r->link, &len);
	ssize_t n;

	if (!data || r->out_fd < 0 || r->away_until_ms)
		return false;
	n = write(r->out_fd, data, len);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n < 0) {
		link_ended(r);
		return false;
	}
	link_wrote(&r->link, (size_t)n);
	return true;
}

/* Writes what there is; milliseconds until what is left may not wait any longer. */
static int64_t write_all(struct runner *r)
{
	int64_t left = later_left(r);

	if (left)
		return left;
	later_flush(r);
	while (write_link(r))
		continue;
	return 0;
}

static void reap(struct runner *r)
{
	struct rusage usage;
	int status;
	pid_t pid;

	while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0)
		if (!stage_reaped(r->stage, pid, status))
			job_reaped(r, pid, status, &usage);
}

/* The first process gets them from reboot, halt and poweroff. What runs then shall be
 * found running by whoever looks why the machine has ended. */
static void take_signal(struct runner *r, int signal)
{
	if ((r->machine || r->board) && signal == SIGHUP)
		return;
	if (!r->machine) {
		leave(r, 128 + signal);
		return;
	}
	r->exit_status = 128 + signal;
	r->closing = r->at_once = true;
}

static void read_signals(struct runner *r)
{
	struct signalfd_siginfo info;

	while (read(r->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			take_signal(r, (int)info.ssi_signo);
	reap(r);
}

static int64_t silence_left(struct runner *r)
{
	uint32_t limit = r->board ? r->board->lease_ms : r->silence_ms;
	int64_t left;

	if (!limit || r->closing || r->machine)
		return -1;
	left = r->heard_ms + limit - runner_now_us() / 1000;
	if (left > 0)
		return left;
	leave(r, 1);
	return 0;
}

static void step(struct runner *r)
{
	struct pollfd fds[4 + 3 * WIRE_JOBS_MAX];
	struct job_poll from[3 * WIRE_JOBS_MAX];
	int64_t wait = job_tick(r), silence = silence_left(r), away = away_left(r),
		board = board_tick(r), later;
	size_t n = 3, pending;
	int in_fd = r->in_fd;

	if (r->closing && !job_count(r))
		return;
	while (stage_pump(r))
		write_all(r);
	listen_again(r);
	later = write_all(r);
	if (later && (wait < 0 || later < wait))
		wait = later;
	if (silence >= 0 && (wait < 0 || silence < wait))
		wait = silence;
	if (away && (wait < 0 || away < wait))
		wait = away;
	if (board >= 0 && (wait < 0 || board < wait))
		wait = board;
	fds[0] = (struct pollfd){.fd = r->signal_fd, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = away ? -1 : in_fd, .events = POLLIN};
	fds[2] = (struct pollfd){.fd = board_listen_fd(r), .events = POLLIN};
	if (r->out_fd >= 0 && !away && !later && link_output(&r->link, &pending))
		fds[n++] = (struct pollfd){.fd = r->out_fd, .events = POLLOUT};
	pending = n;
	n += job_poll(r, fds + n, from, sizeof(from) / sizeof(from[0]));
	if (poll(fds, n, wait > 60000 ? 60000 : (int)wait) < 0)
		return;
	for (size_t i = pending; i < n; i++)
		job_polled(r, &from[i - pending], fds[i].revents);
	if (fds[0].revents)
		read_signals(r);
	if (fds[1].revents)
		read_link(r);
	if (fds[2].revents)
		board_accept(r);
}

/* GONE is the last word: give the link a second to take it. */
static void say_gone(struct runner *r)
{
	int64_t until = runner_now_us() + 1000000;
	struct wire_bye gone = {0};

	if (!r->say_gone || r->out_fd < 0)
		return;
	link_send(&r->link, WIRE_GONE, 0, &gone);
	while (r->out_fd >= 0 && runner_now_us() < until) {
		struct pollfd fd = {.fd = r->out_fd, .events = POLLOUT};
		size_t len;

		while (write_link(r))
			continue;
		if (!link_output(&r->link, &len))
			return;
		poll(&fd, 1, 100);
	}
}

static void no_wait(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

int serve(const struct serve_options *options)
{
	struct runner *r = calloc(1, sizeof(*r));
	uint8_t *journal = malloc(RUNNER_JOURNAL_SIZE);
	int status;

	if (!r || !journal) {
		free(journal);
		free(r);
		return 1;
	}
	r->adopts = prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
	link_init(&r->link, journal, RUNNER_JOURNAL_SIZE);
	r->in_fd = options->in_fd;
	r->out_fd = options->out_fd;
	r->machine = options->machine;
	r->board = options->board;
	r->mounts_fd = options->mounts_fd;
	r->cages_fd = options->cages_fd;
	r->signal_fd = signo_open(r->machine);
	r->heard_ms = runner_now_us() / 1000;
	if (getrandom(&r->life, sizeof(r->life), GRND_NONBLOCK) < 0)
		r->life = (uint64_t)runner_now_us();
	r->mark_base = kin_first_mark();
	r->stage = options->work ? stage_open(options->work) : NULL;
	if (r->board) {
		stage_clear(r->stage);
	} else {
		no_wait(r->in_fd);
		no_wait(r->out_fd);
	}
	while (!r->at_once && (!r->closing || job_count(r)))
		step(r);
	say_gone(r);
	status = r->exit_status;
	tmpdir_release(&r->tmpdirs);
	if (r->board)
		stage_clear(r->stage);
	stage_close(r->stage);
	forget_message(r);
	close(r->signal_fd);
	free(journal);
	free(r);
	return status;
}
