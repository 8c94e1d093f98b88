#include "engine/list-cache.h"

#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/stamps.h"

#include <search.h>

enum { CACHE_VERSION = 2, MAX_ENTRIES = 50000 };

/* One listing. */
struct listing_entry {
	char *key; /* digest of program, framework and arguments */
	char **names;
	bool *ignored, *benchmark;
	size_t n;
	bool used; /* asked for or put in this run */
};

struct list_cache {
	char *path;    /* NULL: nothing is kept */
	void *entries; /* tsearch tree by key */
	struct stamps *stamps;
	size_t n_entries;
	bool changed;
};

static int compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct listing_entry *)a)->key,
		((const struct listing_entry *)b)->key);
}

static void free_entry(void *p)
{
	struct listing_entry *entry = p;

	for (size_t i = 0; i < entry->n; i++)
		free(entry->names[i]);
	free(entry->names);
	free(entry->ignored);
	free(entry->benchmark);
	free(entry->key);
	free(entry);
}

/* What a listing depends on: the program and its name (of some, several names are several
 * programs), how it is asked, and the rules of the one who asks. */
static char *listing_key(struct list_cache *c, const struct suite *suite,
	const char *program, const struct framework *framework)
{
	struct err ignored;
	const char *digest = suite->digest ? suite->digest
					   : stamps_digest(c->stamps, program, &ignored);
	autorelease(strv) struct strv words = STRV_INIT;
	autofree char *text = NULL;
	char hex[HASH_HEX_SIZE];

	if (!digest)
		return NULL;
	strv_pushf(&words, "%d %s %s %s", CACHE_VERSION, digest, framework->name,
		fs_basename(program));
	for (size_t i = 1; i < suite->command.len; i++)
		strv_push(&words, suite->command.v[i]);
	text = strv_join(&words, "\n");
	hash_memory(text, strlen(text), hex);
	return xstrdup(hex);
}

/* ---- reading */

static struct listing_entry *add_entry(struct list_cache *c, char *key, size_t n)
{
	struct listing_entry *entry = xcalloc(1, sizeof *entry);
	struct listing_entry **at;

	*entry = (struct listing_entry){
		.key = key,
		.names = xcalloc(n, sizeof(char *)),
		.ignored = xcalloc(n, sizeof(bool)),
		.benchmark = xcalloc(n, sizeof(bool)),
		.n = n,
	};
	at = tsearch(entry, &c->entries, compare_entries);
	if (*at != entry) {
		free_entry(*at);
		*at = entry;
	} else {
		c->n_entries++;
	}
	return entry;
}

static void read_entries(struct list_cache *c, const struct json *object)
{
	for (struct json_iter it = json_iter(object); json_next(&it);) {
		size_t n = json_len(it.value);
		struct listing_entry *entry = add_entry(c, xstrdup(it.key), n);

		/* A case is its name, or [name, flags]. */
		for (size_t i = 0; i < n; i++) {
			const struct json *item = json_at(it.value, i);
			bool plain = json_kind(item) == JSON_STRING;
			const char *flags =
				plain ? "" : json_string(json_at(item, 1), "");

			entry->names[i] =
				xstrdup(json_string(plain ? item : json_at(item, 0), ""));
			entry->ignored[i] = strchr(flags, 'i') != NULL;
			entry->benchmark[i] = strchr(flags, 'b') != NULL;
		}
	}
}

struct list_cache *list_cache_open(const char *dir)
{
	struct list_cache *c = xcalloc(1, sizeof *c);
	autorelease_json struct json *root = NULL;
	struct err ignored;

	c->stamps = stamps_new(hash_file_quick);
	if (!dir)
		return c;
	c->path = fs_join(dir, "list-cache.json");
	if (!fs_exists(c->path))
		return c;
	root = json_load(c->path, &ignored);
	if (!root || json_int(json_find(root, "version"), 0) != CACHE_VERSION)
		return c;
	read_entries(c, json_find(root, "listings"));
	stamps_read(c->stamps, json_find(root, "digests"));
	return c;
}

bool list_cache_get(struct list_cache *c, struct suite *suite, const char *program,
	const struct framework *framework)
{
	struct listing_entry key = {.key = listing_key(c, suite, program, framework)},
			     **found;

	if (!key.key)
		return false;
	found = tfind(&key, &c->entries, compare_entries);
	free(key.key);
	if (!found)
		return false;
	(*found)->used = true;
	suite_clear_cases(suite);
	for (size_t i = 0; i < (*found)->n; i++) {
		struct test_case *test = suite_add_case(suite, (*found)->names[i]);

		test->ignored = (*found)->ignored[i];
		test->benchmark = (*found)->benchmark[i];
	}
	suite->listed = true;
	return true;
}

void list_cache_put(struct list_cache *c, const struct suite *suite, const char *program,
	const struct framework *framework)
{
	char *key = listing_key(c, suite, program, framework);
	struct listing_entry *entry;

	if (!key)
		return;
	entry = add_entry(c, key, suite->n_cases);
	entry->used = true;
	for (size_t i = 0; i < suite->n_cases; i++) {
		entry->names[i] = xstrdup(suite->cases[i].name);
		entry->ignored[i] = suite->cases[i].ignored;
		entry->benchmark[i] = suite->cases[i].benchmark;
	}
	c->changed = true;
}

/* ---- writing */

/* twalk_r()'s closure. */
struct writer {
	struct jsonw w;
	bool drop_unused;
};

static void write_entry(const void *node, VISIT visit, void *closure)
{
	const struct listing_entry *entry = *(const struct listing_entry *const *)node;
	struct writer *writer = closure;

	if ((visit != postorder && visit != leaf) ||
		(writer->drop_unused && !entry->used))
		return;
	jsonw_open(&writer->w, entry->key, '[');
	for (size_t i = 0; i < entry->n; i++) {
		if (!entry->ignored[i] && !entry->benchmark[i]) {
			jsonw_string(&writer->w, NULL, entry->names[i]);
			continue;
		}
		jsonw_open(&writer->w, NULL, '[');
		jsonw_string(&writer->w, NULL, entry->names[i]);
		jsonw_string(&writer->w, NULL,
			entry->ignored[i] ? entry->benchmark[i] ? "ib" : "i" : "b");
		jsonw_close(&writer->w, ']');
	}
	jsonw_close(&writer->w, ']');
}

static void save(struct list_cache *c)
{
	autorelease(buf) struct buf out = BUF_INIT;
	struct writer writer = {.drop_unused = c->n_entries > MAX_ENTRIES};
	struct err ignored;

	jsonw_init(&writer.w, &out);
	jsonw_open(&writer.w, NULL, '{');
	jsonw_int(&writer.w, "version", CACHE_VERSION);
	jsonw_open(&writer.w, "listings", '{');
	twalk_r(c->entries, write_entry, &writer);
	jsonw_close(&writer.w, '}');
	stamps_write(c->stamps, &writer.w, "digests", writer.drop_unused);
	jsonw_close(&writer.w, '}');
	if (fs_write_file(c->path, out.data, out.len, 0644, &ignored) < 0)
		return;
}

void list_cache_close(struct list_cache *c)
{
	if (c->path && (c->changed || stamps_changed(c->stamps)))
		save(c);
	tdestroy(c->entries, free_entry);
	stamps_free(c->stamps);
	free(c->path);
	free(c);
}
