#include "engine/run-store.h"

#include "base/fs.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define RUNS "runs"
#define OUTPUTS "outputs"
#define GONE ".gone-"

static char *runs_dir(const char *state_dir)
{
	return fs_join(state_dir, RUNS);
}

char *run_store_path(const char *state_dir, const char *id, const char *name)
{
	return xasprintf(
		"%s/" RUNS "/%s%s%s", state_dir, id, name ? "/" : "", name ? name : "");
}

/* ---- which runs there are */

/* Ids begin with their time, so that they sort by it. */
static bool is_id(const char *name)
{
	return isdigit((unsigned char)*name);
}

int run_store_list(const char *state_dir, struct strv *ids, struct err *e)
{
	autofree char *dir = runs_dir(state_dir);
	autorelease(strv) struct strv names = STRV_INIT;

	if (!fs_exists(dir))
		return 0;
	if (fs_list_dir(dir, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.len; i++)
		if (is_id(names.v[i]))
			strv_push(ids, names.v[i]);
	return 0;
}

/* "latest" and "-1" are 1, "-2" and "~2" are 2; 0: it is no such word. */
static size_t count_back(const char *name)
{
	char *end;
	unsigned long n;

	if (streq(name, "latest"))
		return 1;
	if ((name[0] != '-' && name[0] != '~') || !isdigit((unsigned char)name[1]))
		return 0;
	n = strtoul(name + 1, &end, 10);
	return *end ? 0 : n;
}

char *run_store_find(const char *state_dir, const char *name, struct err *e)
{
	autorelease(strv) struct strv ids = STRV_INIT;
	const char *found = NULL;
	size_t back = count_back(name);

	if (run_store_list(state_dir, &ids, e) < 0)
		return NULL;
	if (!ids.len)
		return err_null(
			e, ERR_SETUP, "no run is recorded in %s/" RUNS, state_dir);
	if (back > ids.len)
		return err_null(
			e, ERR_SETUP, "%s: there are only %zu runs", name, ids.len);
	if (back)
		return xstrdup(ids.v[ids.len - back]);
	for (size_t i = 0; i < ids.len; i++) {
		if (streq(ids.v[i], name))
			return xstrdup(name);
		if (!starts_with(ids.v[i], name))
			continue;
		if (found)
			return err_null(e, ERR_SETUP,
				"%s is the beginning of %s and of %s; say more of it",
				name, found, ids.v[i]);
		found = ids.v[i];
	}
	if (!*name || !found)
		return err_null(e, ERR_SETUP,
			"there is no run %s; `xtest runs` lists those there are", name);
	return xstrdup(found);
}

void run_store_lock(int fd)
{
	while (flock(fd, LOCK_EX) < 0 && errno == EINTR)
		;
}

bool run_store_is_running(const char *state_dir, const char *id)
{
	autofree char *path = run_store_path(state_dir, id, "events.jsonl");
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* ---- outputs */

/* Where runs share it: as git spreads its objects. */
static char *shared_path(const char *state_dir, const char *digest)
{
	return xasprintf(
		"%s/" RUNS "/" OUTPUTS "/%.2s/%s", state_dir, digest, digest + 2);
}

static char *own_path(const char *state_dir, const char *id, const char *digest)
{
	return xasprintf("%s/" RUNS "/%s/" OUTPUTS "/%s", state_dir, id, digest);
}

/* A file system without links, or a file with too many: every run has its own then. */
static void share(const char *own, const char *shared)
{
	autofree char *dir = fs_dirname(shared);
	struct err ignored;

	if (fs_mkdir_p(dir, &ignored) == 0 && link(own, shared) < 0)
		return;
}

int run_store_put(const char *state_dir, const char *id, const char *data, size_t len,
	char digest[HASH_HEX_SIZE], struct err *e)
{
	autofree char *own = NULL, *shared = NULL, *dir = NULL;

	hash_memory(data, len, digest);
	own = own_path(state_dir, id, digest);
	shared = shared_path(state_dir, digest);
	if (fs_exists(own) || link(shared, own) == 0)
		return 0;
	dir = fs_dirname(own);
	if (fs_mkdir_p(dir, e) < 0)
		return -1;
	if (link(shared, own) == 0)
		return 0;
	if (fs_write_file(own, data, len, 0644, e) < 0)
		return -1;
	share(own, shared);
	return 0;
}

static bool is_digest(const char *digest)
{
	return strlen(digest) == HASH_HEX_SIZE - 1 &&
	       strspn(digest, "0123456789abcdef") == HASH_HEX_SIZE - 1;
}

int run_store_get(
	const char *state_dir, const char *id, const char *digest, struct buf *out)
{
	autofree char *own = NULL;
	char found[HASH_HEX_SIZE];
	size_t before = out->len;
	struct err ignored;

	if (!is_digest(digest))
		return -1;
	own = own_path(state_dir, id, digest);
	if (fs_read_file(own, out, &ignored) < 0)
		return -1;
	hash_memory(buf_str(out) + before, out->len - before, found);
	if (streq(found, digest))
		return 0;
	buf_truncate(out, before);
	return -1;
}

/* ---- room */

static int64_t file_size(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) ? st.st_size : 0;
}

static int64_t read_size(const char *path)
{
	autorelease(buf) struct buf text = BUF_INIT;
	struct err ignored;
	int64_t size;

	if (!fs_exists(path) || fs_read_file(path, &text, &ignored) < 0)
		return -1;
	size = strtoll(buf_str(&text), NULL, 10);
	return size > 0 ? size : -1;
}

int64_t run_store_size(const char *state_dir, const char *id)
{
	autofree char *known = run_store_path(state_dir, id, "size");
	autofree char *events = run_store_path(state_dir, id, "events.jsonl");
	autofree char *cases = run_store_path(state_dir, id, "cases");
	autofree char *outputs = run_store_path(state_dir, id, OUTPUTS);
	autorelease(strv) struct strv names = STRV_INIT;
	int64_t size = read_size(known);
	struct err ignored;

	if (size >= 0)
		return size;
	size = file_size(events) + file_size(cases);
	if (fs_is_dir(outputs) && fs_list_dir(outputs, &names, &ignored) == 0)
		for (size_t i = 0; i < names.len; i++) {
			autofree char *path = fs_join(outputs, names.v[i]);

			size += file_size(path);
		}
	if (!run_store_is_running(state_dir, id)) {
		autofree char *text = xasprintf("%lld\n", (long long)size);

		/* Only slower next time. */
		if (fs_write_file(known, text, strlen(text), 0644, &ignored) < 0)
			return size;
	}
	return size;
}

/* Microseconds since the run's record was last written. */
static int64_t age_us(const char *state_dir, const char *id)
{
	autofree char *path = run_store_path(state_dir, id, "events.jsonl");
	struct stat st;

	if (stat(path, &st) < 0)
		return INT64_MAX;
	return (wall_clock_ms() - (int64_t)st.st_mtim.tv_sec * 1000) * 1000;
}

/* Renamed first, so that nobody meets half of it. */
static int remove_run(const char *state_dir, const char *id, struct err *e)
{
	autofree char *path = run_store_path(state_dir, id, NULL);
	autofree char *gone = xasprintf("%s/" RUNS "/" GONE "%s", state_dir, id);

	if (rename(path, gone) < 0 && errno != ENOENT)
		return err_sys(e, errno, "remove %s", path);
	return fs_remove_tree(gone, e);
}

/* Drops outputs that no run has, and the rest of removals that were cut short. */
static int sweep(const char *state_dir, struct err *e)
{
	autofree char *runs = runs_dir(state_dir);
	autofree char *outputs = fs_join(runs, OUTPUTS);
	autorelease(strv) struct strv names = STRV_INIT, dirs = STRV_INIT;

	if (fs_list_dir(runs, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.len; i++) {
		autofree char *path = fs_join(runs, names.v[i]);

		if (starts_with(names.v[i], GONE) && fs_remove_tree(path, e) < 0)
			return -1;
	}
	if (fs_is_dir(outputs) && fs_list_dir(outputs, &dirs, e) < 0)
		return -1;
	for (size_t i = 0; i < dirs.len; i++) {
		autofree char *dir = fs_join(outputs, dirs.v[i]);
		autorelease(strv) struct strv files = STRV_INIT;

		if (fs_list_dir(dir, &files, e) < 0)
			return -1;
		for (size_t k = 0; k < files.len; k++) {
			autofree char *path = fs_join(dir, files.v[k]);
			struct stat st;

			if (lstat(path, &st) == 0 && st.st_nlink == 1)
				unlink(path);
		}
	}
	return 0;
}

int run_store_prune(const char *state_dir, const struct run_store_limits *limits,
	bool dry, struct strv *removed, struct err *e)
{
	autorelease(strv) struct strv ids = STRV_INIT;
	autofree int64_t *sizes = NULL;
	int64_t bytes = 0, runs;

	if (run_store_list(state_dir, &ids, e) < 0)
		return -1;
	sizes = xcalloc(ids.len, sizeof *sizes);
	for (size_t i = 0; i < ids.len; i++)
		bytes += sizes[i] = run_store_size(state_dir, ids.v[i]);
	runs = (int64_t)ids.len;
	for (size_t i = 0; i < ids.len; i++) {
		if (runs <= limits->max_runs && bytes <= limits->max_bytes &&
			age_us(state_dir, ids.v[i]) <= limits->max_age_us)
			continue;
		if (run_store_is_running(state_dir, ids.v[i]))
			continue;
		if (!dry && remove_run(state_dir, ids.v[i], e) < 0)
			return -1;
		strv_push(removed, ids.v[i]);
		bytes -= sizes[i];
		runs--;
	}
	return dry || !removed->len ? 0 : sweep(state_dir, e);
}
