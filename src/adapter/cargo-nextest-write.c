#include "adapter/cargo-nextest.h"

#include "base/fs.h"

/* One text in the making. */
struct writing {
	const struct cargo_build *build;
	struct jsonw w;
	const char *target_dir, *build_dir; /* where they are now */
};

/* Lists keyed by package or id are in the order of the keys, as nextest's are. */
static int compare_artifacts(const void *a, const void *b)
{
	const struct cargo_artifact *x = *(const struct cargo_artifact *const *)a,
				    *y = *(const struct cargo_artifact *const *)b;
	int order = strcmp(x->package_id, y->package_id);

	if (!order)
		order = strcmp(x->name, y->name);
	if (!order)
		order = strcmp(x->kind, y->kind);
	return order ? order : strcmp(x->path, y->path);
}

static int compare_scripts(const void *a, const void *b)
{
	return strcmp((*(const struct cargo_script *const *)a)->package_id,
		(*(const struct cargo_script *const *)b)->package_id);
}

static int compare_binaries(const void *a, const void *b)
{
	return cargo_build_compare_ids((*(const struct cargo_binary *const *)a)->id,
		(*(const struct cargo_binary *const *)b)->id);
}

/* Pointers to the items of a list, sorted; the caller's. */
static void *sorted(const void *items, size_t n, size_t size,
	int (*compare)(const void *, const void *))
{
	const void **list = xcalloc(n + 1, sizeof *list);

	for (size_t i = 0; i < n; i++)
		list[i] = (const char *)items + i * size;
	if (n > 1)
		qsort(list, n, sizeof *list, compare);
	return list;
}

static void write_artifacts(const struct cargo_build *b, struct jsonw *w)
{
	autofree const struct cargo_artifact **list = sorted(
		b->artifacts, b->n_artifacts, sizeof *b->artifacts, compare_artifacts);
	const char *package = NULL;

	jsonw_open(w, "non-test-binaries", '{');
	for (size_t i = 0; i < b->n_artifacts; i++) {
		const struct cargo_artifact *a = list[i];

		if (!streq_null(package, a->package_id)) {
			if (package)
				jsonw_close(w, ']');
			package = a->package_id;
			jsonw_open(w, package, '[');
		}
		jsonw_open(w, NULL, '{');
		jsonw_string(w, "name", a->name);
		jsonw_string(w, "kind", a->kind);
		jsonw_string(w, "path", a->path);
		jsonw_string(w, "build-platform", platform_name(a->platform));
		jsonw_close(w, '}');
	}
	if (package)
		jsonw_close(w, ']');
	jsonw_close(w, '}');
}

static void write_scripts(const struct cargo_build *b, struct jsonw *w)
{
	autofree const struct cargo_script **list =
		sorted(b->scripts, b->n_scripts, sizeof *b->scripts, compare_scripts);

	jsonw_open(w, "build-script-out-dirs", '{');
	for (size_t i = 0; i < b->n_scripts; i++)
		jsonw_string(w, list[i]->package_id, list[i]->out_dir);
	jsonw_close(w, '}');
	jsonw_open(w, "build-script-info", '{');
	for (size_t i = 0; i < b->n_scripts; i++) {
		autorelease(strv) struct strv env = STRV_INIT;

		if (!list[i]->has_info)
			continue;
		strv_copy(&env, &list[i]->env);
		strv_sort(&env);
		jsonw_open(w, list[i]->package_id, '{');
		jsonw_open(w, "envs", '{');
		for (size_t k = 0; k < env.len; k++) {
			char *value = strchr(env.v[k], '=');

			*value = '\0';
			jsonw_string(w, env.v[k], value + 1);
		}
		jsonw_close(w, '}');
		jsonw_close(w, '}');
	}
	jsonw_close(w, '}');
}

/* What is known of the platform besides its triple is kept as it came. */
static void write_spec(const struct cargo_platform *p, const char *key, struct jsonw *w)
{
	struct err ignored;
	autorelease_json struct json *spec =
		p->spec ? json_parse(p->spec, strlen(p->spec), "platform", &ignored)
			: NULL;

	jsonw_open(w, key, '{');
	if (json_kind(spec) == JSON_OBJECT) {
		for (struct json_iter it = json_iter(spec); json_next(&it);)
			jsonw_value(w, it.key, it.value);
	} else {
		jsonw_string(w, "triple", p->triple);
		jsonw_string(w, "target-features", "unknown");
	}
	jsonw_close(w, '}');
}

/* In an archive the directory is relative to where nextest puts them there. */
static char *libdir_now(const struct writing *x, const struct cargo_platform *p)
{
	autofree char *dirs = fs_join(x->target_dir, "nextest/libdirs");

	return fs_join(dirs, p->libdir);
}

static void write_platform(
	struct writing *x, const struct cargo_platform *p, const char *key)
{
	autofree char *libdir = p->libdir ? libdir_now(x, p) : NULL;
	struct jsonw *w = &x->w;

