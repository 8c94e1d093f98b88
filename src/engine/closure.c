#include "engine/closure.h"

#include "base/fs.h"

#include <glob.h>
#include <limits.h>

/*
 * The rules are ld.so(8)'s. For each DT_NEEDED name: RPATH or RUNPATH of who needs it
 * (and of who loaded that one: RPATH is inherited, and looking further than the loader
 * would is harmless), LD_LIBRARY_PATH, then ld.so.conf and the default directories of the
 * sysroot. A candidate for another machine is passed over, as the loader does.
 */

struct known_file {
	char *path;
	struct elf elf;
	bool is_elf;
};

struct closure {
	char *sysroot; /* "" for this machine's own root */
	struct strv dirs;
	struct known_file **known; /* sorted by path; each owned */
	size_t n_known, cap_known;
};

/* ---- where to look */

static void add_dir(struct closure *c, const char *path)
{
	autofree char *normal = fs_normalize(path, "/");

	if (fs_is_dir(normal) && !strv_has(&c->dirs, normal))
		strv_push(&c->dirs, normal);
}

/* A directory as the target knows it. */
static void add_target_dir(struct closure *c, const char *path)
{
	autofree char *full = xasprintf("%s/%s", c->sysroot, path);

	add_dir(c, full);
}

static void read_ld_so_conf(struct closure *c, const char *path, int depth)
{
	autorelease(buf) struct buf text = BUF_INIT;
	const char *line;
	size_t pos = 0, len;
	struct err ignored;

	if (depth > 8 || fs_read_file(path, &text, &ignored) < 0)
		return;
	while (buf_next_line(text.data, text.len, &pos, &line, &len)) {
		autofree char *copy = xstrndup(line, len);
		autorelease(strv) struct strv words = STRV_INIT;

		copy[strcspn(copy, "#")] = '\0';
		strv_split(&words, copy, " \t,:");
		if (words.len && words.v[0][0] == '/')
			add_target_dir(c, words.v[0]);
		for (size_t i = 1; i < words.len && streq(words.v[0], "include"); i++) {
			autofree char *here = fs_dirname(path);
			autofree char *pattern =
				words.v[i][0] == '/'
					? xasprintf("%s%s", c->sysroot, words.v[i])
					: fs_join(here, words.v[i]);
			glob_t found = {0};

			if (glob(pattern, 0, NULL, &found) == 0)
				for (size_t k = 0; k < found.gl_pathc; k++)
					read_ld_so_conf(c, found.gl_pathv[k], depth + 1);
			globfree(&found);
		}
	}
}

struct closure *closure_new(const char *sysroot, const struct strv *library_dirs)
{
	static const char *const defaults[] = {
		"lib", "usr/lib", "lib64", "usr/lib64", "lib32", "usr/lib32"};
	struct closure *c = xcalloc(1, sizeof *c);
	autofree char *conf = NULL;

	c->sysroot = sysroot && !streq(sysroot, "/") ? fs_normalize(sysroot, NULL)
						     : xstrdup("");
	conf = xasprintf("%s/etc/ld.so.conf", c->sysroot);
	for (size_t i = 0; library_dirs && i < library_dirs->len; i++)
		add_dir(c, library_dirs->v[i]);
	read_ld_so_conf(c, conf, 0);
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
		add_target_dir(c, defaults[i]);
	return c;
}

void closure_free(struct closure *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_known; i++) {
		free(c->known[i]->path);
		if (c->known[i]->is_elf)
			elf_release(&c->known[i]->elf);
		free(c->known[i]);
	}
	free(c->known);
	free(c->sysroot);
	strv_release(&c->dirs);
	free(c);
}

/* ---- what files are */

