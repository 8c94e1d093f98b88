#include "adapter/cargo-build.h"

#include "base/fs.h"

static void package_release(struct cargo_package *p)
{
	free(p->id);
	free(p->name);
	free(p->version);
	free(p->manifest_path);
	free(p->depends);
	strv_release(&p->env);
}

void cargo_workspace_release(struct cargo_workspace *w)
{
	for (size_t i = 0; i < w->n_packages; i++)
		package_release(&w->packages[i]);
	free(w->packages);
	free(w->root);
	free(w->target_dir);
	free(w->build_dir);
	free(w->text);
	*w = (struct cargo_workspace){0};
}

const struct cargo_package *cargo_workspace_find(
	const struct cargo_workspace *w, const char *package_id)
{
	for (size_t i = 0; i < w->n_packages; i++)
		if (streq(w->packages[i].id, package_id))
			return &w->packages[i];
	return NULL;
}

/* The parts of "1.2.3-rc.1+build" (semver.org). */
static void set_version(struct strv *env, const char *version)
{
	static const char *const names[] = {"MAJOR", "MINOR", "PATCH"};
	size_t core = strcspn(version, "-+");
	autofree char *numbers = xstrndup(version, core);
	autofree char *pre = NULL;
	autorelease(strv) struct strv parts = STRV_INIT;

	strv_split(&parts, numbers, ".");
	strv_pushf(env, "CARGO_PKG_VERSION=%s", version);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		strv_pushf(env, "CARGO_PKG_VERSION_%s=%s", names[i],
			i < parts.len ? parts.v[i] : "");
	if (version[core] == '-')
		pre = xstrndup(version + core + 1, strcspn(version + core + 1, "+"));
	strv_pushf(env, "CARGO_PKG_VERSION_PRE=%s", pre ? pre : "");
}

static void set_env(struct cargo_package *p, const struct json *package)
{
	static const struct {
		const char *variable, *member;
	} fields[] = {
		{"DESCRIPTION", "description"},
		{"HOMEPAGE", "homepage"},
		{"LICENSE", "license"},
		{"LICENSE_FILE", "license_file"},
		{"README", "readme"},
		{"REPOSITORY", "repository"},
		{"RUST_VERSION", "rust_version"},
	};
	autofree char *dir = fs_dirname(p->manifest_path), *authors = NULL;
	autorelease(strv) struct strv names = STRV_INIT;
	const char *links = json_find_string(package, "links", NULL);

	json_strv(json_find(package, "authors"), &names);
	authors = strv_join(&names, ":");
	strv_pushf(&p->env, "CARGO_MANIFEST_DIR=%s", dir);
	strv_pushf(&p->env, "CARGO_MANIFEST_PATH=%s", p->manifest_path);
	if (links)
		strv_pushf(&p->env, "CARGO_MANIFEST_LINKS=%s", links);
	strv_pushf(&p->env, "CARGO_PKG_NAME=%s", p->name);
	strv_pushf(&p->env, "CARGO_PKG_AUTHORS=%s", authors);
	set_version(&p->env, p->version);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		strv_pushf(&p->env, "CARGO_PKG_%s=%s", fields[i].variable,
			json_find_string(package, fields[i].member, ""));
}

static int read_package(
	struct cargo_package *p, const struct json *package, size_t i, struct err *e)
{
	const char *id = json_find_string(package, "id", NULL);
	const char *name = json_find_string(package, "name", NULL);
	const char *version = json_find_string(package, "version", NULL);
	const char *manifest = json_find_string(package, "manifest_path", NULL);

	if (!id || !name || !version || !manifest)
		return err_set(e, ERR_METADATA, "cargo metadata: packages[%zu] lacks %s",
			i,
			!id        ? "id"
			: !name    ? "name"
			: !version ? "version"
				   : "manifest_path");
	p->id = xstrdup(id);
	p->name = xstrdup(name);
	p->version = xstrdup(version);
	p->manifest_path = xstrdup(manifest);
	set_env(p, package);
	return 0;
}

