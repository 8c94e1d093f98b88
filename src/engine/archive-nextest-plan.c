#include "engine/archive-nextest.h"

#include "adapter/cargo-nextest.h"
#include "base/elf.h"
#include "base/fs.h"
#include "engine/archive-private.h"

#include <sys/stat.h>

struct gather {
	const struct cargo_build *build;
	struct cargo_build wanted; /* the same with the programs that are wanted: only the
				      array is owned */
	struct archive_plan *plan;
	struct strv needed[2]; /* libraries that programs of each platform load */
};

/* ---- files */

static void note(struct gather *g, char *text)
{
	strv_push_take(&g->plan->notes, text);
}

static void copy_item(struct archive_items *to, const struct archive_item *item)
{
	struct archive_item *copy = archive_items_add(to, item->name);

	copy->origin = xstrdup(item->origin);
	copy->reason = xstrdup(item->reason);
	copy->mode = item->mode;
	copy->size_bytes = item->size_bytes;
}

/* The libraries it loads are looked for when all programs are known. */
static void see_needed(struct gather *g, const char *path, enum platform platform)
{
	autorelease(elf) struct elf elf = {0};
	struct err ignored;

	if (elf_open(path, &elf, &ignored) == 1)
		strv_push_all(&g->needed[platform], &elf.needed);
}

/* One regular file (of a link: what it leads to), at `name` below the target directory.
 * False when there is none. */
static bool add_file(
	struct gather *g, const char *path, const char *name, const char *reason)
{
	struct archive_item *item;
	struct stat st;
	struct err e = {0};

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	item = archive_items_add(&g->plan->items, name);
	item->origin = xstrdup(path);
	item->reason = xstrdup(reason);
	item->mode = st.st_mode & S_IXUSR ? 0755 : 0644;
	item->size_bytes = (uint64_t)st.st_size;
	if (archive_item_check(item, &e) == 0) {
		g->plan->total_bytes += item->size_bytes;
		return true;
	}
	note(g, xasprintf("%s is left out: %s", path, e.msg));
	archive_items_drop_last(&g->plan->items);
	return true;
}

/* The files of a directory, without those of directories in it, as nextest takes them. */
static void add_directory(struct gather *g, const char *below, const char *reason)
{
	autofree char *dir = fs_join(g->build->build_dir, below);
	autorelease(strv) struct strv names = STRV_INIT;
	struct err e = {0};

	if (fs_list_dir(dir, &names, &e) < 0) {
		note(g, xasprintf("%s (%s) is not there", dir, reason));
		return;
	}
	for (size_t i = 0; i < names.len; i++) {
		autofree char *path = fs_join(dir, names.v[i]);
		autofree char *name = xasprintf("target/%s/%s", below, names.v[i]);

		add_file(g, path, name, reason);
	}
}

/* ---- what there is */

static bool is_wanted(const struct archive_nextest_request *r, const char *id)
{
	return suite_list_find(r->own->target_suites, id) ||
	       suite_list_find(r->own->host_suites, id);
}

static bool has_program(const struct gather *g, const char *package)
{
	for (size_t i = 0; i < g->wanted.n_binaries; i++)
		if (streq(g->wanted.binaries[i].package_id, package))
			return true;
	return false;
}

static int add_programs(
	struct gather *g, const struct archive_nextest_request *r, struct err *e)
{
	const struct cargo_build *b = g->build;

	g->wanted.binaries = xcalloc(b->n_binaries + 1, sizeof *b->binaries);
	g->wanted.n_binaries = 0;
	for (size_t i = 0; i < b->n_binaries; i++) {
		const struct cargo_binary *binary = &b->binaries[i];
		const char *below = fs_below(binary->path, b->build_dir);
		autofree char *reason = xasprintf("program of %s", binary->id),
			      *name = NULL;

		if (!is_wanted(r, binary->id))
			continue;
		g->wanted.binaries[g->wanted.n_binaries++] = *binary;
		if (!below)
			below = fs_below(binary->path, b->target_dir);
		name = xasprintf("target/%s", below ? below : "");
		if (!below || !add_file(g, binary->path, name, reason))
			return err_set(e, ERR_ARCHIVE,
				"the program of %s, %s, is not in the target directory "
				"%s",
				binary->id, binary->path, b->target_dir);
		see_needed(g, binary->path, binary->platform);
	}
	return 0;
}

/* Programs that tests start: those of a package that has tests here. Libraries may be
 * loaded by any. */
static void add_artifacts(struct gather *g)
{
	const struct cargo_build *b = g->build;

	for (size_t i = 0; i < b->n_artifacts; i++) {
		const struct cargo_artifact *a = &b->artifacts[i];
		bool program = streq(a->kind, "bin-exe");
		autofree char *path = fs_join(b->target_dir, a->path);
		autofree char *name = xasprintf("target/%s", a->path);
		autofree char *reason = xasprintf(
			"%s %s of the build", program ? "program" : "library", a->name);

		if (program && g->wanted.n_binaries < b->n_binaries &&
			!has_program(g, a->package_id))
			continue;
		if (add_file(g, path, name, reason))
			see_needed(g, path, a->platform);
		else
			note(g, xasprintf("%s (%s) is not there", path, reason));
	}
}