	jsonw_open(w, key, '{');
	write_spec(p, "platform", w);
	jsonw_open(w, "libdir", '{');
	jsonw_string(w, "status", libdir ? "available" : "unavailable");
	if (libdir)
		jsonw_string(w, "path", libdir);
	else
		jsonw_string(w, "reason",
			p->libdir_reason ? p->libdir_reason : "rustc-failed");
	jsonw_close(w, '}');
	jsonw_close(w, '}');
}

static void write_platforms(struct writing *x)
{
	const struct cargo_build *b = x->build;
	const struct cargo_platform *built_for = b->n_targets ? &b->targets[0] : &b->host;
	struct jsonw *w = &x->w;

	if (b->host.triple) {
		jsonw_open(w, "platforms", '{');
		write_platform(x, &b->host, "host");
		jsonw_open(w, "targets", '[');
		for (size_t i = 0; i < b->n_targets; i++)
			write_platform(x, &b->targets[i], NULL);
		jsonw_close(w, ']');
		jsonw_close(w, '}');
	}
	jsonw_open(w, "target-platforms", '[');
	if (built_for->triple)
		write_spec(built_for, NULL, w);
	jsonw_close(w, ']');
	jsonw_string(w, "target-platform", b->n_targets ? b->targets[0].triple : NULL);
}

static void write_sorted(struct jsonw *w, const char *key, const struct strv *list)
{
	autorelease(strv) struct strv copy = STRV_INIT;

	strv_copy(&copy, list);
	strv_unique(&copy);
	jsonw_strv(w, key, &copy);
}

/* Nobody else has a place for these: other readers pass over the member. */
static void write_flags(const struct cargo_build *b, struct jsonw *w)
{
	if (!b->profile)
		return;
	jsonw_open(w, "xtest", '{');
	jsonw_string(w, "profile", b->profile);
	jsonw_strv(w, "flags", &b->flags);
	jsonw_close(w, '}');
}

static void write_meta(struct writing *x, bool archive)
{
	const struct cargo_build *b = x->build;
	struct jsonw *w = &x->w;

	jsonw_open(w, "rust-build-meta", '{');
	jsonw_string(w, "target-directory", x->target_dir);
	if (!archive)
		jsonw_string(w, "build-directory", x->build_dir);
	write_sorted(w, "base-output-directories", &b->base_dirs);
	write_artifacts(b, w);
	write_scripts(b, w);
	write_sorted(w, "linked-paths", &b->linked_paths);
	write_platforms(x);
	write_flags(b, w);
	jsonw_close(w, '}');
}

static void write_binary(struct writing *x, const struct cargo_binary *binary)
{
	const char *in_build = fs_below(binary->path, x->build->build_dir),
		   *in_target = fs_below(binary->path, x->build->target_dir);
	autofree char *path = in_build    ? fs_join(x->build_dir, in_build)
			      : in_target ? fs_join(x->target_dir, in_target)
					  : xstrdup(binary->path);
	struct jsonw *w = &x->w;

	jsonw_open(w, binary->id, '{');
	jsonw_string(w, "binary-id", binary->id);
	jsonw_string(w, "binary-name", binary->name);
	jsonw_string(w, "package-id", binary->package_id);
	jsonw_string(w, "kind", binary->kind);
	jsonw_string(w, "binary-path", path);
	jsonw_string(w, "build-platform", platform_name(binary->platform));
	jsonw_close(w, '}');
}

void cargo_nextest_write(const struct cargo_build *b, const char *target_dir,
	const char *build_dir, struct buf *out)
{
	autofree const struct cargo_binary **list =
		sorted(b->binaries, b->n_binaries, sizeof *b->binaries, compare_binaries);
	struct writing x = {
		.build = b,
		.target_dir = target_dir ? target_dir : b->target_dir,
	};

	x.build_dir = build_dir ? build_dir : x.target_dir;
	jsonw_init(&x.w, out);
	x.w.pretty = true;
	jsonw_open(&x.w, NULL, '{');
	write_meta(&x, !build_dir);
	jsonw_open(&x.w, "rust-binaries", '{');
	for (size_t i = 0; i < b->n_binaries; i++)
		write_binary(&x, list[i]);
	jsonw_close(&x.w, '}');
	jsonw_close(&x.w, '}');
}

int cargo_nextest_store(const char *dir, const struct cargo_build *b,
	const struct cargo_workspace *w, struct err *e)
{
	autofree char *below = fs_join(dir, "nextest");
	autofree char *binaries = fs_join(below, "binaries-metadata.json");
	autofree char *metadata = fs_join(below, "cargo-metadata.json");
	autorelease(buf) struct buf text = BUF_INIT;

	cargo_nextest_write(b, NULL, b->build_dir, &text);
	if (fs_mkdir_p(below, e) < 0 ||
		fs_write_if_changed(binaries, text.data, text.len, 0644, e) < 0)
		return -1;
	return fs_write_if_changed(metadata, w->text, strlen(w->text), 0644, e);
}
