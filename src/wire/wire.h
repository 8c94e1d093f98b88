/*
 * The wire protocol: what the host program and xtest-runner say to each other over any
 * stream of bytes (socketpair, virtio-serial, SSH channel). This header is its one
 * definition; docs/protocol.md explains it. It depends on libc only and is linked into
 * both programs. Functions return 0 or a length, or a negative errno.
 *
 *      host                                     runner
 *       | HELLO{version, session, last seen}      |
 *       |---------------------------------------->|   the same session again = resume
 *       |                     WELCOME{arch, seen} |
 *       |<----------------------------------------|   both resend what the other has not
 * seen | ENTER{emulators, binds}                 |
 *       |---------------------------------------->|
 *       |            ENTERED{what worked, and why |
 *       |<---------------------------- what not}--|
 *       | HAVE{digests}                           |   only where files must be shipped
 *       |---------------------------------------->|
 *       |                        MISSING{digests} |
 *       |<----------------------------------------|
 *       | BLOB{digest, piece}...                  |
 *       |---------------------------------------->|
 *       |                          STORED{digest} |
 *       |<----------------------------------------|
 *       | TREE{path, digest, mode}...             |
 *       |---------------------------------------->|
 *       |                                  STAGED |
 *       |<----------------------------------------|
 *       | RUN job=7                               |
 *       |---------------------------------------->|
 *       |            STARTED job=7 | FAILED job=7 |   FAILED ends the job: nothing of it
 * ever ran
 *       |<----------------------------------------|
 *       | INPUT job=7, KILL job=7                 |
 *       |---------------------------------------->|
 *       |                           OUTPUT* job=7 |
 *       |<----------------------------------------|
 *       | ACK{sequence}                           |
 *       |---------------------------------------->|   what is acknowledged leaves the
 * journal |                            EXITED job=7 |
 *       |<----------------------------------------|   exactly one end per job
 *       | BYE                                     |
 *       |---------------------------------------->|
 *       |                                    GONE |
 *       |<----------------------------------------|
 *
 * Messages of the host have even numbers, those of the runner odd ones. A number is never
 * used again for something else. A new field is added at the end of its message only: a
 * reader takes what is missing as zero and skips what it does not know. Whatever changes
 * more than that is a new feature bit or a new version.
 */
#ifndef XTEST_WIRE_WIRE_H
#define XTEST_WIRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_VERSION 1u

/* ---- frames: 24 bytes of header, little-endian, then the body */

#define WIRE_MAGIC 0xb17e57c1u
#define WIRE_HEADER_SIZE 24u
#define WIRE_BODY_MAX 65536u
#define WIRE_FRAME_MAX (WIRE_HEADER_SIZE + WIRE_BODY_MAX)
/* A message longer than one body goes in several frames, all but the last with this flag.
 */
#define WIRE_FLAG_MORE 1u
/* The longest message that is put together from frames (RUN with a large environment). */
#define WIRE_MESSAGE_MAX (1024u * 1024u)
/* A runner takes no more jobs at once; one more is answered with FAILED. */
#define WIRE_JOBS_MAX 128u

struct wire_header {
	uint32_t length; /* of the body */
	uint16_t type;   /* enum wire_type */
	uint16_t flags;
	uint32_t job;      /* the job, or the host's own number of a request */
	uint32_t sequence; /* from 1 per direction; 0 for messages that are not kept
			      (HELLO, ACK, PING, …) */
	uint32_t check; /* XXH32 of the 20 bytes before it, seeded by the XXH32 (seed 0)
			 * of the body
			 */
};

