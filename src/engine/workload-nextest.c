#include "engine/workload-nextest.h"

#include "adapter/cargo-nextest.h"
#include "base/fs.h"
#include "base/hash.h"
#include "engine/step.h"

#include <stdio.h>

#define DESCRIPTION "target/nextest/"

void workload_nextest_free(struct workload_nextest *n)
{
	if (!n)
		return;
	cargo_build_release(&n->build);
	cargo_workspace_release(&n->workspace);
	suite_list_release(&n->located);
	free(n->workspace_dir);
	free(n->target_dir);
	free(n->build_dir);
	free(n->pending);
	free(n);
}

struct workload_nextest *workload_nextest_built(
	const struct workload_target *t, struct err *e)
{
	struct workload_nextest *n;

	if (!t->build.adapter || !streq(t->build.adapter, "cargo"))
		return err_null(e, ERR_USAGE,
			"nextest's formats are for Cargo workspaces, and this project is "
			"built with %s",
			t->build.adapter ? t->build.adapter : "something else");
	n = xcalloc(1, sizeof *n);
	if (cargo_nextest_load(t->build.build_dir, &n->build, &n->workspace, e) < 0) {
		workload_nextest_free(n);
		return NULL;
	}
	n->workspace_dir = xstrdup(n->workspace.root);
	n->target_dir = xstrdup(n->build.target_dir);
	n->build_dir = xstrdup(n->build.build_dir);
	return n;
}

int workload_nextest_print(
	const struct workload_target *t, bool pretty, FILE *out, struct err *e)
{
	struct workload_nextest *built = t->nextest ? NULL : workload_nextest_built(t, e);
	const struct workload_nextest *n = t->nextest ? t->nextest : built;
	autorelease(buf) struct buf text = BUF_INIT, flat = BUF_INIT;
	autorelease_json struct json *json = NULL;
	struct jsonw w;

	if (!n)
		return -1;
	cargo_nextest_write(&n->build, n->target_dir, n->build_dir, &text);
	workload_nextest_free(built);
	if (!pretty) {
		json = json_parse(buf_str(&text), text.len, "the list", e);
		if (!json)
			return -1;
		jsonw_init(&w, &flat);
		jsonw_value(&w, NULL, json);
	}
	fprintf(out, "%s\n", buf_str(pretty ? &text : &flat));
	return 0;
}

/* ---- the two files */

/* The paths of the workspace are taken for what they say; they must say where. */
static int check_workspace(
	const struct cargo_workspace *workspace, const char *name, struct err *e)
{
	const char *path = workspace->root;

	for (size_t i = 0; path[0] == '/' && i < workspace->n_packages; i++)
		path = workspace->packages[i].manifest_path;
	if (path[0] == '/')
		return 0;
	return err_set(e, ERR_SETUP,
		"%s: %.200s is not an absolute path of a Unix system", name, path);
}

/* `dir` is where the files are (NULL: the working directory), `of` the archive for
 * messages (NULL: none). */
static int read_description(struct workload_nextest *n, const char *dir, const char *of,
	const char *binaries, const char *metadata, struct err *e)
{
	autofree char *binaries_file = fs_normalize(binaries, dir);
	autofree char *metadata_file = fs_normalize(metadata, dir);
	autofree char *name = xasprintf("%s%s%s", of ? of : "", of ? ": " : "", binaries);
	autorelease(buf) struct buf text = BUF_INIT;

	if (fs_read_file(binaries_file, &text, e) < 0)
		return -1;
	if (cargo_nextest_read(&n->build, buf_str(&text), text.len, name, e) < 0)
		return -1;
	buf_clear(&text);
	if (fs_read_file(metadata_file, &text, e) < 0)
		return -1;
	if (cargo_workspace_read(&n->workspace, buf_str(&text), text.len, e) < 0) {
		e->kind = ERR_SETUP;
		return err_context(e, "%s", of ? of : metadata);
	}
	return check_workspace(&n->workspace, of ? of : metadata, e);
}

/* The directory `now` as an absolute path, or where it was. */
static char *place_of(const char *now, const char *was)
{
	return fs_normalize(now ? now : was, NULL);
}

