#include "engine/session.h"
#include "engine/ship-memory.h"
#include "engine/ship-words.h"

#include "base/fs.h"
#include "engine/archive-private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define TREE_NAME "tree"

enum {
	/* Room for a message with all around it. */
	PIECE_ROOM = SESSION_PIECE_MAX + 1024,
	DIGESTS_ROOM = SESSION_DIGESTS_MAX * WIRE_DIGEST_SIZE + 1024,
	MEMORY_PART = 4, /* of the board's memory, for a delta and what is around it */
	LINKS_MAX = 8,   /* from one link to the next in the sysroot */
};

enum phase { BEGIN, ASK_LIST, ASK, ASK_BASES, SEND, LINK, WAIT_TREE, STANDS };

/* What is known of one blob there. */
struct there {
	bool missing;
	bool sent;  /* and not answered yet */
	bool whole; /* a delta of it was refused */
	/* What the file with its name was the last time; in use once the store says that
	 * it is there. */
	bool has_base, base_missing;
	uint8_t base[WIRE_DIGEST_SIZE];
};

struct shipping {
	struct shipment *shipment;  /* borrowed */
	struct session *session;    /* borrowed */
	struct ship_memory *memory; /* NULL: the store is new, and for this run only */
	bool has_list;              /* the tree's list is sent, and known there */
	enum phase phase;
	/* ASK */
	size_t asked, answers_due; /* blobs asked for; answers to come */
	bool listed;               /* the list is not there */
	struct there *there;       /* one for each blob */
	/* SEND: blobs in the order of their numbers */
	size_t blob, stored_due;
	bool busy;  /* the runner decodes a large blob: what is sent now is sent twice */
	bool again; /* some blob has to be sent once more */
	int fd;     /* of the blob under way; -1: none */
	int delta_fd; /* what was coded of it; -1: nothing ever was */
	enum wire_coding coding;
	uint64_t coded_bytes;
	uint64_t at, offset;
	uint64_t sent_bytes, total_bytes; /* of blobs, as they are */
	uint64_t wire_bytes;              /* that these took */
	/* LINK */
	size_t entry;
	char *root; /* absolute path of the tree, there */

	bool failed;
	struct err why;
};

/* Requests of the three kinds have numbers of their own. */
enum {
	REQUEST_TREE = 1,
	REQUEST_HAVE = 2,
	REQUEST_LIST = 3,
	REQUEST_BASES = 4,
	REQUEST_BLOB = 1 << 20,
};

struct shipping *shipping_start(
	struct shipment *s, struct session *session, const char *board)
{
	struct shipping *p = xcalloc(1, sizeof *p);

	p->shipment = s;
	p->session = session;
	p->fd = p->delta_fd = -1;
	p->there = xcalloc(s->n_blobs + 1, sizeof *p->there);
	if (board && s->memory_dir)
		p->memory = ship_memory_open(s->memory_dir, board);
	return p;
}

