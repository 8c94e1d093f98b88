#include "transport/state.h"

#include "base/fs.h"
#include "base/hash.h"
#include "base/threads.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEEP_BYTES ((uint64_t)6 << 30)

enum {
	PAGE = 4096,
	BLOCK = 1 << 20,
	PART = 8 << 20, /* what one thread takes at once */
	ABOUT_MAX = 4096
};

/* The last bytes of a state's file. Never read on another machine than it was written. */
struct trailer {
	char magic[8];
	uint64_t ram_bytes, devices_bytes, about_bytes, sum;
};

static const char state_magic[8] = "xteststa";

struct state_store {
	char *dir;
};

struct state_store *state_store_open(const char *dir, struct err *e)
{
	struct state_store *s;

	if (fs_mkdir_p(dir, e) < 0)
		return NULL;
	s = xcalloc(1, sizeof *s);
	s->dir = xstrdup(dir);
	return s;
}

void state_store_close(struct state_store *s)
{
	if (!s)
		return;
	free(s->dir);
	free(s);
}

static char *state_path(const struct state_store *s, const char *key)
{
	return xasprintf("%s/%s", s->dir, key);
}

static char *stamp_path(const struct state_store *s, const char *key)
{
	return xasprintf("%s/%s.verified", s->dir, key);
}

bool state_exists(const struct state_store *s, const char *key)
{
	autofree char *path = state_path(s, key);

	return fs_is_file(path);
}

void state_remove(struct state_store *s, const char *key)
{
	autofree char *path = state_path(s, key), *stamp = stamp_path(s, key);

	unlink(path);
	unlink(stamp);
}

/* ---- bytes */

static bool is_zero(const char *page)
{
	uint64_t first;

	memcpy(&first, page, sizeof first);
	return !first && memcmp(page, page + sizeof first, PAGE - sizeof first) == 0;
}

