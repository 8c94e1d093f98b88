#include "adapter/cargo-build.h"

#include "base/fs.h"

/* The Cargo Book, "External tools": JSON messages. */

/* The kind of a target as ids and filters name it; NULL for what is no test program's. */
static const char *kind_of(const struct strv *kinds)
{
	static const char *const libraries[] = {
		"lib", "rlib", "dylib", "cdylib", "staticlib"};
	static const char *const others[] = {
		"proc-macro", "bin", "example", "test", "bench"};

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (strv_has(kinds, others[i]))
			return others[i];
	for (size_t i = 0; i < ARRAY_LEN(libraries); i++)
		if (strv_has(kinds, libraries[i]))
			return "lib";
	return NULL;
}

enum platform cargo_messages_side(const struct cargo_build *b, const char *relative)
{
	size_t len = strcspn(relative, "/");

	for (size_t i = 0; i < b->n_targets; i++) {
		const char *triple = b->targets[i].triple;

		if (triple && strlen(triple) == len && !strncmp(triple, relative, len))
			return PLATFORM_TARGET;
	}
	return b->n_targets ? PLATFORM_HOST : PLATFORM_TARGET;
}

static int add_binary(struct cargo_build *b, const struct cargo_workspace *w,
	const struct json *message, const char *kind, struct err *e)
{
	const char *id = json_find_string(message, "package_id", "");
	const char *name = json_find_string(json_find(message, "target"), "name", "");
	const struct cargo_package *package = cargo_workspace_find(w, id);
	struct cargo_binary *binary;

	if (!package)
		return err_set(e, ERR_METADATA,
			"cargo built %s of %s, which cargo metadata does not know", name,
			id);
	binary = cargo_build_add_binary(b);
	binary->id = cargo_build_binary_id(package->name, kind, name);
	binary->name = xstrdup(name);
	binary->package_id = xstrdup(id);
	binary->kind = xstrdup(kind);
	binary->path = xstrdup(json_find_string(message, "executable", ""));
	/* Macros run in the compiler; so do their tests, whatever is built for. */
	binary->platform = streq(kind, "proc-macro") ? PLATFORM_HOST : PLATFORM_TARGET;
	return 0;
}

static void add_artifact(struct cargo_build *b, const struct json *message,
	const char *kind, const char *path)
{
	const char *below = fs_below(path, b->target_dir);
	struct cargo_artifact *a;

	if (!below)
		return;
	a = cargo_build_add_artifact(b);
	a->package_id = xstrdup(json_find_string(message, "package_id", ""));
	a->name = xstrdup(json_find_string(json_find(message, "target"), "name", ""));
	a->kind = xstrdup(kind);
	a->path = xstrdup(below);
	a->platform = cargo_messages_side(b, below);
}

static int read_artifact(struct cargo_build *b, const struct cargo_workspace *w,
	const struct json *message, struct err *e)
{
	const struct json *target = json_find(message, "target");
	const char *executable = json_find_string(message, "executable", NULL);
	autorelease(strv) struct strv kinds = STRV_INIT, files = STRV_INIT;
	const char *kind;

	json_strv(json_find(target, "kind"), &kinds);
	json_strv(json_find(message, "filenames"), &files);
	kind = kind_of(&kinds);
	if (executable && kind &&
		json_boolean(json_find(json_find(message, "profile"), "test"), false))
		return add_binary(b, w, message, kind, e);
	if (executable && strv_has(&kinds, "bin"))
		add_artifact(b, message, "bin-exe", executable);
	if (!executable && (strv_has(&kinds, "dylib") || strv_has(&kinds, "cdylib"))) {
		strv_sort(&files);
		for (size_t i = 0; i < files.len; i++)
			add_artifact(b, message, "dylib", files.v[i]);
	}
	return 0;
}

/* "native=/dir", "framework=/dir", "/dir": those within the build directory. */
static void add_linked_paths(struct cargo_build *b, const struct json *paths)
{
	for (size_t i = 0; i < json_len(paths); i++) {
		const char *text = json_string(json_at(paths, i), "");
		const char *slash = strchr(text, '/'), *equals = strchr(text, '=');
		const char *path =
			equals && (!slash || equals < slash) ? equals + 1 : text;
		const char *below = fs_below(path, b->build_dir);

		if (below && !strv_has(&b->linked_paths, below))
			strv_push(&b->linked_paths, below);
	}
}

static void read_script(struct cargo_build *b, const struct json *message)
{
	const struct json *env = json_find(message, "env");
	const char *out_dir = json_find_string(message, "out_dir", "");
	const char *below = fs_below(out_dir, b->build_dir);
	struct cargo_script *script = cargo_build_add_script(b);

	script->package_id = xstrdup(json_find_string(message, "package_id", ""));
	script->out_dir = xstrdup(below ? below : out_dir);
	script->has_info = true;
	for (size_t i = 0; i < json_len(env); i++)
		strv_pushf(&script->env, "%s=%s",
			json_string(json_at(json_at(env, i), 0), ""),
			json_string(json_at(json_at(env, i), 1), ""));
	add_linked_paths(b, json_find(message, "linked_paths"));
}

int cargo_messages_read(struct cargo_build *b, const struct cargo_workspace *w,
	const char *text, size_t len, struct err *e)
{
	const char *line;
	size_t pos = 0, size;

	while (buf_next_line(text, len, &pos, &line, &size)) {
		struct err ignored;
		autorelease_json struct json *message = NULL;
		const char *reason;

		if (!size || *line != '{')
			continue;
		message = json_parse(line, size, "cargo", &ignored);
		reason = json_find_string(message, "reason", "");
		if (streq(reason, "compiler-artifact") &&
			read_artifact(b, w, message, e) < 0)
			return -1;
		if (streq(reason, "build-script-executed"))
			read_script(b, message);
	}
	return 0;
}
