#include "base/fs.h"
#include "base/hash.h"
#include "base/threads.h"
#include "engine/archive-private.h"
#include "engine/ship-private.h"

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	COPY_BYTES = 1 << 20, /* a file up to this size is one of the test's own */
	DIGEST_THREADS = 4,
	ENTRY_MAX = 16384,   /* bytes of one in the list */
	LIST_MAX = 32 << 20, /* what a runner takes */
};

/* ---- which items go there */

static int section_of(const char *name)
{
	for (int i = 0; i < ARCHIVE_N_ROOTS; i++) {
		const char *rest = fs_below(name, archive_root_name(i));

		if (rest && *rest)
			return i;
	}
	return -1;
}

/* Where its content is on this machine. */
static char *origin_of(const struct shipment *s, const struct archive_item *item)
{
	int root = section_of(item->name);

	if (item->origin)
		return xstrdup(item->origin);
	return fs_join(s->roots->v[root].extracted,
		item->name + strlen(archive_root_name(root)) + 1);
}

static bool is_sent(const struct shipment *s, const struct archive_item *item)
{
	int root = section_of(item->name);
	autofree char *path = NULL;
	struct stat st;

	if (root < 0 || root == ARCHIVE_HOST || !s->roots->v[root].original)
		return false;
	if (item->origin)
		return true;
	/* A filter may have left it in the archive. */
	path = origin_of(s, item);
	return lstat(path, &st) == 0;
}

static struct ship_entry *add_entry(struct shipment *s, const char *name)
{
	s->entries =
		xgrow(s->entries, &s->cap_entries, s->n_entries + 1, sizeof *s->entries);
	s->entries[s->n_entries] = (struct ship_entry){.name = xstrdup(name)};
	return &s->entries[s->n_entries++];
}

/* The root directories are there even when nothing is in them, and an inner one has a
 * directory of the outer one to be mounted on. */
static void add_roots(struct shipment *s)
{
	const char *originals[ARCHIVE_N_ROOTS];

	for (int i = 0; i < ARCHIVE_N_ROOTS; i++) {
		const char *below = NULL;
		int outer;

		if (i == ARCHIVE_SYSROOT || i == ARCHIVE_HOST || !s->roots->v[i].original)
			continue;
		for (int k = 0; k < ARCHIVE_N_ROOTS; k++)
			originals[k] = k == i || k == ARCHIVE_SYSROOT || k == ARCHIVE_HOST
					       ? NULL
					       : s->roots->v[k].original;
		add_entry(s, archive_root_name(i));
		outer = archive_root_of(originals, s->roots->v[i].original, &below);
		if (outer >= 0 && *below) {
			autofree char *point = fs_join(archive_root_name(outer), below);

			add_entry(s, point);
		}
	}
}

/* ---- contents */

