#include "base/fs.h"
#include "engine/ship-patch.h"
#include "engine/ship-private.h"
#include "wire/patch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum {
	BLOCK_BYTES = 1 << 17,
	LEVEL = 1,          /* what takes longer to pack than to send is not worth it */
	BOARD_LEVEL = 6,    /* which on the way to a board is much less */
	SMALLEST = 256,     /* bytes worth being coded */
	SMALLEST_GAIN = 16, /* a part of so many must be saved */
	DELTA_LEVEL = 3,
	WINDOW_LOG_LEAST = 17,
	WINDOW_LOG_MOST = 30, /* what a decoder of 32 bits takes */
	DELTA_GAIN = 4,       /* a delta is worth it when it is no more than this part */
	PATCH_LEVEL = 19,
	PATCH_LEVEL_LARGE = 9,
	PATCH_LARGE = 16 << 20,
	PATCH_MOST = 64 << 20, /* bytes of a file whose patch fits into memory here */
};

void shipment_code_init(struct shipment *s)
{
	s->coded_fd = -1;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->done, NULL);
}

int shipment_code_nameless(struct err *e)
{
	const char *dir = getenv("TMPDIR");
	autofree char *path = NULL;
	int fd;

	if (!dir || !*dir)
		dir = "/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	path = fs_join(dir, "xtest-ship-XXXXXX");
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "make a temporary file in %s", dir);
	unlink(path);
	return fd;
}

/* ---- one blob */

struct coder {
	ZSTD_CCtx *zstd;
	char *in, *out;
};

static int coder_init(struct coder *c, const struct shipment *s)
{
	c->zstd = ZSTD_createCCtx();
	c->in = xmalloc(BLOCK_BYTES);
	c->out = xmalloc(BLOCK_BYTES);
	if (!c->zstd)
		return -1;
	ZSTD_CCtx_setParameter(
		c->zstd, ZSTD_c_compressionLevel, s->memory_dir ? BOARD_LEVEL : LEVEL);
	return 0;
}

static void coder_release(struct coder *c)
{
	ZSTD_freeCCtx(c->zstd);
	free(c->in);
	free(c->out);
}

/* Compresses from one descriptor into the other at *end, which moves. 1 when that was
 * worth it, 0 when not. */
static int compress(struct coder *c, int from_fd, uint64_t size, int to_fd, uint64_t *end)
{
	uint64_t at = *end, most = *end + size - size / SMALLEST_GAIN;
	ZSTD_inBuffer in = {c->in, 0, 0};
	uint64_t read_bytes = 0;
	size_t left;

	ZSTD_CCtx_reset(c->zstd, ZSTD_reset_session_only);
	ZSTD_CCtx_setPledgedSrcSize(c->zstd, size);
	do {
		ZSTD_outBuffer out = {c->out, BLOCK_BYTES, 0};

		if (in.pos == in.size && read_bytes < size) {
			ssize_t n = pread(from_fd, c->in, BLOCK_BYTES, (off_t)read_bytes);

			if (n <= 0)
				return 0;
			read_bytes += (uint64_t)n;
			in = (ZSTD_inBuffer){c->in, (size_t)n, 0};
		}
		left = ZSTD_compressStream2(c->zstd, &out, &in,
			read_bytes < size ? ZSTD_e_continue : ZSTD_e_end);
		if (ZSTD_isError(left) || at + out.pos > most ||
			pwrite(to_fd, c->out, out.pos, (off_t)at) != (ssize_t)out.pos)
			return 0;
		at += out.pos;
	} while (read_bytes < size || in.pos < in.size || left);
	*end = at;
	return 1;
}

/* The lock is not held: the blob is the caller's until it is coded. What cannot be coded
 * is sent as it is, and its digest tells whether it is what it should be. */
static void code_blob(struct shipment *s, struct coder *c, struct ship_blob *b)
{
	uint64_t end = s->coded_end;
	autoclose int fd = -1;
	struct err ignored = {0};

	b->coding = WIRE_CODING_RAW;
	b->coded_bytes = b->size_bytes;
	if (b->size_bytes < SMALLEST)
		return;
	if (s->coded_fd < 0)
		s->coded_fd = shipment_code_nameless(&ignored);
	fd = s->coded_fd < 0 ? -1 : open(b->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || !compress(c, fd, b->size_bytes, s->coded_fd, &end))
		return;
	b->coding = WIRE_CODING_ZSTD;
	b->coded_at = s->coded_end;
	b->coded_bytes = end - s->coded_end;
	s->coded_end = end;
}

/* ---- one that has a predecessor */

/* All in memory: both are bounded by who remembers them. */
static bool compress_delta(ZSTD_CCtx *zstd, const struct buf *base,
	const struct buf *data, int to_fd, uint64_t *coded_bytes)
{
	size_t bound = data->len / DELTA_GAIN + BLOCK_BYTES;
	autofree char *out = xmalloc(bound);
	int window = WINDOW_LOG_LEAST;
	size_t n;

	while (window < WINDOW_LOG_MOST &&
		(uint64_t)1 << window < (uint64_t)base->len + data->len)
		window++;
	ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, DELTA_LEVEL);
	ZSTD_CCtx_setParameter(zstd, ZSTD_c_windowLog, window);
	ZSTD_CCtx_setParameter(zstd, ZSTD_c_enableLongDistanceMatching, 1);
	ZSTD_CCtx_setParameter(zstd, ZSTD_c_contentSizeFlag, 1);
	ZSTD_CCtx_refPrefix(zstd, base->data, base->len);
	n = ZSTD_compress2(zstd, out, bound, data->data, data->len);
	/* It has no room for what is not worth it. */
	if (ZSTD_isError(n) || fs_write_all(to_fd, out, n) < 0)
		return false;
	*coded_bytes = n;
	return true;
}