static int read_at(int fd, void *to, size_t len, uint64_t offset)
{
	char *at = to;

	while (len) {
		ssize_t n = pread(fd, at, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = ENODATA;
		if (n <= 0)
			return -1;
		at += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_at(int fd, const void *data, size_t len, uint64_t offset)
{
	const char *at = data;

	while (len) {
		ssize_t n = pwrite(fd, at, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		at += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

/* Goes over the pages of a block: sums up those that hold anything, and copies them. How
 * a file system tells holes from zeros does not matter to the sum. */
static int take_block(
	const char *block, size_t len, uint64_t offset, int to_fd, uint64_t *sum)
{
	size_t start = 0;

	for (size_t at = 0; at <= len; at += PAGE) {
		if (at < len && !is_zero(block + at)) {
			*sum = hash_xxh64(block + at, PAGE, *sum + offset + at);
			continue;
		}
		if (to_fd >= 0 && at > start &&
			write_at(to_fd, block + start, at - start, offset + start) < 0)
			return -1;
		start = at + PAGE;
	}
	return 0;
}

/* The pages from `at` to `end`, both multiples of a page; 0 or -1 with errno. */
static int walk_part(int fd, uint64_t at, uint64_t end, int to_fd, uint64_t *sum)
{
	autofree char *block = xmalloc(BLOCK);

	while (at < end) {
		off_t data = lseek(fd, (off_t)at, SEEK_DATA);
		off_t hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
		uint64_t stop;

		if (data < 0 && errno == ENXIO)
			return 0;
		if (data < 0 || hole < 0)
			return -1;
		at = (uint64_t)data & ~(uint64_t)(PAGE - 1);
		stop = MIN(((uint64_t)hole + PAGE - 1) & ~(uint64_t)(PAGE - 1), end);
		while (at < stop) {
			size_t len = (size_t)MIN(stop - at, BLOCK);

			if (read_at(fd, block, len, at) < 0 ||
				take_block(block, len, at, to_fd, sum) < 0)
				return -1;
			at += len;
		}
	}
	return 0;
}

struct walk {
	int fd, to_fd;
	uint64_t size;
	uint64_t *sums; /* of each part */
	atomic_uint next;
	atomic_int error; /* errno of the first part that failed */
};

static void *walk_parts(void *ctx)
{
	struct walk *w = ctx;
	uint64_t start;
	unsigned i;

	while (!w->error && (i = w->next++, start = (uint64_t)i * PART) < w->size)
		if (walk_part(w->fd, start, MIN(start + PART, w->size), w->to_fd,
			    &w->sums[i]) < 0)
			w->error = errno ? errno : EIO;
	return NULL;
}

/* Walks the memory at the start of `fd`, which is a multiple of a page long, on all
 * processors: the machine stands still for it. Returns 0 or -1 with errno. */
static int walk_ram(int fd, uint64_t size, int to_fd, uint64_t *sum)
{
	size_t parts = (size_t)((size + PART - 1) / PART);
	autofree uint64_t *sums = xcalloc(parts + 1, sizeof *sums);
	struct walk w = {.fd = fd, .to_fd = to_fd, .size = size, .sums = sums};

	threads_share(threads_processors(), walk_parts, &w);
	*sum = hash_xxh64(sums, parts * sizeof *sums, *sum);
	errno = w.error;
	return errno ? -1 : 0;
}

/* Adds so many bytes from `offset` on to the sum. */
static int walk_rest(int fd, uint64_t offset, uint64_t len, uint64_t *sum)
{
	autofree char *block = xmalloc(BLOCK);

	while (len) {
		size_t n = (size_t)MIN(len, BLOCK);

		if (read_at(fd, block, n, offset) < 0)
			return -1;
		*sum = hash_xxh64(block, n, *sum);
		offset += n;
		len -= n;
	}
	return 0;
}

/* ---- reading */

/* This process, and the file as it is: what has been verified once. */
static char *stamp_text(int fd)
{
	autorelease(buf) struct buf self = BUF_INIT;
	struct stat st;
	struct err ignored;
	const char *after;
	unsigned long long start = 0;

	if (fstat(fd, &st) < 0)
		return xstrdup("");
	if (fs_read_file("/proc/self/stat", &self, &ignored) == 0 &&
		(after = strrchr(buf_str(&self), ')')) &&
		sscanf(after + 1,
			" %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d"
			" %*d %*d %*d %llu",
			&start) != 1)
		start = 0;
	return xasprintf("%d %llu %llu %lld %lld.%09ld\n", (int)getpid(), start,
		(unsigned long long)st.st_ino, (long long)st.st_size,
		(long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

static bool is_stamped(const struct state_store *s, const char *key, const char *text)
{
	autofree char *path = stamp_path(s, key);
	autorelease(buf) struct buf old = BUF_INIT;
	struct err ignored;

	return fs_read_file(path, &old, &ignored) == 0 && streq(buf_str(&old), text);
}

/* One short write: a torn or missing stamp only costs another verification. Its time is
 * when the state was used last. */
static void write_stamp(const struct state_store *s, const char *key, const char *text)
{
	autofree char *path = stamp_path(s, key);
	autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd >= 0 && fs_write_all(fd, text, strlen(text)) < 0)
		unlink(path);
}

/* Why the file is no state of that size, or NULL. */
static const char *read_trailer(int fd, uint64_t ram_bytes, struct trailer *t)
{
	struct stat st;
	uint64_t size;

	if (fstat(fd, &st) < 0)
		return "it cannot be read";
	size = (uint64_t)st.st_size;
	if (size < ram_bytes + sizeof *t ||
		read_at(fd, t, sizeof *t, size - sizeof *t) < 0 ||
		memcmp(t->magic, state_magic, sizeof t->magic) != 0)
		return "its end is missing";
	if (t->ram_bytes != ram_bytes || t->devices_bytes > size ||
		t->about_bytes > ABOUT_MAX ||
		size != ram_bytes + t->devices_bytes + t->about_bytes + sizeof *t)
		return "its sizes do not fit together";
	return NULL;
}

static const char *verify(int fd, const struct trailer *t)
{
	uint64_t sum = 0;

	if (walk_ram(fd, t->ram_bytes, -1, &sum) < 0 ||
		walk_rest(fd, t->ram_bytes, t->devices_bytes + t->about_bytes, &sum) < 0)
		return "it cannot be read";
	return sum == t->sum ? NULL : "its bytes are not those that were saved";
}

static int refuse(struct state_store *s, const char *key, const char *why, struct err *e)
{
	autofree char *path = state_path(s, key);

	state_remove(s, key);
	return err_set(e, ERR_INFRA, "the saved state %s was damaged (%s) and removed",
		path, why);
}

enum state_found state_open(struct state_store *s, const char *key, uint64_t ram_bytes,
	int *fd, struct err *e)
{
	autofree char *path = state_path(s, key);
	autoclose int got = open(path, O_RDWR | O_CLOEXEC);
	struct trailer t;
	const char *why;

	if (got < 0)
		return STATE_NONE;
	why = read_trailer(got, ram_bytes, &t);
	if (!why && lseek(got, (off_t)ram_bytes, SEEK_SET) < 0)
		why = "it cannot be read";
	if (why) {
		refuse(s, key, why, e);
		return STATE_BAD;
	}
	*fd = take_fd(got);
	return STATE_GOOD;
}

int state_verify(
	struct state_store *s, const char *key, int fd, uint64_t ram_bytes, struct err *e)
{
	autofree char *stamp = stamp_text(fd);
	struct trailer t;
	const char *why;

	if (is_stamped(s, key, stamp))
		return 0;
	why = read_trailer(fd, ram_bytes, &t);
	if (!why)
		why = verify(fd, &t);
	if (!why && lseek(fd, (off_t)ram_bytes, SEEK_SET) < 0)
		why = "it cannot be read";
	if (why)
		return refuse(s, key, why, e);
	write_stamp(s, key, stamp);
	return 0;
}

int state_copy_ram(int fd, uint64_t ram_bytes, int ram_fd, struct err *e)
{
	off_t before = lseek(fd, 0, SEEK_CUR);
	uint64_t sum = 0;

	if (walk_ram(fd, ram_bytes, ram_fd, &sum) < 0 || lseek(fd, before, SEEK_SET) < 0)
		return err_sys(
			e, errno, "copy a machine's memory out of its saved state");
	return 0;
}

char *state_about(const struct state_store *s, const char *key)
{
	autofree char *path = state_path(s, key);
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[ABOUT_MAX + 1] = "";
	struct trailer t;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof t ||
		read_at(fd, &t, sizeof t, (uint64_t)st.st_size - sizeof t) < 0 ||
		read_trailer(fd, t.ram_bytes, &t) ||
		read_at(fd, text, t.about_bytes, t.ram_bytes + t.devices_bytes) < 0)
		return NULL;
	return xstrdup(text);
}

void state_list(const struct state_store *s, struct strv *keys)
{
	autorelease(strv) struct strv names = STRV_INIT;
	struct err ignored;

	if (fs_list_dir(s->dir, &names, &ignored) < 0)
		return;
	for (size_t i = 0; i < names.len; i++)
		if (!ends_with(names.v[i], ".verified"))
			strv_push(keys, names.v[i]);
}

/* ---- writing */

int state_begin(struct state_store *s, uint64_t ram_bytes, struct err *e)
{
	autoclose int fd = open(s->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)ram_bytes) < 0 ||
		lseek(fd, (off_t)ram_bytes, SEEK_SET) < 0)
		return err_sys(e, errno, "begin a saved state in %s", s->dir);
	return take_fd(fd);
}

int state_add_ram(int fd, uint64_t ram_bytes, int ram_fd, uint64_t *sum, struct err *e)
{
	*sum = 0;
	if (walk_ram(ram_fd, ram_bytes, fd, sum) < 0)
		return err_sys(e, errno, "save the memory of a machine");
	return 0;
}

static int add_trailer(int fd, uint64_t ram_bytes, uint64_t sum, const char *about)
{
	off_t end = lseek(fd, 0, SEEK_END);
	struct trailer t = {.ram_bytes = ram_bytes, .about_bytes = strlen(about)};

	if (end < (off_t)ram_bytes)
		return -1;
	memcpy(t.magic, state_magic, sizeof t.magic);
	t.devices_bytes = (uint64_t)end - ram_bytes;
	if (write_at(fd, about, t.about_bytes, (uint64_t)end) < 0 ||
		walk_rest(fd, ram_bytes, t.devices_bytes + t.about_bytes, &sum) < 0)
		return -1;
	t.sum = sum;
	return write_at(fd, &t, sizeof t, (uint64_t)end + t.about_bytes);
}

int state_finish(struct state_store *s, const char *key, int fd, uint64_t ram_bytes,
	uint64_t sum, const char *about, struct err *e)
{
	autofree char *path = state_path(s, key), *stamp = NULL;
	char self[64];

	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	if (strlen(about) > ABOUT_MAX)
		return err_set(e, ERR_INFRA, "the line about a saved state is too long");
	if (add_trailer(fd, ram_bytes, sum, about) < 0)
		return err_sys(e, errno, "write the saved state %s", path);
	state_prune(s, KEEP_BYTES);
	if (linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0)
		return errno == EEXIST
			       ? 0
			       : err_sys(e, errno, "write the saved state %s", path);
	/* What this process has just written it need not read again. */
	stamp = stamp_text(fd);
	write_stamp(s, key, stamp);
	return 0;
}

/* ---- the bound */

struct aged {
	char *key;
	struct timespec used;
	uint64_t bytes;
};

/* Newest first. */
static int by_use(const void *a, const void *b)
{
	const struct aged *x = a, *y = b;

	if (x->used.tv_sec != y->used.tv_sec)
		return x->used.tv_sec > y->used.tv_sec ? -1 : 1;
	return (y->used.tv_nsec > x->used.tv_nsec) - (y->used.tv_nsec < x->used.tv_nsec);
}

/* A state is used when it is written and when it is verified. */
static bool look_at(const struct state_store *s, const char *key, struct aged *a)
{
	autofree char *path = state_path(s, key), *stamp = stamp_path(s, key);
	struct stat st, used;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	if (stat(stamp, &used) < 0)
		used = st;
	*a = (struct aged){.key = xstrdup(key),
		.used = used.st_mtim,
		.bytes = (uint64_t)st.st_blocks * 512};
	return true;
}

void state_prune(struct state_store *s, uint64_t keep_bytes)
{
	autorelease(strv) struct strv keys = STRV_INIT;
	struct aged *all = NULL;
	size_t n = 0, cap = 0;
	uint64_t sum = 0;

	state_list(s, &keys);
	for (size_t i = 0; i < keys.len; i++) {
		all = xgrow(all, &cap, n + 1, sizeof *all);
		n += look_at(s, keys.v[i], &all[n]);
	}
	if (n)
		qsort(all, n, sizeof *all, by_use);
	for (size_t i = 0; i < n; i++) {
		sum += all[i].bytes;
		if (sum > keep_bytes)
			state_remove(s, all[i].key);
		free(all[i].key);
	}
	free(all);
}
