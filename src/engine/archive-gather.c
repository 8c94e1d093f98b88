#include "base/elf.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/pattern.h"
#include "engine/archive-private.h"
#include "model/config.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WIDE_SUITES = 16 }; /* more suites than this: an item is everybody's */

void archive_gather_note(struct archive_gather *g, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (!strv_has(&g->plan->notes, text))
		strv_push(&g->plan->notes, text);
}

/* ---- items */

/* Where the name is in the index, or the empty place for it. */
static size_t *slot_of(struct archive_gather *g, const char *name)
{
	size_t at = (size_t)hash_xxh64(name, strlen(name), 0) & (g->index_size - 1);

	while (g->index[at] && !streq(g->plan->items.v[g->index[at] - 1].name, name))
		at = (at + 1) & (g->index_size - 1);
	return &g->index[at];
}

static void grow_index(struct archive_gather *g)
{
	if (g->index_size > 2 * (g->plan->items.len + 1))
		return;
	free(g->index);
	g->index_size = g->index_size ? 4 * g->index_size : 1024;
	g->index = xcalloc(g->index_size, sizeof *g->index);
	for (size_t i = 0; i < g->plan->items.len; i++)
		*slot_of(g, g->plan->items.v[i].name) = i + 1;
}

static void make_common(struct archive_item *item)
{
	free(item->suites);
	item->suites = NULL;
	item->n_suites = 0;
}

static void add_suite(struct archive_gather *g, struct archive_item *item, bool fresh)
{
	if (!fresh && !item->n_suites)
		return;
	if (g->suite == ARCHIVE_COMMON) {
		if (!fresh && g->widen)
			make_common(item);
		return;
	}
	for (size_t i = 0; i < item->n_suites; i++)
		if (item->suites[i] == (unsigned)g->suite)
			return;
	if (item->n_suites == WIDE_SUITES) {
		make_common(item);
		return;
	}
	if (!item->suites)
		item->suites = xcalloc(WIDE_SUITES, sizeof *item->suites);
	item->suites[item->n_suites++] = (unsigned)g->suite;
}

/* 1 when the item is new, 0 when it was there, -1 when the format has no place for it. */
static int add_item(struct archive_gather *g, const char *name, enum archive_kind kind,
	const char *origin, const struct stat *st, const char *link, const char *reason)
{
	struct archive_item *item;
	struct err e = {0};
	size_t *slot;

	grow_index(g);
	slot = slot_of(g, name);
	if (*slot) {
		add_suite(g, &g->plan->items.v[*slot - 1], false);
		return 0;
	}
	item = archive_items_add(&g->plan->items, name);
	item->kind = kind;
	item->origin = xstrdup(origin);
	item->link = xstrdup_null(link);
	item->reason = xstrdup(reason);
	item->mode = kind == ARCHIVE_LINK                             ? 0777
		     : kind == ARCHIVE_DIR || (st->st_mode & S_IXUSR) ? 0755
								      : 0644;
	item->size_bytes = kind == ARCHIVE_FILE ? (uint64_t)st->st_size : 0;
	if (archive_item_check(item, &e) < 0) {
		archive_gather_note(g, "%s is left out: %s", origin, e.msg);
		archive_items_drop_last(&g->plan->items);
		return -1;
	}
	add_suite(g, item, true);
	*slot = g->plan->items.len;
	g->plan->total_bytes += item->size_bytes;
	return 1;
}

static char *name_in(int root, const char *below)
{
	return xasprintf("%s%s%s", archive_root_name(root), *below ? "/" : "", below);
}

/* ---- libraries */

static int add_library(
	struct archive_gather *g, const struct closure_library *lib, struct err *e)
{
	const char *below;
	int root = archive_root_of(g->roots, lib->path, &below);
	autofree char *owner = xstrdup(lib->needed_by), *reason = NULL, *name = NULL;
	const char *owner_below;
	int owner_root = archive_root_of(g->roots, owner, &owner_below);
	struct stat st;