/* A patch is nearly all zeros, with which a slow level is quick. */
static bool compress_patch(ZSTD_CCtx *zstd, const struct buf *base,
	const struct buf *data, int to_fd, uint64_t *coded_bytes)
{
	size_t bound = data->len / DELTA_GAIN + BLOCK_BYTES;
	autofree char *out = xmalloc(bound);
	autorelease(buf) struct buf patch = BUF_INIT;
	size_t n;

	if (base->len > PATCH_MOST || data->len > PATCH_MOST)
		return false;
	ship_patch_make(base->data, base->len, data->data, data->len, &patch);
	ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel,
		data->len > PATCH_LARGE ? PATCH_LEVEL_LARGE : PATCH_LEVEL);
	ZSTD_CCtx_setParameter(zstd, ZSTD_c_windowLog, PATCH_WINDOW_LOG);
	ZSTD_CCtx_setParameter(zstd, ZSTD_c_contentSizeFlag, 1);
	n = ZSTD_compress2(zstd, out, bound, patch.data, patch.len);
	if (ZSTD_isError(n) || fs_write_all(to_fd, out, n) < 0)
		return false;
	*coded_bytes = n;
	return true;
}

bool shipment_code_delta(const struct ship_blob *b, const char *base_path,
	uint32_t features, int to_fd, enum wire_coding *coding, uint64_t *coded_bytes)
{
	autorelease(buf) struct buf base = BUF_INIT, data = BUF_INIT;
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	struct err ignored = {0};
	bool done = false;

	if (zstd && fs_read_file(base_path, &base, &ignored) == 0 &&
		fs_read_file(b->path, &data, &ignored) == 0 && base.len &&
		data.len == b->size_bytes) {
		*coding = WIRE_CODING_PATCH;
		done = features & WIRE_FEATURE_PATCH &&
		       compress_patch(zstd, &base, &data, to_fd, coded_bytes);
		if (!done && features & WIRE_FEATURE_DELTA) {
			ZSTD_CCtx_reset(zstd, ZSTD_reset_session_and_parameters);
			*coding = WIRE_CODING_DELTA;
			done = compress_delta(zstd, &base, &data, to_fd, coded_bytes);
		}
	}
	ZSTD_freeCCtx(zstd);
	return done;
}

/* ---- all of them, in a thread */

static void *code_all(void *shipment)
{
	struct shipment *s = shipment;
	struct coder c = {0};
	bool able = coder_init(&c, s) == 0, stop = !able;

	for (size_t i = 0; i < s->n_blobs && !stop; i++) {
		code_blob(s, &c, &s->blobs[i]);
		pthread_mutex_lock(&s->lock);
		s->blobs[i].coded = true;
		stop = s->stop;
		pthread_cond_signal(&s->done);
		pthread_mutex_unlock(&s->lock);
	}
	coder_release(&c);
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->done);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

void shipment_prepare(struct shipment *s)
{
	if (!s->coding && !s->stop)
		s->coding = pthread_create(&s->coder, NULL, code_all, s) == 0;
}

/* Ends the thread. */
static void join_coder(struct shipment *s)
{
	if (!s->coding)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->coder, NULL);
	s->coding = false;
}

void shipment_code_release(struct shipment *s)
{
	join_coder(s);
	if (s->coded_fd >= 0)
		close(s->coded_fd);
	pthread_cond_destroy(&s->done);
	pthread_mutex_destroy(&s->lock);
}

int shipment_code(struct shipment *s, size_t blob, struct err *e)
{
	struct ship_blob *b = &s->blobs[blob];
	struct coder c = {0};
	bool coded;

	pthread_mutex_lock(&s->lock);
	while (s->coding && !s->stop && !b->coded)
		pthread_cond_wait(&s->done, &s->lock);
	coded = b->coded;
	pthread_mutex_unlock(&s->lock);
	if (coded)
		return 0;
	/* The thread has ended early, or there was none. */
	join_coder(s);
	if (coder_init(&c, s) < 0) {
		coder_release(&c);
		return err_set(e, ERR_SETUP, "no memory to compress %s", b->path);
	}
	code_blob(s, &c, b);
	b->coded = true;
	coder_release(&c);
	return 0;
}

int shipment_code_open(struct shipment *s, size_t blob, uint64_t *at, struct err *e)
{
	const struct ship_blob *b = &s->blobs[blob];
	autoclose int fd = -1;
	struct stat st;

	if (b->coding == WIRE_CODING_ZSTD) {
		*at = b->coded_at;
		fd = fcntl(s->coded_fd, F_DUPFD_CLOEXEC, 0);
		return fd < 0 ? err_sys(e, errno, "open what was compressed of %s",
					b->path)
			      : take_fd(fd);
	}
	*at = 0;
	fd = open(b->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0) {
		err_sys(e, errno, "open %s to send it", b->path);
		e->kind = ERR_SETUP;
		return -1;
	}
	if ((uint64_t)st.st_size != b->size_bytes)
		return err_set(e, ERR_SETUP,
			"%s changed while it was being sent; try again", b->path);
	return take_fd(fd);
}
