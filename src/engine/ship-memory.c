#include "engine/ship-memory.h"

#include "base/fs.h"
#include "base/hash.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST ".list"

enum {
	HEX = 2 * WIRE_DIGEST_SIZE,
	NAME_HEX = 32,      /* of a board's name */
	KEEP_LEAST = 16384, /* bytes of a file that is worth being kept */
	KEEP_MOST = 256 << 20,
};

struct known {
	char *name;
	uint8_t digest[WIRE_DIGEST_SIZE];
};

struct ship_memory {
	char *dir, *list;
	struct known *v; /* sorted by name */
	size_t len, cap;
};

static bool read_digest(const char *hex, uint8_t digest[WIRE_DIGEST_SIZE])
{
	for (size_t i = 0; i < WIRE_DIGEST_SIZE; i++) {
		unsigned byte;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			return false;
		digest[i] = (uint8_t)byte;
	}
	return true;
}

static void write_digest(const uint8_t *digest, char hex[HEX + 1])
{
	for (size_t i = 0; i < WIRE_DIGEST_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct known *)a)->name, ((const struct known *)b)->name);
}

/* Lines of a digest, a space and a name; others are passed over. */
static void read_list(struct ship_memory *m, char *text)
{
	for (char *line = text, *end; *line; line = end) {
		struct known known;

		end = line + strcspn(line, "\n");
		if (*end)
			*end++ = '\0';
		if (strlen(line) <= HEX + 1 || line[HEX] != ' ' ||
			!read_digest(line, known.digest))
			continue;
		known.name = xstrdup(line + HEX + 1);
		m->v = xgrow(m->v, &m->cap, m->len + 1, sizeof *m->v);
		m->v[m->len++] = known;
	}
	if (m->len)
		qsort(m->v, m->len, sizeof *m->v, compare_names);
}

/* The list that was written last for any board. The caller's; NULL: there is none. */
static char *find_newest(const char *dir)
{
	autorelease(strv) struct strv names = STRV_INIT;
	struct timespec newest = {0};
	char *found = NULL;
	struct err ignored = {0};

	if (fs_list_dir(dir, &names, &ignored) < 0)
		return NULL;
	for (size_t i = 0; i < names.len; i++) {
		autofree char *path = fs_join(dir, names.v[i]);
		struct stat st;

		if (!ends_with(names.v[i], LIST) || stat(path, &st) < 0 ||
			st.st_mtim.tv_sec < newest.tv_sec ||
			(st.st_mtim.tv_sec == newest.tv_sec &&
				st.st_mtim.tv_nsec < newest.tv_nsec))
			continue;
		newest = st.st_mtim;
		free(found);
		found = take_ptr(path);
	}
	return found;
}

struct ship_memory *ship_memory_open(const char *dir, const char *board)
{
	struct ship_memory *m = xcalloc(1, sizeof *m);
	autorelease(buf) struct buf text = BUF_INIT;
	char hex[HASH_HEX_SIZE];
	autofree char *name = NULL, *other = NULL;
	struct err ignored = {0};

	hash_memory(board, strlen(board), hex);
	name = xasprintf("%.*s" LIST, NAME_HEX, hex);
	m->dir = xstrdup(dir);
	m->list = fs_join(dir, name);
	/* It may be an old board under a new name, and will be asked what it holds. */
	if (!fs_is_file(m->list))
		other = find_newest(dir);
	if (fs_read_file(other ? other : m->list, &text, &ignored) == 0)
		read_list(m, (char *)(uintptr_t)buf_str(&text));
	return m;
}

void ship_memory_free(struct ship_memory *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->len; i++)
		free(m->v[i].name);
	free(m->v);
	free(m->list);
	free(m->dir);
	free(m);
}

const uint8_t *ship_memory_find(const struct ship_memory *m, const char *name)
{
	const struct known key = {.name = (char *)(uintptr_t)name};
	const struct known *found =
		m->len ? bsearch(&key, m->v, m->len, sizeof *m->v, compare_names) : NULL;

	return found ? found->digest : NULL;
}

char *ship_memory_file(const struct ship_memory *m, const uint8_t *digest)
{
	char want[HEX + 1], is[HASH_HEX_SIZE];
	autofree char *path = NULL;
	struct err ignored = {0};

	write_digest(digest, want);
	path = fs_join(m->dir, want);
	if (!fs_is_file(path) || hash_file(path, is, &ignored) < 0 || !streq(is, want))
		return NULL;
	return take_ptr(path);
}

/* ---- keeping */

static void keep_blob(const struct ship_memory *m, const struct ship_blob *b)
{
	char hex[HEX + 1];
	autofree char *path = NULL, *made = NULL;
	struct err ignored = {0};

	write_digest(b->digest, hex);
	path = fs_join(m->dir, hex);
	if (fs_exists(path))
		return;
	made = xasprintf("%s.%ld", path, (long)getpid());
	if (fs_copy_file(b->path, made, &ignored) < 0 || chmod(made, 0600) < 0 ||
		rename(made, path) < 0)
		unlink(made);
}

/* What no board's list names any more. */
static void prune(const struct ship_memory *m)
{
	autorelease(strv) struct strv names = STRV_INIT;
	autorelease(buf) struct buf lists = BUF_INIT;
	struct err ignored = {0};

	if (fs_list_dir(m->dir, &names, &ignored) < 0)
		return;
	for (size_t i = 0; i < names.len; i++) {
		autofree char *path = fs_join(m->dir, names.v[i]);

		if (ends_with(names.v[i], LIST) &&
			fs_read_file(path, &lists, &ignored) < 0)
			return;
	}
	for (size_t i = 0; i < names.len; i++) {
		autofree char *path = fs_join(m->dir, names.v[i]);

		if (!ends_with(names.v[i], LIST) && !strstr(buf_str(&lists), names.v[i]))
			unlink(path);
	}
}

void ship_memory_keep(const struct ship_memory *m, const struct shipment *s)
{
	autorelease(buf) struct buf text = BUF_INIT;
	struct err ignored = {0};

	if (fs_mkdir_p(m->dir, &ignored) < 0)
		return;
	for (size_t i = 0; i < s->n_entries; i++) {
		const struct ship_entry *entry = &s->entries[i];

		if (!entry->item || entry->item->kind != ARCHIVE_FILE ||
			strchr(entry->name, '\n'))
			continue;
		buf_printf(&text, "%s %s\n", entry->item->sha256, entry->name);
		if (entry->item->size_bytes >= KEEP_LEAST &&
			entry->item->size_bytes <= KEEP_MOST)
			keep_blob(m, &s->blobs[entry->blob]);
	}
	if (s->list_fd >= 0) {
		char hex[HEX + 1];

		write_digest(s->blobs[s->list_blob].digest, hex);
		buf_printf(&text, "%s " SHIP_MEMORY_LIST "\n", hex);
		keep_blob(m, &s->blobs[s->list_blob]);
	}
	if (fs_write_file(m->list, text.data, text.len, 0600, &ignored) < 0)
		return;
	prune(m);
}
