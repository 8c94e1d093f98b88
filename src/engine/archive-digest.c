#include "base/hash.h"
#include "base/threads.h"
#include "engine/archive-private.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

/* ---- one file */

static int changed(const struct archive_item *item, struct err *e)
{
	return err_set(e, ERR_ARCHIVE,
		"%s changed while it was being archived; try again", item->origin);
}

int archive_origin_open(
	struct archive_origin *o, const struct archive_item *item, struct err *e)
{
	autoclose int fd =
		open(item->origin, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	*o = (struct archive_origin){.item = item, .fd = -1};
	if (fd < 0 || fstat(fd, &o->st) < 0) {
		err_sys(e, errno, "open %s for the archive", item->origin);
		e->kind = ERR_ARCHIVE;
		return -1;
	}
	if (!S_ISREG(o->st.st_mode) || (uint64_t)o->st.st_size != item->size_bytes)
		return changed(item, e);
	o->fd = take_fd(fd);
	return 0;
}

ssize_t archive_origin_read(
	struct archive_origin *o, void *data, size_t size, struct err *e)
{
	ssize_t n;

	do
		n = read(o->fd, data, size);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		err_sys(e, errno, "read %s", o->item->origin);
		e->kind = ERR_ARCHIVE;
		return -1;
	}
	o->read_bytes += (uint64_t)n;
	if (o->read_bytes > o->item->size_bytes ||
		(n == 0 && o->read_bytes < o->item->size_bytes))
		return changed(o->item, e);
	return n;
}

void archive_origin_close(struct archive_origin *o)
{
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
}

/* ---- all of them: the manifest needs the digests before anything is compressed */

enum { BLOCK_BYTES = 1 << 18 };

/* What the threads share. */
struct digesting {
	struct archive_items *items;
	struct stat *seen;
	const struct archive_pack_options *options;
	size_t *order; /* numbers of the files, the largest first: none is left over for
			  the end */
	size_t n_order;
	atomic_size_t next; /* in the order */
	atomic_bool failed;
	pthread_mutex_t lock; /* of the first error */
	struct err *error;
};

/* The digest of an open file. */
static int digest_origin(struct digesting *d, struct archive_origin *origin,
	char hex[HASH_HEX_SIZE], struct err *e)
{
	autofree char *block = xmalloc(BLOCK_BYTES);
	struct hash_sha256 *hash = hash_sha256_new();
	ssize_t n;

	while ((n = archive_origin_read(origin, block, BLOCK_BYTES, e)) > 0) {
		hash_sha256_update(hash, block, (size_t)n);
		if (d->options->cancelled && d->options->cancelled(d->options->ctx)) {
			n = err_set(e, ERR_TESTS_FAILED, "interrupted");
			break;
		}
	}
	hash_sha256_finish(hash, hex);
	return n < 0 ? -1 : 0;
}

static int digest_file(struct digesting *d, size_t number, struct err *e)
{
	struct archive_item *item = &d->items->v[number];
	struct archive_origin origin;
	int status;

	if (archive_origin_open(&origin, item, e) < 0)
		return -1;
	d->seen[number] = origin.st;
	status = digest_origin(d, &origin, item->sha256, e);
	archive_origin_close(&origin);
	return status;
}

/* One thread: the next file until there is none. */
static void *work(void *ctx)
{
	struct digesting *d = ctx;
	struct err e = {0};
	size_t turn;

	while (!d->failed && (turn = atomic_fetch_add(&d->next, 1)) < d->n_order) {
		if (digest_file(d, d->order[turn], &e) == 0)
			continue;
		pthread_mutex_lock(&d->lock);
		if (!d->failed)
			*d->error = e;
		d->failed = true;
		pthread_mutex_unlock(&d->lock);
	}
	return NULL;
}

static int compare_sizes(const void *a, const void *b, void *ctx)
{
	const struct archive_items *items = ctx;
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	uint64_t xs = items->v[x].size_bytes, ys = items->v[y].size_bytes;

	return xs != ys ? (xs < ys) - (xs > ys) : (x > y) - (x < y);
}

int archive_digest_items(struct archive_items *items, struct stat *seen, unsigned threads,
	const struct archive_pack_options *options, struct err *e)
{
	autofree size_t *order = xcalloc(items->len + 1, sizeof *order);
	struct digesting d = {
		.items = items,
		.seen = seen,
		.options = options,
		.order = order,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.error = e,
	};

	for (size_t i = 0; i < items->len; i++)
		if (items->v[i].kind == ARCHIVE_FILE)
			order[d.n_order++] = i;
	if (d.n_order)
		qsort_r(order, d.n_order, sizeof *order, compare_sizes, items);
	threads_share(threads, work, &d);
	return d.failed ? -1 : 0;
}
