#include "wire/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void link_init(struct link *l, void *data, size_t size)
{
	*l = (struct link){.data = data,
		.size = size,
		.first = 1,
		.next = 1,
		.boundary_sequence = 1};
}

void link_init_growing(struct link *l)
{
	link_init(l, NULL, 0);
	l->grows = true;
}

void link_release(struct link *l)
{
	if (l->grows)
		free(l->data);
	l->data = NULL;
}

static size_t frame_size(const uint8_t *frame)
{
	struct wire_header h;

	frame_get_header(frame, &h);
	return WIRE_HEADER_SIZE + h.length;
}

void link_restart(struct link *l)
{
	l->sent = l->boundary = l->start;
	l->boundary_sequence = l->first;
	l->rewind = 0;
	l->urgent_sent = l->urgent_end = 0;
	l->asked = false;
	l->ack_due = false;
}

size_t link_room(const struct link *l)
{
	size_t used = l->end - l->start + WIRE_HEADER_SIZE;

	return used < l->size ? l->size - used : 0;
}

/* Moves what is kept to the front of the memory. */
static void compact(struct link *l)
{
	memmove(l->data, l->data + l->start, l->end - l->start);
	l->sent -= l->start;
	l->boundary -= l->start;
	l->end -= l->start;
	l->start = 0;
}

static bool grow(struct link *l, size_t need)
{
	size_t size = l->size ? l->size : 65536;
	uint8_t *data;

	while (size < need)
		size *= 2;
	data = realloc(l->data, size);
	if (!data)
		return false;
	l->data = data;
	l->size = size;
	return true;
}

uint8_t *link_reserve(struct link *l, size_t len)
{
	size_t need = WIRE_HEADER_SIZE + len;

	if (len > WIRE_BODY_MAX)
		return NULL;
	if (l->end + need > l->size && l->start)
		compact(l);
	if (l->end + need > l->size && !(l->grows && grow(l, l->end + need)))
		return NULL;
	return l->data + l->end + WIRE_HEADER_SIZE;
}

void link_commit(
	struct link *l, unsigned int type, unsigned int flags, uint32_t job, size_t len)
{
	struct wire_header h = {
		.length = (uint32_t)len,
		.type = (uint16_t)type,
		.flags = (uint16_t)flags,
		.job = job,
		.sequence = l->next++,
	};

	frame_seal(l->data + l->end, &h);
	l->end += WIRE_HEADER_SIZE + len;
}

static int send_long(
	struct link *l, unsigned int type, uint32_t job, const uint8_t *body, size_t len)
{
	for (size_t at = 0, piece; at < len; at += piece) {
		uint8_t *out;

		piece = len - at < WIRE_BODY_MAX ? len - at : WIRE_BODY_MAX;
		out = link_reserve(l, piece);
		if (!out)
			return -ENOBUFS;
		memcpy(out, body + at, piece);
		link_commit(l, type, at + piece < len ? WIRE_FLAG_MORE : 0, job, piece);
	}
	return 0;
}

int link_send(struct link *l, unsigned int type, uint32_t job, const void *structure)
{
	const struct wire_message *m = msg_find(type);
	size_t size = msg_size(m, structure);
	uint8_t *body;
	int len;

	if (size > WIRE_MESSAGE_MAX || (size > WIRE_BODY_MAX && !l->grows))
		return -EMSGSIZE;
	if (size > WIRE_BODY_MAX) {
		body = malloc(size);
		if (!body)
			return -ENOMEM;
		msg_encode(m, structure, body, size);
		len = send_long(l, type, job, body, size);
		free(body);
		return len;
	}
	body = link_reserve(l, size);
	if (!body)
		return -ENOBUFS;
	len = msg_encode(m, structure, body, size);
	if (len < 0)
		return len;
	link_commit(l, type, 0, job, size);
	return 0;
}

void link_say(struct link *l, unsigned int type, const void *structure)
{
	const struct wire_message *m = msg_find(type);
	struct wire_header h = {.type = (uint16_t)type};
	size_t room = sizeof(l->urgent) - l->urgent_end;
	int len;

	if (room < WIRE_HEADER_SIZE)
		return;
	len = msg_encode(m, structure, l->urgent + l->urgent_end + WIRE_HEADER_SIZE,
		room - WIRE_HEADER_SIZE);
	if (len < 0)
		return;
	h.length = (uint32_t)len;
	frame_seal(l->urgent + l->urgent_end, &h);
	l->urgent_end += WIRE_HEADER_SIZE + (size_t)len;
}

