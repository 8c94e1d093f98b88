/*
 * xtest-runner: the static program on the target. One thread, one poll loop; the parts of
 * it (jobs, their processes, the private view, the store) share this state. Functions
 * return 0 or a negative errno.
 */
#ifndef XTEST_RUNNER_RUNNER_H
#define XTEST_RUNNER_RUNNER_H

#include "runner/cage.h"
#include "runner/tmpdir.h"
#include "wire/link.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/types.h>

#define RUNNER_JOURNAL_SIZE (512u * 1024u)
/* Output is read only while the journal has this much room left for the ends of jobs and
 * for answers. */
#define RUNNER_JOURNAL_RESERVE (WIRE_FRAME_MAX + 8192u)
#define RUNNER_CHUNK 32768u
#define RUNNER_TAIL_MAX 16384u
#define RUNNER_INPUT_MAX 65536u

struct board;
struct stage;

/* One of the two output streams of a job. */
struct stream {
	int fd; /* read end, -1 when closed or inherited */
	uint64_t taken_bytes;
	uint64_t dropped_bytes;
	uint64_t skipped_bytes; /* dropped, and not yet said so in an OUTPUT */
	uint8_t *tail;          /* ring of the last tail_bytes, from the bound on */
	uint64_t tail_bytes;    /* ever put into the ring */
};

enum job_state {
	JOB_FREE,
	JOB_RUNNING,
	JOB_LINGERING, /* its process has ended, what it left behind has not */
	JOB_KILLING,   /* that is being killed */
	JOB_ENDED,     /* waits for room in the journal */
};

struct job {
	enum job_state state;
	uint32_t id;
	pid_t pid;
	bool mute;        /* of an earlier session: nobody wants to hear of it */
	bool own_group;   /* not with INHERIT */
	bool prompt;      /* somebody types to it: what it prints is waited for */
	struct cage cage; /* all its processes */
	bool has_ids;
	struct stream streams[2];
	int input_fd;
	uint8_t *input; /* waiting for the job to read */
	size_t input_len;
	bool input_eof;
	uint64_t output_bytes;
	uint32_t tail_bytes, wall_ms, idle_ms, cpu_ms, grace_ms, leak_ms, notice_ms;
	char *tmpdir;

	int64_t start_us, end_us;
	int64_t heard_ms;      /* last output */
	int64_t paused_ms;     /* when the host has stopped it; 0: it runs */
	int64_t cpu_due_ms;    /* next look at its processor time */
	int64_t strike_due_ms; /* a limit has struck: end of the notice; 0 = none */
	int64_t kill_due_ms;   /* SIGKILL to everything; 0 = none planned */
	int64_t scan_due_ms;   /* next look for processes left behind */
	int64_t leak_due_ms;   /* end of their time */
	uint32_t timeout;      /* enum wire_end, once one has struck */
	uint32_t killed_by_host;
	int status;
	struct rusage usage;
	uint32_t leaked;
	char leak_names[512];
	uint32_t leak_names_len, leak_names_count;
};

struct runner {
	int in_fd, out_fd; /* the link */
	int signal_fd;
	bool machine;          /* see serve.h */
	int mounts_fd;         /* see serve.h */
	int cages_fd;          /* see serve.h */
	int64_t away_until_ms; /* machine: no host is there; look again then */
	struct board *board;   /* NULL: the link ends with its host */
	uint64_t life;         /* see wire.h */
	bool closing; /* BYE, a signal or the end of the link: leave as soon as all jobs
			 are dead */
	bool at_once; /* leave without waiting for them */
	bool say_gone;
	int exit_status;
	bool adopts; /* orphans of jobs become our children */
	bool greeted;
	bool deaf; /* a request was not taken for want of room: ask for it again */
	uint64_t session;
	uint32_t silence_ms;
	int64_t heard_ms;    /* last frame of the host */
	struct link link;    /* the journal */
	uint32_t later_next; /* see later.h: all unwritten messages before may wait, … */
	int64_t later_due_ms; /* … until then; 0: not begun */
	struct stage *stage;  /* NULL without a store */
	uint8_t *message;     /* being put together from frames with WIRE_FLAG_MORE */
	size_t message_len;
	uint32_t mark_base; /* marks of jobs are below; 0 when the limit cannot be used */
	uint32_t mark_next;
	struct tmpdirs tmpdirs;
	size_t turn; /* which job is served first */
	struct job jobs[WIRE_JOBS_MAX];
	struct frame_reader reader;
};

int64_t runner_now_us(void);
/* Closes, unless negative, and sets to -1. */
void runner_close(int *fd);
void runner_note(struct runner *r, unsigned int level, const char *text);

#endif
