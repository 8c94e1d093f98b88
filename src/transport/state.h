/*
 * Saved states of machines: memory and devices of a moment, to go on from in a tenth of a
 * second. A state is one file, states/KEY in the cache: the memory as it was (sparse,
 * from offset 0 on, so that QEMU can map it), the devices' state, a line for people, a
 * trailer with a checksum over all of it. It gets its name only when it is whole, so
 * whatever ends this program leaves nothing half-made. The key says everything the state
 * depends on; a state whose bytes are not what was written is removed, never used.
 */
#ifndef XTEST_TRANSPORT_STATE_H
#define XTEST_TRANSPORT_STATE_H

#include "base/err.h"
#include "base/strv.h"

struct state_store; /* a directory of states */

/* `dir` is made when it is not there. NULL: it cannot be. */
struct state_store *state_store_open(const char *dir, struct err *e);
void state_store_close(struct state_store *s);

enum state_found {
	STATE_NONE,
	STATE_GOOD,
	STATE_BAD, /* it was damaged; it has been removed and *e says so */
};

/* Opens the state for a machine that maps its memory privately. Only its form is looked
 * at: nothing may go on from it before state_verify(). *fd is the caller's, for reading
 * and writing (QEMU wants so), positioned at the devices' state. */
enum state_found state_open(struct state_store *s, const char *key, uint64_t ram_bytes,
	int *fd, struct err *e) MUST_CHECK;
/* Reads all of an open state, unless this process has done so before, and leaves `fd`
 * positioned as it was. Fails when it is damaged; it is removed then. */
int state_verify(struct state_store *s, const char *key, int fd, uint64_t ram_bytes,
	struct err *e) MUST_CHECK;
/* Copies the memory of an open state into `ram_fd`. */
int state_copy_ram(int fd, uint64_t ram_bytes, int ram_fd, struct err *e) MUST_CHECK;
bool state_exists(const struct state_store *s, const char *key);

/* A nameless file to write the devices' state to, at its position; -1 and *e when the
 * directory takes none. */
int state_begin(struct state_store *s, uint64_t ram_bytes, struct err *e) MUST_CHECK;
/* Adds the memory out of `ram_fd`, which nobody writes to meanwhile. */
int state_add_ram(
	int fd, uint64_t ram_bytes, int ram_fd, uint64_t *sum, struct err *e) MUST_CHECK;
/* Adds the rest and gives the file its name. `about`: lines for people. When another
 * process was faster its state stays. Then removes the states that were not used for
 * longest until the rest fits the store's bound. */
int state_finish(struct state_store *s, const char *key, int fd, uint64_t ram_bytes,
	uint64_t sum, const char *about, struct err *e) MUST_CHECK;

/* Names of all states. */
void state_list(const struct state_store *s, struct strv *keys);
/* The lines for people; the caller's. NULL: there is no such state, or it is damaged. */
char *state_about(const struct state_store *s, const char *key);
void state_remove(struct state_store *s, const char *key);
/* Removes the least recently used states beyond so many bytes on disk. */
void state_prune(struct state_store *s, uint64_t keep_bytes);

#endif