enum wire_type {
	WIRE_HELLO = 2,
	WIRE_WELCOME = 3,
	WIRE_ACK = 4,
	WIRE_ACKED = 5,
	WIRE_RESEND = 6,
	WIRE_REPEAT = 7,
	WIRE_PING = 8,
	WIRE_PONG = 9,
	WIRE_ENTER = 10,
	WIRE_ENTERED = 11,
	WIRE_RUN = 12,
	WIRE_STARTED = 13,
	WIRE_KILL = 14,
	WIRE_FAILED = 15,
	WIRE_INPUT = 16,
	WIRE_OUTPUT = 17,
	WIRE_EXITED = 19,
	WIRE_HAVE = 20,
	WIRE_MISSING = 21,
	WIRE_BLOB = 22,
	WIRE_STORED = 23,
	WIRE_TREE = 24,
	WIRE_STAGED = 25,
	WIRE_READ = 26,
	WIRE_CONTENT = 27,
	WIRE_CLEAN = 28,
	WIRE_CLEANED = 29,
	WIRE_CLOCK = 30,
	WIRE_CLOCK_SET = 31,
	WIRE_BYE = 32,
	WIRE_GONE = 33,
	WIRE_NOTE = 35,
	WIRE_RECALLED = 37,
	WIRE_STRUCK = 39,
};

/* Feature bits of HELLO and WELCOME. */
enum wire_feature {
	WIRE_FEATURE_JOURNAL = 1 << 0, /* keeps unacknowledged messages and can resume */
	WIRE_FEATURE_STORE = 1 << 1,   /* HAVE, BLOB, TREE, READ, CLEAN (needs SHA-256) */
	WIRE_FEATURE_ZSTD = 1 << 2,    /* compressed blobs */
	WIRE_FEATURE_DELTA = 1 << 3,   /* blobs as a zstd delta against another blob */
	WIRE_FEATURE_VIEW = 1 << 4,    /* ENTER: private namespaces */
	WIRE_FEATURE_CLOCK =
		1 << 5, /* CLOCK: may set the clock and feed the random generator */
	WIRE_FEATURE_INSIDE = 1 << 6, /* RUN_TTY and RUN_HOLD */
	WIRE_FEATURE_RECALL = 1 << 7, /* the ends of jobs survive the runner: RECALLED */
	WIRE_FEATURE_LIST = 1 << 8,   /* blobs that list a tree: HAVE.lists, TREE.list */
	WIRE_FEATURE_PATCH = 1 << 9,  /* blobs as a patch of another blob */
};

#define WIRE_DIGEST_SIZE 32u /* SHA-256 */

/* Parts of a message as a decoder hands them out: everything points into the body it was
 * given. */
struct wire_bytes {
	const uint8_t *data;
	uint32_t len;
};

/* A list of strings. Decoded: `count` NUL-terminated strings in a row in `data`; walk
 * them with msg_list_next(). To encode, set `v` to a NULL-terminated array instead. */
struct wire_list {
	const char *const *v;
	const char *data;
	uint32_t len;
	uint32_t count;
};

/* ---- the link itself: never kept, sequence 0 */

/* HELLO: the host opens or resumes. `session` is a random number of the run: a runner
 * that already serves it goes on where it was, any other value ends the old session (its
 * jobs are killed) and starts from nothing. */
struct wire_hello {
	uint32_t version;
	uint32_t features;
	uint64_t session;
	uint32_t last_seen;  /* last sequence received from the runner in this session */
	uint32_t silence_ms; /* the runner takes the link as lost after so long without a
				frame; 0 never */
	uint64_t life;       /* of the last WELCOME of this session; 0 = there was none */
};

/* WELCOME: the answer. Sent to a HELLO of another version too, so that both numbers can
 * be shown. */
struct wire_welcome {
	uint32_t version;
	uint32_t features;
	uint64_t session;
	uint32_t last_seen; /* last sequence received from the host in this session */
	uint32_t
		resumed; /* 1 when the session was known: everything before still holds */
	const char *arch;   /* uname machine */
	const char *kernel; /* uname release */
	const char *build_id;
	const char *
		work; /* absolute path under which trees are staged; "" without a store */
	uint32_t big_endian;
	uint32_t word_bits;
	uint32_t page_size;
	uint32_t cpus;
	uint64_t memory_bytes;
	uint64_t disk_free_bytes; /* under `work` */
	uint32_t pid;
	uint32_t uid;
	uint32_t gid;
	uint64_t life; /* random, of this runner's process: one that was started anew does
			  not take the session of the one before for its own */
	uint32_t recalls; /* 1: not resumed, but RECALLED tells what had ended before */
};

