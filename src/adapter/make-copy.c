#include "adapter/make-copy.h"

#include "base/fs.h"
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is known of one copied file. */
struct entry {
	char *path; /* below the tree; owned */
	int64_t mtime_ns;
	int64_t size;
	unsigned mode;
	bool seen; /* it is still in the source */
};

struct record {
	struct entry *v; /* sorted by path */
	size_t len, cap;
};

struct walk {
	const char *from, *to, *own; /* own: our directory, when it is inside `from` */
	struct record old, new;
	struct strv skip;    /* paths an in-place configure made; unsorted, few */
	struct strv tracked; /* sorted; filled when first asked for */
	bool tracked_known;
	struct make_copy *done;
};

static void record_release(struct record *r)
{
	for (size_t i = 0; i < r->len; i++)
		free(r->v[i].path);
	free(r->v);
	*r = (struct record){0};
}

static void walk_release(struct walk *w)
{
	record_release(&w->old);
	record_release(&w->new);
	strv_release(&w->skip);
	strv_release(&w->tracked);
}

static struct entry *record_add(struct record *r, const char *path)
{
	r->v = xgrow(r->v, &r->cap, r->len + 1, sizeof *r->v);
	r->v[r->len] = (struct entry){.path = xstrdup(path)};
	return &r->v[r->len++];
}

static int compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

static struct entry *record_find(const struct record *r, const char *path)
{
	struct entry key = {.path = (char *)(uintptr_t)path};

	return r->len ? bsearch(&key, r->v, r->len, sizeof *r->v, compare_entries) : NULL;
}

/* The key, then "mtime size mode path" for each file, each with a NUL at its end. A
 * record that cannot be read is no record: everything is copied again. */
static bool record_load(struct record *r, const char *path, const char *key)
{
	autorelease(buf) struct buf text = BUF_INIT;
	struct err ignored;

	if (fs_read_file(path, &text, &ignored) < 0 || !streq(buf_str(&text), key))
		return false;
	for (size_t at = strlen(key) + 1; at < text.len;
		at += strlen(text.data + at) + 1) {
		long long mtime_ns, size;
		unsigned mode;
		int name = 0;
		struct entry *entry;

		if (sscanf(text.data + at, "%lld %lld %o %n", &mtime_ns, &size, &mode,
			    &name) < 3 ||
			!name)
			return false;
		entry = record_add(r, text.data + at + name);
		entry->mtime_ns = mtime_ns;
		entry->size = size;
		entry->mode = mode;
	}
	qsort(r->v, r->len, sizeof *r->v, compare_entries);
	return true;
}

static int record_save(
	const struct record *r, const char *path, const char *key, struct err *e)
{
	autorelease(buf) struct buf text = BUF_INIT;

	buf_append(&text, key, strlen(key) + 1);
	for (size_t i = 0; i < r->len; i++) {
		buf_printf(&text, "%lld %lld %o %s", (long long)r->v[i].mtime_ns,
			(long long)r->v[i].size, r->v[i].mode, r->v[i].path);
		buf_append(&text, "", 1);
	}
	return fs_write_if_changed(path, buf_str(&text), text.len, 0666, e);
}

/* The files a configure in this directory made, by the lists its config.status keeps:
 * config_files=" Makefile lib/x.h:lib/x.in". */
static void skip_configured(struct walk *w, const char *dir, const char *below)
{
	static const char *const lists[] = {
		"config_files=\"", "config_headers=\"", "config_links=\""};
	static const char *const own[] = {"config.status", "config.log", "config.cache",
		"libtool", "stamp-h1", "stamp-h"};
	autofree char *status = fs_join(dir, "config.status");
	autorelease(buf) struct buf text = BUF_INIT;
	const char *line;
	size_t pos = 0, len;
	struct err ignored;

	if (!fs_is_file(status) || fs_read_file(status, &text, &ignored) < 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		strv_pushf(&w->skip, "%s%s", below, own[i]);
	while (buf_next_line(buf_str(&text), text.len, &pos, &line, &len)) {
		for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
			autorelease(strv) struct strv names = STRV_INIT;
			autofree char *value = NULL;

			if (len < strlen(lists[i]) ||
				strncmp(line, lists[i], strlen(lists[i])) != 0)
				continue;
			value = xstrndup(line + strlen(lists[i]), len - strlen(lists[i]));
			strv_split(&names, value, " \"");
			for (size_t k = 0; k < names.len; k++)
				strv_pushf(&w->skip, "%s%.*s", below,
					(int)strcspn(names.v[k], ":"), names.v[k]);
		}
	}
}

static bool is_tracked(struct walk *w, const char *below)
{
	if (!w->tracked_known) {
		autorelease(strv) struct strv argv = STRV_INIT;
		autorelease(proc_result) struct proc_result r = {0};
		struct proc_options options = {.cwd = w->from};
		struct err ignored;
		static const char *const words[] = {"git", "ls-files", "-z", NULL};

		w->tracked_known = true;
		strv_push_array(&argv, words);
		if (proc_run(&argv, &options, &r, &ignored) == 0 && proc_succeeded(&r))
			for (size_t at = 0; at < r.out.len;
				at += strlen(r.out.data + at) + 1)
				strv_push(&w->tracked, r.out.data + at);
		strv_sort(&w->tracked);
	}
	return strv_has_sorted(&w->tracked, below);
}

/* What a compiler left in the source tree, for whatever machine. An ELF file without the
 * permission to execute it is taken for data. */