	if (owner_root >= 0) {
		char *shown = name_in(owner_root, owner_below);

		free(owner);
		owner = shown;
	}
	reason = lib->interpreter
			 ? xasprintf("loader of %s", owner)
			 : xasprintf("library %s needed by %s", lib->name, owner);
	if (root >= 0 && root != ARCHIVE_SYSROOT) {
		autofree char *dir = fs_dirname(lib->path);

		if (g->suite != ARCHIVE_COMMON &&
			!strv_has(&g->plan->library_dirs[g->suite], dir))
			strv_push(&g->plan->library_dirs[g->suite], dir);
		/* A link of versions stays one; what it leads to comes along. */
		return archive_gather_path(g, lib->path, reason, false, e) < 0 ? -1 : 0;
	}
	/* A host test runs on a host, which has its own system. */
	if (g->platform == PLATFORM_HOST || stat(lib->path, &st) < 0)
		return 0;
	name = lib->interpreter          ? xasprintf("sysroot%s", lib->name)
	       : root == ARCHIVE_SYSROOT ? name_in(root, below)
					 : xasprintf("sysroot%s", lib->path);
	add_item(g, name, ARCHIVE_FILE, lib->path, &st, NULL, reason);
	return 0;
}

static int add_libraries(
	struct archive_gather *g, const char *path, bool must_load, struct err *e)
{
	struct closure *c = g->platform == PLATFORM_HOST ? g->host : g->target;
	struct closure_libraries found = {0};
	struct err fault = {0};
	int result = closure_of(c, path, &g->search, NULL, &found, &fault);

	if (result < 0 && must_load && !g->plan->request->tolerant) {
		*e = fault;
	} else {
		if (result < 0)
			archive_gather_note(g, "%s", fault.msg);
		result = 0;
		for (size_t i = 0; i < found.len && result == 0; i++)
			result = add_library(g, &found.v[i], e);
	}
	closure_libraries_release(&found);
	return result;
}

/* ---- single paths */

char *archive_gather_canonical(struct archive_gather *g, const char *path)
{
	autofree char *real = realpath(path, NULL);
	const char *below = NULL;
	int root;

	if (!real)
		return NULL;
	root = archive_root_of((const char *const *)g->real_roots, real, &below);
	return root < 0 ? NULL : fs_join(g->roots[root], *below ? below : ".");
}

/* The text of a link from the directory of `from` to `to`, both below one root. */
static char *relative_link(const char *from, const char *to)
{
	struct buf out = BUF_INIT;
	size_t common = 0;

	for (size_t i = 0; from[i] && from[i] == to[i]; i++)
		if (from[i] == '/')
			common = i + 1;
	for (const char *p = from + common; *p; p++)
		if (*p == '/')
			buf_append_str(&out, "../");
	buf_append_str(&out, to + common);
	return buf_take(&out);
}

/* A link that stays in its root is kept and its target gathered; 0 when it must be
 * followed instead (it leads out of the root, or to the root itself). */
static int add_link(struct archive_gather *g, const char *path, int root,
	const char *below, struct err *e)
{
	autofree char *name = name_in(root, below), *dir = fs_dirname(path);
	autofree char *to = NULL, *text = NULL, *reason = NULL;
	char raw[4096];
	ssize_t n = readlink(path, raw, sizeof raw - 1);
	const char *to_below = NULL;
	autofree char *real = realpath(path, NULL), *real_to = NULL;
	struct stat st = {0};

	if (n <= 0)
		return 0;
	raw[n] = '\0';
	to = fs_normalize(raw, dir);
	real_to = realpath(to, NULL);
	if (archive_root_of(g->roots, to, &to_below) != root || !*to_below ||
		!streq_null(real, real_to))
		return 0;
	text = relative_link(below, to_below);
	if (!*text || ends_with(text, "/"))
		return 0;
	reason = xasprintf("link to %s", to_below);
	if (add_item(g, name, ARCHIVE_LINK, path, &st, text, reason) < 0)
		return 0;
	free(reason);
	reason = xasprintf("where the link %s leads", name);
	return !real || archive_gather_path(g, to, reason, false, e) >= 0 ? 1 : -1;
}

/* When a directory above `path` is a link inside the same root, the link goes in and the
 * real path is returned; else NULL. */
