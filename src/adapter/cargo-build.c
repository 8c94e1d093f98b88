#include "adapter/cargo-build.h"

static void platform_release(struct cargo_platform *p)
{
	free(p->triple);
	free(p->libdir);
	free(p->libdir_reason);
	free(p->spec);
}

static void binary_release(struct cargo_binary *b)
{
	free(b->id);
	free(b->name);
	free(b->package_id);
	free(b->kind);
	free(b->path);
	free(b->cwd);
}

static void artifact_release(struct cargo_artifact *a)
{
	free(a->package_id);
	free(a->name);
	free(a->kind);
	free(a->path);
}

static void script_release(struct cargo_script *s)
{
	free(s->package_id);
	free(s->out_dir);
	strv_release(&s->env);
}

void cargo_build_release(struct cargo_build *b)
{
	platform_release(&b->host);
	for (size_t i = 0; i < b->n_targets; i++)
		platform_release(&b->targets[i]);
	for (size_t i = 0; i < b->n_binaries; i++)
		binary_release(&b->binaries[i]);
	for (size_t i = 0; i < b->n_artifacts; i++)
		artifact_release(&b->artifacts[i]);
	for (size_t i = 0; i < b->n_scripts; i++)
		script_release(&b->scripts[i]);
	free(b->targets);
	free(b->binaries);
	free(b->artifacts);
	free(b->scripts);
	free(b->target_dir);
	free(b->build_dir);
	free(b->profile);
	strv_release(&b->base_dirs);
	strv_release(&b->linked_paths);
	strv_release(&b->flags);
	*b = (struct cargo_build){0};
}

/* One more of `n` items, zeroed. */
static void *add(void *list, size_t *n, size_t size)
{
	char *items = xrealloc(list, (*n + 1) * size);

	memset(items + *n * size, 0, size);
	++*n;
	return items;
}

struct cargo_platform *cargo_build_add_target(struct cargo_build *b)
{
	b->targets = add(b->targets, &b->n_targets, sizeof *b->targets);
	return &b->targets[b->n_targets - 1];
}

struct cargo_binary *cargo_build_add_binary(struct cargo_build *b)
{
	b->binaries = add(b->binaries, &b->n_binaries, sizeof *b->binaries);
	return &b->binaries[b->n_binaries - 1];
}

struct cargo_artifact *cargo_build_add_artifact(struct cargo_build *b)
{
	b->artifacts = add(b->artifacts, &b->n_artifacts, sizeof *b->artifacts);
	return &b->artifacts[b->n_artifacts - 1];
}

struct cargo_script *cargo_build_add_script(struct cargo_build *b)
{
	b->scripts = add(b->scripts, &b->n_scripts, sizeof *b->scripts);
	return &b->scripts[b->n_scripts - 1];
}

char *cargo_build_binary_id(const char *package, const char *kind, const char *name)
{
	if (streq(kind, "lib") || streq(kind, "proc-macro"))
		return xstrdup(package);
	return streq(kind, "test") ? xasprintf("%s::%s", package, name)
				   : xasprintf("%s::%s/%s", package, kind, name);
}

/* An id in its parts; what is not there is empty, which comes first. */
struct id {
	const char *package, *kind, *name;
	int package_len, kind_len;
};

static struct id split(const char *text)
{
	const char *colons = strstr(text, "::"), *rest = colons ? colons + 2 : "";
	const char *slash = strchr(rest, '/');

	return (struct id){
		.package = text,
		.package_len = (int)(colons ? (size_t)(colons - text) : strlen(text)),
		.kind = rest,
		.kind_len = (int)(slash ? slash - rest : 0),
		.name = slash ? slash + 1 : rest,
	};
}

static int compare(const char *a, int a_len, const char *b, int b_len)
{
	int order = memcmp(a, b, (size_t)MIN(a_len, b_len));

	return order ? order : (a_len > b_len) - (a_len < b_len);
}

int cargo_build_compare_ids(const char *a, const char *b)
{
	struct id x = split(a), y = split(b);
	int order = compare(x.package, x.package_len, y.package, y.package_len);

	if (!order)
		order = compare(x.kind, x.kind_len, y.kind, y.kind_len);
	return order ? order : strcmp(x.name, y.name);
}
