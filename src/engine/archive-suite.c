#include "base/fs.h"
#include "engine/archive-private.h"

#include <ctype.h>

enum { SCRIPT_MAX = 1 << 20 };

/* What a piece of text may bring in. */
struct mention {
	const struct suite *suite;
	const char *dir;    /* relative names are tried here too; may be NULL */
	const char *reason; /* for files */
	bool directories;   /* a directory it names is taken as a whole */
	bool bare;          /* a word without a slash may be a file */
};

/* Takes a directory as a whole. Of a whole root, programs come only from its top: the
 * others are left to those who name them. */
static int take_tree(
	struct archive_gather *g, const char *dir, const char *why, struct err *e)
{
	struct archive_walk walk = {.why = why, .depth = -1};

	for (int i = 0; i < ARCHIVE_N_ROOTS; i++)
		if (g->roots[i] && fs_is_within(g->roots[i], dir))
			walk.top_programs = true;
	return archive_gather_tree(g, dir, &walk, e);
}

static bool in_project(struct archive_gather *g, const char *path)
{
	int root = archive_root_of(g->roots, path, NULL);

	return root >= 0 && root != ARCHIVE_SYSROOT;
}

static int take_path(struct archive_gather *g, const struct mention *m, const char *path,
	bool from_glob, struct err *e)
{
	if (!in_project(g, path))
		return 0;
	if (fs_is_dir(path)) {
		if (!m->directories && !from_glob)
			return 0;
		return take_tree(g, path, m->reason, e);
	}
	return archive_gather_path(g, path, m->reason, false, e) < 0 ? -1 : 0;
}

/* A word as a path: without "-I", "--name", "$srcdir/", "${x}/" in front, cut before the
 * first wildcard or expansion. The caller's; NULL when nothing is left. */
static char *clean_word(const char *word, size_t len, bool *from_glob)
{
	autofree char *text = xstrndup(word, len);
	char *p = text, *end;

	if (p[0] == '-' && isalpha((unsigned char)p[1]) && (p[2] == '/' || p[2] == '.'))
		p += 2;
	else if (p[0] == '-' && (p[1] == '/' || p[1] == '.'))
		p += 1;
	if (*p == '$') {
		end = strchr(p, '/');
		if (!end)
			return NULL;
		p = end;
		while (*p == '/')
			p++;
	}
	end = p + strcspn(p, "*?[$}{\\");
	*from_glob = *end && strchr("*?[{", *end);
	if (*end) {
		*end = '\0';
		if (*from_glob || end == p || end[-1] == '/') {
			end = strrchr(p, '/');
			if (!end)
				return NULL;
			*end = '\0';
		}
	}
	return *p ? xstrdup(p) : NULL;
}

static int take_word(struct archive_gather *g, const struct mention *m, const char *word,
	size_t len, struct err *e)
{
	bool from_glob;
	autofree char *text = len < 4096 ? clean_word(word, len, &from_glob) : NULL;
	const char *bases[] = {m->suite->cwd, m->dir, g->roots[ARCHIVE_SOURCE]};

	if (!text || streq(text, ".") || streq(text, "/"))
		return 0;
	if (text[0] == '/') {
		autofree char *path = fs_normalize(text, "/");

		if (fs_exists(path))
			return take_path(g, m, path, from_glob, e);
		return 0;
	}
	if (!m->bare && !strchr(text, '/'))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(bases); i++) {
		autofree char *path = bases[i] ? fs_normalize(text, bases[i]) : NULL;

		if (path && fs_exists(path) && take_path(g, m, path, from_glob, e) < 0)
			return -1;
	}
	return 0;
}

/* Gathers the paths that stand in a text: an argument, a list of directories, a piece of
 * shell. */
static int take_mentions(struct archive_gather *g, const struct mention *m,
	const char *text, struct err *e)
{
	static const char separators[] = " \t\r\n\"'`=:;,|&<>()";

	for (const char *p = text; *p;) {
		size_t len = strcspn(p, separators);

		if (len && take_word(g, m, p, len, e) < 0)
			return -1;
		p += len;
		p += *p != '\0';
	}
	return 0;
}

