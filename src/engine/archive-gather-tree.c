#include "base/elf.h"
#include "base/fs.h"
#include "base/pattern.h"
#include "engine/archive-private.h"
#include "model/config.h"

#include <stdlib.h>
#include <sys/stat.h>

enum { WALK_FILES_MAX = 50000, WALK_LIMIT_MIB = 256 };

/* What version control, compilers and build systems leave; `build` is for build
 * directories, in a source directory these may be fixtures. */
static const struct {
	const char *name; /* a whole name, or "*.x" */
	bool build;
} litter[] = {
	{".git", false},
	{".hg", false},
	{".svn", false},
	{".bzr", false},
	{".xtest", false},
	{"autom4te.cache", false},
	{"__pycache__", false},
	{".cmake", true},
	{".deps", true},
	{".dirstamp", true},
	{"CMakeFiles", true},
	{"CMakeCache.txt", true},
	{"CTestTestfile.cmake", true},
	{"cmake_install.cmake", true},
	{"Testing", true},
	{"compile_commands.json", true},
	{"*.ninja", true},
	{".ninja_deps", true},
	{".ninja_log", true},
	{"meson-info", true},
	{"meson-logs", true},
	{"meson-private", true},
	{"aclocal.m4", true},
	{"ar-lib", true},
	{"compile", true},
	{"config.guess", true},
	{"config.log", true},
	{"config.status", true},
	{"config.sub", true},
	{"configure", true},
	{"configure.ac", true},
	{"depcomp", true},
	{"install-sh", true},
	{"libtool", true},
	{"ltmain.sh", true},
	{"Makefile", true},
	{"Makefile.am", true},
	{"Makefile.in", true},
	{"missing", true},
	{"stamp-h1", true},
	{"test-driver", true},
	/* What xtest itself leaves there. */
	{".xtest-configured", true},
	{"xtest-answer", true},
	{"xtest-ask.py", true},
	{"xtest-copy", true},
	{"xtest-cross.ini", true},
	{"xtest-extra-targets", true},
	{"xtest-tests.json", true},
	{"xtest-tests.mk", true},
	{"xtest-toolchain.cmake", true},
	{"*.p", true},
	{"*.o", true},
	{"*.lo", true},
	{"*.la", true},
	{"*.lai", true},
	{"*.a", true},
	{"*.log", true},
	{"*.trs", true},
	{"*.gcno", true},
	{"*.gcda", true},
	{"*.gch", true},
};

static bool is_litter(const char *name, bool build)
{
	for (size_t i = 0; i < ARRAY_LEN(litter); i++) {
		const char *pattern = litter[i].name;

		if (litter[i].build && !build)
			continue;
		if (pattern[0] == '*' ? ends_with(name, pattern + 1)
				      : streq(name, pattern))
			return true;
	}
	return false;
}

static bool is_excluded(const struct archive_gather *g, const char *below)
{
	const char *name = fs_basename(below);
	struct err ignored;

	for (size_t i = 0; i < g->n_excludes; i++) {
		bool whole = strchr(g->plan->request->config->exclude.v[i], '/') != NULL;
		const char *text = whole ? below : name;

		if (pattern_match(g->excludes[i], text, strlen(text), &ignored) == 1)
			return true;
	}
	return false;
}

struct budget {
	uint64_t bytes, limit_bytes;
	size_t files;
	bool spent;
};

static int walk_entry(struct archive_gather *g, const char *path,
	struct archive_walk *walk, int depth, int level, struct budget *budget,
	struct err *e);

static int walk_dir(struct archive_gather *g, const char *dir, struct archive_walk *walk,
	int depth, int level, struct budget *budget, struct err *e)
{
	autorelease(strv) struct strv names = STRV_INIT;
	struct err unreadable = {0};

	if (fs_list_dir(dir, &names, &unreadable) < 0) {
		archive_gather_note(g, "%s is left out: %s", dir, unreadable.msg);
		return 0;
	}
	for (size_t i = 0; i < names.len && !budget->spent; i++) {
		autofree char *path = fs_join(dir, names.v[i]);

		if (walk_entry(g, path, walk, depth, level, budget, e) < 0)
			return -1;
	}
	return 0;
}

static bool is_root(const struct archive_gather *g, const char *path)
{
	for (int i = 0; i < ARCHIVE_N_ROOTS; i++)
		if (g->roots[i] && streq(g->roots[i], path))
			return true;
	return false;
}

