#include "base/fs.h"
#include "engine/archive-private.h"

#include <errno.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { BLOCK_SIZE = 1 << 18 };

static const char section[] = "target/";

bool archive_nextest_begins(const struct archive_header *first)
{
	return starts_with(first->name, section);
}

struct unpack {
	struct archive_source *source;
	const struct archive_unpack_options *options;
	struct archive_place *place;
	char *block; /* BLOCK_SIZE */
	uint64_t done_bytes;
	uint64_t announced_bytes; /* by the headers so far */
	uint64_t free_bytes;      /* where it is unpacked to */
	size_t items;
	bool *host_fault;
};

/* What a header says, as an item that can be checked as one of our own: no manifest
 * vouches for it, but its name and its link must not lead anywhere. Sparse files are
 * taken: some linkers leave holes in programs, and Rust's tar keeps them. */
static int make_item(struct unpack *u, const struct archive_header *h,
	struct archive_item *item, struct err *e)
{
	*item = (struct archive_item){
		.name = xstrdup(h->name),
		.link = xstrdup_null(h->link),
		.kind = h->kind,
		.mode = h->kind == ARCHIVE_LINK                      ? 0777
			: h->kind == ARCHIVE_DIR || (h->mode & 0100) ? 0755
								     : 0644,
		.size_bytes = h->size_bytes,
	};
	if (!starts_with(item->name, section))
		return err_set(e, ERR_SETUP, "the name \"%.200s\" is not below target",
			item->name);
	if (archive_item_check(item, e) < 0)
		return -1;
	if (++u->items > ARCHIVE_ITEMS_MAX)
		return err_set(
			e, ERR_SETUP, "it has more than %d entries", ARCHIVE_ITEMS_MAX);
	u->announced_bytes += item->size_bytes;
	if (u->announced_bytes > u->free_bytes)
		return err_set(e, ERR_SETUP,
			"with %s it says that it holds %.1f GiB, and %s has room for "
			"%.1f GiB",
			item->name, (double)u->announced_bytes / (1 << 30),
			u->options->dest, (double)u->free_bytes / (1 << 30));
	return 0;
}

static int copy_content(
	struct unpack *u, const struct archive_item *item, int fd, struct err *e)
{
	const struct archive_unpack_options *o = u->options;
	ssize_t n;

	while ((n = archive_stream_read(u->source, u->block, BLOCK_SIZE, e)) > 0) {
		u->done_bytes += (uint64_t)n;
		if (o->progress)
			o->progress(o->ctx, u->done_bytes, 0);
		if (fd >= 0 && fs_write_all(fd, u->block, (size_t)n) < 0) {
			*u->host_fault = true;
			return err_sys(e, errno, "write %s/%s", o->dest, item->name);
		}
	}
	return n < 0 ? -1 : 0;
}

static int unpack_item(struct unpack *u, const struct archive_item *item, struct err *e)
{
	const struct archive_unpack_options *o = u->options;
	autoclose int fd = -1;

	/* A name that is there twice, or lies below what is no directory, is refused by
	 * the directory itself. */
	if ((!o->want || o->want(o->ctx, item)) &&
		archive_place_item(u->place, item, &fd, e) < 0)
		return -1;
	if (item->kind != ARCHIVE_FILE)
		return 0;
	if (copy_content(u, item, fd, e) < 0)
		return -1;
	if (fd >= 0 && close(take_fd(fd)) < 0) {
		*u->host_fault = true;
		return err_sys(e, errno, "write %s/%s", o->dest, item->name);
	}
	return 0;
}

static int unpack_header(struct unpack *u, const struct archive_header *h, struct err *e)
{
	struct archive_item item;
	int status;

	if (u->options->cancelled && u->options->cancelled(u->options->ctx)) {
		*u->host_fault = true;
		return err_set(e, ERR_TESTS_FAILED, "interrupted");
	}
	status = make_item(u, h, &item, e);
	if (status == 0) {
		/* So much may come of it, and a header as long as they get. */
		archive_stream_allow(
			u->source, item.size_bytes + 2 * ARCHIVE_NAME_MAX + 4096);
		status = unpack_item(u, &item, e);
	}
	free(item.name);
	free(item.link);
	return status;
}

static uint64_t free_bytes(const char *dir)
{
	struct statvfs fs;

	return statvfs(dir, &fs) < 0 ? UINT64_MAX
				     : (uint64_t)fs.f_bavail * (uint64_t)fs.f_frsize;
}

int archive_nextest_unpack(struct archive_source *source,
	const struct archive_header *first, const struct archive_unpack_options *options,
	struct archive_place *place, bool *host_fault, struct err *e)
{
	autofree char *block = xmalloc(BLOCK_SIZE);
	struct archive_header h = *first;
	struct unpack u = {
		.source = source,
		.options = options,
		.place = place,
		.block = block,
		.free_bytes = free_bytes(options->dest),
		.host_fault = host_fault,
	};
	int found = 1;

	while (found > 0) {
		if (unpack_header(&u, &h, e) < 0)
			return -1;
		if (options->enough && options->enough(options->ctx))
			return 0;
		found = archive_stream_next(source, &h, e);
	}
	return found < 0 ? -1 : archive_stream_end(source, e);
}
