/*
 * A hostile runner at the other end of a place that is being filled and given tasks. The
 * input is what it says, move by move; its frames are good ones, in the order a session
 * wants them, unless a move says otherwise. Whatever it says: each task ends once, no
 * more of its output is kept than was asked for, and nothing is mounted but what was
 * sent.
 */
#include "engine/archive-private.h"
#include "engine/place.h"
#include "engine/ship.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { OUTPUT_BYTES = 4096, TAIL_BYTES = 16384, TASKS = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- the runner */

struct hostile {
	int fd; /* -1: cut */
	bool cut;
	uint64_t session;
	uint32_t sequence;
	struct frame_reader reader;
};

/* The transport has no other way to it. */
static struct hostile *hostile;

static int hostile_open(
	const struct place_config *config UNUSED, struct link *link, struct err *e)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return err_set(e, ERR_INFRA, "no pair");
	hostile->fd = pair[0];
	hostile->cut = false;
	hostile->reader.start = hostile->reader.end = 0;
	link->in_fd = link->out_fd = pair[1];
	return 0;
}

static void hostile_close(struct link *link, char **why UNUSED)
{
	close(link->in_fd);
	if (hostile->fd >= 0)
		close(hostile->fd);
	hostile->fd = -1;
}

static bool hostile_check(
	struct link *link UNUSED, int64_t silence_ms UNUSED, struct demise *demise)
{
	if (!hostile->cut)
		return false;
	hostile->cut = false;
	demise->reason = xstrdup("cut");
	demise->may_return = true;
	return true;
}

static const struct transport by_hostile = {
	.name = "hostile",
	.staged = true,
	.open = hostile_open,
	.close = hostile_close,
	.check = hostile_check,
};

/* What a place mounts came from the tree it sent. */
static void check_binds(const struct wire_enter *enter)
{
	const char *at = NULL, *source, *target;

	while ((source = msg_list_next(&enter->binds, &at)) &&
		(target = msg_list_next(&enter->binds, &at)))
		if (!starts_with(source, "/w/tree/") || strstr(source, "..") ||
			target[0] != '/')
			abort();
}

static void listen_to_host(struct hostile *h)
{
	struct wire_header header;
	const uint8_t *body;
	union {
		struct wire_hello hello;
		struct wire_enter enter;
	} u;
	ssize_t n;

	do {
		size_t room;
		uint8_t *to = frame_reader_room(&h->reader, &room);

		n = h->fd < 0 ? 0 : read(h->fd, to, room);
		if (n > 0)
			frame_reader_add(&h->reader, (size_t)n);
		while (frame_reader_next(&h->reader, &header, &body)) {
			if (header.type != WIRE_HELLO && header.type != WIRE_ENTER)
				continue;
			if (msg_decode(msg_find(header.type), body, header.length, &u) <
				0)
				abort();
			if (header.type == WIRE_HELLO)
				h->session = u.hello.session;
			else
				check_binds(&u.enter);
		}
	} while (n > 0);
}

static void put(struct hostile *h, const void *data, size_t len)
{
	if (h->fd >= 0 && send(h->fd, data, len, MSG_NOSIGNAL) < 0)
		return;
}

static void say_body(struct hostile *h, unsigned type, uint32_t job, bool kept,
	const uint8_t *body, size_t len)
{
	autofree uint8_t *frame = xmalloc(WIRE_HEADER_SIZE + len);
	struct wire_header header = {.length = (uint32_t)len,
		.type = (uint16_t)type,
		.job = job,
		.sequence = kept ? ++h->sequence : 0};

	if (len)
		memcpy(frame + WIRE_HEADER_SIZE, body, len);
	frame_seal(frame, &header);
	put(h, frame, WIRE_HEADER_SIZE + len);
}

static void say(struct hostile *h, unsigned type, uint32_t job, const void *message)
{
	uint8_t body[4096];
	int len = msg_encode(msg_find(type), message, body, sizeof body);

	if (len >= 0)
		say_body(h, type, job, type != WIRE_WELCOME, body, (size_t)len);
}

/* ---- its moves */

struct script {
	const uint8_t *at;
	size_t left;
};

static uint8_t next(struct script *s)
{
	if (!s->left)
		return 0;
	s->left--;
	return *s->at++;
}

/* A string of the input: up to 255 bytes. */
static char *next_text(struct script *s)
{
	uint8_t wanted = next(s);
	size_t len = MIN(wanted, s->left);
	char *text = xstrndup((const char *)s->at, len);

	s->at += len;
	s->left -= len;
	return text;
}

static void say_welcome(struct hostile *h, struct script *s)
{
	uint8_t bits = next(s);
	autofree char *text = bits & 4 ? next_text(s) : NULL;
	struct wire_welcome w = {
		.version = bits & 8 ? WIRE_VERSION + 1 : WIRE_VERSION,
		.features = ~0u,
		.session = h->session,
		.last_seen = bits & 16 ? next(s) : 0,
		.resumed = bits & 1,
		.recalls = bits & 2,
		.arch = "x",
		.kernel = text && bits & 32 ? text : "6",
		.work = text && !(bits & 32) ? text : "/w",
		.memory_bytes = 1 << 30,
		.life = 1,
	};

	if (!(bits & 1))
		h->sequence = 0;
	say(h, WIRE_WELCOME, 0, &w);
}