void shipping_free(struct shipping *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	if (s->delta_fd >= 0)
		close(s->delta_fd);
	ship_memory_free(s->memory);
	free(s->there);
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

/* The list alone: nothing is known of what it names. */
static bool is_list_alone(const struct shipping *p, const uint8_t *digests, size_t count)
{
	return count == 1 &&
	       memcmp(digests, p->shipment->blobs[p->shipment->list_blob].digest,
		       WIRE_DIGEST_SIZE) == 0;
}

static void note_missing(struct shipping *p, const uint8_t *digest)
{
	size_t blob = shipment_find_blob(p->shipment, digest);

	if (blob < (p->phase == ASK ? p->asked : p->shipment->n_blobs))
		p->there[blob].missing = true;
	else
		fail(p, "the content", 0, "what nobody asked for is missing");
}

static void note_missing_base(struct shipping *p, const uint8_t *digest)
{
	for (size_t i = 0; i < p->shipment->n_blobs; i++)
		if (p->there[i].has_base &&
			memcmp(p->there[i].base, digest, WIRE_DIGEST_SIZE) == 0)
			p->there[i].base_missing = true;
}

void shipping_missing(
	struct shipping *p, uint32_t request, const uint8_t *digests, size_t count)
{
	const uint32_t wanted = p->phase == ASK_LIST ? REQUEST_LIST
				: p->phase == ASK    ? REQUEST_HAVE
						     : REQUEST_BASES;

	if (!p->answers_due || request != wanted) {
		fail(p, "the content", 0, "an answer to nothing");
		return;
	}
	p->answers_due--;
	if (p->phase == ASK_LIST && is_list_alone(p, digests, count)) {
		p->phase = ASK;
		return;
	}
	for (size_t i = 0; i < count; i++)
		(p->phase == ASK_BASES ? note_missing_base : note_missing)(
			p, digests + i * WIRE_DIGEST_SIZE);
}

void shipping_stored(
	struct shipping *p, uint32_t request, uint32_t error, const char *text)
{
	size_t blob = request - REQUEST_BLOB;
	struct there *there;

	if (request < REQUEST_BLOB || blob >= p->shipment->n_blobs || !p->stored_due ||
		!p->there[blob].sent) {
		fail(p, "the content", 0, "an answer to nothing");
		return;
	}
	there = &p->there[blob];
	there->sent = false;
	p->stored_due--;
	p->busy = p->busy && p->stored_due;
	if (!error)
		return;
	if (!there->has_base || there->whole || error == ENOSPC) {
		fail(p, p->shipment->blobs[blob].path, error, text);
		return;
	}
	/* Whatever was wrong with the delta, or with what it is against. */
	there->whole = there->missing = p->again = true;
}

void shipping_staged(struct shipping *p, uint32_t request UNUSED, const char *path,
	uint32_t error, const char *text)
{
	autofree char *tree = fs_join(session_welcome(p->session)->work, TREE_NAME);

	if (p->phase != WAIT_TREE) {
		fail(p, "the tree", 0, "an answer to nothing");
		return;
	}
	if (error) {
		fail(p, "the tree", error, text);
		return;
	}
	/* What is mounted from there would be anything. */
	if (!streq(path, tree)) {
		fail(p, "the tree", 0, "it is not where it should be");
		return;
	}
	p->root = take_ptr(tree);
	p->phase = STANDS;
	if (p->memory)
		ship_memory_keep(p->memory, p->shipment);
}

void shipping_progress(const struct shipping *p, struct ship_figures *figures)
{
	*figures = (struct ship_figures){
		.all_bytes = p->shipment->total_bytes,
		.lack_bytes = p->total_bytes,
		.done_bytes = p->sent_bytes,
		.wire_bytes = p->wire_bytes,
	};
	if (p->fd >= 0 && p->coded_bytes)
		figures->done_bytes +=
			(uint64_t)((double)p->shipment->blobs[p->blob].size_bytes *
				   (double)p->offset / (double)p->coded_bytes);
}

/* ---- what is sent */

static void ask_list(struct shipping *p)
{
	if (p->asked == 0) {
		session_have_list(p->session, REQUEST_LIST,
			p->shipment->blobs[p->shipment->list_blob].digest);
		p->asked = p->shipment->n_blobs;
		p->answers_due++;
	}
	if (!p->answers_due)
		p->phase = SEND;
}

/* The blob's digest, or that of its base, when that is to be asked for. */
static const uint8_t *digest_to_ask(const struct shipping *p, size_t blob)
{
	const struct shipment *s = p->shipment;

	if (p->phase == ASK_BASES)
		return p->there[blob].has_base ? p->there[blob].base : NULL;
	return !p->has_list && s->list_fd >= 0 && blob == s->list_blob
		       ? NULL
		       : s->blobs[blob].digest;
}

/* True when all have been asked for, and answered. */
static bool ask_all(struct shipping *p, uint32_t request)
{
	const struct shipment *s = p->shipment;
	autofree uint8_t *digests = NULL;

	while (p->asked < s->n_blobs && session_room(p->session) >= DIGESTS_ROOM) {
		size_t n = 0;

		if (!digests)
			digests = xmalloc(SESSION_DIGESTS_MAX * WIRE_DIGEST_SIZE);
		for (; p->asked < s->n_blobs && n < SESSION_DIGESTS_MAX; p->asked++) {
			const uint8_t *digest = digest_to_ask(p, p->asked);

			if (digest)
				memcpy(digests + n++ * WIRE_DIGEST_SIZE, digest,
					WIRE_DIGEST_SIZE);
		}
		if (!n)
			break;
		session_have(p->session, request, digests, n);
		p->answers_due++;
	}
	return p->asked == s->n_blobs && !p->answers_due;
}

/* A blob that is missing where another was. */
static bool find_base(struct shipping *p, const char *name, size_t blob)
{
	struct there *there = &p->there[blob];
	const uint8_t *base;

	if (!there->missing || there->has_base)
		return false;
	base = ship_memory_find(p->memory, name);
	if (base)
		memcpy(there->base, base, WIRE_DIGEST_SIZE);
	there->has_base = base;
	return base;
}

static bool find_bases(struct shipping *p)
{
	const struct shipment *s = p->shipment;
	bool found = false;

	if (!p->memory)
		return false;
	for (size_t i = 0; i < s->n_entries; i++) {
		const struct ship_entry *entry = &s->entries[i];

		if (entry->item && entry->item->kind == ARCHIVE_FILE)
			found |= find_base(p, entry->name, entry->blob);
	}
	if (p->has_list)
		found |= find_base(p, SHIP_MEMORY_LIST, s->list_blob);
	return found;
}

/* What this runner can do is known from its answer. */
static void begin(struct shipping *p)
{
	p->has_list = p->memory && p->shipment->list_fd >= 0 &&
		      session_welcome(p->session)->features & WIRE_FEATURE_LIST;
	p->phase = p->has_list ? ASK_LIST : ASK;
}

/* Where nearly all is missing, one file is packed while another is on its way. */
static void begin_sending(struct shipping *p)
{
	const struct shipment *s = p->shipment;
	bool changed = false;

	for (size_t i = 0; i < s->n_blobs; i++) {
		p->total_bytes += p->there[i].missing ? s->blobs[i].size_bytes : 0;
		changed |= p->there[i].has_base && !p->there[i].base_missing;
	}
	if (!changed && p->total_bytes / 3 > s->total_bytes / 4)
		shipment_prepare(p->shipment);
}

static void ask(struct shipping *p)
{
	if (p->phase == BEGIN)
		begin(p);
	if (p->phase == ASK_LIST)
		ask_list(p);
	/* Back to the beginning, when the list is not there. */
	if (p->phase == ASK && p->has_list && !p->answers_due && !p->listed) {
		p->listed = true;
		p->asked = 0;
	}
	if (p->phase == ASK && ask_all(p, REQUEST_HAVE)) {
		p->phase = find_bases(p) ? ASK_BASES : SEND;
		p->asked = p->phase == ASK_BASES ? 0 : p->asked;
	}
	if (p->phase == ASK_BASES && ask_all(p, REQUEST_BASES))
		p->phase = SEND;
	if (p->phase == SEND)
		begin_sending(p);
}

static int send_piece(struct shipping *p, struct err *e)
{
	const struct ship_blob *b = &p->shipment->blobs[p->blob];
	uint8_t data[SESSION_PIECE_MAX];
	const struct there *there = &p->there[p->blob];
	size_t want = (size_t)MIN(p->coded_bytes - p->offset, SESSION_PIECE_MAX);
	ssize_t n = want ? pread(p->fd, data, want, (off_t)(p->at + p->offset)) : 0;
	struct wire_blob piece = {
		.digest = {b->digest, WIRE_DIGEST_SIZE},
		.coding = p->coding,
		.size_bytes = b->size_bytes,
		.coded_bytes = p->coded_bytes,
		.offset = p->offset,
		.data = {data, (uint32_t)want},
	};

	if (p->coding == WIRE_CODING_DELTA || p->coding == WIRE_CODING_PATCH)
		piece.base = (struct wire_bytes){there->base, WIRE_DIGEST_SIZE};
	if (n != (ssize_t)want)
		return err_set(e, ERR_SETUP,
			"%s changed while it was being sent; try again", b->path);
	session_blob(p->session, REQUEST_BLOB + (uint32_t)p->blob, &piece);
	p->offset += want;
	p->wire_bytes += want;
	return 0;
}

/* The runner maps both, and what is coded. */
static bool fits_there(const struct shipping *p, uint64_t bytes)
{
	return bytes <= session_welcome(p->session)->memory_bytes / MEMORY_PART;
}

/* Codes the blob as a delta; false when it is to be sent whole. */
static bool begin_delta(struct shipping *p)
{
	const uint32_t features = session_welcome(p->session)->features;
	const struct ship_blob *b = &p->shipment->blobs[p->blob];
	const struct there *there = &p->there[p->blob];
	autofree char *base = NULL;
	struct err ignored = {0};

	if (!there->has_base || there->base_missing || there->whole ||
		!(features & (WIRE_FEATURE_DELTA | WIRE_FEATURE_PATCH)) ||
		!fits_there(p, 2 * b->size_bytes))
		return false;
	base = ship_memory_file(p->memory, there->base);
	if (base && p->delta_fd < 0)
		p->delta_fd = shipment_code_nameless(&ignored);
	if (!base || p->delta_fd < 0 || ftruncate(p->delta_fd, 0) < 0 ||
		lseek(p->delta_fd, 0, SEEK_SET) != 0 ||
		!shipment_code_delta(
			b, base, features, p->delta_fd, &p->coding, &p->coded_bytes))
		return false;
	p->fd = fcntl(p->delta_fd, F_DUPFD_CLOEXEC, 0);
	p->at = 0;
	return p->fd >= 0;
}

static int begin_blob(struct shipping *p, struct err *e)
{
	const struct ship_blob *b = &p->shipment->blobs[p->blob];

	p->offset = 0;
	if (!begin_delta(p)) {
		if (shipment_code(p->shipment, p->blob, e) < 0)
			return -1;
		p->coding = b->coding;
		p->coded_bytes = b->coded_bytes;
		p->fd = shipment_code_open(p->shipment, p->blob, &p->at, e);
	}
	p->stored_due++;
	p->there[p->blob].sent = true;
	p->there[p->blob].missing = false;
	return p->fd < 0 ? -1 : 0;
}

static void end_blob(struct shipping *p)
{
	const struct ship_blob *b = &p->shipment->blobs[p->blob];

	p->busy = b->size_bytes >= WIRE_BLOB_LARGE || p->coded_bytes >= WIRE_BLOB_LARGE;
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
		if (p->fd < 0 && !p->there[p->blob].missing) {
			p->blob++;
			continue;
		}
		if ((p->fd < 0 && begin_blob(p, e) < 0) || send_piece(p, e) < 0)
			return -1;
		if (p->offset == p->coded_bytes)
			end_blob(p);
	}
	if (p->blob < s->n_blobs || p->stored_due)
		return 0;
	if (p->again)
		p->blob = 0;
	else
		p->phase = LINK;
	p->again = false;
	return 0;
}

static int send_tree(struct shipping *p, struct err *e)
{
	const struct shipment *s = p->shipment;

	if (p->has_list) {
		session_tree_list(p->session, REQUEST_TREE, TREE_NAME,
			s->blobs[s->list_blob].digest, s->mtime_s);
		p->phase = WAIT_TREE;
		return 0;
	}
	while (p->entry < s->n_entries && session_room(p->session) >= 2 * PIECE_ROOM) {
		struct wire_entry w = shipment_wire_entry(s, &s->entries[p->entry]);

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
	if (p->phase < SEND)
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
