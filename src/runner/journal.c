#include "runner/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An acknowledgement that comes within this time spares the disk a wait. */
#define SAFE_AFTER_MS 300
/* How far it may grow before it is made small again. */
#define TIDY_BYTES 65536
#define EXITED_MAX 2048

static bool put(int fd, off_t *end, const struct wire_header *h, const uint8_t *body)
{
	uint8_t frame[WIRE_HEADER_SIZE + EXITED_MAX];
	struct wire_header sealed = *h;
	size_t size = WIRE_HEADER_SIZE + h->length;

	if (h->length > EXITED_MAX)
		return false;
	memcpy(frame + WIRE_HEADER_SIZE, body, h->length);
	frame_seal(frame, &sealed);
	if (pwrite(fd, frame, size, *end) != (ssize_t)size)
		return false;
	*end += (off_t)size;
	return true;
}

/* ---- walking over it */

struct walk {
	struct frame_reader reader;
	int fd;
	off_t at;
};

static struct walk *walk_new(const struct journal *j)
{
	struct walk *w = j->fd < 0 ? NULL : calloc(1, sizeof(*w));

	if (w)
		w->fd = j->fd;
	return w;
}

static bool walk_next(struct walk *w, struct wire_header *h, const uint8_t **body)
{
	while (!frame_reader_next(&w->reader, h, body)) {
		size_t room;
		uint8_t *to = frame_reader_room(&w->reader, &room);
		ssize_t n = pread(w->fd, to, room, w->at);

		if (n <= 0)
			return false;
		w->at += n;
		frame_reader_add(&w->reader, (size_t)n);
	}
	return true;
}

static uint64_t read_session(const struct journal *j)
{
	struct walk *w = walk_new(j);
	struct wire_hello hello = {0};
	struct wire_header h;
	const uint8_t *body;

	if (w && walk_next(w, &h, &body) && h.type == WIRE_HELLO &&
		msg_decode(msg_find(h.type), body, h.length, &hello) < 0)
		hello.session = 0;
	free(w);
	return hello.session;
}

/* ---- the file */

void journal_open(struct journal *j, const char *path)
{
	*j = (struct journal){
		.fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)};
	if (j->fd < 0)
		return;
	/* Nobody has asked for it yet: it stays as it is. */
	j->head = j->end = lseek(j->fd, 0, SEEK_END);
	j->session = read_session(j);
}

void journal_close(struct journal *j)
{
	if (j->fd >= 0)
		close(j->fd);
	j->fd = -1;
}

bool journal_is_of(const struct journal *j, uint64_t session)
{
	return j->fd >= 0 && session && j->session == session;
}

void journal_begin(struct journal *j, uint64_t session)
{
	struct wire_hello hello = {.version = WIRE_VERSION, .session = session};
	const struct wire_message *m = msg_find(WIRE_HELLO);
	struct wire_header h = {.type = WIRE_HELLO};
	uint8_t body[128];
	int len = msg_encode(m, &hello, body, sizeof(body));

	if (j->fd < 0)
		return;
	j->end = 0;
	j->last = j->recalled = 0;
	j->unsafe_ms = 0;
	j->session = session;
	h.length = (uint32_t)len;
	/* Without its first frame what follows is of no session. */
	if (ftruncate(j->fd, 0) < 0 || (session && !put(j->fd, &j->end, &h, body)))
		journal_close(j);
	j->head = j->tidied = j->end;
	j->safe = 0;
}

void journal_add(struct journal *j, uint32_t sequence, uint32_t job,
	const struct wire_exited *exited)
{
	struct wire_header h = {.type = WIRE_EXITED, .job = job, .sequence = sequence};
	uint8_t body[EXITED_MAX];
	int len = msg_encode(msg_find(WIRE_EXITED), exited, body, sizeof(body));

	if (j->fd < 0 || !j->session || len < 0)
		return;
	h.length = (uint32_t)len;
	/* A full disk: this end is only as safe as our memory. */
	if (put(j->fd, &j->end, &h, body))
		j->last = sequence;
}

/* ---- what is acknowledged */

/* Copies what `keeps` wants to the front, in order; nothing grows, so what has not been
 * read is never written over. What a crash in between leaves is an end told twice, which
 * the host passes over, or one that does not check. */
static void keep_only(
	struct journal *j, const struct link *link, bool forget_sequences, uint32_t seen)
{
	struct walk *w = walk_new(j);
	struct wire_header h;
	const uint8_t *body;
	off_t end = 0;
	bool wants;

	while (w && walk_next(w, &h, &body)) {
		wants = h.type == WIRE_HELLO || h.sequence > seen ||
			(!h.sequence && (!link || j->recalled >= link->first));
		if (forget_sequences)
			h.sequence = 0;
		if (wants && !put(j->fd, &end, &h, body))
			break;
	}
	if (w && ftruncate(j->fd, end) == 0)
		j->end = end;
	free(w);
	j->tidied = j->end;
	j->safe = 0;
}

void journal_recall(struct journal *j, struct link *link, uint32_t last_seen)
{
	struct walk *w;
	struct wire_header h;
	struct wire_recalled recalled = {0};
	const uint8_t *body;

	/* From here on these are numbers of another link: the ends of an earlier life
	 * have none. */
	keep_only(j, NULL, true, last_seen);
	w = walk_new(j);
	while (w && walk_next(w, &h, &body)) {
		recalled.exited = (struct wire_bytes){body, h.length};
		if (h.type == WIRE_EXITED && h.job)
			link_send(link, WIRE_RECALLED, h.job, &recalled);
	}
	free(w);
	recalled.exited.len = 0;
	link_send(link, WIRE_RECALLED, 0, &recalled);
	j->recalled = link->next - 1;
	j->head = 0;
	j->last = 0;
}

int64_t journal_tick(struct journal *j, const struct link *link, int64_t now_ms)
{
	bool acknowledged = j->last < link->first && j->recalled < link->first;
	int64_t left;

	if (j->fd < 0 || j->end == j->head)
		return -1;
	if (acknowledged) {
		journal_begin(j, j->session);
		return -1;
	}
	if (j->end > j->tidied + TIDY_BYTES)
		keep_only(j, link, false, link->first - 1);
	if (j->end == j->safe)
		return -1;
	if (!j->unsafe_ms)
		j->unsafe_ms = now_ms;
	left = j->unsafe_ms + SAFE_AFTER_MS - now_ms;
	if (left > 0)
		return left;
	fdatasync(j->fd);
	j->safe = j->end;
	j->unsafe_ms = 0;
	return -1;
}
