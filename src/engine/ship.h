/*
 * Sends what a run needs to a place that sees nothing of this machine: the content of an
 * archive, as blobs the runner's store lacks and a tree that links them. One shipment
 * serves all places of a column.
 */
#ifndef XTEST_ENGINE_SHIP_H
#define XTEST_ENGINE_SHIP_H

#include "engine/archive.h"

struct session;
struct ship_figures;
struct shipment;

/* Fills in the digests of the files that have none: those of a plan. ERR_ARCHIVE when one
 * is not as it was planned, ERR_TESTS_FAILED when `cancelled` (may be NULL) says so. */
int shipment_digest(struct archive_items *items, bool (*cancelled)(void *ctx), void *ctx,
	struct err *e) MUST_CHECK;
/* Out of an archive's plan with its digests, or of an archive that was unpacked; in the
 * first case the roots were and are the same directories. The host's part and the runners
 * stay here, and what was not unpacked. Items and roots are borrowed for the life of the
 * shipment. Never NULL. */
struct shipment *shipment_new(
	const struct archive_items *items, const struct archive_roots *roots);
void shipment_free(struct shipment *s);
/* What is sent to boards is remembered in that directory (made when needed), so that the
 * next time only what is different is sent. At most once, before the first
 * shipping_start(). */
void shipment_remember(struct shipment *s, const char *dir);
/* Digest over all of it, hexadecimal: equal content, equal key. Borrowed. */
const char *shipment_key(const struct shipment *s);
/* Bytes of all files as they will lie there. */
uint64_t shipment_bytes(const struct shipment *s);
/* Begins to compress everything, beside what this thread does: for a place that has none
 * of it and is not there yet. */
void shipment_prepare(struct shipment *s);

/* One place being filled: steps without blocking (but for the compression of a file that
 * nobody prepared). `board` names one whose store outlives the run; NULL: none does, and
 * nothing is remembered. */
struct shipping;
struct shipping *shipping_start(
	struct shipment *s, struct session *session, const char *board);
/* Puts as much into the session as has room. 0: more to do, 1: the tree stands, -1:
 * failed (ERR_INFRA: no space, a digest that does not fit, with the runner's words;
 * ERR_SETUP: a file that is not as it was). */
int shipping_step(struct shipping *s, struct err *e) MUST_CHECK;
/* After it stands: appends the mounts that put the trees where they were built, and the
 * sysroot's files at the paths the target has them: source, target, …: for
 * session_enter(). */
void shipping_binds(const struct shipping *s, struct strv *binds);
void shipping_free(struct shipping *s);
/* How far it is. Nothing is lacking until the store has answered. */
void shipping_progress(const struct shipping *s, struct ship_figures *figures);
/* The session's answers belong here. */
void shipping_missing(
	struct shipping *s, uint32_t request, const uint8_t *digests, size_t count);
void shipping_stored(
	struct shipping *s, uint32_t request, uint32_t error, const char *text);
void shipping_staged(struct shipping *s, uint32_t request, const char *path,
	uint32_t error, const char *text);

#endif