/* ACK, ACKED: everything up to `sequence` has arrived. RESEND, REPEAT: send again from
 * `sequence` on. */
struct wire_sequence {
	uint32_t sequence;
};

/* PING, PONG: a heartbeat. `last_sent` shows the other side a loss at the end of the
 * stream. */
struct wire_ping {
	uint64_t token;     /* given back */
	uint32_t last_sent; /* last sequence the sender has written */
	uint32_t running;   /* PONG: jobs alive */
};

/* ---- the private view */

/* One emulator to register for all programs whose first bytes match. Encoded one after
 * another in ENTER. */
struct wire_emulator {
	const char *name;        /* of the binfmt_misc entry */
	struct wire_bytes magic; /* compared at offset 0 under `mask` */
	struct wire_bytes mask;
	const char *path;         /* absolute */
	struct wire_list args;    /* before the program, such as -L SYSROOT */
	const char *argv0_option; /* takes the program's argv[0] ("-0" of qemu); "" =
				     cannot be told */
};

struct wire_enter {
	struct wire_bytes
		emulators; /* struct wire_emulator, each with a u32 length before it */
	struct wire_list binds; /* source, target, source, target, …: absolute paths */
};

/* What of ENTER holds from now on. */
enum wire_view {
	WIRE_VIEW_BINFMT = 1 << 0,
	WIRE_VIEW_BINDS = 1 << 1,
};

struct wire_entered {
	uint32_t done; /* enum wire_view */
	uint32_t binfmt_errno;
	uint32_t binds_errno;
	const char *binfmt_why; /* what was tried and failed, in words; "" when done or
				   not asked for */
	const char *binds_why;
};

/* ---- jobs */

enum wire_run_flag {
	WIRE_RUN_MERGE = 1 << 0, /* standard error goes the way of standard output */
	WIRE_RUN_INHERIT =
		1 << 1, /* the job has the runner's own standard streams: no OUTPUT */
	WIRE_RUN_INPUT =
		1 << 2,        /* standard input is a pipe fed by INPUT; else /dev/null */
	WIRE_RUN_IDS = 1 << 3, /* change to uid and gid, without supplementary groups */
	WIRE_RUN_TTY = 1 << 4, /* all three streams are a terminal of the job's own, fed
				  by INPUT; what it shows comes as stream 1 */
	WIRE_RUN_HOLD = 1 << 5, /* stops the program before its first instruction, until
				   KILL with signal 18 lets it go on */
};

/* One resource limit; the kernel's numbering differs between architectures, so these are
 * our own numbers. */
enum wire_limit {
	WIRE_LIMIT_CPU_S = 1,
	WIRE_LIMIT_FILE_BYTES = 2,
	WIRE_LIMIT_CORE_BYTES = 3,
	WIRE_LIMIT_SPACE_BYTES = 4,
	WIRE_LIMIT_FILES = 5,
	WIRE_LIMIT_PROCESSES = 6,
	WIRE_LIMIT_STACK_BYTES = 7,
};
#define WIRE_UNLIMITED UINT64_MAX

struct wire_rlimit {
	uint32_t limit; /* enum wire_limit */
	uint64_t value; /* both soft and hard */
};