static void add_directories(struct gather *g)
{
	const struct cargo_build *b = g->build;

	for (size_t i = 0; i < b->n_scripts; i++)
		if (has_program(g, b->scripts[i].package_id))
			add_directory(
				g, b->scripts[i].out_dir, "what a build script has left");
	for (size_t i = 0; i < b->linked_paths.len; i++)
		add_directory(
			g, b->linked_paths.v[i], "libraries a build script told of");
}

/* rustc's own libraries, those that something loads and what these load: as far as they
 * are linked statically, which is usual, there are none. */
static void add_rust_libraries(struct gather *g, const struct cargo_platform *p,
	enum platform platform, const char *place)
{
	struct strv *needed = &g->needed[platform];

	for (size_t i = 0; p->libdir && i < needed->len; i++) {
		autofree char *path = fs_join(p->libdir, needed->v[i]);
		autofree char *name =
			xasprintf("target/nextest/libdirs/%s/%s", place, needed->v[i]);

		if (strchr(needed->v[i], '/'))
			continue;
		if (add_file(g, path, name, "library of rustc"))
			see_needed(g, path, platform);
	}
}

/* What archive.include names in the target directory; nextest's archives have nothing
 * else. */
static int add_includes(
	struct gather *g, const struct archive_nextest_request *r, struct err *e)
{
	struct archive_request own = *r->own;
	struct archive_items *items = &g->plan->items, all;
	struct archive_gather walk = {0};
	size_t outside = 0;
	int status;

	own.target_build_dir = g->build->target_dir;
	g->plan->request = &own;
	status = archive_gather_init(&walk, g->plan, e);
	if (status == 0)
		status = archive_plan_includes(&walk, e);
	archive_gather_release(&walk);
	g->plan->request = NULL;
	all = *items;
	*items = (struct archive_items){0};
	for (size_t i = 0; i < all.len; i++) {
		const struct archive_item *item = &all.v[i];

		if (starts_with(item->name, "target/") && item->kind == ARCHIVE_FILE)
			copy_item(items, item);
		else
			outside += item->kind == ARCHIVE_FILE &&
				   starts_with(item->name, "source/");
	}
	archive_items_release(&all);
	if (outside)
		note(g, xasprintf("archive.include: %zu files are not in the target "
				  "directory, and nextest's format has no place for them",
				outside));
	return status;
}

/* ---- the whole */

static int compare_items(const void *a, const void *b)
{
	const struct archive_item *x = a, *y = b;

	return archive_item_compare(x->name, y->name);
}

/* Sorts, and leaves one of those that came by several ways. */
static void tidy(struct archive_plan *plan)
{
	struct archive_items *items = &plan->items, left = {0};
	uint64_t total = 0;

	if (items->len > 1)
		qsort(items->v, items->len, sizeof *items->v, compare_items);
	for (size_t i = 0; i < items->len; i++) {
		const struct archive_item *item = &items->v[i];

		if (left.len && streq(left.v[left.len - 1].name, item->name))
			continue;
		copy_item(&left, item);
		total += item->size_bytes;
	}
	archive_items_release(items);
	*items = left;
	plan->total_bytes = total;
}

static void add_texts(struct gather *g, const struct cargo_workspace *workspace)
{
	struct archive_plan *plan = g->plan;

	plan->texts[0].name = "target/nextest/binaries-metadata.json";
	cargo_nextest_write(&g->wanted, NULL, NULL, &plan->texts[0].text);
	plan->texts[1].name = "target/nextest/cargo-metadata.json";
	buf_append_str(&plan->texts[1].text, workspace->text);
	plan->n_texts = 2;
}

int archive_nextest_plan(
	const struct archive_nextest_request *r, struct archive_plan *plan, struct err *e)
{
	const struct cargo_build *b = r->build;
	struct gather g = {.build = b, .wanted = *b, .plan = plan};
	int status;

	*plan = (struct archive_plan){0};
	status = add_programs(&g, r, e);
	if (status == 0) {
		add_artifacts(&g);
		add_directories(&g);
		/* Without a target everything is the host's. */
		if (!b->n_targets) {
			strv_push_all(
				&g.needed[PLATFORM_HOST], &g.needed[PLATFORM_TARGET]);
		} else {
			add_rust_libraries(
				&g, &b->targets[0], PLATFORM_TARGET, "target/0");
		}
		add_rust_libraries(&g, &b->host, PLATFORM_HOST, "host");
		status = add_includes(&g, r, e);
		tidy(plan);
		add_texts(&g, r->workspace);
	}
	free(g.wanted.binaries);
	strv_release(&g.needed[PLATFORM_TARGET]);
	strv_release(&g.needed[PLATFORM_HOST]);
	return status;
}
