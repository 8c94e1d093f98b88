#include "base/fs.h"
#include "base/hash.h"
#include "engine/archive-private.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK_SIZE = 1 << 18, THREADS_MAX = 16 };

struct pack {
	struct archive_plan *plan;
	const struct archive_pack_options *options;
	struct archive_sink *sink;
	char *block;       /* BLOCK_SIZE */
	struct stat *seen; /* per item, as it was when its digest was made */
	int64_t mtime_s;
	uint64_t done_bytes;
	unsigned threads;
};

static int cancelled(const struct pack *p, struct err *e)
{
	if (p->options->cancelled && p->options->cancelled(p->options->ctx))
		return err_set(e, ERR_TESTS_FAILED, "interrupted");
	return 0;
}

/* SOURCE_DATE_EPOCH: reproducible-builds.org/specs/source-date-epoch. */
static int find_mtime(
	const struct archive_pack_options *options, int64_t *mtime_s, struct err *e)
{
	const char *text = getenv("SOURCE_DATE_EPOCH");
	char *end;

	*mtime_s = MAX(0, options->mtime_s);
	if (options->mtime_s >= 0 || !text || !*text)
		return 0;
	errno = 0;
	*mtime_s = strtoll(text, &end, 10);
	if (errno || *end || *mtime_s < 0 || *mtime_s > (int64_t)1 << 40)
		return err_set(e, ERR_ARCHIVE,
			"SOURCE_DATE_EPOCH is \"%s\"; expected seconds since 1970", text);
	return 0;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_ino == b->st_ino &&
	       a->st_dev == b->st_dev && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Opens a planned file. */
static int open_origin(const struct archive_item *item, struct stat *st, struct err *e)
{
	autoclose int fd =
		open(item->origin, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 || fstat(fd, st) < 0) {
		err_sys(e, errno, "open %s for the archive", item->origin);
		e->kind = ERR_ARCHIVE;
		return -1;
	}
	if (!S_ISREG(st->st_mode) || (uint64_t)st->st_size != item->size_bytes)
		return err_set(e, ERR_ARCHIVE,
			"%s changed while it was being archived; try again",
			item->origin);
	return take_fd(fd);
}

/* Reads `fd` to its end, through `block` (BLOCK_SIZE), into `each`; the size must be what
 * was planned. */
static int read_origin(struct pack *p, const struct archive_item *item, int fd,
	char *block,
	int (*each)(
		struct pack *p, void *ctx, const char *block, size_t len, struct err *e),
	void *ctx, struct err *e)
{
	uint64_t total = 0;

	for (;;) {
		ssize_t n = read(fd, block, BLOCK_SIZE);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err_sys(e, errno, "read %s", item->origin);
			e->kind = ERR_ARCHIVE;
			return -1;
		}
		total += (uint64_t)n;
		if (total > item->size_bytes || (n == 0 && total < item->size_bytes))
			return err_set(e, ERR_ARCHIVE,
				"%s changed while it was being archived; try again",
				item->origin);
		if (n == 0)
			return 0;
		if (cancelled(p, e) < 0 || each(p, ctx, block, (size_t)n, e) < 0)
			return -1;
	}
}

static int add_to_digest(struct pack *p UNUSED, void *ctx, const char *block, size_t len,
	struct err *e UNUSED)
{
	hash_sha256_update(ctx, block, len);
	return 0;
}

/* Digests are made side by side, a file a thread: the manifest needs them all before
 * anything is compressed. */
struct digesting {
	struct pack *pack;
	atomic_size_t next; /* item */
	atomic_bool failed;
	pthread_mutex_t lock; /* of the first error */
	struct err *error;
};

static int digest_item(struct pack *p, size_t i, char *block, struct err *e)
{
	struct archive_item *item = &p->plan->items.v[i];
	autoclose int fd = open_origin(item, &p->seen[i], e);
	struct hash_sha256 *h;
	int result;

	if (fd < 0)
		return -1;
	h = hash_sha256_new();
	result = read_origin(p, item, fd, block, add_to_digest, h, e);
	hash_sha256_finish(h, item->sha256);
	return result;
}

static void *digest_items(void *ctx)
{
	struct digesting *d = ctx;
	const struct archive_items *items = &d->pack->plan->items;
	autofree char *block = xmalloc(BLOCK_SIZE);
	struct err e = {0};
	size_t i;

	while (!d->failed && (i = atomic_fetch_add(&d->next, 1)) < items->len) {
		if (items->v[i].kind != ARCHIVE_FILE ||
			digest_item(d->pack, i, block, &e) == 0)
			continue;
		pthread_mutex_lock(&d->lock);
		if (!d->failed)
			*d->error = e;
		d->failed = true;
		pthread_mutex_unlock(&d->lock);
	}
	return NULL;
}