/* RUN: start a job. Its number (header) must not be in use. */
struct wire_run {
	uint32_t flags; /* enum wire_run_flag */
	struct wire_list prefix;
	struct wire_list argv; /* after the prefix; without a slash it is looked up in
				  PATH of `env` */
	struct wire_list env;  /* whole */
	const char *cwd;       /* "" is the runner's own */
	uint32_t wall_ms;      /* 0 = no limit, for each of the three */
	uint32_t idle_ms;
	uint32_t cpu_ms;   /* user and system time of the job and all it started */
	uint32_t grace_ms; /* from SIGTERM to SIGKILL at a time-out */
	uint32_t
		leak_ms; /* how long what the job left behind may take to end by itself */
	uint64_t output_bytes; /* per stream: more is dropped but for the tail; 0 = all */
	uint32_t tail_bytes; /* of what is dropped, so much of the end is sent; at most 16
				KiB */
	struct wire_bytes
		rlimits; /* struct wire_rlimit, each with a u32 length before it */
	uint32_t uid;
	uint32_t gid;
	const char *tmpdir; /* directory to make before and to remove after; "" with names
			       = own choice */
	struct wire_list tmpdir_names; /* environment names it is given to the job by */
	uint32_t rows;                 /* of the terminal; 0 = not known */
	uint32_t columns;
	uint32_t notice_ms; /* when a limit has struck, STRUCK is sent, and the job goes
			       on for so long, or until KILL with signal 0, before
			       SIGTERM; 0 = it is ended at once */
};

struct wire_started {
	uint32_t pid;
	const char *tmpdir; /* "" when none was asked for */
	uint64_t entry;     /* with HOLD: address of the program's entry point where it
			       was loaded; 0 = not known */
};

/* Where a job could not be started. Such a job has no verdict: it never counts as a
 * failure of the test. */
enum wire_step {
	WIRE_STEP_REQUEST =
		1, /* the request makes no sense: a job of that number runs, no argv, … */
	WIRE_STEP_FORK = 2,
	WIRE_STEP_STREAMS = 3,
	WIRE_STEP_TMPDIR = 4,
	WIRE_STEP_CHDIR = 5,
	WIRE_STEP_LIMITS = 6,
	WIRE_STEP_IDS = 7,
	WIRE_STEP_EXEC = 8,
	WIRE_STEP_INTERPRETER =
		9, /* the program is there, its loader or #! interpreter is not */
};

/* A limit has struck: whoever wants to look at the job may do it now. */
struct wire_struck {
	uint32_t kind; /* enum wire_end: WALL, IDLE or CPU */
};

struct wire_failed {
	uint32_t step;  /* enum wire_step */
	uint32_t error; /* Linux errno of the runner's architecture; use `text` */
	const char *text;
};

/* KILL: a signal (Linux x86 numbering for all architectures: only 1, 2, 3, 9, 15 are
 * used, 18 for a job that is held or stopped, and 19, which stops it and the clocks of
 * its limits; 0 is no signal, and ends the notice after STRUCK) to the job's whole group;
 * `grace_ms` after it everything of the job is killed, 0 = never. The job ends with
 * EXITED as ever. */
struct wire_kill {
	uint32_t signal;
	uint32_t grace_ms;
};

struct wire_input {
	uint32_t eof; /* 1: standard input ends after `data` */
	struct wire_bytes data;
	uint32_t rows; /* the terminal has another size now; 0 = no change */
	uint32_t columns;
};

struct wire_output {
	uint32_t stream;  /* 1 or 2 */
	uint64_t skipped; /* bytes dropped just before `data` */
	struct wire_bytes data;
};

enum wire_end {
	WIRE_END_EXIT = 1,
	WIRE_END_SIGNAL = 2,
	WIRE_END_WALL =
		3, /* time-outs: `code` is what the job made of it, as in a wait status */
	WIRE_END_IDLE = 4,
	WIRE_END_CPU = 5,
};

struct wire_exited {
	uint32_t kind; /* enum wire_end */
	uint32_t code; /* exit status, or the signal's number on x86; for time-outs 256 +
			  signal or the status */
	uint32_t core; /* 1: dumped core */
	uint64_t wall_us;
	uint64_t user_us;
	uint64_t system_us;
	uint64_t max_rss_kib;
	uint32_t leaked;             /* processes left behind, killed */
	struct wire_list leak_names; /* "name(pid)", at most 16 */
	uint64_t dropped_out_bytes;
	uint64_t dropped_err_bytes;
	uint32_t killed_by_host; /* signal of the last KILL, 0 when there was none */
};