static void say_raw(struct hostile *h, struct script *s)
{
	uint8_t type = next(s), job = next(s), kept = next(s), words = next(s);
	size_t len = MIN((size_t)words * 4, s->left);

	say_body(h, type, job, kept & 1, s->at, len);
	s->at += len;
	s->left -= len;
}

static void say_output(struct hostile *h, struct script *s)
{
	uint8_t job = next(s), stream = next(s), times = next(s);
	uint8_t data[1024] = "\x1b]0;x\a";
	struct wire_output output = {
		.stream = stream, .skipped = times, .data = {data, sizeof data}};

	for (unsigned i = 0; i < times; i++)
		say(h, WIRE_OUTPUT, job, &output);
}

static void say_of_store(struct hostile *h, struct script *s)
{
	uint8_t which = next(s);
	autofree char *text = next_text(s);
	struct wire_digests missing = {{(const uint8_t *)text, (uint32_t)strlen(text)}};
	struct wire_stored stored = {.error = which >> 4, .text = text};
	struct wire_result staged = {.path = text, .error = which >> 4, .text = text};
	struct wire_entered entered = {.done = WIRE_VIEW_BINDS, .binds_why = text};

	switch (which & 3) {
	case 0:
		say(h, WIRE_MISSING, which & 4 ? 3 : 2, &missing);
		break;
	case 1:
		say(h, WIRE_STORED, (1 << 20) + (which & 4), &stored);
		break;
	case 2:
		say(h, WIRE_STAGED, 1, &staged);
		break;
	default:
		say(h, WIRE_ENTERED, 0, &entered);
	}
}

static void say_end(struct hostile *h, struct script *s)
{
	uint8_t job = next(s), which = next(s), body[512];
	struct wire_started started = {.tmpdir = "/"};
	struct wire_failed failed = {.text = "\x1b[2J"};
	struct wire_exited exited = {.kind = which >> 3, .code = next(s)};
	struct wire_recalled recalled = {.exited = {body, 0}};

	switch (which & 3) {
	case 0:
		say(h, WIRE_STARTED, job, &started);
		break;
	case 1:
		say(h, WIRE_FAILED, job, &failed);
		break;
	case 2:
		say(h, WIRE_EXITED, job, &exited);
		break;
	default:
		recalled.exited.len = (uint32_t)MAX(
			0, msg_encode(msg_find(WIRE_EXITED), &exited, body, sizeof body));
		say(h, WIRE_RECALLED, job, &recalled);
	}
}

static void move(struct hostile *h, struct script *s)
{
	uint8_t noise[3] = {0};

	switch (next(s) % 7) {
	case 0:
		say_raw(h, s);
		break;
	case 1:
		say_welcome(h, s);
		break;
	case 2:
		say_output(h, s);
		break;
	case 3:
		say_of_store(h, s);
		break;
	case 4:
		say_end(h, s);
		break;
	case 5:
		h->cut = true;
		break;
	default:
		noise[0] = next(s);
		put(h, noise, sizeof noise);
	}
}

/* ---- the place */

struct fed {
	struct task task;
	unsigned ended;
};

static void on_end(void *ctx, struct task *task)
{
	struct fed *f = ctx;

	f->ended++;
	if (f->ended > 1 || task->outcome.out.len > OUTPUT_BYTES + 2 * TAIL_BYTES ||
		task->outcome.err.len > OUTPUT_BYTES + 2 * TAIL_BYTES)
		abort();
	if (task->outcome.detail && strchr(task->outcome.detail, '\x1b'))
		abort();
}

static void submit(struct place *p, struct fed *f)
{
	f->task = (struct task){.output_bytes = OUTPUT_BYTES, .on_end = on_end, .ctx = f};
	strv_push(&f->task.argv, "/bin/true");
	place_submit(p, &f->task);
}

static void play(struct place *p, struct hostile *h, struct script *s)
{
	struct fed fed[TASKS] = {0};
	size_t submitted = 0;

	for (int idle = 0; idle < 3 && place_state(p) != PLACE_DOWN;) {
		place_wait(&p, 1, -1, 0);
		listen_to_host(h);
		if (place_state(p) == PLACE_UP && submitted < TASKS)
			submit(p, &fed[submitted++]);
		if (s->left)
			move(h, s);
		else
			idle++;
	}
	place_close(p);
	for (size_t i = 0; i < submitted; i++) {
		if (fed[i].ended != 1)
			abort();
		task_release(&fed[i].task);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char digest[] =
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	struct script s = {data, size};
	struct hostile h = {.fd = -1};
	struct archive_items items = {0};
	struct archive_roots roots = {0};
	struct archive_item *item = archive_items_add(&items, "target/a");
	const struct event_column column = {.label = (char *)"board"};
	struct place_config config = {
		.uri = "hostile", .runner_path = "", .transport = &by_hostile};
	struct shipment *shipment;
	struct place *p;
	struct err e = {0};

	hostile = &h;
	item->kind = ARCHIVE_FILE;
	item->mode = 0755;
	item->origin = xstrdup("/dev/null");
	snprintf(item->sha256, sizeof item->sha256, "%s", digest);
	roots.v[ARCHIVE_TARGET].original = xstrdup("/home/u/build");
	roots.v[ARCHIVE_TARGET].extracted = xstrdup("/home/u/build");
	shipment = shipment_new(&items, &roots);
	p = place_start(&column, &config, NULL, shipment, &e);
	if (!p)
		abort();
	play(p, &h, &s);
	shipment_free(shipment);
	archive_roots_release(&roots);
	archive_items_release(&items);
	return 0;
}