static int make_digests(struct pack *p, struct err *e)
{
	struct digesting d = {.pack = p, .lock = PTHREAD_MUTEX_INITIALIZER, .error = e};
	pthread_t threads[THREADS_MAX];
	unsigned n = 0;

	/* This thread works too; one that cannot be made is not missed. */
	while (n + 1 < p->threads &&
		pthread_create(&threads[n], NULL, digest_items, &d) == 0)
		n++;
	digest_items(&d);
	while (n > 0)
		pthread_join(threads[--n], NULL);
	return d.failed ? -1 : 0;
}

static int add_to_archive(
	struct pack *p, void *ctx UNUSED, const char *block, size_t len, struct err *e)
{
	p->done_bytes += len;
	if (p->options->progress)
		p->options->progress(
			p->options->ctx, p->done_bytes, p->plan->total_bytes);
	return archive_stream_data(p->sink, block, len, e);
}

static int pack_item(struct pack *p, size_t i, struct err *e)
{
	const struct archive_item *item = &p->plan->items.v[i];
	autoclose int fd = -1;
	struct stat st;

	if (item->kind == ARCHIVE_FILE) {
		fd = open_origin(item, &st, e);
		if (fd < 0)
			return -1;
		if (!same_file(&st, &p->seen[i]))
			return err_set(e, ERR_ARCHIVE,
				"%s changed while it was being archived; try again",
				item->origin);
	}
	if (archive_stream_header(p->sink, item, p->mtime_s, e) < 0)
		return -1;
	return fd < 0 ? 0 : read_origin(p, item, fd, p->block, add_to_archive, NULL, e);
}

static int pack_all(struct pack *p, struct err *e)
{
	char manifest_name[] = ARCHIVE_MANIFEST_NAME;
	autorelease(buf) struct buf manifest = BUF_INIT;
	struct archive_item first = {.name = manifest_name, .mode = 0644};

	if (archive_manifest_write(p->plan, &manifest, e) < 0)
		return -1;
	first.size_bytes = manifest.len;
	if (archive_stream_header(p->sink, &first, p->mtime_s, e) < 0 ||
		archive_stream_data(p->sink, manifest.data, manifest.len, e) < 0)
		return -1;
	for (size_t i = 0; i < p->plan->items.len; i++)
		if (pack_item(p, i, e) < 0)
			return -1;
	return archive_stream_finish(p->sink, e);
}

/* The permissions a new file would have: mkostemp() is stricter. */
static mode_t new_file_mode(void)
{
	mode_t mask = umask(022);

	umask(mask);
	return 0666 & ~mask;
}

static int pack_to(struct pack *p, int fd, struct err *e)
{
	int result = -1;

	p->sink = archive_stream_create(fd, p->options->level, p->threads, e);
	if (p->sink)
		result = pack_all(p, e);
	archive_stream_free(p->sink);
	return result;
}

int archive_pack(struct archive_plan *plan, const char *path,
	const struct archive_pack_options *options, struct err *e)
{
	autofree char *temp = xasprintf("%s.XXXXXX", path);
	autofree char *block = xmalloc(BLOCK_SIZE);
	autofree struct stat *seen = xcalloc(plan->items.len + 1, sizeof *seen);
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct pack p = {.plan = plan, .options = options, .block = block, .seen = seen};
	autoclose int fd = -1;
	int errnum;

	p.threads = options->threads ? options->threads : (unsigned)MAX(1, processors);
	p.threads = MIN(p.threads, THREADS_MAX);
	if (find_mtime(options, &p.mtime_s, e) < 0 || make_digests(&p, e) < 0)
		return -1;
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0) {
		err_sys(e, errno, "create the archive %s", path);
		e->kind = ERR_ARCHIVE;
		return -1;
	}
	if (pack_to(&p, fd, e) < 0) {
		unlink(temp);
		return err_context(e, "archive %s", path);
	}
	if (fchmod(fd, new_file_mode()) == 0 && close(take_fd(fd)) == 0 &&
		rename(temp, path) == 0)
		return 0;
	errnum = errno;
	unlink(temp);
	err_sys(e, errnum, "write the archive %s", path);
	e->kind = ERR_ARCHIVE;
	return -1;
}
