#include "base/hash-lanes.h"
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

enum { LANE_BYTES = 1 << 16 };

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

/* A file on its way through a lane. */
struct lane {
	struct hash_lane hash;
	struct hash_sha256 *alone; /* once it has no company */
	struct archive_item *item; /* NULL: idle */
	struct archive_origin origin;
	char *data; /* LANE_BYTES */
	size_t at, len;
	bool ended; /* the file has */
};

struct worker {
	struct digesting *d;
	struct lane lanes[HASH_LANES];
	size_t n_lanes; /* that are used at all */
};

static int start_file(struct worker *w, struct lane *l, struct err *e)
{
	size_t turn = atomic_fetch_add(&w->d->next, 1), number;

	if (turn >= w->d->n_order)
		return 0;
	number = w->d->order[turn];
	if (archive_origin_open(&l->origin, &w->d->items->v[number], e) < 0)
		return -1;
	l->item = &w->d->items->v[number];
	w->d->seen[number] = l->origin.st;
	l->at = l->len = 0;
	l->ended = false;
	hash_lanes_init(&l->hash);
	return 0;
}

static struct hash_sha256 *make_alone(struct lane *l)
{
	if (!l->alone)
		l->alone = hash_lanes_detach(&l->hash);
	return l->alone;
}

static void end_file(struct lane *l)
{
	hash_sha256_update(make_alone(l), l->data + l->at, l->len - l->at);
	hash_sha256_finish(take_ptr(l->alone), l->item->sha256);
	archive_origin_close(&l->origin);
	l->item = NULL;
}

/* Until there is a whole block, or no more. */
static int fill_lane(struct lane *l, struct err *e)
{
	memmove(l->data, l->data + l->at, l->len - l->at);
	l->len -= l->at;
	l->at = 0;
	while (!l->ended && l->len < LANE_BYTES) {
		ssize_t n = archive_origin_read(
			&l->origin, l->data + l->len, LANE_BYTES - l->len, e);

		if (n < 0)
			return -1;
		l->len += (size_t)n;
		l->ended = n == 0;
	}
	return 0;
}

/* Every lane that can has a file with a whole block to give; the number of those. */
static int fill_lanes(struct worker *w, struct err *e)
{
	int ready = 0;

	for (struct lane *l = w->lanes; l < w->lanes + w->n_lanes;) {
		if (!l->item && start_file(w, l, e) < 0)
			return -1;
		if (l->item && l->len - l->at < HASH_LANES_BLOCK) {
			if (fill_lane(l, e) < 0)
				return -1;
			if (l->len < HASH_LANES_BLOCK) {
				end_file(l);
				continue;
			}
		}
		ready += l->item != NULL;
		l++;
	}
	return ready;
}

/* As many blocks as every lane has. */
static void add_to_lanes(struct worker *w)
{
	struct hash_lane *lanes[HASH_LANES], idle = {0};
	const void *data[HASH_LANES];
	const struct lane *any = NULL;
	size_t blocks = LANE_BYTES / HASH_LANES_BLOCK;

	for (size_t i = 0; i < HASH_LANES; i++) {
		const struct lane *l = &w->lanes[i];

		if (!l->item)
			continue;
		blocks = MIN(blocks, (l->len - l->at) / HASH_LANES_BLOCK);
		any = l;
	}
	for (size_t i = 0; i < HASH_LANES; i++) {
		struct lane *l = &w->lanes[i];

		lanes[i] = l->item ? &l->hash : &idle;
		data[i] = l->item ? l->data + l->at : any->data + any->at;
	}
	hash_lanes_add(lanes, data, blocks);
	for (size_t i = 0; i < HASH_LANES; i++)
		w->lanes[i].at += w->lanes[i].item ? blocks * HASH_LANES_BLOCK : 0;
}

static void add_alone(struct worker *w)
{
	for (size_t i = 0; i < w->n_lanes; i++) {
		struct lane *l = &w->lanes[i];

		if (!l->item)
			continue;
		hash_sha256_update(make_alone(l), l->data + l->at, l->len - l->at);
		l->at = l->len;
	}
}

static int digest_files(struct worker *w, struct err *e)
{
	const struct archive_pack_options *o = w->d->options;
	int ready;

	while (!w->d->failed && (ready = fill_lanes(w, e)) != 0) {
		if (ready < 0)
			return -1;
		if (o->cancelled && o->cancelled(o->ctx))
			return err_set(e, ERR_TESTS_FAILED, "interrupted");
		if (ready == 1)
			add_alone(w);
		else
			add_to_lanes(w);
	}
	return 0;
}

static void *work(void *ctx)
{
	struct digesting *d = ctx;
	struct worker w = {.d = d, .n_lanes = hash_lanes_help() ? HASH_LANES : 1};
	autofree char *data = xmalloc(HASH_LANES * LANE_BYTES);
	struct err e = {0};

	for (size_t i = 0; i < HASH_LANES; i++) {
		w.lanes[i].data = data + i * LANE_BYTES;
		w.lanes[i].origin.fd = -1;
	}
	if (digest_files(&w, &e) < 0) {
		pthread_mutex_lock(&d->lock);
		if (!d->failed)
			*d->error = e;
		d->failed = true;
		pthread_mutex_unlock(&d->lock);
	}
	for (size_t i = 0; i < HASH_LANES; i++) {
		free(w.lanes[i].alone);
		archive_origin_close(&w.lanes[i].origin);
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
	pthread_t others[ARCHIVE_THREADS_MAX];
	unsigned n = 0;

	for (size_t i = 0; i < items->len; i++)
		if (items->v[i].kind == ARCHIVE_FILE)
			order[d.n_order++] = i;
	if (d.n_order)
		qsort_r(order, d.n_order, sizeof *order, compare_sizes, items);
	/* This thread works too; one that cannot be made is not missed. */
	while (n + 1 < threads && pthread_create(&others[n], NULL, work, &d) == 0)
		n++;
	work(&d);
	while (n > 0)
		pthread_join(others[--n], NULL);
	return d.failed ? -1 : 0;
}
