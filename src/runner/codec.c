#include "runner/codec.h"

#include "wire/patch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#if HAVE_NETTLE
#include <nettle/sha2.h>
#endif
#if HAVE_ZSTD
#include <zstd.h>
#endif

uint32_t codec_features(void)
{
	uint32_t features = 0;

#if HAVE_NETTLE
	features |= WIRE_FEATURE_STORE;
#if HAVE_ZSTD
	features |= WIRE_FEATURE_ZSTD | WIRE_FEATURE_DELTA | WIRE_FEATURE_PATCH;
#endif
#endif
	return features;
}

#if HAVE_NETTLE
int codec_digest(int fd, uint8_t digest[WIRE_DIGEST_SIZE])
{
	uint8_t chunk[32768];
	struct sha256_ctx ctx;
	off_t at = 0;
	ssize_t n;

	sha256_init(&ctx);
	while ((n = pread(fd, chunk, sizeof(chunk), at)) > 0) {
		sha256_update(&ctx, (size_t)n, chunk);
		at += n;
	}
	if (n < 0)
		return -errno;
	sha256_digest(&ctx, WIRE_DIGEST_SIZE, digest);
	return 0;
}
#else
int codec_digest(int fd, uint8_t digest[WIRE_DIGEST_SIZE])
{
	(void)fd;
	(void)digest;
	return -ENOSYS;
}
#endif

#if HAVE_ZSTD
struct map {
	void *data;
	size_t size;
};

static int map_file(struct map *m, int fd, int protection)
{
	struct stat st;

	*m = (struct map){NULL, 0};
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0)
		return -errno;
	if ((uint64_t)st.st_size > SIZE_MAX / 2)
		return -EFBIG;
	m->size = (size_t)st.st_size;
	if (!m->size)
		return 0;
	m->data = mmap(NULL, m->size, protection, MAP_SHARED, fd, 0);
	if (m->data != MAP_FAILED)
		return 0;
	m->data = NULL;
	return -errno;
}

static void unmap(struct map *m)
{
	if (m->data)
		munmap(m->data, m->size);
}

/* From mapping to mapping in one call: the window is the file itself, so even a delta
 * over hundreds of megabytes takes page cache and no memory of ours. */
static int decode_maps(
	const struct map *from, const struct map *base, const struct map *to)
{
	ZSTD_DCtx *ctx = ZSTD_createDCtx();
	size_t n;

	if (!ctx)
		return -ENOMEM;
	if (base->data)
		ZSTD_DCtx_refPrefix(ctx, base->data, base->size);
	n = ZSTD_decompressDCtx(ctx, to->data, to->size, from->data, from->size);
	ZSTD_freeDCtx(ctx);
	return ZSTD_isError(n) || n != to->size ? -EBADMSG : 0;
}

/* Whether so much can come out of it: the frame says so itself, and no block is larger
 * than 128 KiB or smaller than 4 bytes (RFC 8878). */
static bool is_likely(const struct map *from, uint64_t size)
{
	return ZSTD_getFrameContentSize(from->data, from->size) == size &&
	       size / ZSTD_BLOCKSIZE_MAX <= from->size / 4;
}

/* A patch has a header for each byte at most. What comes out of it is bounded by the
 * file, and its frame by this. */
static bool is_likely_patch(const struct map *from, uint64_t size)
{
	unsigned long long told = ZSTD_getFrameContentSize(from->data, from->size);

	return told >= size && told / (PATCH_HEAD_SIZE + 1) <= size &&
	       told / ZSTD_BLOCKSIZE_MAX <= from->size / 4;
}

/* In pieces: a patch is as large as the file, and nobody needs it whole. */
static int decode_patch(
	const struct map *from, const struct map *base, const struct map *to)
{
	struct patch_reader r = {.base = base->data,
		.to = to->data,
		.base_size = base->size,
		.size = to->size};
	static const size_t room = 1 << 16;
	uint8_t *piece = malloc(room);
	ZSTD_DCtx *ctx = ZSTD_createDCtx();
	ZSTD_inBuffer in = {from->data, from->size, 0};
	size_t left = 1;
	int err = piece && ctx ? 0 : -ENOMEM;

	if (!err)
		ZSTD_DCtx_setParameter(ctx, ZSTD_d_windowLogMax, PATCH_WINDOW_LOG);
	while (!err && left) {
		ZSTD_outBuffer out = {piece, room, 0};
		size_t before = in.pos;

		left = ZSTD_decompressStream(ctx, &out, &in);
		if (ZSTD_isError(left) || (!out.pos && in.pos == before && left) ||
			!patch_reader_add(&r, piece, out.pos))
			err = -EBADMSG;
	}
	if (!err && (in.pos != in.size || !patch_reader_is_done(&r)))
		err = -EBADMSG;
	ZSTD_freeDCtx(ctx);
	free(piece);
	return err;
}

static int decode(int from_fd, int base_fd, int to_fd, uint64_t size, bool patch)
{
	struct map from, base = {0}, to = {0};
	int err;

	err = map_file(&from, from_fd, PROT_READ);
	if (err)
		return err;
	if (!(patch ? is_likely_patch : is_likely)(&from, size))
		err = -EBADMSG;
	else if (size > SIZE_MAX / 2)
		err = -EFBIG;
	/* Really takes the blocks: a full disk must be an error here, not a SIGBUS while
	 * decoding. */
	if (!err && size)
		err = -posix_fallocate(to_fd, 0, (off_t)size);
	if (!err)
		err = map_file(&base, base_fd, PROT_READ);
	if (!err)
		err = map_file(&to, to_fd, PROT_READ | PROT_WRITE);
	if (!err)
		err = (patch ? decode_patch : decode_maps)(&from, &base, &to);
	unmap(&to);
	unmap(&base);
	unmap(&from);
	return err;
}

int codec_decode(int from_fd, int base_fd, int to_fd, uint64_t size)
{
	return decode(from_fd, base_fd, to_fd, size, false);
}

int codec_patch(int from_fd, int base_fd, int to_fd, uint64_t size)
{
	return decode(from_fd, base_fd, to_fd, size, true);
}
#else
int codec_patch(int from_fd, int base_fd, int to_fd, uint64_t size)
{
	return codec_decode(from_fd, base_fd, to_fd, size);
}

int codec_decode(int from_fd, int base_fd, int to_fd, uint64_t size)
{
	(void)from_fd;
	(void)base_fd;
	(void)to_fd;
	(void)size;
	return -ENOSYS;
}
#endif