/* True when the directory is one of those the path lies in: a link to it is a circle. */
static bool is_circle(const char *path)
{
	autofree char *dir = fs_dirname(path);
	autofree char *real = realpath(path, NULL), *real_dir = realpath(dir, NULL);

	return !real || !real_dir || fs_is_within(real_dir, real);
}

/* A directory that can be made again, as Cargo's target directories ("Cache Directory
 * Tagging Specification"). */
static bool is_cache(const char *dir)
{
	autofree char *tag = fs_join(dir, "CACHEDIR.TAG");

	return fs_is_file(tag);
}

/* Programs and libraries below a directory that is a whole root are left to those who
 * name them: a build directory is full of them. */
static bool is_program(struct archive_gather *g, const char *path, const struct stat *st)
{
	struct elf_identity id;

	return S_ISREG(st->st_mode) && st->st_size > 64 &&
	       closure_identity(g->target, path, &id);
}

static int walk_entry(struct archive_gather *g, const char *path,
	struct archive_walk *walk, int depth, int level, struct budget *budget,
	struct err *e)
{
	const char *below = "";
	int root = archive_root_of(g->roots, path, &below);
	bool build = root == ARCHIVE_TARGET || root == ARCHIVE_HOST;
	struct stat st, real;
	int kept = 0;

	if (root < 0 || is_root(g, path) || is_excluded(g, below) || lstat(path, &st) < 0)
		return 0;
	if (is_litter(fs_basename(path), build && !walk->everything) ||
		streq_null(path, g->plan->request->archive_path))
		return 0;
	if (stat(path, &real) == 0 && S_ISDIR(real.st_mode)) {
		if (S_ISLNK(st.st_mode) && is_circle(path))
			return 0;
		if (depth == 0 || is_cache(path))
			return 0;
		if (!walk->only) {
			kept = archive_gather_path(g, path, walk->why, false, e);
			if (kept <= 0)
				return kept;
		}
		/* A link that was kept leads to something that is walked by itself. */
		if (S_ISLNK(st.st_mode)) {
			autofree char *to = archive_gather_canonical(g, path);
			autofree char *normal = to ? fs_normalize(to, "/") : NULL;

			if (normal && archive_root_of(g->roots, normal, NULL) == root)
				return archive_gather_tree(g, normal, walk, e);
		}
		return walk_dir(g, path, walk, depth - 1, level + 1, budget, e);
	}
	if (walk->only) {
		struct err ignored;

		if (pattern_match(walk->only, below, strlen(below), &ignored) != 1)
			return 0;
		walk->matched++;
	}
	if (walk->top_programs && level > 0 && is_program(g, path, &st))
		return 0;
	budget->bytes += S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	if (budget->bytes > budget->limit_bytes || ++budget->files > WALK_FILES_MAX) {
		budget->spent = true;
		return 0;
	}
	return archive_gather_path(g, path, walk->why, false, e) < 0 ? -1 : 0;
}

int archive_gather_tree(struct archive_gather *g, const char *dir,
	struct archive_walk *walk, struct err *e)
{
	uint64_t limit = g->plan->request->walk_limit_bytes;
	struct budget budget = {
		.limit_bytes = limit ? limit : (uint64_t)WALK_LIMIT_MIB << 20};
	autofree char *normal = fs_normalize(dir, "/");
	autofree char *key = xasprintf("%s%s%s%d", g->widen ? "+" : "", normal,
		walk->everything ? "!" : "", walk->depth);
	int depth = walk->depth < 0 ? ARCHIVE_DEPTH_MAX : walk->depth;
	int root = archive_root_of(g->roots, normal, NULL);

	if (root < 0 || root == ARCHIVE_SYSROOT)
		return 0;
	if (!walk->only) {
		if (strv_has(&g->walked, key))
			return 0;
		strv_push(&g->walked, key);
		if (archive_gather_path(g, normal, walk->why, false, e) < 0)
			return -1;
	}
	if (walk_dir(g, normal, walk, depth, 0, &budget, e) < 0)
		return -1;
	if (budget.spent)
		archive_gather_note(g,
			"%s is taken only in part: it is larger than %llu MiB or %d "
			"files "
			"(%s); name what the tests need of it in archive.include",
			normal, (unsigned long long)(budget.limit_bytes >> 20),
			WALK_FILES_MAX, walk->why);
	return 0;
}
