#include "base/stamps.h"

#include "base/fs.h"
#include "base/hash.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <sys/stat.h>

enum { STAMPS_VERSION = 1, MANY = 1000 };

/* What a path's file was when it was hashed. */
struct stamp {
	char *path;
	char *identity; /* size, inode, times */
	char digest[HASH_HEX_SIZE];
	bool used;
};

struct stamps {
	stamps_hash *hash;
	void *tree; /* tsearch tree by path */
	size_t n;
	bool changed;
};

static int compare_stamps(const void *a, const void *b)
{
	return strcmp(((const struct stamp *)a)->path, ((const struct stamp *)b)->path);
}

static void free_stamp(void *p)
{
	struct stamp *stamp = p;

	free(stamp->path);
	free(stamp->identity);
	free(stamp);
}

/* The stamp of a path, made when there is none. */
static struct stamp *stamp_of(struct stamps *s, const char *path)
{
	struct stamp key = {.path = (char *)(uintptr_t)path}, *stamp;
	struct stamp **found = tfind(&key, &s->tree, compare_stamps);

	if (found)
		return *found;
	stamp = xcalloc(1, sizeof(*stamp));
	stamp->path = xstrdup(path);
	stamp->identity = xstrdup("");
	tsearch(stamp, &s->tree, compare_stamps);
	s->n++;
	return stamp;
}

/* Anything that changes when the file may have. */
static char *identity_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return NULL;
	return xasprintf("%lld %llu %lld.%09ld %lld.%09ld", (long long)st.st_size,
		(unsigned long long)st.st_ino, (long long)st.st_mtim.tv_sec,
		st.st_mtim.tv_nsec, (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
}

const char *stamps_digest(struct stamps *s, const char *path, struct err *e)
{
	autofree char *identity = identity_of(path);
	struct stamp *stamp;
	char digest[HASH_HEX_SIZE];

	if (!identity)
		return err_sys_null(e, errno, "read %s", path);
	stamp = stamp_of(s, path);
	stamp->used = true;
	if (streq(stamp->identity, identity))
		return stamp->digest;
	if (s->hash(path, digest, e) < 0)
		return NULL;
	memcpy(stamp->digest, digest, sizeof(digest));
	free(stamp->identity);
	stamp->identity = take_ptr(identity);
	s->changed = true;
	return stamp->digest;
}

struct stamps *stamps_new(stamps_hash *hash)
{
	struct stamps *s = xcalloc(1, sizeof(struct stamps));

	s->hash = hash;
	return s;
}

void stamps_free(struct stamps *s)
{
	tdestroy(s->tree, free_stamp);
	free(s);
}

bool stamps_changed(const struct stamps *s)
{
	return s->changed;
}

/* ---- as JSON */

void stamps_read(struct stamps *s, const struct json *object)
{
	for (struct json_iter it = json_iter(object); json_next(&it);) {
		const char *identity = json_string(json_at(it.value, 0), NULL);
		const char *digest = json_string(json_at(it.value, 1), "");
		struct stamp *stamp;

		if (!identity || strlen(digest) != HASH_HEX_SIZE - 1)
			continue;
		stamp = stamp_of(s, it.key);
		free(stamp->identity);
		stamp->identity = xstrdup(identity);
		memcpy(stamp->digest, digest, sizeof(stamp->digest));
	}
}

struct writer {
	struct jsonw *w;
	bool drop_unused;
};

static void write_stamp(const void *node, VISIT visit, void *closure)
{
	const struct stamp *stamp = *(const struct stamp *const *)node;
	struct writer *writer = closure;

	if ((visit != postorder && visit != leaf) || !stamp->identity[0] ||
		(writer->drop_unused && !stamp->used))
		return;
	jsonw_open(writer->w, stamp->path, '[');
	jsonw_string(writer->w, NULL, stamp->identity);
	jsonw_string(writer->w, NULL, stamp->digest);
	jsonw_close(writer->w, ']');
}

void stamps_write(
	const struct stamps *s, struct jsonw *w, const char *key, bool drop_unused)
{
	struct writer writer = {w, drop_unused};

	jsonw_open(w, key, '{');
	twalk_r(s->tree, write_stamp, &writer);
	jsonw_close(w, '}');
}

/* ---- as a file */

struct stamps *stamps_open(const char *path)
{
	struct stamps *s = stamps_new(hash_file);
	autorelease_json struct json *root = NULL;
	struct err ignored;

	if (fs_exists(path))
		root = json_load(path, &ignored);
	if (json_int(json_find(root, "version"), 0) == STAMPS_VERSION)
		stamps_read(s, json_find(root, "digests"));
	return s;
}

static void save(const struct stamps *s, const char *path)
{
	autorelease(buf) struct buf out = BUF_INIT;
	struct jsonw w;
	struct err ignored;

	jsonw_init(&w, &out);
	jsonw_open(&w, NULL, '{');
	jsonw_int(&w, "version", STAMPS_VERSION);
	stamps_write(s, &w, "digests", s->n > MANY);
	jsonw_close(&w, '}');
	if (fs_write_file(path, out.data, out.len, 0644, &ignored) < 0)
		return;
}

void stamps_close(struct stamps *s, const char *path)
{
	if (s->changed)
		save(s, path);
	stamps_free(s);
}