/* ---- what it was built for */

static int choose_target(struct workload *w, const struct workload_nextest *n,
	const char *what, struct err *e)
{
	const struct cargo_build *b = &n->build;
	const char *triple = b->n_targets ? b->targets[0].triple : b->host.triple;

	if (!triple && w->host)
		triple = w->host->name;
	if (!triple)
		return err_set(e, ERR_SETUP,
			"%s does not say what it was built for; name it with --target",
			what);
	return workload_archive_target(w, triple, e) < 0
		       ? err_context(e, "%s was built for %s", what, triple)
		       : 0;
}

/* ---- what must be there */

/* What the manifest says is below `was` is below `now`; the caller's. */
static char *moved(const char *path, const char *was, const char *now)
{
	const char *below = fs_below(path, was);

	return !below ? xstrdup(path) : *below ? fs_join(now, below) : xstrdup(now);
}

/* The tests of a package run in its directory. */
static int check_sources(const struct workload_nextest *n, struct err *e)
{
	for (size_t i = 0; i < n->build.n_binaries; i++) {
		const struct cargo_binary *b = &n->build.binaries[i];
		const struct cargo_package *p =
			cargo_workspace_find(&n->workspace, b->package_id);
		autofree char *was = p ? fs_dirname(p->manifest_path) : NULL;
		autofree char *now =
			p ? moved(was, n->workspace.root, n->workspace_dir) : NULL;

		if (!p)
			return err_set(e, ERR_SETUP,
				"%s belongs to the package %s, of which the cargo "
				"metadata says nothing: the two do not belong together",
				b->id, b->package_id);
		if (!fs_is_dir(now))
			return err_set(e, ERR_SETUP,
				"the sources of the package %s are not in %s, where its "
				"tests run; say with --workspace-remap DIR where the "
				"workspace (%s) is now",
				p->name, now, n->workspace.root);
	}
	return 0;
}

static int check_programs(
	const struct workload_nextest *n, const struct suite_list *located, struct err *e)
{
	for (size_t i = 0; i < located->len; i++)
		if (!fs_exists(located->v[i].command.v[0]))
			return err_set(e, ERR_SETUP,
				"%s: its program %s is not there; say with "
				"--target-dir-remap DIR where the target directory (%s) "
				"is now",
				located->v[i].id, located->v[i].command.v[0],
				n->build.target_dir);
	return 0;
}

/* In an archive the libraries of rustc are beside the metadata, or were not shipped. */
static void find_libdir(
	struct cargo_platform *p, const char *extracted, bool pending, const char *name)
{
	autofree char *dir = xasprintf("%s/" DESCRIPTION "libdirs/%s", extracted, name);

	free(p->libdir);
	p->libdir = NULL;
	if (pending || fs_is_dir(dir)) {
		p->libdir = xstrdup(name);
	} else if (!p->libdir_reason) {
		p->libdir_reason = xstrdup("not-in-archive");
	}
}

/* ---- suites */

/* Of where things were (`here` false), or of where they are. */
static int make_suites(const struct workload_nextest *n, const struct workload *w,
	bool here, struct suite_list *suites, struct err *e)
{
	struct cargo_suite_options o = {
		.workspace_remap = here ? n->workspace_dir : NULL,
		.target_remap = here ? n->target_dir : NULL,
		.build_remap = here ? n->build_dir : NULL,
		.profile = w->profile,
	};

	if (cargo_suites_make(&n->build, &n->workspace, &o, suites, e) < 0) {
		e->kind = ERR_SETUP;
		return -1;
	}
	return suite_list_check(suites, "cargo", e);
}

static void set_roots(const struct workload_nextest *n, struct workload_target *t)
{
	t->roots.v[ARCHIVE_SOURCE].original = fs_normalize(n->workspace.root, NULL);
	t->roots.v[ARCHIVE_SOURCE].extracted = xstrdup(n->workspace_dir);
	t->roots.v[ARCHIVE_TARGET].original = xstrdup(n->build.target_dir);
	t->roots.v[ARCHIVE_TARGET].extracted = xstrdup(n->target_dir);
}

