#include "adapter/cargo-build.h"

#include "base/fs.h"

/* Where everything is now. */
struct places {
	const struct cargo_build *build;
	const struct cargo_workspace *workspace;
	const struct cargo_suite_options *o;
	const char *target_dir, *build_dir;
};

/* A path of the workspace, where it is now; the caller's. */
static char *in_workspace(const struct places *p, const char *path)
{
	const char *below =
		p->o->workspace_remap ? fs_below(path, p->workspace->root) : NULL;

	if (!below)
		return xstrdup(path);
	return *below ? fs_join(p->o->workspace_remap, below)
		      : xstrdup(p->o->workspace_remap);
}

/* A path of the build, where it is now; the caller's. */
static char *in_build(const struct places *p, const char *path)
{
	const char *below = fs_below(path, p->build->build_dir);

	if (below)
		return fs_join(p->build_dir, below);
	below = fs_below(path, p->build->target_dir);
	return below ? fs_join(p->target_dir, below) : xstrdup(path);
}

/* Assignments with the paths of the workspace and the build where they are now. */
static void put_env(const struct places *p, const struct strv *from, struct strv *env)
{
	for (size_t i = 0; i < from->len; i++) {
		size_t len = strcspn(from->v[i], "=");
		autofree char *name = xstrndup(from->v[i], len), *value = NULL;

		if (!from->v[i][len])
			continue;
		value = in_build(p, from->v[i] + len + 1);
		if (streq(value, from->v[i] + len + 1)) {
			free(value);
			value = in_workspace(p, from->v[i] + len + 1);
		}
		strv_env_set(env, name, value);
	}
}

/* The programs of the package: cargo tells them to integration tests and benchmarks. */
static void put_programs(
	const struct places *p, const struct cargo_binary *binary, struct suite *s)
{
	const struct cargo_build *b = p->build;

	if (!streq(binary->kind, "test") && !streq(binary->kind, "bench"))
		return;
	for (size_t i = 0; i < b->n_artifacts; i++) {
		const struct cargo_artifact *a = &b->artifacts[i];
		autofree char *path = fs_join(p->target_dir, a->path);
		autofree char *plain = xstrdup(a->name);

		if (!streq(a->kind, "bin-exe") || a->platform != binary->platform ||
			!streq(a->package_id, binary->package_id))
			continue;
		for (char *c = plain; *c; c++)
			*c = *c == '-' ? '_' : *c;
		strv_pushf(&s->env, "CARGO_BIN_EXE_%s=%s", a->name, path);
		strv_pushf(&s->env, "NEXTEST_BIN_EXE_%s=%s", a->name, path);
		if (!streq(plain, a->name))
			strv_pushf(&s->env, "NEXTEST_BIN_EXE_%s=%s", plain, path);
	}
}

/* Of a package that both sides use the build script ran for each. */
static const struct cargo_script *find_script(
	const struct cargo_build *b, const struct cargo_binary *binary)
{
	const struct cargo_script *found = NULL;

	for (size_t i = 0; i < b->n_scripts; i++) {
		const struct cargo_script *s = &b->scripts[i];

		if (!streq(s->package_id, binary->package_id))
			continue;
		found = s;
		if (!b->n_targets ||
			cargo_messages_side(b, s->out_dir) == binary->platform)
			break;
	}
	return found;
}

static void put_script(
	const struct places *p, const struct cargo_binary *binary, struct suite *s)
{
	const struct cargo_script *script = find_script(p->build, binary);
	autofree char *out_dir = NULL;

	if (!script)
		return;
	out_dir = fs_join(p->build_dir, script->out_dir);
	put_env(p, &script->env, &s->env);
	strv_env_set(&s->env, "OUT_DIR", out_dir);
}

static bool is_of(
	const struct cargo_build *b, const char *relative, enum platform platform)
{
	return !b->n_targets || cargo_messages_side(b, relative) == platform;
}

/* What cargo puts there, as far as it is of the program's own side: a library of the
 * other one is of no use, and its name may be the same. */
static void put_library_path(
	const struct places *p, enum platform platform, struct suite *s)
{
	const struct cargo_build *b = p->build;
	const struct cargo_platform *side =
		platform == PLATFORM_TARGET && b->n_targets ? &b->targets[0] : &b->host;
	autorelease(strv) struct strv dirs = STRV_INIT;
	autofree char *joined = NULL;

	for (size_t i = 0; i < b->linked_paths.len; i++)
		if (is_of(b, b->linked_paths.v[i], platform))
			strv_push_take(
				&dirs, fs_join(p->build_dir, b->linked_paths.v[i]));
	for (size_t i = 0; i < b->base_dirs.len; i++) {
		const char *base = b->base_dirs.v[i];

		if (!is_of(b, base, platform))
			continue;
		strv_pushf(&dirs, "%s/%s", p->target_dir, base);
		strv_pushf(&dirs, "%s/%s/deps", p->build_dir, base);
	}
	/* Under the newer layout each unit has a directory of its own. A test may load
	 * any library of its side. */
	for (size_t i = 0; i < b->n_artifacts; i++) {
		const struct cargo_artifact *a = &b->artifacts[i];
		autofree char *path = fs_join(p->target_dir, a->path);
		autofree char *dir = fs_dirname(path);

		if (!ends_with(path, ".so") || (b->n_targets && a->platform != platform))
			continue;
		strv_push(&s->files, path);
		if (!strv_has(&dirs, dir))
			strv_push(&dirs, dir);
	}
	if (side->libdir && !strv_has(&dirs, side->libdir)) {
		autofree char *nextest = fs_join(p->target_dir, "nextest/libdirs");

		strv_push_take(&dirs, fs_join(nextest, side->libdir));
	}
	joined = strv_join(&dirs, ":");
	strv_pushf(&s->env_prepend, "LD_LIBRARY_PATH=%s", joined);
	strv_pushf(&s->env_prepend, "NEXTEST_LD_LIBRARY_PATH=%s", joined);
}

