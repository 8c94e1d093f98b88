/*
 * One end of a link: which messages of ours the other side has not acknowledged yet (they
 * are kept and sent again after a loss), and how far we have heard the other side. Both
 * programs use it, the runner's journal is it.
 */
#ifndef XTEST_WIRE_LINK_H
#define XTEST_WIRE_LINK_H

#include "wire/wire.h"

struct link {
	/* Kept frames, back to back: [0,start) gone, [start,sent) written, [sent,end) to
	 * be written. */
	uint8_t *data;
	size_t size;
	bool grows; /* `data` is from malloc() and may be made larger */
	size_t start, sent, end;
	size_t boundary; /* start of the frame that `sent` is in, or `sent` itself */
	uint32_t boundary_sequence; /* of the frame at `boundary` */
	uint32_t first;             /* sequence of the frame at `start` */
	uint32_t next;              /* sequence for the next message */
	uint32_t rewind; /* to be sent again from here, at the next boundary; 0 = no */

	uint32_t seen; /* last message received in order */
	bool ack_due;
	bool asked; /* for a repetition, since the last progress */

	/* Messages that are not kept go between two frames, before all that waits. */
	uint8_t urgent[1024];
	size_t urgent_sent, urgent_end;

	uint32_t repeated, asked_again;
};

/* A fresh session on `data` (of `size` bytes; owned by the caller). */
void link_init(struct link *l, void *data, size_t size);
/* The same with memory that grows and must be released. */
void link_init_growing(struct link *l);
void link_release(struct link *l);
/* A new connection: nothing is half written, all kept frames wait to be written again. */
void link_restart(struct link *l);
/* The same when it may be the old stream: a frame that is half written goes on to its
 * end, so that the other side waits for nothing but it, then all begins again. */
void link_resume(struct link *l);
/* For how many bytes at most the other side may wait before it looks at what comes after
 * a frame of ours that was cut. */
size_t link_longest(const struct link *l);

/* Bytes of body that can be kept now. */
size_t link_room(const struct link *l);
/* Room for a body of `len` bytes at the end, or NULL when there is none; link_commit()
 * makes it a frame. */
uint8_t *link_reserve(struct link *l, size_t len);
void link_commit(
	struct link *l, unsigned int type, unsigned int flags, uint32_t job, size_t len);
/* Keeps a message until it is acknowledged. 0, -ENOBUFS without room, -EMSGSIZE; longer
 * ones are split when the memory grows. */
int link_send(struct link *l, unsigned int type, uint32_t job, const void *structure);
/* Sends a message once, unless too many such wait already (they are all of a kind that
 * comes again). */
void link_say(struct link *l, unsigned int type, const void *structure);
/* Says ACK, RESEND, … with a sequence number. */
void link_say_sequence(struct link *l, unsigned int type, uint32_t sequence);

/* Bytes to write, or NULL; *len of them. link_wrote() says how many were. */
const uint8_t *link_output(struct link *l, size_t *len);
void link_wrote(struct link *l, size_t len);
/* Sequence of the last message that is written, or being written. */
uint32_t link_last_sent(const struct link *l);

/* The other side has everything up to `sequence`: 0, or -EBADMSG when that was never
 * sent. */
int link_acked(struct link *l, uint32_t sequence);
/* The other side wants everything from `sequence` on again: 0 or -EBADMSG. */
int link_repeat(struct link *l, uint32_t sequence);
/* A message came: 1 it is the next one (deliver it, then link_take() it), 0 drop it. */
int link_is_next(struct link *l, uint32_t sequence);
void link_take(struct link *l);
/* A message was lost if `seen` is behind `last_sent`: true when to ask for a repetition
 * now. */
bool link_lost(struct link *l, uint32_t last_sent);

#endif
