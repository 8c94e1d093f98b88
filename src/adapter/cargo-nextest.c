#include "adapter/cargo-nextest.h"

#include "base/fs.h"

/* What is read, for messages. */
struct source {
	const char *name;
	struct err *e;
};

static int fault(const struct source *s, const char *what, const char *wanted)
{
	return err_set(s->e, ERR_SETUP,
		"%s: %.200s is not %s; was it written by a cargo-nextest of the future?",
		s->name, what, wanted);
}

/* A string that must be there and hold something; NULL with the error. */
static const char *need(const struct source *s, const struct json *object,
	const char *where, const char *key)
{
	const struct json *value = json_find(object, key);
	const char *text = json_string(value, NULL);
	autofree char *what = NULL;

	if (text && *text && strlen(text) == json_string_len(value))
		return text;
	what = xasprintf("\"%s\" of %s", key, where);
	fault(s, what, "a string");
	return NULL;
}

/* A member that may be absent or null, and is of this kind if it is there. */
static int check_kind(const struct source *s, const struct json *object, const char *key,
	enum json_kind kind)
{
	const struct json *value = json_find(object, key);
	autofree char *what = NULL;

	if (!value || json_kind(value) == JSON_NULL || json_kind(value) == kind)
		return 0;
	what = xasprintf("\"%s\"", key);
	return fault(s, what, json_kind_name(kind));
}

/* "debug/build/x": below the directory it is relative to, wherever that will be. */
static int check_relative(const struct source *s, const char *path)
{
	autofree char *plain = fs_normalize(path, "/r");

	if (path[0] != '/' && fs_is_within(plain, "/r"))
		return 0;
	return fault(s, path, "a path below the target directory");
}

static int need_absolute(
	const struct source *s, const struct json *object, const char *key, char **out)
{
	const char *path = need(s, object, "rust-build-meta", key);

	if (!path)
		return -1;
	if (path[0] != '/')
		return fault(s, path, "an absolute path of a Unix system");
	*out = fs_normalize(path, NULL);
	return 0;
}

/* ---- platforms */

/* "platform" is a triple, or an object with one. */
static int read_triple(
	const struct source *s, const struct json *value, struct cargo_platform *p)
{
	const char *triple = json_string(value, NULL);
	autorelease(buf) struct buf spec = BUF_INIT;
	struct jsonw w;

	if (!triple)
		triple = need(s, value, "a platform", "triple");
	if (!triple)
		return -1;
	p->triple = xstrdup(triple);
	jsonw_init(&w, &spec);
	jsonw_value(&w, NULL, value);
	p->spec = buf_take(&spec);
	return 0;
}

static int read_platform(
	const struct source *s, const struct json *value, struct cargo_platform *p)
{
	const struct json *libdir = json_find(value, "libdir");
	const char *path = json_find_string(libdir, "path", NULL);
	const char *reason = json_find_string(libdir, "reason", "old-summary");

	if (json_kind(value) != JSON_OBJECT)
		return fault(s, "a platform", "an object");
	if (read_triple(s, json_find(value, "platform"), p) < 0)
		return -1;
	if (path && streq(json_find_string(libdir, "status", ""), "available"))
		p->libdir = xstrdup(path);
	else
		p->libdir_reason = xstrdup(reason);
	return 0;
}

/* Before 0.9.71: only what was built for, which may be the host. */
static int read_old_platform(
	const struct source *s, const struct json *meta, struct cargo_build *b)
{
	const struct json *value = json_at(json_find(meta, "target-platforms"), 0);
	struct cargo_platform *p;

	b->host.libdir_reason = xstrdup("old-summary");
	if (!value)
		value = json_find(meta, "target-platform");
	if (!value || json_kind(value) == JSON_NULL)
		return 0;
	p = cargo_build_add_target(b);
	p->libdir_reason = xstrdup("old-summary");
	return read_triple(s, value, p);
}

