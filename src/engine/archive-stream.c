#include "engine/archive-private.h"

#include "base/fs.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <unistd.h>
#include <zstd.h>

/*
 * The tar side is libarchive's pax format, with names as bytes ("hdrcharset=BINARY") so
 * that no locale has a say. The zstd side is ours: libarchive's own filter knows no
 * checksum, and what it decompresses cannot be bounded.
 */

enum {
	JOB_SIZE = 4 << 20, /* fixed, so that the number of threads changes no byte */
	BLOCK_SIZE = 1 << 18,
};

/* ---- writing */

struct archive_sink {
	struct archive *tar;
	ZSTD_CCtx *zstd;
	char *out; /* BLOCK_SIZE */
	int fd;
	int error; /* errno of a failed write */
};

static int compress_to_fd(
	struct archive_sink *s, const void *data, size_t len, ZSTD_EndDirective how)
{
	ZSTD_inBuffer in = {data, len, 0};

	for (;;) {
		ZSTD_outBuffer out = {s->out, BLOCK_SIZE, 0};
		size_t left = ZSTD_compressStream2(s->zstd, &out, &in, how);

		if (ZSTD_isError(left)) {
			s->error = ENOMEM;
			return -1;
		}
		if (fs_write_all(s->fd, s->out, out.pos) < 0) {
			s->error = errno;
			return -1;
		}
		if (how == ZSTD_e_end ? left == 0 : in.pos == in.size)
			return 0;
	}
}

static la_ssize_t on_tar_output(
	struct archive *tar, void *ctx, const void *data, size_t len)
{
	if (compress_to_fd(ctx, data, len, ZSTD_e_continue) < 0) {
		archive_set_error(tar, EIO, "write");
		return -1;
	}
	return (la_ssize_t)len;
}

static int write_error(const struct archive_sink *s, struct err *e)
{
	err_sys(e, s->error ? s->error : EINVAL, "write the archive");
	e->kind = ERR_ARCHIVE;
	return -1;
}

struct archive_sink *archive_stream_create(
	int fd, int level, unsigned threads, struct err *e)
{
	struct archive_sink *s = xcalloc(1, sizeof *s);

	s->fd = fd;
	s->out = xmalloc(BLOCK_SIZE);
	s->zstd = ZSTD_createCCtx();
	s->tar = archive_write_new();
	if (!s->zstd || !s->tar)
		goto fail;
	ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_checksumFlag, 1);
	/* One worker and many give the same bytes, none at all gives others. */
	ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_nbWorkers, (int)MAX(1, threads));
	ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_jobSize, JOB_SIZE);
	if (archive_write_set_format_pax_restricted(s->tar) != ARCHIVE_OK ||
		archive_write_set_options(s->tar, "pax:hdrcharset=BINARY") !=
			ARCHIVE_OK ||
		archive_write_set_bytes_per_block(s->tar, BLOCK_SIZE) != ARCHIVE_OK ||
		archive_write_set_bytes_in_last_block(s->tar, 1) != ARCHIVE_OK ||
		archive_write_open(s->tar, s, NULL, on_tar_output, NULL) != ARCHIVE_OK)
		goto fail;
	return s;
fail:
	archive_stream_free(s);
	return err_null(e, ERR_ARCHIVE, "libarchive and libzstd could not be set up");
}

int archive_stream_header(struct archive_sink *s, const struct archive_item *item,
	int64_t mtime_s, struct err *e)
{
	static const unsigned types[] = {
		[ARCHIVE_FILE] = AE_IFREG,
		[ARCHIVE_DIR] = AE_IFDIR,
		[ARCHIVE_LINK] = AE_IFLNK,
	};
	struct archive_entry *entry = archive_entry_new();
	int status;

	archive_entry_set_pathname(entry, item->name);
	archive_entry_set_filetype(entry, types[item->kind]);
	archive_entry_set_perm(entry, item->mode);
	archive_entry_set_size(entry, (la_int64_t)item->size_bytes);
	archive_entry_set_mtime(entry, mtime_s, 0);
	if (item->kind == ARCHIVE_LINK)
		archive_entry_set_symlink(entry, item->link);
	status = archive_write_header(s->tar, entry);
	archive_entry_free(entry);
	return status == ARCHIVE_OK ? 0 : write_error(s, e);
}