/* The first bytes of a small text file; empty for everything else. */
static void read_script(const char *path, struct buf *out)
{
	struct err ignored;
	struct buf text = BUF_INIT;

	if (fs_is_file(path) && fs_read_file(path, &text, &ignored) == 0 &&
		text.len < SCRIPT_MAX && text.len > 2 &&
		!memchr(text.data, '\0', text.len))
		buf_append(out, text.data, text.len);
	buf_release(&text);
}

/* Libtool's wrapper stands for a program in .libs; the directories of its libraries are
 * in the text, as LD_LIBRARY_PATH="dir:dir:…". */
static int take_libtool(
	struct archive_gather *g, const char *path, const char *text, struct err *e)
{
	static const char *const real_names[] = {"%s/.libs/%s", "%s/.libs/lt-%s"};
	autofree char *dir = fs_dirname(path), *reason = NULL;
	const char *libs = strstr(text, "LD_LIBRARY_PATH=\"");
	bool is_wrapper = strstr(text, "temporary wrapper script for") != NULL;

	if (!is_wrapper)
		return 0;
	if (libs) {
		autofree char *list = NULL;

		libs += strlen("LD_LIBRARY_PATH=\"");
		list = xstrndup(libs, strcspn(libs, "\"$"));
		strv_split(&g->search, list, ":");
	}
	reason = xasprintf("program behind the libtool wrapper %s", fs_basename(path));
	for (size_t i = 0; i < ARRAY_LEN(real_names); i++) {
		autofree char *real = xasprintf(
			i ? "%s/.libs/lt-%s" : "%s/.libs/%s", dir, fs_basename(path));

		if (fs_exists(real) && archive_gather_path(g, real, reason, true, e) < 0)
			return -1;
	}
	return 0;
}

/* A program or script of the project, and what it is made of. */
static int take_program(struct archive_gather *g, const struct suite *s, const char *path,
	const char *reason, struct err *e)
{
	autorelease(buf) struct buf text = BUF_INIT;
	autofree char *dir = fs_dirname(path);
	struct mention m = {.suite = s, .dir = dir};
	autofree char *why = xasprintf("named in the script %s", fs_basename(path));

	if (!in_project(g, path))
		return 0;
	read_script(path, &text);
	/* Its libraries' directories must be known before its program is looked at. */
	if (take_libtool(g, path, buf_str(&text), e) < 0 ||
		archive_gather_path(g, path, reason, true, e) < 0)
		return -1;
	m.reason = why;
	return text.len ? take_mentions(g, &m, buf_str(&text), e) : 0;
}

/* LD_LIBRARY_PATH as the suite sets it. */
static void find_search(struct archive_gather *g, const struct suite *s)
{
	const struct strv *lists[] = {&s->env_prepend, &s->env, &s->env_append};

	strv_clear(&g->search);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const char *value = strv_env_find(lists[i], "LD_LIBRARY_PATH");

		if (value)
			strv_split(&g->search, value, ":");
	}
}

/* The program in command.v[0] when it is the project's; the caller's, or NULL. */
static char *own_program(const struct suite *s)
{
	const char *word = s->command.v[0];

	return strchr(word, '/') ? fs_normalize(word, s->cwd) : NULL;
}

static int take_arguments(struct archive_gather *g, const struct suite *s, struct err *e)
{
	autofree char *reason = xasprintf("argument of %s", s->id);
	struct mention m = {
		.suite = s, .reason = reason, .directories = true, .bare = true};

	for (size_t i = 1; i < s->command.len; i++) {
		autofree char *path = fs_normalize(s->command.v[i], s->cwd);

		/* The script an interpreter is given, or a program for a wrapper. */
		if (in_project(g, path) && fs_is_file(path)) {
			if (take_program(g, s, path, reason, e) < 0)
				return -1;
		} else if (take_mentions(g, &m, s->command.v[i], e) < 0) {
			return -1;
		}
	}
	return 0;
}

/* What names a directory whose content is not meant: every suite of a manifest has
 * XTEST_SOURCE_DIR, and of Cargo NEXTEST_WORKSPACE_ROOT; Cargo's directories of libraries
 * hold all that was ever compiled, and its suites name the libraries they may load. */