/* What is still where it was needs no mount. */
static void set_binds(struct workload_target *t)
{
	struct err ignored;

	/* Sources that cannot be written have no room for a mount point. */
	if (archive_roots_binds(&t->roots, &t->binds, &ignored) < 0)
		strv_clear(&t->binds);
	for (size_t i = 0; i < t->binds.len;) {
		if (!streq(t->binds.v[i], t->binds.v[i + 1])) {
			i += 2;
			continue;
		}
		strv_remove(&t->binds, i);
		strv_remove(&t->binds, i);
	}
}

/* Fills the target: where the kernel can show everything where it was built, paths that
 * were compiled in hold, too. */
static int fill_target(struct workload *w, struct workload_target *t,
	const struct strv *places, struct err *e)
{
	struct workload_nextest *n = t->nextest;
	struct suite_list *suites = &t->build.suites;
	enum archive_placing placing;

	set_roots(n, t);
	set_binds(t);
	if (make_suites(n, w, true, &n->located, e) < 0 ||
		(!n->pending && check_programs(n, &n->located, e) < 0) ||
		workload_archive_place(w, t, places, &n->located, &placing, e) < 0)
		return -1;
	if (placing == ARCHIVE_ORIGINAL)
		return make_suites(n, w, false, suites, e);
	if (workload_nextest_need(w, t, e) < 0)
		return -1;
	*suites = n->located;
	n->located = (struct suite_list){0};
	return 0;
}

/* ---- an archive */

struct extraction {
	struct step step;
	struct workload *w;
	const char *dest;
	bool overwrite;
	bool head; /* the description is all that is wanted */
	size_t items;
	uint64_t bytes;
};

static bool on_cancelled(void *ctx)
{
	const struct extraction *x = ctx;

	return interrupt_check(x->w->interrupt);
}

static void on_progress(void *ctx, uint64_t done_bytes, uint64_t total_bytes)
{
	struct extraction *x = ctx;

	step_bytes(&x->step, done_bytes, total_bytes);
}

static bool on_want(void *ctx, const struct archive_item *item)
{
	struct extraction *x = ctx;

	if (x->head && !starts_with(item->name, DESCRIPTION))
		return false;
	x->items++;
	x->bytes += item->size_bytes;
	return true;
}

/* nextest puts its two files first. */
static bool on_enough(void *ctx)
{
	const struct extraction *x = ctx;

	return x->head && x->items >= 2;
}

static int extract(struct extraction *x, struct archive_reader *reader, struct err *e)
{
	struct archive_unpack_options unpack = {
		.dest = x->dest,
		.overwrite = x->overwrite,
		.want = on_want,
		.progress = on_progress,
		.cancelled = on_cancelled,
		.enough = on_enough,
		.ctx = x,
	};
	autofree char *summary = NULL;

	if (!x->head)
		step_begin(&x->step);
	if (archive_unpack(reader, &unpack, e) < 0)
		return -1;
	if (x->head)
		return 0;
	summary = xasprintf("%s, %zu files, %.1f MiB", x->step.what, x->items,
		(double)x->bytes / (1 << 20));
	step_end(&x->step, "Extracted", summary);
	return 0;
}

/* The programs of an archive are in it. */
static int check_inside(const struct workload_nextest *n, const char *file, struct err *e)
{
	for (size_t i = 0; i < n->build.n_binaries; i++)
		if (!fs_is_within(n->build.binaries[i].path, n->build.target_dir))
			return err_set(e, ERR_SETUP,
				"%s: the program of %s, %s, is not below the target "
				"directory %s",
				file, n->build.binaries[i].id, n->build.binaries[i].path,
				n->build.target_dir);
	return 0;
}