/* Marks what a package needs. */
static void mark_needed(const struct cargo_workspace *w, size_t from, bool *seen)
{
	if (seen[from])
		return;
	seen[from] = true;
	for (size_t i = 0; i < w->packages[from].n_depends; i++)
		mark_needed(w, w->packages[from].depends[i], seen);
}

/* Marks what needs a package: whatever needs one that is marked, until nothing more
 * does. */
static void mark_needing(const struct cargo_workspace *w, size_t from, bool *seen)
{
	bool more = true;

	seen[from] = true;
	while (more) {
		more = false;
		for (size_t i = 0; i < w->n_packages; i++)
			for (size_t k = 0; !seen[i] && k < w->packages[i].n_depends; k++)
				if (seen[w->packages[i].depends[k]])
					more = seen[i] = true;
	}
}

static void push_marked(
	const struct cargo_workspace *w, const bool *seen, struct strv *names)
{
	for (size_t i = 0; i < w->n_packages; i++)
		if (seen[i])
			strv_push(names, w->packages[i].name);
	strv_unique(names);
}

/* deps(x): tests of x and of what x depends on; so a suite answers to all that depend on
 * its package. rdeps(x): tests of x and of what depends on x. */
static void put_graph(
	const struct places *p, const struct cargo_package *package, struct suite *s)
{
	const struct cargo_workspace *w = p->workspace;
	size_t at = (size_t)(package - w->packages);
	autofree bool *seen = xcalloc(w->n_packages, sizeof *seen);

	mark_needing(w, at, seen);
	push_marked(w, seen, &s->deps);
	memset(seen, 0, w->n_packages * sizeof *seen);
	mark_needed(w, at, seen);
	push_marked(w, seen, &s->rdeps);
}

static int make_suite(const struct places *p, const struct cargo_binary *binary,
	struct suite_list *suites, struct err *e)
{
	const struct cargo_package *package =
		cargo_workspace_find(p->workspace, binary->package_id);
	autofree char *manifest_dir = NULL, *root = NULL;
	struct suite *s;

	if (!package)
		return err_set(e, ERR_METADATA,
			"%s is of the package %s, which cargo metadata does not know",
			binary->id, binary->package_id);
	manifest_dir = fs_dirname(package->manifest_path);
	root = in_workspace(p, p->workspace->root);
	s = suite_list_add(suites);
	s->id = xstrdup(binary->id);
	s->package = xstrdup(package->name);
	s->name = xstrdup(binary->name);
	s->kind = xstrdup(binary->kind);
	s->adapter = xstrdup("cargo");
	s->platform = binary->platform;
	s->platform_reason = streq(binary->kind, "proc-macro")
				     ? xstrdup("procedural macro")
				     : xasprintf("cargo built it for %s",
					       platform_name(binary->platform));
	s->binary = in_build(p, binary->path);
	strv_push(&s->command, s->binary);
	s->cwd = in_workspace(p, binary->cwd ? binary->cwd : manifest_dir);
	s->framework = xstrdup("libtest");
	if (p->o->config_env)
		strv_push_all(&s->env, p->o->config_env);
	put_env(p, &package->env, &s->env);
	put_script(p, binary, s);
	put_programs(p, binary, s);
	strv_env_set(&s->env, "NEXTEST", "1");
	strv_env_set(&s->env, "NEXTEST_EXECUTION_MODE", "process-per-test");
	strv_env_set(
		&s->env, "NEXTEST_PROFILE", p->o->profile ? p->o->profile : "default");
	strv_env_set(&s->env, "NEXTEST_WORKSPACE_ROOT", root);
	put_library_path(p, binary->platform, s);
	put_graph(p, package, s);
	return 0;
}

static int compare_binaries(const void *a, const void *b)
{
	const struct cargo_binary *x = *(struct cargo_binary *const *)a,
				  *y = *(struct cargo_binary *const *)b;

	return cargo_build_compare_ids(x->id, y->id);
}

int cargo_suites_make(const struct cargo_build *b, const struct cargo_workspace *w,
	const struct cargo_suite_options *o, struct suite_list *suites, struct err *e)
{
	struct places p = {
		.build = b,
		.workspace = w,
		.o = o,
		.target_dir = o->target_remap ? o->target_remap : b->target_dir,
		.build_dir = o->build_remap    ? o->build_remap
			     : o->target_remap ? o->target_remap
					       : b->build_dir,
	};
	autofree struct cargo_binary **sorted =
		xcalloc(b->n_binaries + 1, sizeof *sorted);

	for (size_t i = 0; i < b->n_binaries; i++)
		sorted[i] = &b->binaries[i];
	qsort(sorted, b->n_binaries, sizeof *sorted, compare_binaries);
	for (size_t i = 0; i < b->n_binaries; i++)
		if (make_suite(&p, sorted[i], suites, e) < 0)
			return -1;
	return 0;
}
