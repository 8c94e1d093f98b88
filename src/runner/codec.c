#include "runner/codec.h"

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
	features |= WIRE_FEATURE_ZSTD | WIRE_FEATURE_DELTA;
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

int codec_decode(int from_fd, int base_fd, int to_fd, uint64_t size)
{
	struct map from, base = {0}, to = {0};
	int err;

	err = map_file(&from, from_fd, PROT_READ);
	if (err)
		return err;
	if (!is_likely(&from, size))
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
		err = decode_maps(&from, &base, &to);
	unmap(&to);
	unmap(&base);
	unmap(&from);
	return err;
}
#else
int codec_decode(int from_fd, int base_fd, int to_fd, uint64_t size)
{
	(void)from_fd;
	(void)base_fd;
	(void)to_fd;
	(void)size;
	return -ENOSYS;
}
#endif