static int read_extracted(struct workload_nextest *n, const char *file,
	const char *workspace, const char *dest, struct err *e)
{
	static const char *const files[] = {
		DESCRIPTION "binaries-metadata.json", DESCRIPTION "cargo-metadata.json"};

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		autofree char *path = fs_join(dest, files[i]);

		if (!fs_is_file(path))
			return err_set(e, ERR_SETUP,
				"%s is no archive of cargo-nextest: there is no %s in it",
				file, files[i]);
	}
	if (read_description(n, dest, file, files[0], files[1], e) < 0 ||
		check_inside(n, file, e) < 0)
		return -1;
	n->workspace_dir = place_of(workspace, n->workspace.root);
	n->target_dir = fs_join(dest, "target");
	n->build_dir = xstrdup(n->target_dir);
	find_libdir(&n->build.host, dest, n->pending, "host");
	for (size_t i = 0; i < n->build.n_targets; i++)
		find_libdir(&n->build.targets[i], dest, n->pending, "target/0");
	return check_sources(n, e);
}

/* A program is what its archive has under its name: it need not be there to be known. */
static void set_digests(struct suite_list *suites, const char *file)
{
	char hex[HASH_HEX_SIZE];
	struct err ignored;

	if (hash_file_quick(file, hex, &ignored) < 0)
		return;
	for (size_t i = 0; i < suites->len; i++)
		suites->v[i].digest = xasprintf("%s %s", hex, suites->v[i].id);
}

int workload_nextest_unpack(struct workload *w, const struct workload_unpack_options *o,
	struct archive_reader *reader, const char *dest, struct err *e)
{
	const char *what = streq(o->file, "-") ? "standard input" : o->file;
	struct workload_nextest *n = xcalloc(1, sizeof *n);
	struct extraction x = {
		.step = {.emit = w->emit, .verb = "Extracting", .what = what},
		.w = w,
		.dest = dest,
		.overwrite = o->overwrite,
		.head = o->look && !o->extract_to && !streq(o->file, "-"),
	};

	if (x.head)
		n->pending = xstrdup(o->file);

	if (extract(&x, reader, e) < 0 ||
		read_extracted(n, what, o->workspace, dest, e) < 0 ||
		choose_target(w, n, what, e) < 0) {
		workload_nextest_free(n);
		return -1;
	}
	w->targets[0].nextest = n;
	if (fill_target(w, &w->targets[0], o->places, e) < 0)
		return -1;
	if (!streq(o->file, "-"))
		set_digests(&w->targets[0].build.suites, o->file);
	return 0;
}

int workload_nextest_need(struct workload *w, struct workload_target *t, struct err *e)
{
	struct workload_nextest *n = t->nextest;
	autofree char *file = n ? take_ptr(n->pending) : NULL;
	autofree char *dest = file ? fs_dirname(n->target_dir) : NULL;
	struct archive_reader *reader = file ? archive_unpack_open(file, e) : NULL;
	struct extraction x = {
		.step = {.emit = w->emit, .verb = "Extracting", .what = file},
		.w = w,
		.dest = dest,
		.overwrite = true,
	};
	int status;

	if (!file)
		return 0;
	if (!reader)
		return -1;
	status = extract(&x, reader, e);
	archive_unpack_close(reader);
	return status < 0 ? -1 : check_programs(n, &n->located, e);
}

/* ---- the files beside a build */

int workload_nextest_load(
	struct workload *w, const struct workload_nextest_files *files, struct err *e)
{
	struct workload_nextest *n = xcalloc(1, sizeof *n);
	struct workload_target *t;

	if (read_description(n, NULL, NULL, files->binaries, files->metadata, e) < 0)
		goto fail;
	n->workspace_dir = place_of(files->workspace, n->workspace.root);
	n->target_dir = place_of(files->target_dir, n->build.target_dir);
	n->build_dir = place_of(files->build_dir ? files->build_dir : files->target_dir,
		n->build.build_dir);
	if (check_sources(n, e) < 0 || choose_target(w, n, files->binaries, e) < 0)
		goto fail;
	t = &w->targets[0];
	t->nextest = n;
	t->build.build_dir = xstrdup(n->target_dir);
	return make_suites(n, w, true, &t->build.suites, e) < 0
		       ? -1
		       : check_programs(n, &t->build.suites, e);
fail:
	workload_nextest_free(n);
	return -1;
}