/* ---- the store: blobs by digest, linked into trees */

struct wire_digests {
	struct wire_bytes digests; /* 32 bytes each: HAVE asks for all of them, MISSING
				      lists what is not there */
};

struct wire_have {
	struct wire_bytes digests;
	uint32_t lists; /* 1: they are of lists (see TREE): what one names is asked for
			   with it. One that is not there, or names too much to be
			   answered at once, is missing itself */
};

/* A blob so large, coded or decoded, is decoded aside: until STORED answers, the runner
 * takes nothing more of what is kept. */
#define WIRE_BLOB_LARGE (4u * 1024 * 1024)

enum wire_coding {
	WIRE_CODING_RAW = 0,
	WIRE_CODING_ZSTD = 1,
	WIRE_CODING_DELTA = 2, /* zstd with the blob `base` as prefix */
	WIRE_CODING_PATCH = 3, /* zstd of a patch of the blob `base` (wire/patch.h) */
};

/* BLOB: a piece of a blob. Pieces come in order, one blob after another. The last one
 * makes the whole `coded_bytes` long; then it is decoded, its digest is compared, and
 * STORED answers. */
struct wire_blob {
	struct wire_bytes digest;
	uint32_t coding; /* enum wire_coding */
	struct wire_bytes base;
	uint64_t size_bytes;  /* decoded */
	uint64_t coded_bytes; /* sum of all pieces */
	uint64_t offset;      /* of this piece in the coded bytes */
	struct wire_bytes data;
};

struct wire_stored {
	struct wire_bytes digest;
	uint32_t error; /* 0, or errno: EBADMSG = wrong digest or not decodable, ENOSPC, …
			 */
	const char *text;
};

enum wire_entry_kind {
	WIRE_ENTRY_FILE = 1,
	WIRE_ENTRY_DIRECTORY = 2,
	WIRE_ENTRY_SYMLINK = 3,
};

struct wire_entry {
	uint32_t kind;      /* enum wire_entry_kind */
	uint32_t mode;      /* permission bits */
	const char *path;   /* relative to the tree, no "..", parents are made */
	const char *target; /* symlink */
	struct wire_bytes digest;
	uint64_t mtime_s;
	uint32_t copy; /* 1: a file of its own, writable by tests, instead of a hard link
			  to the blob */
};

/* TREE: a part of a work tree. STAGED answers the one with `last` set. */
struct wire_tree {
	const char *name; /* directory under WELCOME.work: one path component */
	struct wire_bytes
		entries; /* struct wire_entry, each with a u32 length before it */
	uint32_t last;
	struct wire_bytes list; /* digest of a blob with more entries, in the same form */
	uint64_t mtime_s;       /* of all files whose entry tells none */
};

/* STAGED and CLEANED. */
struct wire_result {
	const char *path; /* STAGED: absolute path of the tree; else what failed */
	uint32_t error;
	const char *text;
};

/* READ: a file of a work tree, answered by CONTENT pieces up to the one with `last`. */
struct wire_read {
	const char *path; /* relative to WELCOME.work */
	uint64_t offset;
	uint64_t length; /* 0 = to the end */
};

struct wire_content {
	uint64_t offset;
	uint32_t last;
	uint32_t error;
	const char *text;
	struct wire_bytes data;
};

/* CLEAN: remove a tree, and with `keep_bytes` below UINT64_MAX shrink the store to that
 * size, oldest use first. */
struct wire_clean {
	const char *name; /* "" = no tree */
	uint64_t keep_bytes;
};

/* CLOCK: after a restored snapshot. CLOCK_SET answers with struct wire_result. */
struct wire_clock {
	uint64_t realtime_ns; /* since 1970; 0 = leave the clock */
	struct wire_bytes entropy;
};

