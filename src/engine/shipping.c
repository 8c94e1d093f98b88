#include "engine/session.h"
#include "engine/ship-private.h"

#include "base/fs.h"
#include "engine/archive-private.h"

#include <errno.h>
#include <unistd.h>

#define TREE_NAME "tree"

enum {
	/* Room for a message with all around it. */
	PIECE_ROOM = SESSION_PIECE_MAX + 1024,
	DIGESTS_ROOM = SESSION_DIGESTS_MAX * WIRE_DIGEST_SIZE + 1024,
	LINKS_MAX = 8, /* from one link to the next in the sysroot */
};

enum phase { ASK, SEND, LINK, WAIT_TREE, STANDS };

struct shipping {
	struct shipment *shipment; /* borrowed */
	struct session *session;   /* borrowed */
	enum phase phase;
	/* ASK */
	size_t asked, answers_due; /* blobs asked for; answers to come */
	bool *missing;             /* one for each blob */
	/* SEND: blobs in the order of their numbers */
	size_t blob, stored_due;
	bool busy; /* the runner decodes a large blob: what is sent now is sent twice */
	int fd;    /* of the blob under way; -1: none */
	uint64_t at, offset;
	uint64_t sent_bytes, total_bytes;
	/* LINK */
	size_t entry;
	char *root; /* absolute path of the tree, there */

	bool failed;
	struct err why;
};

/* Requests of the three kinds have numbers of their own. */
enum { REQUEST_TREE = 1, REQUEST_HAVE = 2, REQUEST_BLOB = 1 << 20 };

struct shipping *shipping_start(struct shipment *s, struct session *session)
{
	struct shipping *p = xcalloc(1, sizeof *p);

	p->shipment = s;
	p->session = session;
	p->fd = -1;
	p->missing = xcalloc(s->n_blobs + 1, sizeof *p->missing);
	return p;
}

void shipping_free(struct shipping *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	free(s->missing);
	free(s->root);
	free(s);
}

/* ---- answers */

static void fail(struct shipping *p, const char *what, uint32_t error, const char *text)
{
	if (p->failed)
		return;
	p->failed = true;
	err_set(&p->why, ERR_INFRA, "%s could not be put there: %s%s", what, text,
		error == ENOSPC ? " (it takes more space than there is)" : "");
}

void shipping_missing(
	struct shipping *p, uint32_t request UNUSED, const uint8_t *digests, size_t count)
{
	if (!p->answers_due) {
		fail(p, "the content", 0, "an answer to nothing");
		return;
	}
	p->answers_due--;
	for (size_t i = 0; i < count; i++) {
		size_t blob =
			shipment_find_blob(p->shipment, digests + i * WIRE_DIGEST_SIZE);

		if (blob >= p->asked)
			fail(p, "the content", 0, "what nobody asked for is missing");
		else
			p->missing[blob] = true;
	}
}

void shipping_stored(
	struct shipping *p, uint32_t request, uint32_t error, const char *text)
{
	size_t blob = request - REQUEST_BLOB;

	if (request < REQUEST_BLOB || blob > p->blob || blob >= p->shipment->n_blobs ||
		!p->stored_due) {
		fail(p, "the content", 0, "an answer to nothing");
		return;
	}
	p->stored_due--;
	p->busy = p->busy && p->stored_due;
	if (error)
		fail(p, p->shipment->blobs[blob].path, error, text);
}

void shipping_staged(struct shipping *p, uint32_t request UNUSED, const char *path,
	uint32_t error, const char *text)
{
	if (p->phase != WAIT_TREE || path[0] != '/') {
		fail(p, "the tree", 0, "an answer to nothing");
		return;
	}
	if (error) {
		fail(p, "the tree", error, text);
		return;
	}
	p->root = xstrdup(path);
	p->phase = STANDS;
}

void shipping_progress(
	const struct shipping *p, uint64_t *done_bytes, uint64_t *total_bytes)
{
	*done_bytes = p->sent_bytes;
	*total_bytes = p->total_bytes;
}