static int read_platforms(
	const struct source *s, const struct json *meta, struct cargo_build *b)
{
	const struct json *platforms = json_find(meta, "platforms");
	const struct json *targets = json_find(platforms, "targets");

	if (!platforms || json_kind(platforms) == JSON_NULL)
		return read_old_platform(s, meta, b);
	if (read_platform(s, json_find(platforms, "host"), &b->host) < 0 ||
		check_kind(s, platforms, "targets", JSON_ARRAY) < 0)
		return -1;
	for (size_t i = 0; i < json_len(targets); i++)
		if (read_platform(s, json_at(targets, i), cargo_build_add_target(b)) < 0)
			return -1;
	if (b->n_targets > 1)
		return err_set(s->e, ERR_SETUP,
			"%s: it was built for %zu targets at once (%s, %s, …), and "
			"nobody knows yet which program is for which of them",
			s->name, b->n_targets, b->targets[0].triple,
			b->targets[1].triple);
	return 0;
}

/* ---- lists of paths */

static int read_paths(const struct source *s, const struct json *meta, const char *key,
	struct strv *out)
{
	const struct json *list = json_find(meta, key);

	if (check_kind(s, meta, key, JSON_ARRAY) < 0)
		return -1;
	for (size_t i = 0; i < json_len(list); i++) {
		const char *path = json_string(json_at(list, i), NULL);

		if (!path)
			return fault(s, key, "a list of paths");
		if (check_relative(s, path) < 0)
			return -1;
		strv_push(out, path);
	}
	return 0;
}

/* ---- programs */

static int read_side(
	const struct source *s, const struct json *object, enum platform *out)
{
	const char *side = json_find_string(object, "build-platform", "target");

	*out = streq(side, "host") ? PLATFORM_HOST : PLATFORM_TARGET;
	if (streq(side, "host") || streq(side, "target"))
		return 0;
	return fault(s, side, "a platform (\"target\", \"host\")");
}

static int read_artifact(const struct source *s, const char *package,
	const struct json *value, struct cargo_build *b)
{
	const char *name = need(s, value, package, "name");
	const char *kind = name ? need(s, value, package, "kind") : NULL;
	const char *path = kind ? need(s, value, package, "path") : NULL;
	struct cargo_artifact *a;

	if (!path || check_relative(s, path) < 0)
		return -1;
	a = cargo_build_add_artifact(b);
	a->package_id = xstrdup(package);
	a->name = xstrdup(name);
	a->kind = xstrdup(kind);
	a->path = xstrdup(path);
	return read_side(s, value, &a->platform);
}

static int read_artifacts(
	const struct source *s, const struct json *meta, struct cargo_build *b)
{
	if (check_kind(s, meta, "non-test-binaries", JSON_OBJECT) < 0)
		return -1;
	for (struct json_iter it = json_iter(json_find(meta, "non-test-binaries"));
		json_next(&it);) {
		if (json_kind(it.value) != JSON_ARRAY)
			return fault(s, "\"non-test-binaries\" of a package", "an array");
		for (size_t i = 0; i < json_len(it.value); i++)
			if (read_artifact(s, it.key, json_at(it.value, i), b) < 0)
				return -1;
	}
	return 0;
}

static int read_binary(const struct source *s, const char *key, const struct json *value,
	struct cargo_build *b)
{
	const char *id = need(s, value, key, "binary-id");
	const char *name = id ? need(s, value, key, "binary-name") : NULL;
	const char *package = name ? need(s, value, key, "package-id") : NULL;
	const char *path = package ? need(s, value, key, "binary-path") : NULL;
	struct cargo_binary *binary;

	if (!path)
		return -1;
	if (path[0] != '/')
		return fault(s, path, "an absolute path of a Unix system");
	binary = cargo_build_add_binary(b);
	binary->id = xstrdup(id);
	binary->name = xstrdup(name);
	binary->package_id = xstrdup(package);
	binary->kind = xstrdup(json_find_string(value, "kind", "test"));
	binary->path = fs_normalize(path, NULL);
	return read_side(s, value, &binary->platform);
}

static int read_binaries(
	const struct source *s, const struct json *root, struct cargo_build *b)
{
	const struct json *binaries = json_find(root, "rust-binaries");

	if (json_kind(binaries) != JSON_OBJECT)
		return fault(s, "\"rust-binaries\"", "an object");
	for (struct json_iter it = json_iter(binaries); json_next(&it);)
		if (read_binary(s, it.key, it.value, b) < 0)
			return -1;
	return 0;
}