static bool is_product(const char *path, const struct stat *st)
{
	static const char *const suffixes[] = {
		".o", ".lo", ".la", ".a", ".gch", ".gcno", ".gcda"};
	autoclose int fd = -1;
	char magic[4];

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
		if (ends_with(path, suffixes[i]))
			return true;
	if (!(st->st_mode & 0111) && !strstr(path, ".so"))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, magic, sizeof magic) == sizeof magic &&
	       memcmp(magic, "\177ELF", 4) == 0;
}

static bool is_left_out(struct walk *w, const char *path, const char *name,
	const char *below, const struct stat *st)
{
	static const char *const dirs[] = {
		".git", ".hg", ".svn", ".xtest", ".libs", ".deps", "autom4te.cache"};

	if (S_ISDIR(st->st_mode)) {
		for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
			if (streq(name, dirs[i]))
				return true;
		return streq(path, w->own);
	}
	if (!S_ISREG(st->st_mode) && !S_ISLNK(st->st_mode))
		return true;
	if (streq(name, ".git")) /* a submodule's or a worktree's pointer */
		return true;
	if (strv_has(&w->skip, below))
		return true;
	return S_ISREG(st->st_mode) && is_product(path, st) && !is_tracked(w, below);
}

static int copy_link(const char *from, const char *to, struct err *e)
{
	char text[4096];
	ssize_t n = readlink(from, text, sizeof text - 1);

	if (n < 0)
		return err_sys(e, errno, "read link %s", from);
	text[n] = '\0';
	if (symlink(text, to) < 0)
		return err_sys(e, errno, "create link %s", to);
	return 0;
}

static int64_t mtime_of(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static int copy_one(struct walk *w, const char *path, const char *below,
	const struct stat *st, struct err *e)
{
	const struct entry *old = record_find(&w->old, below);
	autofree char *to = fs_join(w->to, below);
	struct timespec times[2] = {st->st_mtim, st->st_mtim};

	if (old && old->mtime_ns == mtime_of(st) && old->size == st->st_size &&
		old->mode == st->st_mode)
		return 0;
	w->done->updated++;
	if (unlink(to) < 0 && errno != ENOENT && errno != EISDIR)
		return err_sys(e, errno, "replace %s", to);
	if (fs_is_dir(to) && fs_remove_tree(to, e) < 0)
		return -1;
	if (S_ISLNK(st->st_mode))
		return copy_link(path, to, e);
	if (fs_copy_file(path, to, e) < 0)
		return -1;
	if (chmod(to, (st->st_mode & 07777) | 0200) < 0)
		return err_sys(e, errno, "set the mode of %s", to);
	if (old && old->mtime_ns >= mtime_of(st))
		return 0;
	if (utimensat(AT_FDCWD, to, times, 0) < 0)
		return err_sys(e, errno, "set the time of %s", to);
	return 0;
}

/* `below` is "" or ends with a slash. */
static int walk_dir(struct walk *w, const char *dir, const char *below, struct err *e)
{
	autorelease(strv) struct strv names = STRV_INIT;
	autofree char *to = fs_normalize(*below ? below : ".", w->to);

	if (!fs_is_dir(to) && unlink(to) < 0 && errno != ENOENT)
		return err_sys(e, errno, "replace %s", to);
	if (fs_list_dir(dir, &names, e) < 0 || fs_mkdir_p(to, e) < 0)
		return -1;
	skip_configured(w, dir, below);
	for (size_t i = 0; i < names.len; i++) {
		autofree char *path = fs_join(dir, names.v[i]);
		autofree char *deeper = xasprintf("%s%s", below, names.v[i]);
		struct entry *entry;
		struct stat st;

		if (lstat(path, &st) < 0)
			return err_sys(e, errno, "look at %s", path);
		if (is_left_out(w, path, names.v[i], deeper, &st))
			continue;
		if (S_ISDIR(st.st_mode)) {
			autofree char *inner = xasprintf("%s/", deeper);

			if (walk_dir(w, path, inner, e) < 0)
				return -1;
			continue;
		}
		if (copy_one(w, path, deeper, &st, e) < 0)
			return -1;
		entry = record_find(&w->old, deeper);
		if (entry)
			entry->seen = true;
		entry = record_add(&w->new, deeper);
		entry->mtime_ns = mtime_of(&st);
		entry->size = st.st_size;
		entry->mode = st.st_mode;
	}
	return 0;
}

int make_copy_refresh(const char *from, const char *to, const char *record,
	const char *key, struct make_copy *done, struct err *e)
{
	autofree char *own = fs_dirname(record);
	autorelease(walk) struct walk w = {
		.from = from, .to = to, .own = own, .done = done};

	*done = (struct make_copy){0};
	if (!record_load(&w.old, record, key) || !fs_is_dir(to)) {
		record_release(&w.old);
		done->fresh = true;
		if (fs_remove_tree(to, e) < 0)
			return -1;
	}
	/* A refresh that ends half-way must not pass for a whole one. */
	if (unlink(record) < 0 && errno != ENOENT)
		return err_sys(e, errno, "remove %s", record);
	if (walk_dir(&w, from, "", e) < 0)
		return err_context(e, "copy the source tree");
	for (size_t i = 0; i < w.old.len; i++) {
		autofree char *gone = fs_join(to, w.old.v[i].path);

		if (w.old.v[i].seen)
			continue;
		done->removed++;
		if (unlink(gone) < 0 && errno != ENOENT && errno != ENOTDIR &&
			errno != EISDIR)
			return err_sys(e, errno, "remove %s", gone);
	}
	return record_save(&w.new, record, key, e);
}
