#include "adapter/adapter.h"

#include "base/elf.h"
#include "base/fs.h"

#include <stdio.h>

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

/* What a compiler or archiver made for the linker: nothing a test reads. */
static bool is_link_input(const char *path)
{
	autorelease(elf) struct elf elf = {0};
	struct err ignored;
	char magic[8] = "";
	FILE *f;

	if (elf_open(path, &elf, &ignored) == 1)
		return elf.kind == ELF_KIND_OBJECT;
	f = fopen(path, "re");
	if (!f)
		return true;
	if (fread(magic, 1, 7, f) != 7)
		magic[0] = '\0';
	fclose(f);
	return streq(magic, "!<arch>") || streq(magic, "!<thin>");
}

/* A build directory holds far more than tests read: only the files directly in it, and
 * none that are the build system's own. */
static int push_build_dir(const char *dir, const char *const *private_names,
	struct strv *files, struct err *e)
{
	autorelease(strv) struct strv names = STRV_INIT;

	if (fs_list_dir(dir, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.len; i++) {
		autofree char *path = fs_join(dir, names.v[i]);
		bool private = names.v[i][0] == '.';

		for (size_t k = 0; private_names[k] && !private; k++)
		private = streq(names.v[i], private_names[k]);
		if (!private && fs_is_file(path) && !is_link_input(path))
			strv_push_take(files, take_ptr(path));
	}
	return 0;
}

/* The last build directory that was read: suites of one directory come together. */
struct listing {
	char *dir;
	struct strv files;
};

static void listing_release(struct listing *l)
{
	free(l->dir);
	strv_release(&l->files);
}

static int push_dir(const char *dir, const struct build_request *request,
	const char *const *private_names, struct listing *listing, struct strv *files,
	struct err *e)
{
	if (!fs_is_dir(dir))
		return 0;
	if (!fs_is_within(dir, request->build_dir)) {
		if (fs_is_within(dir, request->source_dir))
			strv_push(files, dir);
		return 0;
	}
	if (!streq_null(listing->dir, dir)) {
		listing_release(listing);
		*listing = (struct listing){.dir = xstrdup(dir)};
		if (push_build_dir(dir, private_names, &listing->files, e) < 0)
			return -1;
	}
	strv_push_all(files, &listing->files);
	return 0;
}

static int gather_one(struct suite *s, const struct build_request *request,
	const struct strv *artifacts, const char *const *private_names,
	struct listing *listing, struct err *e)
{
	autorelease(strv) struct strv named = STRV_INIT;

	adapter_files_named(s, request, &named);
	strv_push_all(&named, &s->required_files);
	for (size_t i = 0; i < named.len; i++) {
		autofree char *dir = fs_dirname(named.v[i]);

		if (s->binary && streq(named.v[i], s->binary))
			continue;
		if (fs_is_dir(named.v[i])) {
			if (push_dir(named.v[i], request, private_names, listing,
				    &s->files, e) < 0)
				return -1;
			continue;
		}
		strv_push(&s->files, named.v[i]);
		/* A script reads what lies beside it. */
		if (!s->binary && !fs_is_within(dir, request->build_dir) &&
			push_dir(dir, request, private_names, listing, &s->files, e) < 0)
			return -1;
	}
	if (s->cwd && push_dir(s->cwd, request, private_names, listing, &s->files, e) < 0)
		return -1;
	if (!s->binary)
		strv_push_all(&s->files, artifacts);
	strv_unique(&s->files);
	return 0;
}

int adapter_files_gather(struct suite_list *suites, const struct build_request *request,
	const struct strv *artifacts, const char *const *private_names, struct err *e)
{
	autorelease(listing) struct listing listing = {0};

	for (size_t i = 0; i < suites->len; i++)
		if (gather_one(&suites->v[i], request, artifacts, private_names, &listing,
			    e) < 0)
			return -1;
	return 0;
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
			names_one = strv_has(artifacts, named.v[k]);
		if (s->platform == PLATFORM_TARGET && !names_one)
			strv_push_all(&s->files, artifacts);
		strv_unique(&s->files);
	}
}
