#include "base/fs.h"
#include "base/hash.h"
#include "engine/archive-private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { BLOCK_SIZE = 1 << 18 };

struct archive_reader {
	char *path; /* for messages */
	struct archive_source *source;
	struct archive_manifest manifest; /* empty in one of cargo-nextest */
	struct archive_header first;      /* of one of cargo-nextest, as yet unread */
	enum archive_format format;
	int fd;
	bool used;
};

/* Every complaint about the bytes names the archive and what to do. */
static int refuse(const struct archive_reader *r, struct err *e)
{
	char fault[sizeof e->msg];

	memcpy(fault, e->msg, sizeof fault);
	if (r->format == ARCHIVE_NEXTEST)
		return err_set(e, ERR_SETUP,
			"%s is no usable archive of cargo-nextest: %.1200s; get the file "
			"again, or make it anew with cargo nextest archive",
			r->path, fault);
	return err_set(e, ERR_SETUP,
		"%s is no usable xtest archive: %.1200s; get the file again, or make it "
		"anew with xtest archive",
		r->path, fault);
}

static int read_manifest_text(struct archive_reader *r, const struct archive_header *h,
	struct buf *text, struct err *e)
{
	if (h->kind != ARCHIVE_FILE || h->sparse ||
		!streq(h->name, ARCHIVE_MANIFEST_NAME))
		return err_set(e, ERR_SETUP, "its first entry is %.200s instead of %s",
			h->name, ARCHIVE_MANIFEST_NAME);
	if (h->size_bytes > ARCHIVE_MANIFEST_MAX)
		return err_set(e, ERR_SETUP, "its manifest is larger than %d MiB",
			ARCHIVE_MANIFEST_MAX >> 20);
	for (;;) {
		char *at = buf_reserve(text, BLOCK_SIZE);
		ssize_t n = archive_stream_read(r->source, at, BLOCK_SIZE, e);

		if (n < 0)
			return -1;
		if (n == 0)
			return 0;
		text->len += (size_t)n;
		if (text->len > ARCHIVE_MANIFEST_MAX)
			return err_set(e, ERR_SETUP, "its manifest is too large");
	}
}

static int read_manifest(
	struct archive_reader *r, const struct archive_header *first, struct err *e)
{
	autorelease(buf) struct buf text = BUF_INIT;

	if (read_manifest_text(r, first, &text, e) < 0 ||
		archive_manifest_read(buf_str(&text), text.len, &r->manifest, e) < 0)
		return -1;
	/* What may come: the files, and for each at most a few tar blocks: the header,
	 * and an extended one for a long name. */
	archive_stream_allow(r->source,
		r->manifest.total_bytes +
			(uint64_t)r->manifest.items.len * (2 * ARCHIVE_NAME_MAX + 4096));
	return 0;
}

/* Everything of nextest's is below "target", and nothing of ours comes before the
 * manifest. */
static int recognise(struct archive_reader *r, struct err *e)
{
	struct archive_header h;
	int found = archive_stream_next(r->source, &h, e);

	if (found < 0)
		return -1;
	if (found == 0)
		return err_set(e, ERR_SETUP, "it is empty");
	if (!archive_nextest_begins(&h))
		return read_manifest(r, &h, e);
	r->format = ARCHIVE_NEXTEST;
	r->first = h;
	return 0;
}

struct archive_reader *archive_unpack_open(const char *path, struct err *e)
{
	bool standard_input = streq(path, "-");
	struct archive_reader *r = xcalloc(1, sizeof *r);

	r->path = xstrdup(standard_input ? "standard input" : path);
	r->fd = standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
			       : open(path, O_RDONLY | O_CLOEXEC);
	if (r->fd < 0) {
		err_sys(e, errno, "open the archive %s", r->path);
		goto fail;
	}
	r->source = archive_stream_open(r->fd, e);
	if (!r->source || recognise(r, e) < 0) {
		refuse(r, e);
		goto fail;
	}
	return r;
fail:
	archive_unpack_close(r);
	return NULL;
}

void archive_unpack_close(struct archive_reader *r)
{
	if (!r)
		return;
	archive_stream_close(r->source);
	archive_manifest_release(&r->manifest);
	if (r->fd >= 0)
		close(r->fd);
	free(r->path);
	free(r);
}

const struct archive_manifest *archive_unpack_manifest(const struct archive_reader *r)
{
	return &r->manifest;
}

enum archive_format archive_unpack_format(const struct archive_reader *r)
{
	return r->format;
}

/* ---- extracting */

struct unpack {
	struct archive_reader *reader;
	const struct archive_unpack_options *options;
	struct archive_place *place;
	char *block; /* BLOCK_SIZE */
	uint64_t done_bytes;
	bool host_fault; /* the error is this machine's, not the archive's */
};