static char *through_links(struct archive_gather *g, const char *path, int root,
	const char *below, struct err *e)
{
	autofree char *dir = fs_dirname(path),
		      *real_dir = archive_gather_canonical(g, dir);
	autofree char *real_normal = real_dir ? fs_normalize(real_dir, "/") : NULL;
	size_t start = strlen(path) - strlen(below);

	if (!*below || !real_normal || streq(real_normal, dir) ||
		archive_root_of(g->roots, real_normal, NULL) != root)
		return NULL;
	for (const char *slash = strchr(path + start, '/'); slash;
		slash = strchr(slash + 1, '/')) {
		autofree char *prefix = xstrndup(path, (size_t)(slash - path));
		struct stat st;

		if (lstat(prefix, &st) == 0 && S_ISLNK(st.st_mode)) {
			const char *prefix_below = NULL;

			archive_root_of(g->roots, prefix, &prefix_below);
			if (add_link(g, prefix, root, prefix_below, e) <= 0)
				return NULL;
			break;
		}
	}
	return fs_join(real_normal, fs_basename(path));
}

static int add_file(struct archive_gather *g, const char *path, const char *name,
	const struct stat *st, const char *reason, bool must_load, struct err *e)
{
	int added = add_item(g, name, ARCHIVE_FILE, path, st, NULL, reason);

	if (added < 0)
		return 0;
	/* Also when it was there: this suite's libraries are this suite's. */
	if ((added > 0 || g->suite != ARCHIVE_COMMON) && st->st_size > 64 &&
		add_libraries(g, path, must_load, e) < 0)
		return -1;
	return 1;
}

int archive_gather_path(struct archive_gather *g, const char *path, const char *reason,
	bool must_load, struct err *e)
{
	autofree char *normal = fs_normalize(path, "/"), *real = NULL, *name = NULL;
	const char *below;
	int root = archive_root_of(g->roots, normal, &below), kept;
	struct stat st;

	if (root < 0 || lstat(normal, &st) < 0)
		return 0;
	real = through_links(g, normal, root, below, e);
	if (real)
		return archive_gather_path(g, real, reason, must_load, e);
	if (S_ISLNK(st.st_mode)) {
		kept = add_link(g, normal, root, below, e);
		if (kept != 0)
			return kept;
		if (stat(normal, &st) < 0) {
			archive_gather_note(
				g, "%s is left out: a link to nowhere", normal);
			return 0;
		}
	}
	name = name_in(root, below);
	if (S_ISDIR(st.st_mode))
		return add_item(g, name, ARCHIVE_DIR, normal, &st, NULL, reason) >= 0;
	if (S_ISREG(st.st_mode))
		return add_file(g, normal, name, &st, reason, must_load, e);
	archive_gather_note(g, "%s is left out: a device, a FIFO or a socket", normal);
	return 0;
}

/* ---- set-up */

int archive_gather_init(
	struct archive_gather *g, struct archive_plan *plan, struct err *e)
{
	const struct archive_request *r = plan->request;

	*g = (struct archive_gather){.plan = plan, .suite = ARCHIVE_COMMON};
	archive_plan_roots(r, g->roots);
	for (int i = 0; i < ARCHIVE_N_ROOTS; i++)
		if (g->roots[i])
			g->real_roots[i] = realpath(g->roots[i], NULL);
	g->target = closure_new(r->sysroot, r->library_dirs);
	g->host = closure_new(NULL, NULL);
	g->n_excludes = r->config ? r->config->exclude.len : 0;
	g->excludes = xcalloc(g->n_excludes + 1, sizeof(struct pattern *));
	for (size_t i = 0; i < g->n_excludes; i++) {
		g->excludes[i] =
			pattern_glob(r->config->exclude.v[i], PATTERN_PATH, NULL, e);
		if (!g->excludes[i])
			return err_context(
				e, "archive.exclude \"%s\"", r->config->exclude.v[i]);
	}
	return 0;
}

void archive_gather_release(struct archive_gather *g)
{
	for (int i = 0; i < ARCHIVE_N_ROOTS; i++)
		free(g->real_roots[i]);
	for (size_t i = 0; i < g->n_excludes; i++)
		if (g->excludes[i])
			pattern_free(g->excludes[i]);
	free(g->excludes);
	free(g->index);
	closure_free(g->target);
	closure_free(g->host);
	strv_release(&g->walked);
	strv_release(&g->search);
	*g = (struct archive_gather){0};
}