int archive_stream_data(
	struct archive_sink *s, const void *data, size_t len, struct err *e)
{
	return archive_write_data(s->tar, data, len) == (la_ssize_t)len
		       ? 0
		       : write_error(s, e);
}

int archive_stream_finish(struct archive_sink *s, struct err *e)
{
	if (archive_write_close(s->tar) != ARCHIVE_OK ||
		compress_to_fd(s, NULL, 0, ZSTD_e_end) < 0)
		return write_error(s, e);
	return 0;
}

void archive_stream_free(struct archive_sink *s)
{
	if (!s)
		return;
	/* Without an end: whatever libarchive still holds is not written. */
	if (s->tar) {
		archive_write_fail(s->tar);
		archive_write_free(s->tar);
	}
	ZSTD_freeCCtx(s->zstd);
	free(s->out);
	free(s);
}

/* ---- reading */

struct archive_source {
	struct archive *tar;
	struct archive_entry *entry; /* owned by libarchive, of the last header */
	ZSTD_DCtx *zstd;
	char *in;     /* BLOCK_SIZE */
	char *out[2]; /* BLOCK_SIZE each, in turns: the last and the one before */
	size_t out_len[2];
	uint64_t produced; /* decompressed bytes so far */
	ZSTD_inBuffer pending;
	uint64_t allowed; /* decompressed bytes that may still come */
	size_t hint;      /* what zstd said last: 0 at the end of a frame */
	char *directory;  /* name of the last header without the slash tar gives it */
	int fd;
	bool started, ended; /* the frame has; the input has */
	char fault[256];     /* why the bytes are refused; "" when they are not */
};

static int stream_fault(struct archive_source *s, const char *what, const char *detail)
{
	if (!s->fault[0])
		snprintf(s->fault, sizeof s->fault, "%s%s%s", what, *detail ? ": " : "",
			detail);
	return -1;
}

/* Input for zstd: 1, 0 at the end of the file, -1. */
static int refill(struct archive_source *s)
{
	ssize_t n;

	if (s->pending.pos < s->pending.size)
		return 1;
	do
		n = read(s->fd, s->in, BLOCK_SIZE);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return stream_fault(s, "it cannot be read", strerror(errno));
	s->pending = (ZSTD_inBuffer){s->in, (size_t)n, 0};
	return n > 0;
}

/* Decompresses the next piece into s->out[0]; 0 at the proper end, -1 with s->fault. */
static ssize_t decompress(struct archive_source *s)
{
	char *next = s->out[1];
	ZSTD_outBuffer out = {next, BLOCK_SIZE, 0};

	while (out.pos == 0 && !s->ended && !s->fault[0]) {
		int more = refill(s);

		if (more < 0)
			return -1;
		if (s->started && s->hint == 0) {
			if (more)
				return stream_fault(s, "something follows its end", "");
			s->ended = true;
			break;
		}
		if (!more)
			return stream_fault(s, "it is cut off", "");
		s->hint = ZSTD_decompressStream(s->zstd, &out, &s->pending);
		if (ZSTD_isError(s->hint))
			return stream_fault(s,
				s->started ? "it is damaged"
					   : "it is not compressed with zstd",
				ZSTD_getErrorName(s->hint));
		s->started = true;
	}
	if (s->fault[0])
		return -1;
	if (out.pos > s->allowed)
		return stream_fault(s, "it holds more than its manifest says", "");
	if (out.pos == 0)
		return 0;
	s->allowed -= out.pos;
	s->produced += out.pos;
	s->out[1] = s->out[0];
	s->out_len[1] = s->out_len[0];
	s->out[0] = next;
	s->out_len[0] = out.pos;
	return (ssize_t)out.pos;
}

static la_ssize_t on_tar_input(struct archive *tar, void *ctx, const void **data)
{
	struct archive_source *s = ctx;
	ssize_t n = decompress(s);

	*data = s->out[0];
	if (n < 0)
		archive_set_error(tar, EIO, "%s", s->fault);
	return n;
}

/* `what` unless the bytes themselves were at fault. */
static int read_error(const struct archive_source *s, const char *what, struct err *e)
{
	const char *detail = archive_error_string(s->tar);

	if (s->fault[0])
		return err_set(e, ERR_SETUP, "%s", s->fault);
	return err_set(e, ERR_SETUP, "%s (%s)", what, detail ? detail : "tar");
}

struct archive_source *archive_stream_open(int fd, struct err *e)
{
	struct archive_source *s = xcalloc(1, sizeof *s);

