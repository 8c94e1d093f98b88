#include "adapter/adapter.h"

#include "base/elf.h"
#include "base/fs.h"

static bool in_project(const char *path, const struct build_request *request)
{
	return fs_is_within(path, request->source_dir) ||
	       fs_is_within(path, request->build_dir);
}

/* A word is a path when it names something that is there; a bare word without a slash
 * must be a file, so that "test" does not become the directory of that name. */
static void push_path(const char *word, const struct suite *suite,
	const struct build_request *request, struct strv *paths)
{
	autofree char *path = NULL;

	if (!*word || strlen(word) > 4000)
		return;
	path = fs_normalize(word, suite->cwd);
	if (!in_project(path, request) || strv_has(paths, path))
		return;
	if (strchr(word, '/') ? fs_exists(path) : fs_is_file(path))
		strv_push_take(paths, take_ptr(path));
}

static void push_assignments(const struct strv *env, const struct suite *suite,
	const struct build_request *request, struct strv *paths)
{
	for (size_t i = 0; i < env->len; i++) {
		autorelease(strv) struct strv values = STRV_INIT;
		const char *value = strchr(env->v[i], '=');

		strv_split(&values, value ? value + 1 : "", ":");
		for (size_t k = 0; k < values.len; k++)
			if (values.v[k][0] == '/')
				push_path(values.v[k], suite, request, paths);
	}
}

void adapter_files_named(const struct suite *suite, const struct build_request *request,
	struct strv *paths)
{
	for (size_t i = 0; i < suite->command.len; i++) {
		const char *word = suite->command.v[i];
		const char *value = strchr(word, '=');

		if (i > 0 || strchr(word, '/'))
			push_path(word, suite, request, paths);
		if (i > 0 && value)
			push_path(value + 1, suite, request, paths);
	}
	push_assignments(&suite->env, suite, request, paths);
	push_assignments(&suite->env_prepend, suite, request, paths);
	push_assignments(&suite->env_append, suite, request, paths);
}

static bool is_program(const char *path)
{
	autorelease(elf) struct elf elf = {0};
	struct err ignored;

	return fs_is_file(path) && elf_open(path, &elf, &ignored) == 1;
}

void adapter_files_add_artifacts(struct suite_list *suites,
	const struct build_request *request, const struct strv *artifacts)
{
	for (size_t i = 0; i < suites->len; i++) {
		struct suite *s = &suites->v[i];
		autorelease(strv) struct strv named = STRV_INIT;
		bool names_one = s->binary != NULL;

		if (s->platform == PLATFORM_TARGET && !names_one)
			adapter_files_named(s, request, &named);
		for (size_t k = 0; k < named.len && !names_one; k++)
			names_one =
				strv_has(artifacts, named.v[k]) && is_program(named.v[k]);
		if (s->platform == PLATFORM_TARGET && !names_one)
			strv_push_all(&s->files, artifacts);
		strv_unique(&s->files);
	}
}
