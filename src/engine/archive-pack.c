#include "base/fs.h"
#include "base/hash.h"
#include "base/threads.h"
#include "engine/archive-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK_SIZE = 1 << 18 };

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

static int pack_content(struct pack *p, struct archive_origin *o, struct err *e)
{
	ssize_t n;

	while ((n = archive_origin_read(o, p->block, BLOCK_SIZE, e)) > 0) {
		if (cancelled(p, e) < 0 ||
			archive_stream_data(p->sink, p->block, (size_t)n, e) < 0)
			return -1;
		p->done_bytes += (uint64_t)n;
		if (p->options->progress)
			p->options->progress(
				p->options->ctx, p->done_bytes, p->plan->total_bytes);
	}
	return n < 0 ? -1 : 0;
}

static int pack_file(struct pack *p, size_t i, struct err *e)
{
	const struct archive_item *item = &p->plan->items.v[i];
	struct archive_origin o;
	int result = -1;

	if (archive_origin_open(&o, item, e) < 0)
		return -1;
	if (!p->plan->n_texts && !same_file(&o.st, &p->seen[i]))
		err_set(e, ERR_ARCHIVE,
			"%s changed while it was being archived; try again",
			item->origin);
	else if (archive_stream_header(p->sink, item, p->mtime_s, e) == 0)
		result = pack_content(p, &o, e);
	archive_origin_close(&o);
	return result;
}

static int pack_item(struct pack *p, size_t i, struct err *e)
{
	const struct archive_item *item = &p->plan->items.v[i];

	return item->kind == ARCHIVE_FILE
		       ? pack_file(p, i, e)
		       : archive_stream_header(p->sink, item, p->mtime_s, e);
}

static int pack_text(
	struct pack *p, const char *name, const struct buf *text, struct err *e)
{
	autofree char *copy = xstrdup(name);
	struct archive_item item = {.name = copy, .mode = 0644, .size_bytes = text->len};

	return archive_stream_header(p->sink, &item, p->mtime_s, e) < 0
		       ? -1
		       : archive_stream_data(p->sink, text->data, text->len, e);
}

static int pack_manifest(struct pack *p, struct err *e)
{
	autorelease(buf) struct buf manifest = BUF_INIT;

	return archive_manifest_write(p->plan, &manifest, e) < 0
		       ? -1
		       : pack_text(p, ARCHIVE_MANIFEST_NAME, &manifest, e);
}

static int pack_all(struct pack *p, struct err *e)
{
	if (!p->plan->n_texts && pack_manifest(p, e) < 0)
		return -1;
	for (size_t i = 0; i < p->plan->n_texts; i++)
		if (pack_text(p, p->plan->texts[i].name, &p->plan->texts[i].text, e) < 0)
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
	struct pack p = {.plan = plan, .options = options, .block = block, .seen = seen};
	autoclose int fd = -1;
	int errnum;

	p.threads = MIN(
		options->threads ? options->threads : threads_processors(), THREADS_MAX);
	if (find_mtime(options, &p.mtime_s, e) < 0)
		return -1;
	/* Only a manifest has digests. */
	if (!plan->n_texts &&
		archive_digest_items(&plan->items, seen, p.threads, options, e) < 0)
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
