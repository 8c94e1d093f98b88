/*
 * A transport reaches a runner: it starts or finds one and gives two descriptors to talk
 * over. It moves bytes and knows no message. One file and one line in transport.c's table
 * make a new one.
 */
#ifndef XTEST_TRANSPORT_TRANSPORT_H
#define XTEST_TRANSPORT_TRANSPORT_H

#include "base/err.h"
#include "base/strv.h"

#include <sys/types.h>

struct config_board;
struct console_table;
struct image;
struct image_recipe;
struct target;
struct toolchain;

/* What a machine of the place `system` is made of. Borrowed for the life of the place. */
struct machine_config {
	const struct image_recipe *recipe;
	const struct image *image;
	const struct console_table *console;
	unsigned cpus, memory_mib;
	bool snapshots;       /* restore and save states; false: boot each time */
	const char *content;  /* digest of all that is staged: the key of that state */
	const char *log_path; /* the console's bytes are appended here; NULL: nowhere */
	const char *gdb;      /* QEMU's -gdb argument; NULL: none */
};

/* What is known of a board from one opening to the next. */
struct board_memory {
	bool prepared;  /* its hooks for the beginning have run */
	bool was_reset; /* its hook for that has run */
};

/* What a board is and how it is used. Borrowed for the life of the place. */
struct board_config {
	const char *name; /* for people: of the configuration, or the uri */
	const char *uri;  /* "ssh://[user@]host[:port]" */
	const struct config_board *config; /* its hooks; NULL: it has none */
	struct board_memory *memory;
	const struct console_table *console; /* for its console; NULL: it has none */
	const char *log_path;   /* the console's bytes are appended here; NULL: nowhere */
	const char *directory;  /* of the project: where hooks are run */
	const char *ssh_config; /* in the usual files' stead; NULL: those */
	bool accept_new;        /* the key of a host nobody knows is noted down */
	const char *owner;      /* of the lock, for whoever waits for it */
	int64_t lock_timeout_ms;
	uint64_t disk_bytes; /* what the run will need there, at most */
};

/* Where to, as the user or the configuration said it. */
struct place_config {
	const char *uri; /* "local", "user", "system", "ssh://…", or a board's name */
	const struct target *target;
	const struct toolchain *toolchain;
	const char *runner_path; /* the runner program for the machine the place is */
	const struct machine_config *machine; /* of "system"; NULL for the others */
	const struct board_config *board;     /* of "ssh://…"; NULL for the others */
	int64_t return_limit_ms; /* how long a cut link is tried again; 0: two minutes */
	/* NULL: the one that claims the uri. A test brings its own. */
	const struct transport *transport;
};

/* How far the far side was when it was reached. */
enum link_level {
	LINK_FRESH,  /* just started: nothing is staged */
	LINK_BOOTED, /* restored as it was after its start */
	LINK_STAGED, /* restored with everything staged and the view entered */
};

/* Why a far side is no more, by its own signs. */
struct demise {
	char *reason;  /* owned: "kernel panic: sysrq triggered crash", "QEMU was killed
			  by signal 9 (SIGKILL)", "the machine has not answered for 3 s" */
	char *console; /* owned: the excerpt of its console; may be NULL */
	bool by_host;  /* this host had too little to give: says nothing of what ran there
			*/
	bool may_return; /* only the way was cut: the runner may still be there, and
			    open() may reach it again */
	bool by_guest;   /* what ran inside did it (a panic, a reset, a power-off); else
			    the far side itself failed */
};
void demise_release(struct demise *d);

/* An open way to a runner. */
struct link {
	int in_fd, out_fd; /* owned; the same number when one descriptor carries both
			      ways; non-blocking */
	pid_t pid; /* of a local process that is the runner or carries the bytes; 0 when
		      there is none */
	char *detail; /* "qemu-aarch64 7.2.22": for the report; owned */
	enum link_level level;
	/* The way there is still being made: the runner is not asked yet and no limit of
	 * its counts, until check() clears this or tells the demise. */
	bool coming;
	/* Set by check() when the far side has just opened its end: what was written
	 * before may be lost. Whoever has acted on it clears it. */
	bool opened;
	/* While `coming`: what goes on, for people ("sending the runner"), and how far it
	 * is (negative: unknown). NULL: nothing to tell. Borrowed until check(), close().
	 */
	const char *doing;
	double fraction;
	const char *note; /* what a person should know of this opening (a damaged state
			     was removed); NULL: nothing. Borrowed until close() */
	void *state;      /* the transport's own */
};

struct transport {
	const char *name; /* "local", "user", "system", "ssh" */
	const char *help;
	/* Files of this machine are not seen there: what a run needs must be sent. */
	bool staged;
	/* Its runner outlives the way to it: after a cut, open() with the same
	 * configuration reaches it again. */
	bool returns;
	/* True when `uri` is its kind of place. */
	bool (*claims)(const char *uri);
	/* May return before the runner can answer: its WELCOME tells; and before there is
	 * a way to it: link->coming tells. */
	int (*open)(const struct place_config *config, struct link *link, struct err *e);
	/* Ends what open() began, kindly first; nothing of it outlives the call. Says in
	 * *why (the caller's string, may stay NULL) how the far side ended when that was
	 * not by itself. */
	void (*close)(struct link *link, char **why);

	/* The rest may be NULL. */

	/* Fills descriptors with signs of life beside in_fd (console, monitor, the
	 * process itself) to be polled for reading; returns how many. */
	size_t (*watch)(struct link *link, int *fds, size_t max);
	/* Reads these signs. `silence_ms`: how long the runner has not been heard
	 * although it was asked. True when the far side is no more; fills *demise. */
	bool (*check)(struct link *link, int64_t silence_ms, struct demise *demise);
	/* What the far side told since `since_ms` (of now_ms()) of processes its kernel
	 * killed for want of memory, a line each; the caller's. NULL: nothing. */
	char *(*kills)(struct link *link, int64_t since_ms);
	/* Keeps the state as `level`, for the next open() with the same configuration;
	 * the far side goes on as if nothing had happened. No job runs. */
	int (*save)(struct link *link, enum link_level level, struct err *e);
	/* The state open() restored is of no use (no answer, wrong content): never
	 * restore it again. */
	void (*distrust)(struct link *link);
};

enum { TRANSPORT_WATCH_MAX = 4 };

extern const struct transport transport_local, transport_ssh, transport_system,
	transport_user;
extern const struct transport *const transport_table[];
const struct transport *transport_find(const char *uri);

#endif
