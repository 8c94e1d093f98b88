/*
 * Sends what a run needs to a place that sees nothing of this machine: the content of an
 * archive, as blobs the runner's store lacks and a tree that links them. One shipment
 * serves all places of a column.
 */
#ifndef XTEST_ENGINE_SHIP_H
#define XTEST_ENGINE_SHIP_H

#include "engine/archive.h"

struct session;
struct shipment;

/* Out of an archive's plan, or of an archive that was unpacked (`roots`). Everything
 * borrowed for the life of the shipment. Digests every file (those of an unpacked archive
 * are known). ERR_ARCHIVE, ERR_SETUP. */
struct shipment *shipment_new(const struct archive_items *items,
	const struct archive_roots *roots, struct err *e);
void shipment_free(struct shipment *s);
/* Digest over all of it, hexadecimal: equal content, equal key. Borrowed. */
const char *shipment_key(const struct shipment *s);
uint64_t shipment_bytes(const struct shipment *s);

/* One place being filled: steps without blocking. */
struct shipping;
struct shipping *shipping_start(const struct shipment *s, struct session *session);
/* Puts as much into the session as has room. 0: more to do, 1: the tree stands, -1:
 * failed (ERR_INFRA: no space, a digest that does not fit, with the runner's words). */
int shipping_step(struct shipping *s, struct err *e) MUST_CHECK;
/* After it stands: appends the mounts that put the trees where they were built, and the
 * sysroot's files at the paths the target has them: source, target, …: for
 * session_enter(). */
void shipping_binds(const struct shipping *s, struct strv *binds);
void shipping_free(struct shipping *s);
/* The session's answers belong here. */
void shipping_missing(
	struct shipping *s, uint32_t request, const uint8_t *digests, size_t count);
void shipping_stored(
	struct shipping *s, uint32_t request, uint32_t error, const char *text);
void shipping_staged(struct shipping *s, uint32_t request, const char *path,
	uint32_t error, const char *text);

#endif
