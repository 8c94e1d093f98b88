/* What session.c (the connection, and what the runner says) and session-ask.c (what is
 * asked of it) share. */
#ifndef XTEST_ENGINE_SESSION_PRIVATE_H
#define XTEST_ENGINE_SESSION_PRIVATE_H

#include "engine/session.h"
#include "wire/link.h"

#define SESSION_TREE_BATCH 32768u

enum session_job_state { JOB_ASKED, JOB_STARTED };

struct session_job {
	uint32_t id;
	enum session_job_state state;
};

struct session {
	const struct session_ops *ops;
	void *ctx;
	struct session_options options;
	struct link link;
	struct frame_reader reader;
	size_t pad;   /* bytes of nothing to be written before all else */
	bool greeted; /* HELLO said on this connection */
	bool ready;   /* and answered */
	bool ever_ready;
	bool dead;
	struct err why;        /* when dead */
	uint32_t recall_until; /* RECALLED may tell of jobs up to this; 0: of none */

	/* The answer, with its strings kept. */
	struct wire_welcome welcome;
	uint8_t welcome_body[2048];

	struct session_job *jobs; /* not ended, in the order of their start */
	size_t job_count, job_cap;
	uint32_t highest_job;

	/* The tree entries that wait for one message. */
	uint8_t tree[SESSION_TREE_BATCH];
	size_t tree_len;

	int64_t now_ms, heard_ms, pinged_ms, hello_ms, acked_ms, frame_ms;
	uint64_t token;
	int64_t token_ms;
	int64_t hello_wait_ms; /* until HELLO is said again; doubles */
	int64_t asked_ms;      /* the first ping since something was heard; 0: none */
	size_t unacked_bytes;
	uint64_t bytes_in, bytes_out;
	uint64_t progress;    /* see session_progress() */
	uint64_t noise_start; /* bytes skipped before the last good frame */
};

/* NULL when it has ended, or never was. */
struct session_job *session_find_job(struct session *s, uint32_t id);
/* What has arrived is acknowledged with the next that is written. */
void session_say_ack(struct session *s);

#endif