static unsigned nibble(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void read_hex(const char *hex, uint8_t digest[WIRE_DIGEST_SIZE])
{
	for (size_t i = 0; i < WIRE_DIGEST_SIZE; i++)
		digest[i] = (uint8_t)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
}

static void digest_of(const struct archive_item *item, uint8_t digest[WIRE_DIGEST_SIZE])
{
	read_hex(item->sha256, digest);
}

static int compare_blobs(const void *a, const void *b)
{
	return memcmp(((const struct ship_blob *)a)->digest,
		((const struct ship_blob *)b)->digest, WIRE_DIGEST_SIZE);
}

size_t shipment_find_blob(const struct shipment *s, const uint8_t *digest)
{
	struct ship_blob key = {0};
	const struct ship_blob *found;

	memcpy(key.digest, digest, sizeof key.digest);
	found = s->n_blobs ? bsearch(&key, s->blobs, s->n_blobs, sizeof *s->blobs,
				     compare_blobs)
			   : NULL;
	return found ? (size_t)(found - s->blobs) : SIZE_MAX;
}

static void add_blobs(struct shipment *s)
{
	size_t kept = 0;

	s->blobs = xcalloc(s->n_entries + 2, sizeof *s->blobs);
	for (size_t i = 0; i < s->n_entries; i++) {
		const struct archive_item *item = s->entries[i].item;
		struct ship_blob *b = &s->blobs[s->n_blobs];

		if (!item || item->kind != ARCHIVE_FILE)
			continue;
		digest_of(item, b->digest);
		b->path = origin_of(s, item);
		b->size_bytes = item->size_bytes;
		s->n_blobs++;
	}
	if (s->n_blobs)
		qsort(s->blobs, s->n_blobs, sizeof *s->blobs, compare_blobs);
	for (size_t i = 0; i < s->n_blobs; i++) {
		if (kept && compare_blobs(&s->blobs[kept - 1], &s->blobs[i]) == 0)
			free(s->blobs[i].path);
		else
			s->blobs[kept++] = s->blobs[i];
	}
	s->n_blobs = kept;
}

/* Tests write where they were built. What is a name of a blob would be written in all of
 * them, so a file is a copy unless it is large and the only one. */
static void join_blobs(struct shipment *s)
{
	autofree bool *taken = xcalloc(s->n_blobs + 1, sizeof *taken);

	for (size_t i = 0; i < s->n_entries; i++) {
		struct ship_entry *entry = &s->entries[i];
		uint8_t digest[WIRE_DIGEST_SIZE];

		if (!entry->item || entry->item->kind != ARCHIVE_FILE)
			continue;
		digest_of(entry->item, digest);
		entry->blob = shipment_find_blob(s, digest);
		s->total_bytes += entry->item->size_bytes;
		if (section_of(entry->name) == ARCHIVE_SYSROOT)
			continue;
		entry->copy = taken[entry->blob] || entry->item->size_bytes <= COPY_BYTES;
		taken[entry->blob] |= !entry->copy;
	}
}

static void make_key(struct shipment *s)
{
	struct hash_sha256 *hash = hash_sha256_new();

	for (int i = 0; i < ARCHIVE_N_ROOTS; i++) {
		autofree char *line = xasprintf("%s %s\n", archive_root_name(i),
			s->roots->v[i].original ? s->roots->v[i].original : "");

		hash_sha256_update(hash, line, strlen(line));
	}
	for (size_t i = 0; i < s->n_entries; i++) {
		const struct archive_item *item = s->entries[i].item;
		autofree char *line = xasprintf("%s %d %o %s\n", s->entries[i].name,
			item ? (int)item->kind : (int)ARCHIVE_DIR,
			item ? item->mode : 0755,
			!item                        ? ""
			: item->kind == ARCHIVE_LINK ? item->link
			: item->kind == ARCHIVE_FILE ? item->sha256
						     : "");

		hash_sha256_update(hash, line, strlen(line));
	}
	hash_sha256_finish(hash, s->key);
}

int shipment_digest(struct archive_items *items, bool (*cancelled)(void *ctx), void *ctx,
	struct err *e)
{
	const struct archive_pack_options options = {.cancelled = cancelled, .ctx = ctx};
	autofree struct stat *seen = NULL;

	for (size_t i = 0; i < items->len; i++) {
		if (items->v[i].kind != ARCHIVE_FILE || items->v[i].sha256[0])
			continue;
		seen = xcalloc(items->len + 1, sizeof *seen);
		return archive_digest_items(items, seen,
			MIN(threads_processors(), DIGEST_THREADS), &options, e);
	}
	return 0;
}

/* ---- the list of the tree */

struct wire_entry shipment_wire_entry(
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

/* Equal trees have equal lists: no times. */
static bool write_list(const struct shipment *s, struct buf *list)
{
	uint8_t record[ENTRY_MAX];

	for (size_t i = 0; i < s->n_entries; i++) {
		struct wire_entry w = shipment_wire_entry(s, &s->entries[i]);
		int len;

		w.mtime_s = 0;
		len = msg_put_record(&msg_entry, &w, record, sizeof record, 0);
		if (len < 0)
			return false;
		buf_append(list, record, (size_t)len);
	}
	return list->len <= LIST_MAX;
}

static void insert_blob(struct shipment *s, const struct ship_blob *blob)
{
	size_t at = 0;

	while (at < s->n_blobs && compare_blobs(&s->blobs[at], blob) < 0)
		at++;
	/* add_blobs() has left room for one more. */
	memmove(&s->blobs[at + 1], &s->blobs[at], (s->n_blobs - at) * sizeof *s->blobs);
	s->blobs[at] = *blob;
	s->n_blobs++;
	for (size_t i = 0; i < s->n_entries; i++)
		if (s->entries[i].item && s->entries[i].item->kind == ARCHIVE_FILE &&
			s->entries[i].blob >= at)
			s->entries[i].blob++;
	s->list_blob = at;
}

void shipment_remember(struct shipment *s, const char *dir)
{
	autorelease(buf) struct buf list = BUF_INIT;
	struct ship_blob blob = {0};
	char hex[HASH_HEX_SIZE];
	struct err ignored = {0};

	s->memory_dir = xstrdup(dir);
	if (!write_list(s, &list))
		return;
	s->list_fd = shipment_code_nameless(&ignored);
	if (s->list_fd < 0)
		return;
	hash_memory(list.data, list.len, hex);
	read_hex(hex, blob.digest);
	if (fs_write_all(s->list_fd, list.data, list.len) < 0 ||
		shipment_find_blob(s, blob.digest) != SIZE_MAX) {
		close(s->list_fd);
		s->list_fd = -1;
		return;
	}
	blob.size_bytes = list.len;
	blob.path = xasprintf("/proc/self/fd/%d", s->list_fd);
	insert_blob(s, &blob);
}

struct shipment *shipment_new(
	const struct archive_items *items, const struct archive_roots *roots)
{
	struct shipment *s = xcalloc(1, sizeof *s);

	shipment_code_init(s);
	s->list_fd = -1;
	s->roots = roots;
	s->mtime_s = (uint64_t)time(NULL);
	add_roots(s);
	for (size_t i = 0; i < items->len; i++)
		if (is_sent(s, &items->v[i]))
			add_entry(s, items->v[i].name)->item = &items->v[i];
	add_blobs(s);
	join_blobs(s);
	make_key(s);
	return s;
}

void shipment_free(struct shipment *s)
{
	if (!s)
		return;
	shipment_code_release(s);
	for (size_t i = 0; i < s->n_entries; i++)
		free(s->entries[i].name);
	for (size_t i = 0; i < s->n_blobs; i++)
		free(s->blobs[i].path);
	if (s->list_fd >= 0)
		close(s->list_fd);
	free(s->memory_dir);
	free(s->entries);
	free(s->blobs);
	free(s);
}

const char *shipment_key(const struct shipment *s)
{
	return s->key;
}

uint64_t shipment_bytes(const struct shipment *s)
{
	return s->total_bytes;
}