/* ---- what is sent */

static void ask(struct shipping *p)
{
	const struct shipment *s = p->shipment;
	autofree uint8_t *digests = NULL;

	while (p->asked < s->n_blobs && session_room(p->session) >= DIGESTS_ROOM) {
		size_t n = MIN(s->n_blobs - p->asked, SESSION_DIGESTS_MAX);

		if (!digests)
			digests = xmalloc(SESSION_DIGESTS_MAX * WIRE_DIGEST_SIZE);
		for (size_t i = 0; i < n; i++)
			memcpy(digests + i * WIRE_DIGEST_SIZE,
				s->blobs[p->asked + i].digest, WIRE_DIGEST_SIZE);
		session_have(p->session, REQUEST_HAVE, digests, n);
		p->asked += n;
		p->answers_due++;
	}
	if (p->asked < s->n_blobs || p->answers_due)
		return;
	for (size_t i = 0; i < s->n_blobs; i++)
		p->total_bytes += p->missing[i] ? s->blobs[i].size_bytes : 0;
	p->phase = SEND;
}

static int send_piece(struct shipping *p, struct err *e)
{
	const struct ship_blob *b = &p->shipment->blobs[p->blob];
	uint8_t data[SESSION_PIECE_MAX];
	size_t want = (size_t)MIN(b->coded_bytes - p->offset, SESSION_PIECE_MAX);
	ssize_t n = want ? pread(p->fd, data, want, (off_t)(p->at + p->offset)) : 0;
	struct wire_blob piece = {
		.digest = {b->digest, WIRE_DIGEST_SIZE},
		.coding = b->coding,
		.size_bytes = b->size_bytes,
		.coded_bytes = b->coded_bytes,
		.offset = p->offset,
		.data = {data, (uint32_t)want},
	};

	if (n != (ssize_t)want)
		return err_set(e, ERR_SETUP,
			"%s changed while it was being sent; try again", b->path);
	session_blob(p->session, REQUEST_BLOB + (uint32_t)p->blob, &piece);
	p->offset += want;
	return 0;
}

static int begin_blob(struct shipping *p, struct err *e)
{
	if (shipment_code(p->shipment, p->blob, e) < 0)
		return -1;
	p->fd = shipment_code_open(p->shipment, p->blob, &p->at, e);
	p->offset = 0;
	p->stored_due++;
	return p->fd < 0 ? -1 : 0;
}

static void end_blob(struct shipping *p)
{
	const struct ship_blob *b = &p->shipment->blobs[p->blob];

	p->busy = b->size_bytes >= WIRE_BLOB_LARGE || b->coded_bytes >= WIRE_BLOB_LARGE;
	p->sent_bytes += b->size_bytes;
	close(p->fd);
	p->fd = -1;
	p->blob++;
}

static int send_blobs(struct shipping *p, struct err *e)
{
	const struct shipment *s = p->shipment;

	while (p->blob < s->n_blobs && !p->busy &&
		session_room(p->session) >= PIECE_ROOM) {
		if (!p->missing[p->blob]) {
			p->blob++;
			continue;
		}
		if ((p->fd < 0 && begin_blob(p, e) < 0) || send_piece(p, e) < 0)
			return -1;
		if (p->offset == s->blobs[p->blob].coded_bytes)
			end_blob(p);
	}
	if (p->blob == s->n_blobs && !p->stored_due)
		p->phase = LINK;
	return 0;
}

static struct wire_entry wire_entry_of(
	const struct shipment *s, const struct ship_entry *entry)
{
	const struct archive_item *item = entry->item;
	struct wire_entry w = {.path = entry->name, .mtime_s = s->mtime_s};

	w.mode = item ? item->mode : 0755;
	switch (item ? item->kind : ARCHIVE_DIR) {
	case ARCHIVE_FILE:
		w.kind = WIRE_ENTRY_FILE;
		w.digest = (struct wire_bytes){
			s->blobs[entry->blob].digest, WIRE_DIGEST_SIZE};
		w.copy = entry->copy;
		break;
	case ARCHIVE_LINK:
		w.kind = WIRE_ENTRY_SYMLINK;
		w.target = item->link;
		break;
	case ARCHIVE_DIR:
		w.kind = WIRE_ENTRY_DIRECTORY;
		break;
	}
	return w;
}