void link_say_sequence(struct link *l, unsigned int type, uint32_t sequence)
{
	struct wire_sequence s = {sequence};

	link_say(l, type, &s);
}

const uint8_t *link_output(struct link *l, size_t *len)
{
	if (l->urgent_end && (l->urgent_sent || l->sent == l->boundary)) {
		*len = l->urgent_end - l->urgent_sent;
		return l->urgent + l->urgent_sent;
	}
	*len = l->end - l->sent;
	/* Stop at the end of the frame when something is to be put in there. */
	if (l->sent > l->boundary && (l->urgent_end || l->rewind))
		*len = l->boundary + frame_size(l->data + l->boundary) - l->sent;
	return *len ? l->data + l->sent : NULL;
}

static void go_back(struct link *l)
{
	l->sent = l->start;
	l->boundary_sequence = l->first;
	for (; l->boundary_sequence != l->rewind; l->boundary_sequence++)
		l->sent += frame_size(l->data + l->sent);
	l->boundary = l->sent;
	l->rewind = 0;
	l->repeated++;
}

void link_wrote(struct link *l, size_t len)
{
	if (l->urgent_end && (l->urgent_sent || l->sent == l->boundary)) {
		l->urgent_sent += len;
		if (l->urgent_sent == l->urgent_end)
			l->urgent_sent = l->urgent_end = 0;
		return;
	}
	l->sent += len;
	while (l->boundary < l->sent) {
		size_t size = frame_size(l->data + l->boundary);

		if (l->sent - l->boundary < size)
			return;
		l->boundary += size;
		l->boundary_sequence++;
	}
	if (l->rewind)
		go_back(l);
}

uint32_t link_last_sent(const struct link *l)
{
	return l->sent > l->boundary ? l->boundary_sequence : l->boundary_sequence - 1;
}

void link_resume(struct link *l)
{
	size_t end = 0;

	while (end < l->urgent_sent)
		end += frame_size(l->urgent + end);
	l->urgent_end = end;
	l->asked = false;
	l->ack_due = false;
	l->rewind = l->first;
	if (l->sent == l->boundary)
		go_back(l);
}

size_t link_longest(const struct link *l)
{
	size_t longest = sizeof(l->urgent);

	for (size_t at = l->start; at < l->end;) {
		size_t size = frame_size(l->data + at);

		longest = size > longest ? size : longest;
		at += size;
	}
	return longest;
}

int link_acked(struct link *l, uint32_t sequence)
{
	if (sequence >= l->next)
		return -EBADMSG;
	while (l->first <= sequence) {
		/* A frame that is half written, again, must be written to its end. */
		if (l->start == l->boundary && l->sent > l->boundary)
			break;
		l->start += frame_size(l->data + l->start);
		l->first++;
	}
	if (l->boundary < l->start) {
		l->boundary = l->sent = l->start;
		l->boundary_sequence = l->first;
	}
	if (l->rewind && l->rewind < l->first)
		l->rewind = l->first;
	if (l->start == l->end && !l->rewind)
		l->start = l->sent = l->boundary = l->end = 0;
	return 0;
}

int link_repeat(struct link *l, uint32_t sequence)
{
	if (sequence < l->first)
		sequence = l->first;
	if (sequence > l->next)
		return -EBADMSG;
	if (sequence >= l->boundary_sequence)
		return 0;
	l->rewind = sequence;
	if (l->sent == l->boundary)
		go_back(l);
	return 0;
}

int link_is_next(struct link *l, uint32_t sequence)
{
	if (sequence == l->seen + 1)
		return 1;
	/* A repetition of what is here already: its acknowledgement was lost. */
	if (sequence <= l->seen)
		l->ack_due = true;
	return 0;
}

void link_take(struct link *l)
{
	l->seen++;
	l->ack_due = true;
	l->asked = false;
}

bool link_lost(struct link *l, uint32_t last_sent)
{
	if (last_sent <= l->seen || l->asked)
		return false;
	l->asked = true;
	l->asked_again++;
	return true;
}