/* ---- build scripts */

static int read_script_env(
	const struct source *s, const struct json *info, struct cargo_script *script)
{
	if (!info || json_kind(info) == JSON_NULL)
		return 0;
	if (json_kind(info) != JSON_OBJECT ||
		check_kind(s, info, "envs", JSON_OBJECT) < 0)
		return fault(s, "\"build-script-info\" of a package",
			"an object with an object \"envs\"");
	script->has_info = true;
	for (struct json_iter it = json_iter(json_find(info, "envs")); json_next(&it);) {
		const char *value = json_string(it.value, NULL);

		if (!value || !*it.key || strchr(it.key, '='))
			return fault(s, it.key, "a variable with a text");
		strv_pushf(&script->env, "%s=%s", it.key, value);
	}
	return 0;
}

static int read_scripts(
	const struct source *s, const struct json *meta, struct cargo_build *b)
{
	const struct json *infos = json_find(meta, "build-script-info");

	if (check_kind(s, meta, "build-script-out-dirs", JSON_OBJECT) < 0 ||
		check_kind(s, meta, "build-script-info", JSON_OBJECT) < 0)
		return -1;
	for (struct json_iter it = json_iter(json_find(meta, "build-script-out-dirs"));
		json_next(&it);) {
		const char *dir = json_string(it.value, NULL);
		struct cargo_script *script;

		if (!dir)
			return fault(
				s, "\"build-script-out-dirs\"", "an object of paths");
		if (check_relative(s, dir) < 0)
			return -1;
		script = cargo_build_add_script(b);
		script->package_id = xstrdup(it.key);
		script->out_dir = xstrdup(dir);
		if (read_script_env(s, json_find(infos, it.key), script) < 0)
			return -1;
	}
	return 0;
}

/* What only xtest writes. */
static void read_flags(const struct json *meta, struct cargo_build *b)
{
	const struct json *own = json_find(meta, "xtest");

	b->profile = xstrdup_null(json_find_string(own, "profile", NULL));
	json_strv(json_find(own, "flags"), &b->flags);
}

int cargo_nextest_read(struct cargo_build *b, const char *text, size_t len,
	const char *name, struct err *e)
{
	autorelease_json struct json *root = json_parse(text, len, name, e);
	const struct json *meta = json_find(root, "rust-build-meta");
	const struct source s = {.name = name, .e = e};

	if (!root)
		return -1;
	if (json_kind(meta) != JSON_OBJECT)
		return fault(&s, "\"rust-build-meta\"", "an object");
	if (need_absolute(&s, meta, "target-directory", &b->target_dir) < 0)
		return -1;
	if (!json_find(meta, "build-directory"))
		b->build_dir = xstrdup(b->target_dir);
	else if (need_absolute(&s, meta, "build-directory", &b->build_dir) < 0)
		return -1;
	if (read_paths(&s, meta, "base-output-directories", &b->base_dirs) < 0 ||
		read_paths(&s, meta, "linked-paths", &b->linked_paths) < 0 ||
		read_platforms(&s, meta, b) < 0 || read_artifacts(&s, meta, b) < 0 ||
		read_scripts(&s, meta, b) < 0)
		return -1;
	read_flags(meta, b);
	return read_binaries(&s, root, b);
}

int cargo_nextest_load(
	const char *dir, struct cargo_build *b, struct cargo_workspace *w, struct err *e)
{
	autofree char *below = fs_join(dir, "nextest");
	autofree char *binaries = fs_join(below, "binaries-metadata.json");
	autofree char *metadata = fs_join(below, "cargo-metadata.json");
	autorelease(buf) struct buf text = BUF_INIT;

	if (fs_read_file(binaries, &text, e) < 0 ||
		cargo_nextest_read(b, buf_str(&text), text.len, binaries, e) < 0)
		return -1;
	buf_clear(&text);
	return fs_read_file(metadata, &text, e) < 0
		       ? -1
		       : cargo_workspace_read(w, buf_str(&text), text.len, e);
}
