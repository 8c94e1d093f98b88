/* What deps() and rdeps() match: the libraries programs are linked with, and the tests
 * that come after each other. */
#include "engine/workload.h"

#include "base/elf.h"
#include "base/fs.h"

/* The libraries of one program. */
struct search {
	const struct archive_roots *roots;
	const struct suite *suite;
	struct strv *names;
	struct strv seen; /* files that were read */
};

static char *locate(const struct search *s, const char *path)
{
	return archive_roots_locate(s->roots, path);
}

/* The file in a directory as the loader finds it; NULL. */
static char *candidate(const struct search *s, const char *dir, const char *name)
{
	autofree char *there = locate(s, dir);
	char *path = fs_join(there, name);

	if (fs_is_file(path))
		return path;
	free(path);
	return NULL;
}

/* The project's own libraries, which have others behind them: by the RUNPATH of who needs
 * it, then by the suite's LD_LIBRARY_PATH (ld.so(8)). What lies in the system's
 * directories is the system's matter. */
static char *find_library(const struct search *s, const char *owner,
	const struct elf *elf, const char *name)
{
	autofree char *real = realpath(owner, NULL);
	autofree char *origin = fs_dirname(real ? real : owner);
	const char *path = strv_env_find(&s->suite->env, "LD_LIBRARY_PATH");
	autorelease(strv) struct strv dirs = STRV_INIT;
	char *found = NULL;

	for (size_t i = 0; i < elf->runpath.len; i++) {
		const char *entry = elf->runpath.v[i];

		if (starts_with(entry, "$ORIGIN"))
			strv_pushf(&dirs, "%s%s", origin, entry + strlen("$ORIGIN"));
		else if (starts_with(entry, "${ORIGIN}"))
			strv_pushf(&dirs, "%s%s", origin, entry + strlen("${ORIGIN}"));
		else
			strv_push(&dirs, entry);
	}
	if (path)
		strv_split(&dirs, path, ":");
	for (size_t i = 0; !found && i < dirs.len; i++)
		if (dirs.v[i][0] == '/')
			found = candidate(s, dirs.v[i], name);
	return found;
}

static void add_needed(struct search *s, const char *path)
{
	autorelease(elf) struct elf elf = {0};
	struct err ignored;

	if (strv_has(&s->seen, path) || elf_open(path, &elf, &ignored) != 1)
		return;
	strv_push(&s->seen, path);
	for (size_t i = 0; i < elf.needed.len; i++) {
		autofree char *library = find_library(s, path, &elf, elf.needed.v[i]);

		suite_add_library(s->names, elf.needed.v[i]);
		if (library)
			add_needed(s, library);
	}
}

static void add_own_names(const struct suite *s, struct strv *names)
{
	strv_push(names, s->package);
	strv_push(names, s->name);
	strv_push(names, s->id);
}

/* A suite depends on what it is linked with, and on the suites it has to come after. Who
 * depends on it depends on itself, too, as with packages. */
static void add_suite(
	const struct workload_target *t, struct suite_list *suites, struct suite *s)
{
	autorelease(strv) struct strv libraries = STRV_INIT;
	struct search search = {.roots = &t->roots, .suite = s, .names = &libraries};

	/* The build system has said it (Cargo's packages). */
	if (s->rdeps.len)
		return;
	strv_copy(&libraries, &s->libraries);
	if (s->binary) {
		autofree char *binary = locate(&search, s->binary);

		add_needed(&search, binary);
	}
	strv_release(&search.seen);
	add_own_names(s, &s->deps);
	add_own_names(s, &s->rdeps);
	strv_push_all(&s->deps, &libraries);
	strv_push_all(&s->rdeps, &libraries);
	for (size_t i = 0; i < s->depends.len; i++) {
		struct suite *other = suite_list_find(suites, s->depends.v[i]);

		if (!other)
			continue;
		add_own_names(other, &s->rdeps);
		add_own_names(s, &other->deps);
	}
}

void workload_links(struct workload *w)
{
	for (size_t i = 0; i < w->n_targets && !w->has_links; i++) {
		struct suite_list *suites = &w->targets[i].build.suites;

		for (size_t k = 0; k < suites->len; k++)
			add_suite(&w->targets[i], suites, &suites->v[k]);
	}
	w->has_links = true;
}