/* What the tar header says must be what the manifest says. */
static int check_header(
	const struct archive_header *h, const struct archive_item *item, struct err *e)
{
	if (!streq(h->name, item->name))
		return err_set(e, ERR_SETUP, "%.200s comes where %s is expected", h->name,
			item->name);
	if (h->sparse)
		return err_set(e, ERR_SETUP,
			"%s is a sparse file, which the format does not have",
			item->name);
	if (h->kind != item->kind)
		return err_set(e, ERR_SETUP, "%s is not of the kind its manifest says",
			item->name);
	if (item->kind == ARCHIVE_LINK && !streq_null(h->link, item->link))
		return err_set(e, ERR_SETUP,
			"the link %s does not lead where its manifest says", item->name);
	if (item->kind != ARCHIVE_LINK && h->mode != item->mode)
		return err_set(e, ERR_SETUP, "%s has mode %04o and %04o in its manifest",
			item->name, h->mode, item->mode);
	if (h->size_bytes != item->size_bytes)
		return err_set(e, ERR_SETUP, "%s has %llu bytes and %llu in its manifest",
			item->name, (unsigned long long)h->size_bytes,
			(unsigned long long)item->size_bytes);
	return 0;
}

static int host_error(struct unpack *u, const struct archive_item *item, struct err *e)
{
	u->host_fault = true;
	return err_sys(e, errno, "write %s/%s", u->options->dest, item->name);
}

static int copy_content(
	struct unpack *u, const struct archive_item *item, int fd, struct err *e)
{
	struct hash_sha256 *h = hash_sha256_new();
	char digest[HASH_HEX_SIZE];
	uint64_t total = 0;
	ssize_t n;
	int result = 0;

	while ((n = archive_stream_read(u->reader->source, u->block, BLOCK_SIZE, e)) >
		0) {
		hash_sha256_update(h, u->block, (size_t)n);
		total += (uint64_t)n;
		u->done_bytes += (uint64_t)n;
		if (u->options->progress)
			u->options->progress(u->options->ctx, u->done_bytes,
				u->reader->manifest.total_bytes);
		if (fd >= 0 && fs_write_all(fd, u->block, (size_t)n) < 0) {
			result = host_error(u, item, e);
			break;
		}
	}
	hash_sha256_finish(h, digest);
	if (n < 0 || result < 0)
		return -1;
	if (total != item->size_bytes || !streq(digest, item->sha256))
		return err_set(e, ERR_SETUP,
			"%s does not have the digest its manifest says", item->name);
	return 0;
}

static int unpack_item(struct unpack *u, const struct archive_item *item, struct err *e)
{
	const struct archive_unpack_options *o = u->options;
	struct archive_header h;
	autoclose int fd = -1;
	int found;

	if (o->cancelled && o->cancelled(o->ctx)) {
		u->host_fault = true;
		return err_set(e, ERR_TESTS_FAILED, "interrupted");
	}
	found = archive_stream_next(u->reader->source, &h, e);
	if (found < 0)
		return -1;
	if (found == 0)
		return err_set(e, ERR_SETUP, "%s is missing", item->name);
	if (check_header(&h, item, e) < 0)
		return -1;
	if ((!o->want || o->want(o->ctx, item)) &&
		archive_place_item(u->place, item, &fd, e) < 0) {
		u->host_fault = true;
		return -1;
	}
	if (item->kind != ARCHIVE_FILE)
		return 0;
	if (copy_content(u, item, fd, e) < 0)
		return -1;
	if (fd >= 0 && close(take_fd(fd)) < 0)
		return host_error(u, item, e);
	return 0;
}

static int unpack_all(struct unpack *u, struct err *e)
{
	const struct archive_items *items = &u->reader->manifest.items;
	struct archive_header h;
	int found;

	for (size_t i = 0; i < items->len; i++)
		if (unpack_item(u, &items->v[i], e) < 0)
			return -1;
	found = archive_stream_next(u->reader->source, &h, e);
	if (found < 0)
		return -1;
	if (found > 0)
		return err_set(e, ERR_SETUP, "%.200s is not in its manifest", h.name);
	return archive_stream_end(u->reader->source, e);
}

int archive_unpack(struct archive_reader *r, const struct archive_unpack_options *options,
	struct err *e)
{
	autofree char *block = xmalloc(BLOCK_SIZE);
	struct unpack u = {.reader = r, .options = options, .block = block};
	int result;

	if (r->used)
		return err_set(e, ERR_SETUP, "%s was read to its end already", r->path);
	r->used = true;
	u.place = archive_place_open(options->dest, options->overwrite, e);
	if (!u.place)
		return -1;
	result = r->format == ARCHIVE_NEXTEST
			 ? archive_nextest_unpack(r->source, &r->first, options, u.place,
				   &u.host_fault, e)
			 : unpack_all(&u, e);
	if (result < 0) {
		archive_place_undo(u.place);
		if (!u.host_fault)
			refuse(r, e);
	}
	archive_place_close(u.place);
	return result;
}