static bool is_no_mention(const struct suite *s, const char *assignment)
{
	return starts_with(assignment, "XTEST_") || starts_with(assignment, "NEXTEST_") ||
	       (streq_null(s->adapter, "cargo") &&
		       starts_with(assignment, "LD_LIBRARY_PATH="));
}

static int take_environment(
	struct archive_gather *g, const struct suite *s, struct err *e)
{
	const struct strv *lists[] = {&s->env, &s->env_prepend, &s->env_append};
	autofree char *reason = xasprintf("in the environment of %s", s->id);
	struct mention m = {.suite = s, .reason = reason, .directories = true};

	for (size_t k = 0; k < ARRAY_LEN(lists); k++)
		for (size_t i = 0; i < lists[k]->len; i++)
			if (!is_no_mention(s, lists[k]->v[i]) &&
				take_mentions(g, &m, lists[k]->v[i], e) < 0)
				return -1;
	return s->shell_env ? take_mentions(g, &m, s->shell_env, e) : 0;
}

static int take_files(struct archive_gather *g, const struct suite *s,
	const struct strv *paths, const char *what, struct err *e)
{
	autofree char *reason = xasprintf("%s of %s", what, s->id);

	for (size_t i = 0; i < paths->len; i++) {
		autofree char *path = fs_normalize(paths->v[i], s->cwd);

		if (!fs_exists(path))
			archive_gather_note(
				g, "%s: %s (%s) is not there", s->id, path, what);
		else if (!in_project(g, path))
			archive_gather_note(g,
				"%s: %s (%s) is not part of the project and not shipped",
				s->id, path, what);
		else if (fs_is_dir(path) ? take_tree(g, path, reason, e) < 0
					 : take_program(g, s, path, reason, e) < 0)
			return -1;
	}
	return 0;
}

int archive_suite_gather(struct archive_gather *g, const struct suite *s, struct err *e)
{
	autofree char *program = own_program(s);
	autofree char *reason = xasprintf("program of %s", s->id);
	autofree char *place = xasprintf("working directory of %s", s->id);

	g->platform = s->platform;
	g->widen = true;
	find_search(g, s);
	if (program && !fs_exists(program))
		archive_gather_note(g, "%s: its program %s is not there", s->id, program);
	if (program && take_program(g, s, program, reason, e) < 0)
		return -1;
	if (s->binary && take_program(g, s, s->binary, reason, e) < 0)
		return -1;
	if (archive_gather_path(g, s->cwd, place, false, e) < 0 ||
		take_arguments(g, s, e) < 0 || take_environment(g, s, e) < 0 ||
		take_files(g, s, &s->required_files, "required file", e) < 0)
		return -1;
	return take_files(g, s, &s->files, "file", e);
}

/* The project's script that a suite runs: its program, or the first file an interpreter
 * is given. The caller's, or NULL. */
static char *script_of(struct archive_gather *g, const struct suite *s)
{
	for (size_t i = 0; !s->binary && i < s->command.len; i++) {
		autofree char *path = i || strchr(s->command.v[i], '/')
					      ? fs_normalize(s->command.v[i], s->cwd)
					      : NULL;

		if (path && in_project(g, path) && fs_is_file(path))
			return take_ptr(path);
	}
	return NULL;
}

int archive_suite_gather_around(
	struct archive_gather *g, const struct suite *s, struct err *e)
{
	autofree char *script = script_of(g, s), *dir = NULL, *why = NULL;

	/* A test program may open any file beside it; only a script is likely to start
	 * other suites' programs too. */
	g->suite = ARCHIVE_COMMON;
	g->platform = s->platform;
	g->widen = script != NULL;
	find_search(g, s);
	why = xasprintf("in the working directory of %s", s->id);
	if (in_project(g, s->cwd) && fs_is_dir(s->cwd) &&
		take_tree(g, s->cwd, why, e) < 0)
		return -1;
	if (!script)
		return 0;
	free(why);
	dir = fs_dirname(script);
	why = xasprintf("beside the script of %s", s->id);
	return take_tree(g, dir, why, e);
}