/* RECALLED: a job of this session ended while the runner before this one lived (it was
 * killed, or the machine was restarted), and the host may not have heard so. The one for
 * job 0 is the last: whatever else was asked for is lost. */
struct wire_recalled {
	struct wire_bytes exited; /* the body of its EXITED; empty for job 0 */
};

/* NOTE: words for the user that belong to no verdict. */
struct wire_note {
	uint32_t level; /* 0 information, 1 warning */
	const char *text;
};

/* BYE, GONE: an orderly end; jobs still running are killed before GONE. */
struct wire_bye {
	uint32_t remove_work; /* 1: the work directory goes too */
};

/* ---- frame.c */

void frame_put_header(uint8_t out[WIRE_HEADER_SIZE], const struct wire_header *h);
void frame_get_header(const uint8_t in[WIRE_HEADER_SIZE], struct wire_header *h);
/* Writes header and check in front of a body that already lies at frame +
 * WIRE_HEADER_SIZE. Fills h->check. */
void frame_seal(uint8_t *frame, struct wire_header *h);

/* Finds frames in a stream. Its memory is fixed: one frame. Zero-initialise. */
struct frame_reader {
	size_t start, end;      /* the bytes held: data[start..end) */
	uint64_t skipped_bytes; /* were not part of a good frame */
	uint32_t corrupt;       /* frames with a wrong check */
	uint8_t data[WIRE_FRAME_MAX];
};

/* Where to put bytes of the stream, and how much room is there: at least one byte once
 * frame_reader_next() has said 0. Tell with frame_reader_add() how many came. */
uint8_t *frame_reader_room(struct frame_reader *r, size_t *room);
void frame_reader_add(struct frame_reader *r, size_t len);
/* 1 and the next whole frame (body valid until the next call of anything), or 0. */
int frame_reader_next(
	struct frame_reader *r, struct wire_header *h, const uint8_t **body);
/* For a stream in which no frame has ended for a while: a damaged length may hide good
 * frames behind it. Goes on with the next whole good frame that is held, if there is one.
 */
void frame_reader_resync(struct frame_reader *r);

/* ---- msg.c */

enum wire_kind { WIRE_U32, WIRE_U64, WIRE_STR, WIRE_BYTES, WIRE_LIST };

struct wire_field {
	const char *name;
	enum wire_kind kind;
	uint16_t offset; /* in the structure */
};

/* How one message looks: the only place that knows, for encoding, decoding, printing and
 * the documentation test. */
struct wire_message {
	uint16_t type;
	const char *name;
	uint16_t size; /* of the structure */
	uint16_t field_count;
	const struct wire_field *fields;
};

extern const struct wire_message msg_emulator, msg_rlimit, msg_entry;

/* The description of a type, or NULL. */
const struct wire_message *msg_find(unsigned int type);
/* All messages in the order of their numbers; NULL after the last. */
const struct wire_message *msg_at(size_t index);
/* Length of the encoded message. */
size_t msg_size(const struct wire_message *m, const void *structure);
/* Encodes; returns the length or -EMSGSIZE. NULL strings are encoded as "". */
int msg_encode(
	const struct wire_message *m, const void *structure, uint8_t *out, size_t size);
/* Decodes; returns 0 or -EBADMSG. Strings and lists point into `body`; missing fields are
 * 0, "" or empty. */
int msg_decode(
	const struct wire_message *m, const uint8_t *body, size_t len, void *structure);
/* The next string of a decoded list, or NULL. *at starts as NULL. */
const char *msg_list_next(const struct wire_list *list, const char **at);
/* For the records inside a message (u32 length, then the record): appends one to `out`,
 * returns the new length or -EMSGSIZE; *len is what is there already. */
int msg_put_record(const struct wire_message *m, const void *structure, uint8_t *out,
	size_t size, size_t len);
/* 1 and the next record, 0 at the end, -EBADMSG. *at starts as 0. */
int msg_next_record(const struct wire_message *m, const struct wire_bytes *records,
	size_t *at, void *structure);

#endif