static void read_members(struct cargo_workspace *w, const struct json *root)
{
	autorelease(strv) struct strv members = STRV_INIT;

	json_strv(json_find(root, "workspace_members"), &members);
	for (size_t i = 0; i < w->n_packages; i++)
		w->packages[i].member = strv_has(&members, w->packages[i].id);
}

/* Sorts indices by the ids of the packages they stand for. */
static int compare_packages(const void *a, const void *b, void *ctx)
{
	const struct cargo_workspace *w = ctx;

	return strcmp(
		w->packages[*(const size_t *)a].id, w->packages[*(const size_t *)b].id);
}

static struct cargo_package *search(
	const struct cargo_workspace *w, const size_t *order, const char *id)
{
	size_t low = 0, high = w->n_packages;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int side = strcmp(w->packages[order[middle]].id, id);

		if (!side)
			return &w->packages[order[middle]];
		if (side < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* The graph; a workspace may have some thousand packages. */
static void read_graph(struct cargo_workspace *w, const struct json *root)
{
	const struct json *nodes = json_find(json_find(root, "resolve"), "nodes");
	size_t *order = xcalloc(w->n_packages + 1, sizeof *order);

	for (size_t i = 0; i < w->n_packages; i++)
		order[i] = i;
	qsort_r(order, w->n_packages, sizeof *order, compare_packages, w);
	for (size_t i = 0; i < json_len(nodes); i++) {
		const struct json *node = json_at(nodes, i);
		const struct json *depends = json_find(node, "dependencies");
		struct cargo_package *p =
			search(w, order, json_find_string(node, "id", ""));

		if (!p || p->depends)
			continue;
		p->depends = xcalloc(json_len(depends) + 1, sizeof *p->depends);
		for (size_t k = 0; k < json_len(depends); k++) {
			const struct cargo_package *other =
				search(w, order, json_string(json_at(depends, k), ""));

			if (other)
				p->depends[p->n_depends++] =
					(size_t)(other - w->packages);
		}
	}
	free(order);
}

static int read_root(struct cargo_workspace *w, const struct json *root, struct err *e)
{
	const struct json *packages = json_find(root, "packages");
	const char *dir = json_find_string(root, "workspace_root", NULL);
	const char *target = json_find_string(root, "target_directory", NULL);
	int64_t version = json_int(json_find(root, "version"), 1);

	if (version != 1)
		return err_set(e, ERR_METADATA,
			"cargo metadata: it has version %lld of the format, and this "
			"xtest knows 1",
			(long long)version);
	if (json_kind(packages) != JSON_ARRAY || !dir || !target)
		return err_set(e, ERR_METADATA, "cargo metadata: no %s in it",
			!dir      ? "workspace_root"
			: !target ? "target_directory"
				  : "packages");
	w->root = xstrdup(dir);
	w->target_dir = xstrdup(target);
	w->build_dir = xstrdup(json_find_string(root, "build_directory", target));
	w->packages = xcalloc(json_len(packages) + 1, sizeof *w->packages);
	for (size_t i = 0; i < json_len(packages); i++) {
		w->n_packages++;
		if (read_package(&w->packages[i], json_at(packages, i), i, e) < 0)
			return -1;
	}
	read_members(w, root);
	read_graph(w, root);
	return 0;
}

int cargo_workspace_read(
	struct cargo_workspace *w, const char *text, size_t len, struct err *e)
{
	autorelease_json struct json *root = json_parse(text, len, "cargo metadata", e);

	*w = (struct cargo_workspace){0};
	if (!root) {
		e->kind = ERR_METADATA;
		return -1;
	}
	if (read_root(w, root, e) < 0) {
		cargo_workspace_release(w);
		return -1;
	}
	w->text = xstrndup(text, len);
	return 0;
}