static const struct known_file *look_at(struct closure *c, const char *path)
{
	size_t low = 0, high = c->n_known;
	struct known_file *file;
	struct err ignored;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(path, c->known[middle]->path);

		if (order == 0)
			return c->known[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	file = xcalloc(1, sizeof *file);
	file->path = xstrdup(path);
	file->is_elf = elf_open(path, &file->elf, &ignored) == 1;
	c->known = xgrow(c->known, &c->cap_known, c->n_known + 1, sizeof *c->known);
	memmove(c->known + low + 1, c->known + low,
		(c->n_known - low) * sizeof *c->known);
	c->known[low] = file;
	c->n_known++;
	return file;
}

static bool same_machine(const struct elf_identity *a, const struct elf_identity *b)
{
	return a->machine == b->machine && a->class == b->class &&
	       a->big_endian == b->big_endian;
}

int closure_identity(struct closure *c, const char *path, struct elf_identity *id)
{
	const struct known_file *file = look_at(c, path);

	if (file->is_elf)
		*id = file->elf.id;
	return file->is_elf;
}

/* ---- the search */

struct search {
	struct closure *c;
	const struct elf_identity *id;
	const struct strv *library_path; /* LD_LIBRARY_PATH */
	struct closure_libraries *out;
	size_t first; /* of this program in *out */
};

void closure_libraries_release(struct closure_libraries *l)
{
	for (size_t i = 0; i < l->len; i++) {
		free(l->v[i].path);
		free(l->v[i].name);
		free(l->v[i].needed_by);
	}
	free(l->v);
	*l = (struct closure_libraries){0};
}

/* `dir`/`name` when it is a library for the machine; the caller's. */
static char *candidate(struct search *s, const char *dir, const char *name)
{
	autofree char *joined = fs_join(dir, name), *path = fs_normalize(joined, "/");
	const struct known_file *file;

	if (!fs_is_file(path))
		return NULL;
	file = look_at(s->c, path);
	return file->is_elf && same_machine(&file->elf.id, s->id) ? take_ptr(path) : NULL;
}

/* RUNPATH and RPATH entries: $ORIGIN is the directory of the file they stand in; other
 * absolute ones are the target's, so the sysroot is looked into first. */
static char *find_by_runpath(struct search *s, const char *owner, const char *name)
{
	const struct known_file *file = look_at(s->c, owner);
	autofree char *real = realpath(owner, NULL);
	autofree char *origin = fs_dirname(real ? real : owner);

	for (size_t i = 0; file->is_elf && i < file->elf.runpath.len; i++) {
		const char *entry = file->elf.runpath.v[i], *rest = NULL;
		autofree char *dir = NULL, *in_sysroot = NULL;
		char *found;

		if (starts_with(entry, "$ORIGIN"))
			rest = entry + strlen("$ORIGIN");
		else if (starts_with(entry, "${ORIGIN}"))
			rest = entry + strlen("${ORIGIN}");
		dir = rest ? xasprintf("%s%s", origin, rest) : xstrdup(entry);
		if (dir[0] != '/')
			continue;
		in_sysroot = xasprintf("%s%s", s->c->sysroot, dir);
		found = rest ? NULL : candidate(s, in_sysroot, name);
		if (!found)
			found = candidate(s, dir, name);
		if (found)
			return found;
	}
	return NULL;
}

static const struct closure_library *find_loaded(const struct search *s, const char *path)
{
	for (size_t i = s->first; i < s->out->len; i++)
		if (streq(s->out->v[i].path, path))
			return &s->out->v[i];
	return NULL;
}

/* The directories in the order of the loader; `owner` needs `name`. */
static char *find_library(struct search *s, const char *owner, const char *name)
{
	if (strchr(name, '/')) {
		autofree char *in_sysroot = xasprintf("%s%s", s->c->sysroot, name);
		char *found = candidate(s, "", in_sysroot);

		return found ? found : candidate(s, "", name);
	}
	for (const char *who = owner; who;) {
		char *found = find_by_runpath(s, who, name);
		const struct closure_library *loaded = find_loaded(s, who);

		if (found)
			return found;
		who = loaded ? loaded->needed_by : NULL;
	}
	for (size_t i = 0; i < s->library_path->len; i++) {
		char *found = candidate(s, s->library_path->v[i], name);

		if (found)
			return found;
	}
	for (size_t i = 0; i < s->c->dirs.len; i++) {
		char *found = candidate(s, s->c->dirs.v[i], name);

		if (found)
			return found;
	}
	return NULL;
}

/* The loader knows a library by name once it is loaded, its own name too. */
static bool is_loaded(const struct search *s, const char *name)
{
	for (size_t i = s->first; i < s->out->len; i++)
		if (streq(fs_basename(s->out->v[i].name), name))
			return true;
	return false;
}

static void add_library(struct search *s, char *path, const char *name, const char *owner,
	bool interpreter)
{
	struct closure_libraries *out = s->out;

	out->v = xgrow(out->v, &out->cap, out->len + 1, sizeof *out->v);
	out->v[out->len++] = (struct closure_library){.path = path,
		.name = xstrdup(name),
		.needed_by = xstrdup(owner),
		.interpreter = interpreter};
}

static int missing(const struct search *s, const char *owner, const char *what,
	const char *name, struct err *e)
{
	autofree char *dirs = strv_join(&s->c->dirs, ", ");

	return err_set(e, ERR_ARCHIVE,
		"%s needs the %s %s for %s, which is in none of its RUNPATH, its "
		"LD_LIBRARY_PATH and %s; install it for the target or leave the test out",
		owner, what, name, elf_machine_name(s->id->machine),
		*dirs ? dirs : "the sysroot");
}

/* Everything `owner` asks for by itself. */
static int add_needed(struct search *s, const char *owner, struct err *e)
{
	const struct known_file *file = look_at(s->c, owner);

	for (size_t i = 0; i < file->elf.needed.len; i++) {
		const char *name = file->elf.needed.v[i];
		char *path;

		if (is_loaded(s, name))
			continue;
		path = find_library(s, owner, name);
		if (!path)
			return missing(s, owner, "library", name, e);
		add_library(s, path, name, owner, false);
		/* glibc loads libgcc_s by itself to cancel and to unwind threads. */
		if (starts_with(name, "libc.so.") && !is_loaded(s, "libgcc_s.so.1")) {
			path = find_library(s, owner, "libgcc_s.so.1");
			if (path)
				add_library(s, path, "libgcc_s.so.1", owner, false);
		}
	}
	return 0;
}

int closure_of(struct closure *c, const char *program, const struct strv *search,
	const struct elf_identity *wanted, struct closure_libraries *out, struct err *e)
{
	const struct known_file *file = look_at(c, program);
	struct search s = {.c = c, .library_path = search, .out = out};

	if (!file->is_elf || (wanted && !same_machine(&file->elf.id, wanted)) ||
		file->elf.kind == ELF_KIND_OBJECT || file->elf.kind == ELF_KIND_CORE)
		return 0;
	s.id = &file->elf.id;
	s.first = out->len;
	if (file->elf.interpreter && file->elf.kind == ELF_KIND_EXECUTABLE) {
		char *path = find_library(&s, program, file->elf.interpreter);

		if (!path)
			return missing(&s, program, "loader", file->elf.interpreter, e);
		add_library(&s, path, file->elf.interpreter, program, true);
	}
	if (add_needed(&s, program, e) < 0)
		return -1;
	for (size_t i = s.first; i < out->len; i++) {
		autofree char *owner = xstrdup(out->v[i].path);

		if (add_needed(&s, owner, e) < 0)
			return -1;
	}
	return 1;
}