static int send_tree(struct shipping *p, struct err *e)
{
	const struct shipment *s = p->shipment;

	while (p->entry < s->n_entries && session_room(p->session) >= 2 * PIECE_ROOM) {
		struct wire_entry w = wire_entry_of(s, &s->entries[p->entry]);

		if (session_tree(p->session, REQUEST_TREE, TREE_NAME, &w, e) < 0)
			return -1;
		p->entry++;
	}
	if (p->entry == s->n_entries && session_room(p->session) >= 2 * PIECE_ROOM) {
		session_tree_end(p->session, REQUEST_TREE, TREE_NAME);
		p->phase = WAIT_TREE;
	}
	return 0;
}

int shipping_step(struct shipping *p, struct err *e)
{
	if (p->phase == ASK)
		ask(p);
	if (!p->failed && p->phase == SEND && send_blobs(p, e) < 0)
		return -1;
	if (!p->failed && p->phase == LINK && send_tree(p, e) < 0)
		return -1;
	if (p->failed) {
		*e = p->why;
		return -1;
	}
	return p->phase == STANDS;
}

/* ---- the view */

/* The entry a link in the sysroot leads to in the end, or NULL. */
static const struct ship_entry *follow(
	const struct shipment *s, const struct ship_entry *entry)
{
	for (int i = 0; entry && i < LINKS_MAX; i++) {
		autofree char *dir = NULL, *base = NULL, *aim = NULL;
		const struct ship_entry *next = NULL;

		if (!entry->item || entry->item->kind != ARCHIVE_LINK)
			return entry;
		dir = fs_dirname(entry->name);
		base = fs_join("/", dir);
		aim = fs_normalize(entry->item->link, base);
		for (size_t k = 0; k < s->n_entries && !next; k++)
			if (streq(s->entries[k].name, aim + 1))
				next = &s->entries[k];
		entry = next;
	}
	return NULL;
}

static void bind_root(
	const struct shipping *p, enum archive_root root, struct strv *binds)
{
	strv_push_take(binds, fs_join(p->root, archive_root_name(root)));
	strv_push(binds, p->shipment->roots->v[root].original);
}

/* The target's libraries stand where it looks for them; each by itself, so that what is
 * beside them stays. */
static void bind_sysroot(const struct shipping *p, struct strv *binds)
{
	const struct shipment *s = p->shipment;

	for (size_t i = 0; i < s->n_entries; i++) {
		const char *below =
			fs_below(s->entries[i].name, archive_root_name(ARCHIVE_SYSROOT));
		const struct ship_entry *aim = below ? follow(s, &s->entries[i]) : NULL;

		if (!aim || !aim->item || aim->item->kind != ARCHIVE_FILE)
			continue;
		strv_push_take(binds, fs_join(p->root, aim->name));
		strv_push_take(binds, fs_join("/", below));
	}
}

void shipping_binds(const struct shipping *p, struct strv *binds)
{
	const struct archive_roots *roots = p->shipment->roots;
	const char *source = roots->v[ARCHIVE_SOURCE].original,
		   *target = roots->v[ARCHIVE_TARGET].original;
	bool inner = source && target && fs_is_within(source, target);

	bind_sysroot(p, binds);
	/* The outer one first. */
	if (source && !inner)
		bind_root(p, ARCHIVE_SOURCE, binds);
	if (target)
		bind_root(p, ARCHIVE_TARGET, binds);
	if (source && inner)
		bind_root(p, ARCHIVE_SOURCE, binds);
}
