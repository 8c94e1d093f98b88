/* What the files of the place `system` share. */
#ifndef XTEST_TRANSPORT_SYSTEM_PRIVATE_H
#define XTEST_TRANSPORT_SYSTEM_PRIVATE_H

#include "model/console.h"
#include "transport/machine.h"
#include "transport/qmp.h"
#include "transport/silence.h"
#include "transport/state.h"
#include "transport/transport.h"

/* Arguments of migrate-set-capabilities: the memory is a file already, only the devices
 * travel. */
#define IGNORE_SHARED                                                                    \
	"{\"capabilities\":[{\"capability\":\"x-ignore-shared\",\"state\":true}]}"

enum { KILLS_MAX = 8 };

/* An open machine. */
struct system {
	const struct machine_config *config;
	char *program;
	bool kvm;
	struct machine machine;
	struct qmp *qmp;
	struct console *console;
	int64_t console_ms; /* when it said something last */
	int log_fd;
	struct state_store *states; /* NULL: none are kept */
	char *restored;             /* key of the state it came from */
	char *note;
	bool answers;   /* the runner has opened its port */
	bool told_open; /* link->opened was set for it */
	bool described; /* link->detail has QEMU's version */

	/* What was learned of its end. */
	char *fatal, *oops; /* titles of findings */
	int64_t fatal_ms;
	struct {
		char *line; /* owned */
		int64_t at_ms;
	} kills[KILLS_MAX]; /* the latest of memory that ran out; a ring */
	size_t n_kills;     /* so many there were */
	char *shutdown;     /* reason of QEMU's SHUTDOWN event */
	bool by_guest;
	struct {
		struct silence_sample before, last; /* first and latest look at it */
		int64_t last_ms;                    /* 0: it answers */
		int64_t fair_ms;
	} silence;
};

/* system-signs.c: reads what the machine says of itself, and judges. */

void system_on_finding(void *ctx, const struct console_finding *finding);
void system_on_event(void *ctx, const char *event, const struct json *data);
/* Reads what there is, without waiting. */
void system_listen(struct system *s);
size_t system_watch(struct link *link, int *fds, size_t max);
bool system_check(struct link *link, int64_t silence_ms, struct demise *demise);
char *system_kills(struct link *link, int64_t since_ms);
/* What link->detail says; the version of QEMU is not known before its monitor says it. */
void system_describe(struct system *s, struct link *link);

/* system-state.c: goes on from saved states, and saves them. */

/* LINK_FRESH when there is no good state of that level to go on from. */
enum link_level system_restore(struct system *s, enum link_level level);
int system_save(struct link *link, enum link_level level, struct err *e) MUST_CHECK;
void system_distrust(struct link *link);

/* system.c */

/* Starts QEMU; takes `ram_fd`. `state_fd`: it waits to be told to go on from the
 * devices there; -1: boots. */
int system_start(struct system *s, int ram_fd, bool shared, int state_fd,
	struct err *e) MUST_CHECK;
/* Ends the machine, and forgets what was learned of it. */
void system_forget(struct system *s);
/* Bytes of the machine's memory. */
uint64_t system_ram_bytes(const struct system *s);

#endif