	s->fd = fd;
	s->in = xmalloc(BLOCK_SIZE);
	s->out[0] = xmalloc(BLOCK_SIZE);
	s->out[1] = xmalloc(BLOCK_SIZE);
	s->zstd = ZSTD_createDCtx();
	s->tar = archive_read_new();
	/* Enough for the manifest and the tar headers around it. */
	s->allowed = ARCHIVE_MANIFEST_MAX + 4 * BLOCK_SIZE;
	if (!s->zstd || !s->tar ||
		archive_read_support_format_tar(s->tar) != ARCHIVE_OK) {
		archive_stream_close(s);
		return err_null(
			e, ERR_SETUP, "libarchive and libzstd could not be set up");
	}
	if (archive_read_open(s->tar, s, NULL, on_tar_input, NULL) != ARCHIVE_OK) {
		read_error(s, "it does not hold a tar archive", e);
		archive_stream_close(s);
		return NULL;
	}
	return s;
}

void archive_stream_close(struct archive_source *s)
{
	if (!s)
		return;
	archive_read_free(s->tar);
	ZSTD_freeDCtx(s->zstd);
	free(s->in);
	free(s->out[0]);
	free(s->out[1]);
	free(s->directory);
	free(s);
}

void archive_stream_allow(struct archive_source *s, uint64_t bytes)
{
	s->allowed += bytes;
}

int archive_stream_next(struct archive_source *s, struct archive_header *h, struct err *e)
{
	int status = archive_read_next_header(s->tar, &s->entry);
	const char *name;

	if (status == ARCHIVE_EOF && !s->fault[0])
		return 0;
	if (status != ARCHIVE_OK)
		return read_error(s, "it is damaged", e);
	name = archive_entry_pathname(s->entry);
	if (!name)
		return err_set(e, ERR_SETUP, "it has an entry without a name");
	*h = (struct archive_header){
		.name = name,
		.mode = archive_entry_perm(s->entry) & 07777,
	};
	if (archive_entry_hardlink(s->entry))
		return err_set(e, ERR_SETUP,
			"%.200s is a hard link, which the format does not have", name);
	switch (archive_entry_filetype(s->entry)) {
	case AE_IFREG:
		h->kind = ARCHIVE_FILE;
		h->size_bytes = (uint64_t)archive_entry_size(s->entry);
		h->sparse = archive_entry_sparse_count(s->entry) > 0;
		return 1;
	case AE_IFDIR:
		h->kind = ARCHIVE_DIR;
		free(s->directory);
		s->directory = xstrndup(name, strlen(name) - ends_with(name, "/"));
		h->name = s->directory;
		return 1;
	case AE_IFLNK:
		h->kind = ARCHIVE_LINK;
		h->link = archive_entry_symlink(s->entry);
		return 1;
	}
	return err_set(e, ERR_SETUP, "%.200s is a device, a FIFO or a socket", name);
}

ssize_t archive_stream_read(
	struct archive_source *s, void *data, size_t size, struct err *e)
{
	la_ssize_t n = archive_read_data(s->tar, data, size);

	return n >= 0 ? n : read_error(s, "it is damaged", e);
}

/* The last `tail` decompressed bytes are zeros. */
static bool ends_in_zeros(const struct archive_source *s, uint64_t tail)
{
	for (int k = 0; k < 2; k++) {
		size_t n = (size_t)MIN(tail, s->out_len[k]);

		for (size_t i = s->out_len[k] - n; i < s->out_len[k]; i++)
			if (s->out[k][i])
				return false;
		tail -= n;
	}
	return tail == 0;
}

int archive_stream_end(struct archive_source *s, struct err *e)
{
	/* How far the tar reader got; the rest was given to it and not looked at. */
	uint64_t used = (uint64_t)archive_filter_bytes(s->tar, 0);
	ssize_t n;

	if (used > s->produced || !ends_in_zeros(s, s->produced - used))
		return err_set(e, ERR_SETUP, "something follows its last entry");
	archive_stream_allow(s, 4 * BLOCK_SIZE);
	while ((n = decompress(s)) > 0)
		if (!ends_in_zeros(s, (uint64_t)n))
			return err_set(e, ERR_SETUP, "something follows its last entry");
	return n < 0 ? err_set(e, ERR_SETUP, "%s", s->fault) : 0;
}
